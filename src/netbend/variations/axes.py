"""The axes of a grid: what is another from row to row, or from column to column."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from netbend.engine.request import ModelReference, RenderRequest
from netbend.errors import RecipeError, RenderError
from netbend.recipe.places import Latent, Seed
from netbend.recipe.readable import parse_readable
from netbend.recipe.yamlfile import Source
from netbend.transforms import all_transforms, get_transform, parameters_of
from netbend.variations.lists import numbers, value, values, words

OF_BENDS = ["layer", "transform", "cluster", "share", "mix"]
OF_PICTURES = ["model", "seed", "draw"]
ALL = "all"


@dataclass(frozen=True)
class Draft:
    """A request whose recipe is still plain data, in which axes change single values.

    Attributes:
        request: All but the recipe.
        recipe: As its file holds it, see `recipe_to_data`; a bend may lack what an axis gives it. None is
            unbent.
        folder: Where the recipe's paths start.
    """

    request: RenderRequest
    recipe: dict[str, Any] | None = None
    folder: Path | None = None

    @property
    def bends(self) -> list[dict[str, Any]]:
        return list((self.recipe or {}).get("bends", []))

    def finished(self, name: str) -> RenderRequest:
        """The request, its recipe called `name` in messages. Raises RecipeError for what is wrong."""
        if self.recipe is None:
            if self.request.selection_seed is not None:
                raise RecipeError("draws are of a recipe's random selections; name a recipe")
            return self.request
        for key, remedy in (("layer", "--layer 3"), ("transform", "--transform 'rotate angle=45'")):
            if any(key not in bend for bend in self.bends):
                raise RecipeError(f"no {key} is said; say {remedy}, or make it an axis")
        return self.request.but(recipe=parse_readable(self.recipe, Source(name, self.folder)))


@dataclass(frozen=True)
class Axis:
    """One axis.

    text: as it was typed. kind: one of OF_BENDS or OF_PICTURES, or a parameter's name.
    bend: which of the recipe's bends, from 1; None for its only one. values: one for each row or
    column; of transforms their part of a bend, as recipes have it; only ALL where the model decides.
    names: labels of values, where their own do not say it.
    """

    text: str
    kind: str
    values: Sequence[Any]
    bend: int | None = None
    names: Mapping[Any, str] = field(default_factory=dict)

    @property
    def of_bend(self) -> bool:
        return self.kind not in OF_PICTURES

    def label(self, value: Any) -> str:
        """What stands beside a row or above a column."""
        match self.kind:
            case "cluster" if value in self.names:
                return f"{value} {self.names[value]}"
            case "transform":
                return described(value)
            case "model":
                return str(value).rpartition("/")[2]
            case "layer" | "cluster" if isinstance(value, str):
                return value
            case _:
                return f"{self.kind} {value}"

    def apply(self, draft: Draft, value: Any) -> Draft:
        """The draft with this value. Raises RenderError if there is no such bend."""
        match self.kind:
            case "model":
                return replace(draft, request=draft.request.but(model=ModelReference(name=value)))
            case "seed":
                return replace(draft, request=draft.request.but(latents=(Latent(Seed(value)),)))
            case "draw":
                return replace(draft, request=draft.request.but(selection_seed=value))
        bends, index = draft.bends, self.index(draft)
        bends[index] = {**bends[index], **self._change(bends[index], value)}
        return replace(draft, recipe={**(draft.recipe or {}), "bends": bends})

    def index(self, draft: Draft) -> int:
        """The place of its bend, from 0. Raises RenderError if that cannot be told."""
        count = len(draft.bends)
        if count == 0:
            raise RenderError(f"{self.text}: bends nothing; name a recipe, or a transform or layer as well")
        if self.bend is None and count > 1:
            raise RenderError(f"{self.text}: the recipe has {count} bends; say which, such as 1.{self.text}")
        if self.bend is not None and not 1 <= self.bend <= count:
            raise RenderError(f"{self.text}: there is no bend {self.bend}, the recipe has {count}")
        return (self.bend or 1) - 1

    def _change(self, bend: dict[str, Any], value: Any) -> dict[str, Any]:
        match self.kind:
            case "transform":
                return {"params": {}, **value}
            case "cluster":
                return {"features": {"cluster": value}}
            case "share":
                return {"features": {"random": value}}
            case "layer" | "mix":
                return {self.kind: value}
            case _:
                return {"params": {**bend.get("params", {}), self.kind: value}}


def parse_axis(text: str, option: str) -> Axis:
    """Read `layer=1-8`, `transform=rotate angle=45; erode r=2`, `2.angle=0..90/7` and the like.

    Raises RenderError, led by the option, for what is none or has bad values.
    """
    head, equals, rest = text.partition("=")
    named = re.fullmatch(r"(?:([0-9]{1,4})\.)?([^.\s]+)", head.strip())
    if not equals or named is None or not rest.strip():
        raise RenderError(
            f"{option} {text!r}: expected an axis with values, such as layer=1-8 or angle=0..90/7"
        )
    kind, bend = named[2], int(named[1]) if named[1] else None
    _check_kind(kind, option)
    if bend is not None and kind in OF_PICTURES:
        raise RenderError(f"{option} {text!r}: a {kind} is not of a bend; leave {bend}. out")
    return Axis(text, kind, _values(kind, rest, f"{option} {kind}"), bend)


def _check_kind(kind: str, option: str) -> None:
    parameters = {known.name for cls in all_transforms().values() for known in parameters_of(cls)}
    known = [*OF_BENDS, *OF_PICTURES, *sorted(parameters)]
    if kind not in known:
        nearest = difflib.get_close_matches(kind, known, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(known)}"
        raise RenderError(f"{option} {kind!r}: neither an axis nor a parameter of a transform; {hint}")


def _values(kind: str, text: str, what: str) -> Sequence[Any]:
    match kind:
        case "seed" | "draw":
            return numbers(text, what)
        case "layer" | "cluster" | "model":
            found = words(text, what)
            return [str(word) for word in found] if kind == "model" else found
        case "transform":
            return [transform_data(part, what) for part in text.split(";")]
        case _:
            return values(text, what)


def transform_data(text: str, what: str) -> dict[str, Any]:
    """`rotate angle=45` or `rotate 45` as a bend's transform and params. Raises RenderError."""
    name, *given = text.split() or [""]
    parts = [part.partition("=") for part in given]
    if not any(equals for _, equals, _ in parts):
        names = list(get_transform(name).model_fields)
        if len(given) > len(names):
            raise RenderError(f"{what} {text.strip()!r}: {name} takes {', '.join(names) or 'no parameters'}")
        parts = [(known, "=", entry) for known, entry in zip(names, given, strict=False)]
    if not all(equals for _, equals, _ in parts):
        raise RenderError(f"{what} {text.strip()!r}: parameters go either by name, as angle=45, or in order")
    return {"transform": name, "params": {key: value(entry) for key, _, entry in parts}}


def described(bend: dict[str, Any]) -> str:
    """A transform with its parameters, as a label."""
    return " ".join([bend["transform"], *(f"{key} {entry}" for key, entry in bend["params"].items())])
