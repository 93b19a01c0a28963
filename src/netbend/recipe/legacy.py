"""The five-item form of section 6 of the paper, as the reference implementation reads it.

A recipe in this form was made for that tool, so by default it means what it means there. All that
differs is said here, in bends of our own form: transforms and plans know nothing of it.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from netbend.choices import FiveItems
from netbend.limits import MAX_BENDS
from netbend.recipe.problems import Problems, built_transform, reason_of, validated
from netbend.recipe.readable import LayerAddress
from netbend.recipe.schema import EVERY_LAYER, Bend, Recipe
from netbend.recipe.selection import All, Indices, Selection, parse_selection
from netbend.recipe.yamlfile import KeyPath, Source
from netbend.transforms import Transform
from netbend.transforms.affine import rotation
from netbend.transforms.base import transform_of

UNBENT_LAYER = 0  # the reference implementation never hands its transforms to the convolution at 4x4
MIN_SCALE = 1e-3  # less leaves of any map what this leaves, the one pixel that is turned about
ITEMS = ("layer", "transform", "params", "features", "feature-param")


class FiveItemForm(BaseModel):
    """One item under `transforms:`. Keys besides the five are passed over, as they are there."""

    model_config = ConfigDict(extra="ignore", strict=True)

    layer: LayerAddress
    transform: str
    params: Any = None
    features: Literal["all", "random", "cluster"]
    feature_param: Any = Field(None, alias="feature-param")

    @field_validator("layer", mode="before")
    @classmethod
    def _number(cls, layer: Any) -> Any:
        """A whole number may be written as a fraction, 4.0, there."""
        return int(layer) if isinstance(layer, float) and layer.is_integer() else layer


def is_strip(data: Mapping[str, Any]) -> bool:
    """Whether this is a single item without a layer, of which a picture for every layer is made."""
    return {"transform", "features"} <= data.keys() and not {"layer", "bends", "transforms"} & data.keys()


def parse_five_items(data: dict[str, Any], source: Source, meaning: FiveItems) -> Recipe:
    """A recipe from the five-item form; other keys at the top are passed over, as they always were.

    Args:
        data: What the file holds, with `transforms`, or a strip (see `is_strip`).
        source: Where it stands in the file.
        meaning: Whose meanings the transforms have.

    Raises:
        RecipeError: With everything that is wrong, at its place.
    """
    problems = Problems(source)
    items, steps = _items(data, problems)
    bends = [_parse_bend(item, at, meaning, problems) for item, at in zip(items, steps, strict=True)]
    problems.raise_if_any()
    positions = {
        ("bends", index, *path[len(step) :]): at
        for index, step in enumerate(steps)
        for path, at in source.values.items()
        if path[: len(step)] == step
    }
    as_bends = Source(source.file, source.folder, {**source.values, **positions}, source.keys)
    return Recipe(tuple(bend for bend in bends if bend is not None), source=as_bends)


def _items(data: dict[str, Any], problems: Problems) -> tuple[list[Any], list[KeyPath]]:
    """The items, and where each stands."""
    if is_strip(data):
        return [{**{key: data[key] for key in ITEMS if key in data}, "layer": EVERY_LAYER}], [()]
    items = data["transforms"]
    if not isinstance(items, list):
        problems.add(("transforms",), "expected a list of transforms")
        return [], []
    if len(items) > MAX_BENDS:
        problems.add(("transforms", MAX_BENDS), f"{len(items)} transforms; a recipe has at most {MAX_BENDS}")
        return [], []
    return items, [("transforms", index) for index in range(len(items))]


def _parse_bend(item: Any, at: KeyPath, meaning: FiveItems, problems: Problems) -> Bend | None:
    form = validated(FiveItemForm, item, at, problems)
    if form is None:
        return None
    features = _selection(form, at, problems)
    if meaning is FiveItems.REFERENCE and _taken(form.transform) == 0:
        form = form.model_copy(update={"params": []})  # whatever is given, nothing looks at it there
    if not isinstance(form.params, list | None):
        problems.add((*at, "params"), f"params: expected a list, such as [0.5], not {form.params!r:.60}")
        return None
    if meaning is FiveItems.OURS:
        built = built_transform(form.transform, form.params or [], at, problems)
        return (
            None
            if built is None or features is None
            else Bend(form.layer, built[0], features, moving=built[1])
        )
    transform = _as_the_reference(form, at, problems)
    if transform is None or features is None:
        return None
    return Bend(form.layer, transform, Indices(()) if form.layer == UNBENT_LAYER else features)


def _selection(form: FiveItemForm, at: KeyPath, problems: Problems) -> Selection | None:
    if form.features == "all":
        return All()
    try:
        return parse_selection({form.features: _feature_param(form)})
    except ValueError as error:
        problems.add((*at, "feature-param"), f"feature-param: {error}")
        return None


def _feature_param(form: FiveItemForm) -> Any:
    """A cluster's number may be written as a text or a fraction there."""
    value = form.feature_param
    if form.features == "cluster" and isinstance(value, str | float):
        try:
            return int(value)
        except ValueError:
            return value  # a name, which ours have
    return value


