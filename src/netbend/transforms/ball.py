"""Erosion and dilation of volumes with a ball."""

from functools import lru_cache
from math import inf, isqrt, sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.transforms.planes import laid_out_as

CACHED_VALUES = 1 << 17  # of volumes that are treated together; a few times as many are worked with

Offset = tuple[int, int]  # slices in depth, rows down


@lru_cache(maxsize=256)
def ball(radius: int, most_deep: int, most_down: int) -> dict[int, list[Offset]]:
    """The lines of a ball along the width, by how far they reach to both sides of their middle.

    The line so many slices and rows away reaches round(sqrt(radius² - slices² - rows²)) pixels: the slice
    through the middle is the disc. Lines further away than the most are left out.
    """
    lines: dict[int, list[Offset]] = {}
    deepest = min(radius, most_deep)
    for deep in range(-deepest, deepest + 1):
        widest = min(isqrt(radius**2 - deep**2), most_down)
        for down in range(-widest, widest + 1):
            lines.setdefault(round(sqrt(radius**2 - deep**2 - down**2)), []).append((deep, down))
    return dict(sorted(lines.items()))


def largest_in_ball(maps: Tensor, radius: int) -> Tensor:
    """The largest value of `(N, F, D, H, W)` within a ball, what lies outside of the volume ignored."""
    volumes = maps.contiguous().flatten(0, 1)
    count = max(CACHED_VALUES // max(volumes[:1].numel(), 1), 1)
    found = torch.cat([_largest(some, radius) for some in torch.split(volumes, count)])
    return laid_out_as(found.view(maps.shape), maps)


def _largest(volumes: Tensor, radius: int) -> Tensor:
    depth, height, width = volumes.shape[1:]
    deep, down, across = (min(radius, size - 1) for size in (depth, height, width))
    wide = F.pad(volumes, (across, across, down, down, deep, deep), value=-inf)

    def along(reach: int) -> Tensor:
        return wide.narrow(3, across + reach, width)

    found, line, reached = volumes, along(0), 0
    for reach, offsets in ball(radius, deep, down).items():
        while reached < min(reach, across):
            reached += 1
            line = torch.maximum(line, torch.maximum(along(-reached), along(reached)))
        for slices, rows in offsets:
            part = line.narrow(1, deep + slices, depth).narrow(2, down + rows, height)
            found = torch.maximum(found, part)
    return found
