"""Transformations that depend on the statistics of a map, or on chance."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import numpy as np
import torch
from torch import Tensor

from netbend.limits import MAX_SEED
from netbend.transforms.axes import Axes
from netbend.transforms.base import Transform, parameter, transform
from netbend.transforms.planes import summed_in

LARGE = 1 << 20  # values of noise; more take 4 MiB and up, and few are kept
EPSILON = 1e-5  # of the variance: a level map becomes 0, as in instance normalisation


@transform("normalize")
class Normalize(Transform):
    """Give each map of each sample a mean of 0 and a standard deviation of 1 (instance normalisation)."""

    axes = Axes.SPATIAL

    def __call__(self, maps: Tensor) -> Tensor:
        values = maps.to(summed_in(maps.dtype)).flatten(2)
        centred = values - _mean(values)
        return (centred / (_mean(centred**2) + EPSILON).sqrt()).view(maps.shape).to(maps.dtype)


def _mean(values: Tensor) -> Tensor:
    """The mean of the last axis, `(N, F, 1)`: halves are added, so that the order is always the same."""
    count = values.shape[-1]
    while (length := values.shape[-1]) > 1:
        half = length // 2
        rest = values[..., 2 * half :]
        values = values[..., :half] + values[..., half : 2 * half]
        values = torch.cat([values, rest], dim=-1) if rest.shape[-1] else values
    return values / count


@transform("noise")
class Noise(Transform):
    """Add Gaussian noise, of its own for each feature, the same for every sample."""

    axes = Axes.NONE
    numbered = True

    strength: float = parameter(doc="standard deviation", soft_range=(0, 2))
    seed: int = parameter(0, doc="of the noise", ge=0, le=MAX_SEED, soft_range=(0, 999))

    def __call__(self, maps: Tensor, features: Sequence[int] | None = None) -> Tensor:
        noise = self._noise(maps, range(maps.shape[1]) if features is None else features)
        return (maps.to(noise.dtype) + noise * self.strength).to(maps.dtype)

    def prepare(self, maps: Tensor, features: Sequence[int]) -> object:
        """Draw the noise."""
        return self._noise(maps, features)

    def _noise(self, maps: Tensor, features: Sequence[int]) -> Tensor:
        sizes = tuple(maps.shape[2:])
        return _noise(self.seed, tuple(features), sizes, maps.device, summed_in(maps.dtype))


def _noise(
    seed: int, features: tuple[int, ...], sizes: tuple[int, ...], device: torch.device, precision: torch.dtype
) -> Tensor:
    """`(F, *sizes)`, drawn once for each kind of maps."""
    draw = _draw_few if len(features) * prod(sizes) > LARGE else _draw_many
    return draw(seed, features, sizes, device, precision)


@torch.inference_mode(False)  # what is kept may be wanted where gradients are
def _draw(
    seed: int, features: tuple[int, ...], sizes: tuple[int, ...], device: torch.device, precision: torch.dtype
) -> Tensor:
    """The noise of a feature depends on its number, not on which others are bent."""
    drawn = torch.empty(len(features), *sizes)
    for place, feature in enumerate(features):
        # RandomState, because its stream is frozen: the same seed draws the same in years to come.
        random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([seed, feature])))
        drawn[place] = torch.from_numpy(np.asarray(random.standard_normal(sizes)))
    return drawn.to(device, precision)


_draw_many = lru_cache(maxsize=64)(_draw)
_draw_few = lru_cache(maxsize=4)(_draw)
