"""Recipes from two parents: crossed, and changed by chance."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from netbend.bending import Bendable, Layer, find_layer, resolve
from netbend.choices import Target
from netbend.errors import RecipeError
from netbend.recipe import (
    All,
    Bend,
    Cluster,
    Clusters,
    Drift,
    Indices,
    Not,
    Random,
    Recipe,
    RecipeLike,
    Selection,
    given_recipe,
)
from netbend.recipe.animation import is_animated
from netbend.recipe.paths import rebase_paths
from netbend.recipe.yamlfile import Source
from netbend.transforms import Transform, get_transform
from netbend.transforms.axes import misfit
from netbend.variations.freeze import draws_features, freeze
from netbend.variations.surprise import draw_name
from netbend.variations.unlike import MAX_DRAWS, Accept, anything
from netbend.variations.values import chance, draw_transform, jitter_transform, three_digits

INHERITED = 0.6  # of the bends that only one parent has
EXCHANGED = 0.2  # of the features that were fixed
SHARE_STEP = 0.2  # standard deviation of a change of a share


def breed(
    first: RecipeLike,
    second: RecipeLike,
    model: Bendable,
    seed: int,
    *,
    mutation: float = 0.2,
    clusters: Clusters | None = None,
    accept: Accept = anything,
) -> Recipe:
    """A child of two recipes; the same parents, seed and mutation give the same child.

    Of bends that both have, the same transform at the same layer, it takes either or one between;
    of the others each with a chance of 0.6. Then every bend may mutate: each with the chance
    `mutation`, 0 to 1, its numbers move a little, it moves to a neighbouring layer, it gets another
    transform, it takes other features. A child with the bends of a parent is drawn again, as long as there
    are others. Everything else is that of the first parent; clusters, length and soundtrack, on which bends
    of the second may depend, are the second's where the first has none.

    Args:
        clusters: See `resolve`. Features of cluster files are written by number; those of the model's own
            keep their names. Paths start at the current folder.
        accept: Children that it refuses are drawn again, too.

    Raises:
        RecipeError: For parents that do not fit the model, for a mutation that is no chance, and where
            every child is refused.
    """
    if not 0 <= mutation <= 1:
        raise RecipeError(f"mutation {mutation}: expected a chance from 0 to 1")
    first, second = given_recipe(first), given_recipe(second)
    random = chance(seed)
    parents = [_settled(parent, model, clusters) for parent in (first, second)]
    for _ in range(MAX_DRAWS):
        bends = tuple(_mutated(random, bend, model, mutation) for bend in _crossed(random, *parents))
        drawn = (first, second)[random.randint(2)].seed
        child = replace(
            parents[0],
            bends=bends,
            name=f"Child {seed} of {first.name or 'one'} and {second.name or 'another'}",
            description=None,
            clusters=parents[0].clusters or parents[1].clusters,
            seconds=parents[0].seconds or parents[1].seconds,
            soundtrack=parents[0].soundtrack or parents[1].soundtrack,
            seed=seed if random.uniform() < mutation else drawn,
            source=Source(f"<child {seed}>", Path()),
        )
        if not any(_equal(child, parent) for parent in parents) and accept(child):
            return child
    if accept(child):
        return child
    raise RecipeError(
        f"child {seed}: none of {MAX_DRAWS} draws is unlike what is there already; breed parents with more "
        f"bends, or with a larger mutation"
    )


def _equal(child: Recipe, parent: Recipe) -> bool:
    """Whether a child bends as a parent does: its seed matters only where features are drawn from it."""
    return child.bends == parent.bends and (child.seed == parent.seed or not draws_features(child))


def _settled(parent: Recipe, model: Bendable, clusters: Clusters | None) -> Recipe:
    """A parent that fits the model, without a cluster file, as it reads in the current folder."""
    plan = resolve(parent, model, clusters=clusters)
    from_file = clusters is not None or parent.clusters is not None
    return rebase_paths(freeze(parent, plan, kinds=(Cluster,)) if from_file else parent, Path())


def _crossed(random: np.random.RandomState, first: Recipe, second: Recipe) -> Sequence[Bend]:
    others = list(second.bends)
    bends = []
    for bend in first.bends:
        partner = next((other for other in others if _alike(bend, other)), None)
        if partner is not None:
            others.remove(partner)
            bends.append(_one_of(random, bend, partner))
        elif random.uniform() < INHERITED:
            bends.append(bend)
    bends += [bend for bend in others if random.uniform() < INHERITED]
    every = [*first.bends, *second.bends]
    return bends or ([every[random.randint(len(every))]] if every else [])


def _alike(bend: Bend, other: Bend) -> bool:
    same_place = bend.layer == other.layer and bend.on is other.on
    return same_place and type(bend.transform) is type(other.transform)


def _one_of(random: np.random.RandomState, bend: Bend, other: Bend) -> Bend:
    """Either of two bends, or the first's features and mask with numbers between both."""
    choice, place = random.randint(3), random.uniform()
    if choice < 2 or is_animated(bend) or is_animated(other):
        return (bend, other)[choice % 2]
    values = {name: _between(value, getattr(other.transform, name), place) for name, value in bend.transform}
    return replace(
        (bend, other)[random.randint(2)],
        transform=_rebuilt(bend.transform, values),
        mix=_between(bend.mix, other.mix, place),
    )


