"""Erosion and dilation where gradients are wanted: each result is gathered from the pixel that it comes from.

A gather has gradients, of any order. Which pixel it is comes of the growth of the disc, as the values do,
with the number of the pixel carried along.
"""

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.transforms.disc import Point, disc_growth

OUTSIDE = -1


def extremum_by_gathering(maps: Tensor, radius: int, largest: bool) -> Tensor:
    """The largest, or smallest, value under a disc of maps `(N, F, H, W)`; of equal ones the first found."""
    with torch.no_grad():
        places = _places_of_largest(maps if largest else -maps, radius)
    return maps.flatten(2).gather(2, places.flatten(2)).view(maps.shape)


def _places_of_largest(maps: Tensor, radius: int) -> Tensor:
    """For each pixel the number, row by row, of the largest value under the disc; NaN is above all."""
    height, width = maps.shape[2:]
    growth = disc_growth(radius, height, width)
    rows, columns = growth.rows, growth.columns
    around = (columns, columns, rows, rows)
    numbers = torch.arange(height * width, device=maps.device).view(1, 1, height, width)
    given = _Found(F.pad(maps, around, value=-inf), F.pad(numbers, around, value=OUTSIDE), (-rows, -columns))
    # Results lie where the first pixel of the disc does, as seen from the pixel that they belong to.
    down, right = growth.start
    parts = [(down, down + height, right, right + width)]
    for step_down, step_right in reversed(growth.shifts):
        top, bottom, left, end = parts[-1]
        parts.append((top, bottom + step_down, left + min(0, step_right), end + max(0, step_right)))
    found = given.part(parts.pop(), (0, 0))
    for step in growth.steps:
        part = parts.pop()
        grown = found.part(part, (0, 0)).or_larger(found.part(part, step.shift))
        for row, column in step.extra:
            grown = grown.or_larger(given.part(part, (row - down, column - right)))
        found = grown
    return found.places.expand(maps.shape)


@dataclass(frozen=True)
class _Found:
    """The largest values so far, and their places; corner: row and column of the first of them."""

    values: Tensor
    places: Tensor
    corner: Point

    def part(self, part: tuple[int, int, int, int], away: Point) -> "_Found":
        """Rows and columns from where to where, of what is so far down and to the right of them."""
        top, bottom, left, right = part
        down, across = away[0] - self.corner[0], away[1] - self.corner[1]
        rows, columns = slice(top + down, bottom + down), slice(left + across, right + across)
        return _Found(self.values[..., rows, columns], self.places[..., rows, columns], (top, left))

    def or_larger(self, other: "_Found") -> "_Found":
        better = (other.values > self.values) | other.values.isnan() | (self.places == OUTSIDE)
        return _Found(
            torch.where(better, other.values, self.values),
            torch.where(better, other.places, self.places),
            self.corner,
        )
