"""Resolving: recipe + layers + clusters + seed becomes a plan.

All randomness, all look-up and all errors about a recipe happen here, before any arithmetic.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor

from netbend.bending.layers import Bendable, Layer, find_layer
from netbend.bending.mask import load_mask
from netbend.bending.parameters import Parameters
from netbend.bending.selector import Selector, clusters_of
from netbend.choices import Target
from netbend.errors import ModelError, RecipeError
from netbend.motion import value_at
from netbend.recipe import (
    Bend,
    Clusters,
    Indices,
    Recipe,
    RecipeLike,
    given_clusters,
    given_recipe,
)
from netbend.recipe.animation import at_time, bind_recipe, is_animated
from netbend.recipe.problems import in_type_of
from netbend.transforms import Transform
from netbend.transforms.axes import as_given, as_taken, misfit

Recorded: TypeAlias = tuple[Sequence[int] | None, Tensor | None]
"""What a bend was put on: its features, None where they move, and its mask."""


@dataclass(frozen=True)
class PlannedBend:
    """One transform, fixed: on which features of which layer.

    indices: features to bend, ascending.
    mix: 0 keeps the unbent maps, 1 takes the bent ones, more goes on in the same direction.
    mask: None, or `(height, width)` of the layer in [0, 1]; bending only where it is 1.
    on: what is bent.
    """

    layer: Layer
    transform: Transform
    indices: tuple[int, ...]
    mix: float = 1.0
    mask: Tensor | None = field(default=None, compare=False)  # at one place of a plan always the same
    on: Target = Target.ACTIVATIONS

    @property
    def stays_finite(self) -> bool:
        """Whether it makes NaN or infinity only of maps that had some."""
        return self.transform.stays_finite and self.mix == 1 and self.mask is None

    def transformed(self, maps: Tensor) -> Tensor:
        """Maps `(N, K, ...)` of its features with the transform applied, without mix and mask."""
        taken = self.as_taken(maps)
        named: dict[str, Any] = {"features": self.indices} if self.transform.numbered else {}
        made = self.transform(taken, **named)
        if made.shape != taken.shape or made.dtype != taken.dtype:
            given, got = (f"{tuple(each.shape)} {each.dtype}" for each in (taken, made))
            raise ModelError(f"{self}: was given maps {given} and made {got}; a transform keeps both")
        return as_given(made, maps)

    def as_taken(self, maps: Tensor) -> Tensor:
        """Maps in the shape that the transform takes. Raises ModelError where it lacks an axis."""
        if self._misfit is not None:
            raise ModelError(f"{self.place}: {self._misfit}")
        return as_taken(self.transform, maps)

    @cached_property
    def _misfit(self) -> str | None:
        """Why it cannot be done, None if it can; found once, since bends are done thousands of times."""
        spatial = self.layer.spatial_of(self.on)
        return "there are none" if spatial is None else misfit(self.transform, spatial)

    @property
    def parameters(self) -> Parameters:
        """What is bent, where it is not activations."""
        found = self.layer.parameters(self.on)
        if found is None:
            raise ModelError(f"{self.place}: there are none")
        return found

    @property
    def place(self) -> str:
        """What is bent, in words."""
        return place_of(self.layer, self.on)

    def __str__(self) -> str:
        return f"`{self.transform.name}` at {self.place}"

    def __repr__(self) -> str:
        how = "" if self.mix == 1 else f", mix {self.mix:g}"
        where = "" if self.mask is None else ", masked"
        features = f"{len(self.indices)} of {self.layer.features} features"
        return f"<{self.transform!r} on {features} at {self.place}{how}{where}>"


@dataclass(frozen=True)
class Plan:
    """The bends of a recipe, in order, ready to be put into a network.

    moving: for the places of bends that move, what they are at a time in seconds; `bends` holds
    what all are at the time 0.
    """

    bends: tuple[PlannedBend, ...]
    moving: Mapping[int, Callable[[float], PlannedBend]] = field(default_factory=dict)

    def at(self, time: float) -> "Plan":
        """The plan of one moment. What does not move is the same object at all times."""
        if not self.moving:
            return self
        bends = enumerate(self.bends)
        return Plan(
            tuple(self.moving[place](time) if place in self.moving else bend for place, bend in bends)
        )


def resolve(
    recipe: RecipeLike,
    model: Bendable,
    *,
    seed: int | None = None,
    clusters: Clusters | Path | str | None = None,
    seconds: float | None = None,
    soundtrack: Path | None = None,
    selected: Sequence[Recorded] | None = None,
) -> Plan:
    """Decide everything a recipe leaves open, but for the time.

    Args:
        recipe: A Recipe, the path of its file, or a dict of what the file would hold.
        model: A model, or a network that `wrap` has looked at.
        seed: Of the random selections; the recipe's own if None.
        clusters: Used instead of the file that the recipe names, or else of the model's own.
        seconds: Length that moving values are fitted to, instead of the recipe's own.
        soundtrack: Sound file that they are fitted to, instead of the recipe's own.
        selected: For each bend its features and mask as they were before, instead of new draws and files.

    Raises:
        RecipeError: At the recipe's line for a layer, feature or cluster that is not there, for clusters of
            another model, and for moving values that lack a length or a sound.
    """
    recipe = replace(given_recipe(recipe), latent=None, truncation=None)
    recipe = bind_recipe(recipe, seconds, soundtrack)
    if selected is not None:
        recipe = _with_recorded_features(recipe, selected)
    clusters = clusters_of(recipe, model, given_clusters(clusters))
    seed = recipe.seed_of_draws(seed)
    planned = []
    moving: dict[int, Callable[[float], PlannedBend]] = {}
    for position, bend in enumerate(recipe.bends):
        layer = find_layer(model.layers, bend.layer, recipe.at("bends", position, "layer"))
        check_target(bend, layer, recipe, position)
        check_axes(bend, layer, recipe.at("bends", position, "transform"))
        where = recipe.at("bends", position, "features")
        selector = Selector(layer, clusters, [seed, position], where)
        if selected is None:
            mask = _mask(recipe, bend, layer, recipe.at("bends", position, "mask"))
        else:
            mask = _recorded_mask(selected[position], layer, position)
        at_time = partial(_planned, bend, layer, selector, mask)
        planned.append(at_time(0.0))
        if is_animated(bend):
            moving[position] = at_time
    return Plan(tuple(planned), moving)


def place_of(layer: Layer, on: Target) -> str:
    """What is bent, in words."""
    return str(layer) if on is Target.ACTIVATIONS else f"the {on} of {layer}"


def check_target(bend: Bend, layer: Layer, recipe: Recipe, position: int) -> None:
    """Raise RecipeError unless a layer has what a bend is put on; weights have no mask."""
    if layer.spatial_of(bend.on) is None:
        raise RecipeError(f"{recipe.at('bends', position, 'on')}: {layer} has no {bend.on} that can be bent")
    if bend.on is not Target.ACTIVATIONS and bend.mask is not None:
        where = recipe.at("bends", position, "mask")
        raise RecipeError(f"{where}: a mask says where activations are bent; {bend.on} have no such place")


def check_axes(bend: Bend, layer: Layer, where: str) -> None:
    """Raise RecipeError, led by `where`, unless the layer has the axes that a bend needs at all times."""
    greatest = {
        name: in_type_of(type(bend.transform), name, curve.bounds[1]) for name, curve in bend.moving.items()
    }
    for transform in (bend.transform, bend.transform.model_copy(update=greatest)):
        if (reason := misfit(transform, layer.spatial_of(bend.on) or "")) is not None:
            raise RecipeError(f"{where}: {place_of(layer, bend.on)}: {reason}")


def _planned(bend: Bend, layer: Layer, selector: Selector, mask: Tensor | None, time: float) -> PlannedBend:
    """What a bend is at a time in seconds."""
    still = at_time(bend, time)
    chosen = tuple(sorted(selector.select(still.features)))
    return PlannedBend(layer, still.transform, chosen, value_at(still.mix, time), mask, still.on)


def stilled(recipe: Recipe, plan: Plan) -> Recipe:
    """The recipe of one moment: what moves as it is in the plan of that moment.

    Its latent and truncation are those of the render then, and are left out.
    """
    bends = tuple(
        replace(
            bend,
            transform=planned.transform,
            mix=planned.mix,
            features=Indices(planned.indices) if is_animated(bend.features) else bend.features,
            moving={},
        )
        for bend, planned in zip(recipe.bends, plan.bends, strict=True)
    )
    return replace(recipe, bends=bends, latent=None, truncation=None, seconds=None, soundtrack=None)


def _with_recorded_features(recipe: Recipe, selected: Sequence[Recorded]) -> Recipe:
    """Features by number, where they do not move."""
    bends = tuple(
        bend if features is None else replace(bend, features=Indices(tuple(sorted(set(features)))))
        for bend, (features, _) in zip(recipe.bends, selected, strict=True)
    )
    return replace(recipe, bends=bends)


def _recorded_mask(recorded: Recorded, layer: Layer, position: int) -> Tensor | None:
    features, mask = recorded
    size = None if mask is None else tuple(mask.shape)
    beyond = any(not 0 <= feature < layer.features for feature in features or ())
    if beyond or size not in (None, (layer.height, layer.width)):
        raise RecipeError(f"bend {position}: the recorded features or mask do not fit {layer}")
    return mask


def _mask(recipe: Recipe, bend: Bend, layer: Layer, where: str) -> Tensor | None:
    if bend.mask is None:
        return None
    if not layer.sizes:
        raise RecipeError(f"{where}: {layer}: a mask needs a spatial axis, and there is none")
    return load_mask(_beside(recipe, bend.mask), (layer.height, layer.width), where)


def _beside(recipe: Recipe, path: str) -> Path:
    """A path named in a recipe starts at the recipe's folder."""
    return Path(path) if recipe.folder is None else recipe.folder / path
