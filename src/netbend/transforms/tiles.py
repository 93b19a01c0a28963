"""Maps cut into tiles that fit the caches of a processor, each with a margin around it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import isqrt

from torch import Tensor

CACHED_BYTES = 3 << 20  # of a tile; a few of them fit
UNCACHED_BYTES = 256 << 20  # ... on a GPU, where what counts is how few there are
FEWEST_VALUES = 64  # side by side, when they are cut: copies of fewer are slow


@dataclass(frozen=True)
class Tile:
    """A part of planes `(B, H, W, V)`, laid out in memory with a margin around each plane.

    A margin at the right can be the one at the left of the next row, too. A pixel's neighbour, of any
    pixel and within the margins, is a fixed number of places away, so all pixels together are one span
    of memory, with their neighbours in another: no row has to be treated by itself.

    planes, rows, columns, values: which part, without margins. margin_rows, margin_columns: in pixels,
    on each side. gap: pixels between the rows in memory, one or two margins.
    """

    planes: slice
    rows: slice
    columns: slice
    values: slice
    margin_rows: int
    margin_columns: int
    gap: int

    @cached_property
    def shape(self) -> tuple[int, int, int, int]:
        """Planes, rows, columns and values."""
        planes, rows, columns, values = (
            part.stop - part.start for part in (self.planes, self.rows, self.columns, self.values)
        )
        return planes, rows, columns, values

    @cached_property
    def strides(self) -> tuple[int, int, int, int]:
        """Places in memory from plane to plane, row to row, column to column, value to value."""
        _, rows, columns, values = self.shape
        row = (columns + self.gap) * values
        return (rows + 2 * self.margin_rows) * row, row, values, 1

    @cached_property
    def places(self) -> int:
        """Numbers in its memory."""
        return self.margin_columns * self.strides[2] + self.shape[0] * self.strides[0]

    @cached_property
    def span(self) -> tuple[int, int]:
        """Where its first pixel begins and its last one ends."""
        first = self.away(self.margin_rows, self.margin_columns)
        last_row = (self.shape[0] - 1) * self.strides[0] + (self.shape[1] - 1) * self.strides[1]
        return first, first + last_row + self.shape[2] * self.strides[2]

    def away(self, rows: int, columns: int) -> int:
        """How many places away a neighbour is, so many rows down and columns to the right."""
        return rows * self.strides[1] + columns * self.strides[2]

    def pixels(self, memory: Tensor, away: int = 0) -> Tensor:
        """Its pixels in its memory `(planes, rows, columns, values)`, or a neighbour of each."""
        return memory.as_strided(self.shape, self.strides, self.span[0] + away)

    def of(self, planes: Tensor) -> Tensor:
        """Its pixels among all."""
        return planes[self.planes, self.rows, self.columns, self.values]

    def fill(self, memory: Tensor, planes: Tensor, outside: float) -> None:
        """Lay it out: its pixels, those around them, and `outside` where there are none."""
        top, bottom = _widened(self.rows, self.margin_rows, planes.shape[1])
        left, right = _widened(self.columns, self.margin_columns, planes.shape[2])
        around = planes[self.planes, top:bottom, left:right, self.values]
        above, before = self.rows.start - top, self.columns.start - left
        self._clear_margins(
            memory, self.margin_rows - above, bottom - top, right - self.columns.start, outside
        )
        start = self.span[0] - self.away(above, before)
        memory.as_strided(around.shape, self.strides, start).copy_(around)

    def _clear_margins(self, memory: Tensor, above: int, rows: int, columns: int, outside: float) -> None:
        """Write `outside` above and below so many rows, and from the end of the columns to the next row."""
        row = self.strides[1]
        first = self.away(0, self.margin_columns)
        memory[:first].fill_(outside)
        lines = memory[first : self.places].view(self.shape[0], -1, row)
        lines[:, :above].fill_(outside)
        lines[:, above + rows :].fill_(outside)
        lines[:, above : above + rows, columns * self.strides[2] :].fill_(outside)


def _widened(part: slice, margin: int, whole: int) -> tuple[int, int]:
    return max(part.start - margin, 0), min(part.stop + margin, whole)


def tiles(planes: Tensor, margin_rows: int, margin_columns: int) -> Iterator[Tile]:
    """Cut planes `(B, H, W, V)`: several whole ones if they are small, or else values, or else pixels.

    The first tile is the largest.
    """
    count, height, width, values = planes.shape
    limit = (CACHED_BYTES if planes.device.type == "cpu" else UNCACHED_BYTES) // planes.element_size()
    plane_pixels = (height + 2 * margin_rows) * (width + margin_columns)
    while plane_pixels * values > limit and values >= 2 * FEWEST_VALUES:
        values = -(-values // 2)
    rows, columns = height, width
    if plane_pixels * values > limit:
        side = isqrt(limit // values)
        columns = _side(side, margin_columns, width)
        rows = _side(limit // values // (columns + 2 * margin_columns), margin_rows, height)
    together = max(limit // (plane_pixels * values), 1)
    gap = margin_columns if columns == width else 2 * margin_columns
    for part in product(
        _cut(count, together), _cut(height, rows), _cut(width, columns), _cut(planes.shape[3], values)
    ):
        yield Tile(*part, margin_rows, margin_columns, gap)


def _side(whole: int, margin: int, most: int) -> int:
    """The side of a tile without margins: not much shorter than those, and not a little short of all."""
    side = max(whole - 2 * margin, 2 * margin, 1)
    return most if side * 3 > most * 2 else side


def _cut(length: int, size: int) -> list[slice]:
    return [slice(first, min(first + size, length)) for first in range(0, length, size)]
