"""What bending needs to know of a model: its layers, and where in the network they are."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import nn

from netbend.errors import RecipeError
from netbend.recipe import Clusters
from netbend.recipe.schema import EVERY_LAYER


@dataclass(frozen=True)
class Layer:
    """A place in a network whose output is a set of activation maps.

    number: as recipes count them, None for places that only have a name.
    name: unique within the model.
    module: dotted path, in the network, of the module that puts the maps out.
    features, height, width: of its maps, `(N, features, height, width)`.
    """

    number: int | None
    name: str
    module: str
    features: int
    height: int
    width: int

    @property
    def key(self) -> int | str:
        """How cluster files call it: by its number, or its name if it has none."""
        return self.name if self.number is None else self.number

    def __str__(self) -> str:
        return self.name if self.number is None else f"layer {self.number} ({self.name})"


class Bendable(Protocol):
    """Anything that can be bent: a network and its layers.

    hash: of the weights, None if unknown. clusters: of its features, where recipes name no others.
    """

    @property
    def hash(self) -> str | None: ...

    @property
    def clusters(self) -> Clusters | None: ...

    @property
    def network(self) -> nn.Module: ...

    @property
    def layers(self) -> Sequence[Layer]: ...


def find_layer(layers: Sequence[Layer], wanted: int | str, where: str) -> Layer:
    """The layer of that number or name.

    where: leads the message, `file:line:column` for recipes from files.
    Raises RecipeError naming the layers there are, and for a typo the nearest.
    """
    for layer in layers:
        if wanted in (layer.number, layer.name):
            return layer
    if wanted == EVERY_LAYER:
        raise RecipeError(
            f"{where}: a bend without a layer makes a strip, a picture for every layer: give the recipe to "
            f"`netbend grid`; to make one picture name a layer"
        )
    if isinstance(wanted, int):
        numbers = [layer.number for layer in layers if layer.number is not None]
        raise RecipeError(
            f"{where}: layer {wanted!s:.80}: this model has layers {min(numbers)}-{max(numbers)}"
        )
    if wanted.isdecimal():
        raise RecipeError(f"{where}: layer {wanted!r:.80}: no layer has this name; a number has no quotes")
    names = [layer.name for layer in layers]
    nearest = difflib.get_close_matches(wanted, names, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"this model has {', '.join(names)}"
    raise RecipeError(f"{where}: layer {wanted!r:.80}: no layer has this name; {hint}")
