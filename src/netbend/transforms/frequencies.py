"""Filters of spatial frequencies."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from netbend.transforms.axes import Axes
from netbend.transforms.base import Transform, parameter, transform
from netbend.transforms.planes import laid_out_as, summed_in

ROUNDING = 1e-9  # of frequencies, which are compared with bounds that people write


@transform("fft-filter")
class FFTFilter(Transform):
    """Keep a band of spatial frequencies, in all directions alike (an ideal filter, by Fourier transform).

    `high` alone keeps what is coarse, `low` alone what is fine, both the band between them. Where `low` is
    above `high`, that band is taken out. A `low` above 0 takes away the mean of each map, too.
    """

    axes = Axes.SPATIAL

    low: float = parameter(
        0.0, doc="least frequency kept: 0 the mean, 1 the finest", ge=0, le=1, soft_range=(0, 1)
    )
    high: float = parameter(
        1.0,
        doc="greatest frequency kept; below low, the band between is removed",
        ge=0,
        le=1,
        soft_range=(0, 1),
    )

    def __call__(self, maps: Tensor) -> Tensor:
        if maps.numel() == 0:
            return maps.clone()
        precision, sizes = summed_in(maps.dtype), tuple(maps.shape[2:])
        planes = maps.to(precision).contiguous().flatten(0, 1)
        single = len(planes) == 1
        if single:  # libraries treat several planes alike, but one alone in another order
            planes = planes.expand(2, *sizes)
        axes = tuple(range(1, planes.ndim))
        spectra = torch.fft.rfftn(planes, dim=axes) * self._gains(maps)
        filtered = torch.fft.irfftn(spectra, s=sizes, dim=axes)
        return laid_out_as((filtered[:1] if single else filtered).view(maps.shape).to(maps.dtype), maps)

    def prepare(self, maps: Tensor, features: Sequence[int]) -> object:  # noqa: ARG002
        """Find which frequencies are kept."""
        return self._gains(maps)

    def _gains(self, maps: Tensor) -> Tensor:
        return _gains(self.low, self.high, tuple(maps.shape[2:]), maps.device, summed_in(maps.dtype))


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # what is kept may be wanted where gradients are
def _gains(
    low: float, high: float, sizes: tuple[int, ...], device: torch.device, precision: torch.dtype
) -> Tensor:
    """1 for the frequencies that are kept, 0 for the others, as `rfftn` lays them out."""
    frequencies = _frequencies(sizes)
    above, below = frequencies >= low - ROUNDING, frequencies <= high + ROUNDING
    kept = above & below if low <= high else above | below
    return torch.from_numpy(kept).to(device, precision)


def _frequencies(sizes: tuple[int, ...]) -> np.ndarray:
    """Of each place in a spectrum, as a share of the highest that maps of these sizes can hold."""
    along = [2 * np.abs(np.fft.fftfreq(size)) for size in sizes[:-1]]
    along.append(2 * np.fft.rfftfreq(sizes[-1]))
    axes = max(sum(size > 1 for size in sizes), 1)
    return np.sqrt(sum(np.square(grid) for grid in np.meshgrid(*along, indexing="ij")) / axes)