def _between(value: Any, other: Any, place: float) -> Any:
    """Between two numbers, whole ones for two whole ones; anything else is the first's."""
    numbers = all(isinstance(end, int | float) and not isinstance(end, bool) for end in (value, other))
    if not numbers or value == other:
        return value
    between = value + place * (other - value)
    if isinstance(value, int) and isinstance(other, int):
        return round(between)
    return min(max(three_digits(between), min(value, other)), max(value, other))


def _rebuilt(transform: Transform, values: dict[str, object]) -> Transform:
    """The transform with other values, or as it was where those do not go together."""
    try:
        return type(transform)(**values)
    except ValidationError:
        return transform


def _mutated(random: np.random.RandomState, bend: Bend, model: Bendable, mutation: float) -> Bend:
    jitters, moves, exchanges, reselects = random.uniform(size=4) < mutation
    layer = find_layer(model.layers, bend.layer, "layer")
    if jitters:
        transform = jitter_transform(random, bend.transform, layer, still=set(bend.moving))
        bend = replace(bend, transform=transform)
    if moves:
        bend, layer = _at_neighbour(random, bend, layer, model)
    if exchanges and bend.on is Target.ACTIVATIONS:
        cls = get_transform(draw_name(random, layer))
        bend = replace(bend, transform=draw_transform(random, cls, layer), moving={})
    if reselects:
        bend = replace(bend, features=_reselected(random, bend, layer, model))
    return bend


def _at_neighbour(
    random: np.random.RandomState, bend: Bend, layer: Layer, model: Bendable
) -> tuple[Bend, Layer]:
    """The bend one layer earlier or later. Features by number or cluster mean nothing there: as large
    a random share takes their place."""
    numbered = [other for other in model.layers if other.number is not None and _fits(bend, other)]
    step = 1 if random.uniform() < 0.5 else -1
    if layer not in numbered or len(numbered) == 1:
        return bend, layer
    index = numbered.index(layer)
    there = numbered[index + step if 0 <= index + step < len(numbered) else index - step]
    features: Selection = bend.features
    if _names_features(features):
        features = Random(_share(len(_features(bend, model)) / layer.features))
    return replace(bend, layer=there.key, features=features), there


def _fits(bend: Bend, layer: Layer) -> bool:
    """Whether a bend can be put on a layer."""
    spatial = layer.spatial_of(bend.on)
    return spatial is not None and misfit(bend.transform, spatial) is None


def _names_features(selection: Selection) -> bool:
    match selection:
        case Not(of=inner) | Drift(within=inner):
            return _names_features(inner)
        case _:
            return isinstance(selection, Indices | Cluster)


def _features(bend: Bend, model: Bendable) -> tuple[int, ...]:
    return resolve(Recipe((replace(bend, mask=None),)), model).bends[0].indices


def _share(value: float) -> float:
    return float(round(min(max(value, 0.05), 1.0), 2))


def _reselected(random: np.random.RandomState, bend: Bend, layer: Layer, model: Bendable) -> Selection:
    """A little more or less of a random share; some others of features that are fixed."""
    match bend.features:
        case moving if is_animated(moving):
            return moving
        case All():
            return Random(_share(random.uniform(0.5, 0.95)))
        case Random(fraction=float(fraction)):
            return Random(_share(fraction + SHARE_STEP * random.standard_normal()))
        case Not(of=Random(fraction=float(fraction))):
            return Not(Random(_share(fraction + SHARE_STEP * random.standard_normal())))
        case _:
            return _exchanged(random, _features(bend, model), layer)


def _exchanged(random: np.random.RandomState, features: Sequence[int], layer: Layer) -> Indices:
    stays = random.uniform(size=layer.features) >= EXCHANGED
    kept = [feature for feature in features if stays[feature]]
    outside = np.setdiff1d(np.arange(layer.features), features)
    new = random.permutation(outside)[: len(features) - len(kept)]
    return Indices(tuple(sorted({*kept, *new.tolist()} or features)))
