"""Transformations that put whole pixels or whole features elsewhere."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from netbend.limits import MAX_SEED
from netbend.transforms.axes import Axes
from netbend.transforms.base import Transform, parameter, transform
from netbend.transforms.planes import by_pixels, from_pixel_rows, pixel_rows


@transform("roll")
class Roll(Transform):
    """Shift the maps by whole pixels; what leaves at one edge enters at the other."""

    axes = Axes.LINE
    upright = "y"
    stays_finite = True

    x: float = parameter(doc="to the right", unit="widths", ge=-1, le=1, soft_range=(-1, 1))
    y: float = parameter(0.0, doc="down", unit="heights", ge=-1, le=1, soft_range=(-1, 1))

    def __call__(self, maps: Tensor) -> Tensor:
        for axis, share in ((-1, self.x), (-2, self.y)):
            if share:
                maps = maps.roll(round(share * maps.shape[axis]), axis)
        return maps if self.x or self.y else maps.clone()


@transform("shuffle")
class Shuffle(Transform):
    """Exchange the selected features among themselves, by chance."""

    axes = Axes.NONE
    stays_finite = True

    seed: int = parameter(0, doc="of the order", ge=0, le=MAX_SEED, soft_range=(0, 999))

    def __call__(self, maps: Tensor) -> Tensor:
        order = _order(self.seed, maps.shape[1], maps.device)
        if not by_pixels(maps):
            return maps.index_select(1, order)
        return from_pixel_rows(pixel_rows(maps).index_select(2, order), maps)

    def prepare(self, maps: Tensor, features: Sequence[int]) -> object:
        """Draw the order."""
        return _order(self.seed, len(features), maps.device)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # what is kept may be wanted where gradients are
def _order(seed: int, count: int, device: torch.device) -> Tensor:
    """Which feature goes to each place."""
    # RandomState, because its stream is frozen: the same seed draws the same in years to come.
    random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))
    return torch.from_numpy(random.permutation(count)).to(device)
