"""What bending needs to know of a model: its layers, and where in the network they are."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from torch import Tensor, nn

from netbend.bending.parameters import SPATIAL, Parameters
from netbend.choices import Target
from netbend.errors import RecipeError
from netbend.recipe import Clusters
from netbend.recipe.schema import EVERY_LAYER


@dataclass(frozen=True)
class Layer:
    """A place in a network whose output is a set of activations.

    number: as recipes count them, None for places that only have a name.
    name: unique within the model.
    module: dotted path, in the network, of the module that puts the activations out.
    shape: of the activations of one sample, such as (512, 8, 8).
    axes: a letter for each: C features, T time, D depth, H height, W width. `CHW` are maps, `CT` sequences,
    `TC` tokens, `CDHW` volumes, `C` vectors. The samples come first, and have no letter.
    weights, biases: parameters that make its features, if they can be bent.

    Raises ValueError for axes that are none of those, and for a shape that has not as many.
    """

    number: int | None
    name: str
    module: str
    shape: tuple[int, ...]
    axes: str = "CHW"
    weights: Parameters | None = None
    biases: Parameters | None = None

    def __post_init__(self) -> None:
        if self.axes.count("C") != 1 or self.spatial not in SPATIAL:
            raise ValueError(f"axes {self.axes!r:.40}: expected such as CHW, CT, TC, CDHW or C")
        if len(self.shape) != len(self.axes):
            raise ValueError(f"shape {self.shape!r:.60}: expected a size for each of the axes {self.axes}")

    @property
    def features(self) -> int:
        """How many features it has."""
        return self.shape[self.axes.index("C")]

    @property
    def spatial(self) -> str:
        """The axes without that of the features, such as `HW`."""
        return self.axes.replace("C", "")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Along the spatial axes."""
        return tuple(size for size, axis in zip(self.shape, self.axes, strict=True) if axis != "C")

    def parameters(self, target: Target) -> Parameters | None:
        """Its weights or biases."""
        return self.weights if target is Target.WEIGHTS else self.biases

    def spatial_of(self, target: Target) -> str | None:
        """The spatial axes of what is bent; None if the layer has nothing of the kind."""
        if target is Target.ACTIVATIONS:
            return self.spatial
        parameters = self.parameters(target)
        return None if parameters is None else parameters.spatial

    @property
    def height(self) -> int:
        """Of a picture of its activations; a sequence has one row."""
        return self.sizes[-2] if len(self.sizes) > 1 else 1

    @property
    def width(self) -> int:
        """Of a picture of its activations."""
        return self.sizes[-1] if self.sizes else 1

    @property
    def resolution(self) -> str:
        """Its sizes in words, such as `8x8`; `-` if there are none."""
        return "x".join(map(str, self.sizes)) or "-"

    def suits(self, activations: object) -> bool:
        """Whether activations have its axes and features; they may have other sizes."""
        if not isinstance(activations, Tensor) or activations.ndim != 1 + len(self.axes):
            return False
        return activations.shape[self._place] == self.features

    def arranged(self, activations: Tensor) -> Tensor:
        """Activations with the features first: `(N, F, ...)`, a view."""
        return activations if self._place == 1 else activations.movedim(self._place, 1)

    def restored(self, maps: Tensor) -> Tensor:
        """The way back from `arranged`."""
        return maps if self._place == 1 else maps.movedim(1, self._place).contiguous()

    @cached_property
    def _place(self) -> int:
        return 1 + self.axes.index("C")

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
