"""Transformations of single activations: those of the paper (section 5.1), then others."""

from typing import Self

import torch
from pydantic import model_validator
from torch import Tensor

from netbend.transforms.axes import Axes
from netbend.transforms.base import Transform, parameter, transform
from netbend.transforms.planes import has_gradients, summed_in


@transform("ablate")
class Ablate(Transform):
    """Switch features off: f(x) = x * 0, also where x is NaN or infinite (section 5.1)."""

    axes = Axes.NONE
    stays_finite = True
    kernel = "ablate"

    def __call__(self, maps: Tensor) -> Tensor:
        return _zeros_of(maps) if has_gradients(maps) else torch.zeros_like(maps)

    def numbers(self, height: int, width: int) -> tuple[float, ...]:  # noqa: ARG002
        return ()


@transform("invert")
class Invert(Transform):
    """Turn activations over: f(x) = 1 - x (section 5.1)."""

    axes = Axes.NONE
    kernel = "invert"

    def __call__(self, maps: Tensor) -> Tensor:
        return 1 - maps

    def numbers(self, height: int, width: int) -> tuple[float, ...]:  # noqa: ARG002
        return ()


@transform("multiply", older_names=["scalar-multiply"])
class Multiply(Transform):
    """Strengthen, weaken or negate activations: f(x) = x * p (section 5.1)."""

    axes = Axes.NONE
    kernel = "multiply"

    p: float = parameter(doc="factor; below 0 turns highlights into shadows", soft_range=(-5, 5))

    def __call__(self, maps: Tensor) -> Tensor:
        return maps * self.p

    def numbers(self, height: int, width: int) -> tuple[float, ...]:  # noqa: ARG002
        return (self.p,)


@transform("threshold", older_names=["binary-thresh", "binary-tresh"])
class Threshold(Transform):
    """Posterise: f(x) = 1 where x >= t, else 0 (section 5.1, equation 1)."""

    axes = Axes.NONE
    stays_finite = True
    kernel = "threshold"

    t: float = parameter(doc="activations from here on become 1, others 0", soft_range=(-1, 1))

    def __call__(self, maps: Tensor) -> Tensor:
        if has_gradients(maps):
            return (maps >= self.t).to(maps.dtype) + _zeros_of(maps)
        # Written as numbers at once: turning truth values into them takes longer than comparing.
        return torch.ge(maps, self.t, out=torch.empty_like(maps))

    def numbers(self, height: int, width: int) -> tuple[float, ...]:  # noqa: ARG002
        return (self.t,)


@transform("add")
class Add(Transform):
    """Raise or lower activations: f(x) = x + c."""

    axes = Axes.NONE

    c: float = parameter(doc="what is added; below 0 lowers", soft_range=(-2, 2))

    def __call__(self, maps: Tensor) -> Tensor:
        return maps + self.c


@transform("clamp")
class Clamp(Transform):
    """Cut off what lies below or above: f(x) = min(max(x, low), high)."""

    axes = Axes.NONE
    stays_finite = True

    low: float = parameter(0.0, doc="least value", soft_range=(-2, 0))
    high: float = parameter(1.0, doc="greatest value; at least low", soft_range=(0, 2))

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"expected low to be at most high, not {self.low:g} and {self.high:g}")
        return self

    def __call__(self, maps: Tensor) -> Tensor:
        return maps.clamp(self.low, self.high)


@transform("quantize")
class Quantize(Transform):
    """Round to the nearest step: f(x) = s * round(x / s)."""

    axes = Axes.NONE

    step: float = parameter(doc="distance between two values", gt=0, soft_range=(0.1, 2))

    def __call__(self, maps: Tensor) -> Tensor:
        precise = maps.to(summed_in(maps.dtype))
        return ((precise / self.step).round() * self.step).to(maps.dtype)


@transform("abs")
class Abs(Transform):
    """Fold what is negative up: f(x) = |x|."""

    axes = Axes.NONE
    stays_finite = True

    def __call__(self, maps: Tensor) -> Tensor:
        return maps.abs()


@transform("sign")
class Sign(Transform):
    """Keep the sign alone: f(x) = 1 where x > 0, -1 where x < 0, else 0."""

    axes = Axes.NONE
    stays_finite = True

    def __call__(self, maps: Tensor) -> Tensor:
        return maps.sign()


def _zeros_of(maps: Tensor) -> Tensor:
    """Zeros whose gradients are 0 and not missing, so that who asks for them is not told an error."""
    return maps.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0) * 0
