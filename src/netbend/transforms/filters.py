"""Filters of neighbouring activations: smoothing, sharpening and edges.

Sums are taken value by value in one order, so that maps have the same bits in any batch and however they lie
in memory. Beyond its edge a map goes on with the value at the edge. Half precision is filtered in float32.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import exp

import torch
from torch import Tensor

from netbend.transforms.axes import Axes
from netbend.transforms.base import Transform, parameter, transform
from netbend.transforms.planes import laid_out_as, summed_in

CACHED_VALUES = 1 << 17  # of planes that are filtered together; a few times as many are worked with
MAX_SIGMA = 1024
REACH = 4.0  # standard deviations; what lies further out weighs less than 0.01 %


@transform("blur")
class Blur(Transform):
    """Smooth with a Gaussian along all spatial axes."""

    axes = Axes.SPATIAL

    sigma: float = parameter(doc="standard deviation", unit="pixels", gt=0, le=MAX_SIGMA, soft_range=(0.5, 8))

    def __call__(self, maps: Tensor) -> Tensor:
        return _filtered(maps, lambda planes: _gaussian(planes, self.sigma))


@transform("sharpen")
class Sharpen(Transform):
    """Strengthen what a blur takes away (unsharp mask): f(x) = x + amount * (x - blur(x))."""

    axes = Axes.SPATIAL

    amount: float = parameter(1.0, doc="how much is added; below 0 blurs", soft_range=(0, 10))
    sigma: float = parameter(1.0, doc="of the blur", unit="pixels", gt=0, le=MAX_SIGMA, soft_range=(0.5, 8))

    def __call__(self, maps: Tensor) -> Tensor:
        def sharpened(planes: Tensor) -> Tensor:
            return planes + (planes - _gaussian(planes, self.sigma)) * self.amount

        return _filtered(maps, sharpened)


@transform("sobel")
class Sobel(Transform):
    """Leave edges: how steeply activations rise at each pixel, by Sobel's operator."""

    axes = Axes.SPATIAL

    def __call__(self, maps: Tensor) -> Tensor:
        return _filtered(maps, _steepness)


def _filtered(maps: Tensor, filter: Callable[[Tensor], Tensor]) -> Tensor:
    """What a filter of planes `(N * F, ...)` makes of maps, a few planes at a time, which fit the caches."""
    if maps.numel() == 0:
        return maps.clone()
    planes = maps.to(summed_in(maps.dtype)).contiguous().flatten(0, 1)
    count = max(CACHED_VALUES // planes[0].numel(), 1)
    filtered = torch.cat([filter(some) for some in torch.split(planes, count)])
    return laid_out_as(filtered.view(maps.shape).to(maps.dtype), maps)


def _steepness(planes: Tensor) -> Tensor:
    axes = range(1, planes.ndim)
    squares = sum((_slope(planes, axis, axes) ** 2 for axis in axes), start=torch.zeros_like(planes))
    # The root has no finite gradient at 0; maps that are level there are to have none.
    level = squares == 0
    return torch.where(level, squares, torch.where(level, 1, squares).sqrt())


def _gaussian(planes: Tensor, sigma: float) -> Tensor:
    for axis in range(1, planes.ndim):
        planes = _symmetric(planes, axis, _gaussian_weights(sigma, planes.shape[axis]))
    return planes


@lru_cache(maxsize=256)
def _gaussian_weights(sigma: float, size: int) -> tuple[float, ...]:
    """Weights of the middle and of what lies 1, 2, ... pixels away to either side, along an axis of a size.

    Pixels further away than the axis is long are all the one at the edge, and are weighed there.
    """
    radius = int(REACH * sigma + 0.5)
    weights = [exp(-0.5 * (away / sigma) ** 2) for away in range(radius + 1)]
    total = weights[0] + 2 * sum(weights[1:])
    last = min(radius, size - 1)
    if last == 0:
        return (1.0,)
    return tuple(weight / total for weight in (*weights[:last], sum(weights[last:])))


def _symmetric(planes: Tensor, axis: int, weights: Sequence[float]) -> Tensor:
    """The sum of neighbours along an axis, weighed alike on both sides."""
    reach = len(weights) - 1
    wide = _widened(planes, axis, reach)
    result = planes * weights[0]
    for away, weight in enumerate(weights[1:], start=1):
        before, after = (
            wide.narrow(axis, start, planes.shape[axis]) for start in (reach - away, reach + away)
        )
        # Multiplied, then added: fused, some values of a vector would be rounded otherwise than the rest.
        result += (before + after).mul_(weight)
    return result


def _slope(planes: Tensor, axis: int, axes: Sequence[int]) -> Tensor:
    """Half the difference of both neighbours along an axis, smoothed with 1/4, 1/2, 1/4 along the others."""
    size, wide = planes.shape[axis], _widened(planes, axis, 1)
    slope = (wide.narrow(axis, 2, size) - wide.narrow(axis, 0, size)) * 0.5
    for other in axes:
        if other != axis:
            slope = _symmetric(slope, other, (0.5, 0.25))
    return slope


def _widened(planes: Tensor, axis: int, reach: int) -> Tensor:
    """Planes with the values at both edges of an axis repeated so many times."""
    repeated = [reach if place == axis else -1 for place in range(planes.ndim)]
    first, last = (planes.narrow(axis, edge, 1).expand(repeated) for edge in (0, planes.shape[axis] - 1))
    return torch.cat([first, planes, last], dim=axis)
