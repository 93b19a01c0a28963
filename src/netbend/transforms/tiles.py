"""Maps cut into tiles that fit the caches of a processor, each with a margin around it."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

CACHED_BYTES = 2 << 20  # of a tile; a few of them fit
UNCACHED_BYTES = 256 << 20  # ... on a GPU, where what counts is how few there are


@dataclass(frozen=True)
class Tile:
    """Some rows of some planes `(B, H, W, V)`, laid out in memory with a margin around each plane.

    A margin at the right is also the one at the left of the next row. So a pixel's neighbour, of any
    pixel and within the margins, is a fixed number of places away, and all pixels together are one
    span of memory with their neighbours in another: no row has to be treated by itself.
    """

    planes: slice
    rows: slice
    width: int
    values: int  # side by side at each pixel
    margin_rows: int
    margin_columns: int

    @property
    def height(self) -> int:
        return self.rows.stop - self.rows.start

    @property
    def _row_places(self) -> int:
        return (self.width + self.margin_columns) * self.values

    @property
    def _plane_places(self) -> int:
        return (self.height + 2 * self.margin_rows) * self._row_places

    @property
    def places(self) -> int:
        """Numbers in its memory."""
        return self.margin_columns * self.values + self._count * self._plane_places

    @property
    def _count(self) -> int:
        return self.planes.stop - self.planes.start

    @property
    def span(self) -> tuple[int, int]:
        """Where its own first pixel begins and its last one ends."""
        first = self.margin_columns * self.values + self.margin_rows * self._row_places
        last_row = (self._count - 1) * self._plane_places + (self.height - 1) * self._row_places
        return first, first + last_row + self.width * self.values

    def away(self, rows: int, columns: int) -> int:
        """How many places away a neighbour is, so many rows down and columns to the right."""
        return rows * self._row_places + columns * self.values

    def pixels(self, memory: Tensor, away: int = 0, rows_above: int = 0, rows_below: int = 0) -> Tensor:
        """Its own pixels in its memory `(count, height, width, V)`, or neighbours of each, or more rows."""
        shape = (self._count, rows_above + self.height + rows_below, self.width, self.values)
        strides = (self._plane_places, self._row_places, self.values, 1)
        return memory.as_strided(shape, strides, self.span[0] + away - rows_above * self._row_places)

    def fill(self, memory: Tensor, planes: Tensor, outside: float) -> None:
        """Lay it out: its pixels, their neighbours above and below, and `outside` where there are none."""
        above = min(self.margin_rows, self.rows.start)
        below = min(self.margin_rows, planes.shape[1] - self.rows.stop)
        memory[: self.places].fill_(outside)
        source = planes[self.planes, self.rows.start - above : self.rows.stop + below]
        self.pixels(memory, 0, above, below).copy_(source)

    def of(self, planes: Tensor) -> Tensor:
        """Its own pixels among all `(count, height, width, V)`."""
        return planes[self.planes, self.rows]


def tiles(planes: Tensor, margin_rows: int, margin_columns: int) -> Iterator[Tile]:
    """Cut planes `(B, H, W, V)` into whole planes, several if they are small, or else into rows of one.

    The first is the largest.
    """
    count, height, width, values = planes.shape
    limit = CACHED_BYTES if planes.device.type == "cpu" else UNCACHED_BYTES
    row_bytes = (width + margin_columns) * values * planes.element_size()
    most_rows = max(limit // row_bytes - 2 * margin_rows, 2 * margin_rows, 1)
    most_planes = max(limit // ((height + 2 * margin_rows) * row_bytes), 1) if most_rows >= height else 1
    for first in range(0, count, most_planes):
        chosen = slice(first, min(first + most_planes, count))
        for top in range(0, height, most_rows):
            rows = slice(top, min(top + most_rows, height))
            yield Tile(chosen, rows, width, values, margin_rows, margin_columns)
