"""Erosion and dilation with a disc (paper, section 5.3)."""

from math import sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.transforms.base import Transform, parameter, transform

LARGEST_RADIUS = 1024


def disc(radius: int) -> list[int]:
    """A disc as OpenCV draws its elliptical structuring element of size 2r + 1.

    For each row from -r to r, how far it reaches to both sides of the centre, in pixels.
    """
    return [round(sqrt(radius**2 - row**2)) for row in range(-radius, radius + 1)]


def dilate(maps: Tensor, radius: int) -> Tensor:
    """Grey-scale dilation of `(N, F, H, W)`: the largest value under the disc, the map's outside ignored.

    The disc is a stack of horizontal runs. Runs of one length share a running maximum along the
    rows, and the maxima are then combined from row to row.
    """
    height, width = maps.shape[2:]
    reach: dict[int, list[int]] = {}
    for row, half in zip(range(-radius, radius + 1), disc(radius), strict=True):
        if abs(row) < height:
            reach.setdefault(min(half, width - 1), []).append(row)
    dilated = torch.full_like(maps, -torch.inf)
    for half, rows in reach.items():
        running = F.max_pool2d(maps, (1, 2 * half + 1), stride=1, padding=(0, half)) if half else maps
        for row in rows:
            onto = dilated[:, :, max(0, -row) : height - max(0, row)]
            torch.maximum(onto, running[:, :, max(0, row) : height - max(0, -row)], out=onto)
    return dilated


def erode(maps: Tensor, radius: int) -> Tensor:
    """Grey-scale erosion: the smallest value under the disc, the map's outside ignored."""
    return -dilate(-maps, radius)


@transform("erode")
class Erode(Transform):
    """Thin bright shapes out: the smallest value within r pixels (section 5.3)."""

    r: int = parameter(doc="radius of the disc", unit="pixels", ge=1, le=LARGEST_RADIUS, soft_range=(1, 8))

    def __call__(self, maps: Tensor) -> Tensor:
        return erode(maps, self.r)


@transform("dilate")
class Dilate(Transform):
    """Make bright shapes grow: the largest value within r pixels (section 5.3)."""

    r: int = parameter(doc="radius of the disc", unit="pixels", ge=1, le=LARGEST_RADIUS, soft_range=(1, 8))

    def __call__(self, maps: Tensor) -> Tensor:
        return dilate(maps, self.r)
