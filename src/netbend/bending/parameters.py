"""The weights of a layer, laid out as transforms take activations."""

from dataclasses import dataclass

from torch import Tensor

SPATIAL = ("", "T", "HW", "DHW")  # what axes consist of besides features and inputs


@dataclass(frozen=True)
class Parameters:
    """The kernels or the biases of a layer.

    path: dotted, in the network.
    axes: a letter for each of the parameter: O the layer's features, I its inputs, T, D, H, W of a kernel. So
    `OIHW` for a 2D convolution, `IOHW` for a transposed one, `OI` for a linear layer, `O` for biases.

    Raises ValueError for axes that are none of those.
    """

    path: str
    axes: str

    def __post_init__(self) -> None:
        if self.axes.count("O") != 1 or self.axes.count("I") > 1 or self.spatial not in SPATIAL:
            raise ValueError(f"axes {self.axes!r:.40}: expected such as OIHW, IOHW, OI or O")

    @property
    def spatial(self) -> str:
        """The axes of one kernel."""
        return self.axes.replace("O", "").replace("I", "")

    def arranged(self, parameter: Tensor, whole: bool) -> Tensor:
        """A parameter as activations, a view: features second.

        whole: one sample, `(1, O, I, ...)`, for what is done value by value; else a sample for each input,
        `(I, O, ...)`, of which each kernel is a map.
        """
        arranged = parameter.permute(self._order(whole))
        return arranged if self._has_samples(whole) else arranged[None]

    def restored(self, maps: Tensor, whole: bool) -> Tensor:
        """The way back from `arranged`."""
        arranged = maps if self._has_samples(whole) else maps[0]
        order = self._order(whole)
        return arranged.permute([order.index(axis) for axis in range(len(order))])

    def _has_samples(self, whole: bool) -> bool:
        return "I" in self.axes and not whole

    def _order(self, whole: bool) -> list[int]:
        first = "IO" if self._has_samples(whole) else "O"
        letters = first + "".join(letter for letter in self.axes if letter not in first)
        return [self.axes.index(letter) for letter in letters]