def _as_the_reference(form: FiveItemForm, at: KeyPath, problems: Problems) -> Transform | None:
    """The transform of ours that does what the reference implementation's does."""
    meanings = _MEANINGS.get(form.transform)
    if meanings is None:  # the same in both; what is given beyond its parameters is passed over there
        built = built_transform(form.transform, (form.params or [])[: _taken(form.transform)], at, problems)
        return _unless_moving(built, form, at, problems)
    count, mean = meanings
    values = _numbers(form, count, at, problems)
    if values is None:
        return None
    try:
        return mean(*values)
    except ValidationError as error:
        problems.add((*at, "params"), f"{form.transform}: {reason_of(error)}")
    except ValueError as error:
        problems.add((*at, "params"), f"{form.transform}: {error}")
    return None


def _taken(name: str) -> int | None:
    """How many parameters a transform has there; None for one that is not known there."""
    return {"ablate": 0, "invert": 0, "flip-h": 0, "flip-v": 0, "scalar-multiply": 1, "multiply": 1}.get(name)


def _unless_moving(
    built: tuple[Transform, Any] | None, form: FiveItemForm, at: KeyPath, problems: Problems
) -> Transform | None:
    if built is None:
        return None
    transform, moving = built
    if moving:
        problems.add((*at, "params"), f"{form.transform}: {_NO_MOTION}")
        return None
    return transform


_NO_MOTION = (
    "nothing moves in the five-item form; write the recipe with `bends:`, or have it read as ours (--as ours)"
)


def _numbers(form: FiveItemForm, count: int, at: KeyPath, problems: Problems) -> list[float] | None:
    """As many numbers as a transform takes there; those beyond are passed over."""
    params = form.params or []
    if any(isinstance(value, Mapping) for value in params[:count]):
        problems.add((*at, "params"), f"{form.transform}: {_NO_MOTION}")
        return None
    for step, value in enumerate(params[:count]):
        if isinstance(value, bool) or not isinstance(value, int | float):
            problems.add((*at, "params", step), f"{form.transform}: expected a number, not {value!r:.60}")
            return None
    if len(params) < count:
        expected = "a number" if count == 1 else f"{count} numbers"
        problems.add((*at, "params"), f"{form.transform}: expected {expected}, not {len(params)}")
        return None
    return [float(value) for value in params[:count]]


def _threshold(t: float) -> Transform:
    """1 where x > t, compared in float32; ours is 1 where x >= t."""
    largest = float(np.finfo(np.float32).max)
    if t >= largest:
        return transform_of("ablate", [])  # nothing is above it
    above = float(np.nextafter(np.float32(max(t, -largest)), np.float32(np.inf)))
    return transform_of("threshold", [-largest if t < -largest else above])


def _rotate(angle: float) -> Transform:
    (a, b, _), (c, d, _) = rotation(angle)
    return _about_its_corner(a, b, c, d)


def _scale(factor: float) -> Transform:
    if factor == 0:
        # OpenCV inverts the matrix, and takes 0 for the inverse of a determinant of 0.
        raise ValueError(
            "a factor of 0 fills maps with their first pixel in the reference implementation, which nobody "
            "meant; expected another factor, or `ablate` for maps without anything"
        )
    factor = math.copysign(max(abs(factor), MIN_SCALE), factor)
    return _about_its_corner(factor, 0.0, 0.0, factor)


def _about_its_corner(a: float, b: float, c: float, d: float) -> Transform:
    """A linear map about half the width and height, N / 2, where the middle of the first pixel is at 0.

    That is half a pixel to the right of and below the middle of the map, (N - 1) / 2, about which ours turn.
    """
    half = 0.5
    return transform_of("affine", [((a, b, half * (1 - a - b)), (c, d, half * (1 - c - d)))])


def _translate(x: float, y: float) -> Transform:
    # Beyond a whole width nothing of a map is left, as at a whole width.
    return transform_of("translate", [min(max(x, -1.0), 1.0), min(max(y, -1.0), 1.0)])


def _morphology(name: str) -> Callable[[float], Transform]:
    def mean(radius: float) -> Transform:
        if radius != int(radius) or radius < 0:
            raise ValueError(f"expected a whole number of pixels, 0 or more, not {radius:g}")
        return transform_of(name, [int(radius)]) if radius else _nothing()

    return mean


def _resize(x: float, y: float) -> Transform:
    """Borders around the maps of a layer, whatever its features; with a pixel or more, no picture is made."""
    if x < 0 or y < 0:
        raise ValueError("expected borders of 0 or more")
    if x or y:
        warnings.warn(
            "`resize` is left out: unless its borders are less than a pixel wide, a layer's part of the "
            "picture becomes larger than the rest, and the reference implementation stops with an error",
            stacklevel=2,
        )
    return _nothing()


def _nothing() -> Transform:
    return transform_of("multiply", [1.0])


# How many parameters each has there, and what it means in transforms of ours.
_MEANINGS: dict[str, tuple[int, Callable[..., Transform]]] = {
    "binary-thresh": (1, _threshold),
    "binary-tresh": (1, _threshold),
    "rotate": (1, _rotate),
    "scale": (1, _scale),
    "translate": (2, _translate),
    "erode": (1, _morphology("erode")),
    "dilate": (1, _morphology("dilate")),
    "resize": (2, _resize),
}
