"""Transformations of single activations (paper, section 5.1)."""

import torch
from torch import Tensor

from netbend.transforms.base import Transform, parameter, transform
from netbend.transforms.planes import has_gradients


@transform("ablate")
class Ablate(Transform):
    """Switch features off: f(x) = x * 0, also where x is NaN or infinite (section 5.1)."""

    stays_finite = True
    kernel = "ablate"

    def __call__(self, maps: Tensor) -> Tensor:
        return _zeros_of(maps) if has_gradients(maps) else torch.zeros_like(maps)

    def numbers(self, height: int, width: int) -> tuple[float, ...]:  # noqa: ARG002
        return ()


@transform("invert")
class Invert(Transform):
    """Turn activations over: f(x) = 1 - x (section 5.1)."""

    kernel = "invert"

    def __call__(self, maps: Tensor) -> Tensor:
        return 1 - maps

    def numbers(self, height: int, width: int) -> tuple[float, ...]:  # noqa: ARG002
        return ()


@transform("multiply", older_names=["scalar-multiply"])
class Multiply(Transform):
    """Strengthen, weaken or negate activations: f(x) = x * p (section 5.1)."""

    kernel = "multiply"

    p: float = parameter(doc="factor; below 0 turns highlights into shadows", soft_range=(-5, 5))

    def __call__(self, maps: Tensor) -> Tensor:
        return maps * self.p

    def numbers(self, height: int, width: int) -> tuple[float, ...]:  # noqa: ARG002
        return (self.p,)


@transform("threshold", older_names=["binary-thresh", "binary-tresh"])
class Threshold(Transform):
    """Posterise: f(x) = 1 where x >= t, else 0 (section 5.1, equation 1)."""

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


def _zeros_of(maps: Tensor) -> Tensor:
    """Zeros whose gradients are 0 and not missing, so that who asks for them is not told an error."""
    return maps.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0) * 0
