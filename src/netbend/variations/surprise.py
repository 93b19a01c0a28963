"""Recipes by chance, within bounds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netbend.bending import Bendable, Layer, find_layer
from netbend.errors import RecipeError
from netbend.limits import MAX_BENDS
from netbend.recipe import All, Bend, Cluster, Random, Recipe, Selection
from netbend.transforms import get_transform
from netbend.variations.unlike import MAX_DRAWS, Accept, anything
from netbend.variations.values import chance, draw_transform, fits

# How often each is drawn. Only what is named here or asked for by name is: another package of
# transforms, once installed, would change what every seed gives.
TASTE = {
    "rotate": 4,
    "scale": 4,
    "multiply": 4,
    "dilate": 3,
    "erode": 3,
    "translate": 3,
    "flip-h": 2,
    "flip-v": 2,
    "ablate": 2,
    "invert": 1,
    "threshold": 1,
}
ALL_FEATURES = 0.15  # of the bends
A_CLUSTER = 0.35  # of the other bends, where there are clusters
PARTLY_MIXED = 0.2


@dataclass(frozen=True)
class Bounds:
    """What a recipe by chance may hold.

    layers: by number or name; None for all that have a number. transforms: by name; None for our own
    taste. bends: fewest and most. share: least and most of a layer's features, 0 to 1, of bends that
    take a random selection.
    Raises RecipeError for bounds that nothing fits.
    """

    layers: Sequence[int | str] | None = None
    transforms: Sequence[str] | None = None
    bends: tuple[int, int] = (1, 3)
    share: tuple[float, float] = (0.25, 0.8)

    def __post_init__(self) -> None:
        for name in ("layers", "transforms"):
            if getattr(self, name) is not None and not getattr(self, name):
                raise RecipeError(f"{name}: expected at least one, or None")
        if not 1 <= self.bends[0] <= self.bends[1]:
            raise RecipeError(f"bends {self.bends[0]}-{self.bends[1]}: expected 1 or more, fewest first")
        if self.bends[1] > MAX_BENDS:
            raise RecipeError(f"bends {self.bends[0]}-{self.bends[1]}: a recipe has at most {MAX_BENDS}")
        if not 0 <= self.share[0] <= self.share[1] <= 1:
            raise RecipeError(f"share {self.share[0]}-{self.share[1]}: expected 0 to 1, least first")


def surprise(model: Bendable, seed: int, bounds: Bounds = Bounds(), *, accept: Accept = anything) -> Recipe:
    """A recipe by chance for a model; the same seed and bounds give the same recipe.

    Features are all of a layer, a random share, or one of the model's clusters.

    Args:
        model: A model, or a network that `wrap` has looked at.
        seed: Of the draw.
        bounds: On layers, transforms, the number of bends and the share of features.
        accept: What it refuses is drawn again.

    Raises:
        RecipeError: For a layer or transform that is not there, for a transform without ranges to draw from,
            and where nothing is accepted.
    """
    random = chance(seed)
    layers = _layers(model, bounds)
    for _ in range(MAX_DRAWS):
        count = random.randint(bounds.bends[0], bounds.bends[1] + 1)
        bends = tuple(_bend(random, model, layers[random.randint(len(layers))], bounds) for _ in range(count))
        recipe = Recipe(bends, name=f"Surprise {seed}", seed=seed)
        if accept(recipe):
            return recipe
    raise RecipeError(
        f"surprise {seed}: none of {MAX_DRAWS} draws changes the picture; allow other layers or transforms"
    )


def _layers(model: Bendable, bounds: Bounds) -> list[Layer]:
    if bounds.layers is not None:
        return [find_layer(model.layers, wanted, "layers") for wanted in bounds.layers]
    numbered = [layer for layer in model.layers if layer.number is not None]
    return numbered or list(model.layers)


def _bend(random: np.random.RandomState, model: Bendable, layer: Layer, bounds: Bounds) -> Bend:
    transform = draw_transform(random, get_transform(draw_name(random, layer, bounds)), layer)
    features = _features(random, model, layer, bounds)
    mix = round(random.uniform(0.5, 0.9), 2) if random.uniform() < PARTLY_MIXED else 1.0
    return Bend(layer.key, transform, features, mix)


def draw_name(random: np.random.RandomState, layer: Layer, bounds: Bounds = Bounds()) -> str:
    """The name of a transform that the layer has the axes for: each that was asked for alike, or by our
    taste. Raises RecipeError if there is none."""
    names = [name for name in bounds.transforms or TASTE if fits(get_transform(name), layer)]
    if not names:
        raise RecipeError(f"transforms: none can be done with the axes {layer.axes} of {layer}")
    if bounds.transforms is not None:
        return names[random.randint(len(names))]
    weights = np.array([TASTE[name] for name in names], float)
    return names[random.choice(len(weights), p=weights / weights.sum())]


def _features(random: np.random.RandomState, model: Bendable, layer: Layer, bounds: Bounds) -> Selection:
    clusters = model.clusters
    there = [] if clusters is None else list(clusters.layers.get(layer.key, {}))
    if random.uniform() < ALL_FEATURES:
        return All()
    if there and clusters is not None and random.uniform() < A_CLUSTER:
        number = there[random.randint(len(there))]
        return Cluster((clusters.names.get(layer.key, {}).get(number, number),))
    return Random(round(random.uniform(*bounds.share), 2))
