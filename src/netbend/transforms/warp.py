"""One bilinear warp for all features: where each pixel comes from is found once, and kept.

Matrices are 2x3, act on pixel-centred coordinates - x to the right, y down, the origin in the
middle of the map, one pixel long - and say where a point of the input goes in the output.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.transforms.planes import batch_of, from_pixel_rows, has_gradients, pixel_rows, summed_in

FAR_OUTSIDE = 1e7  # pixels
LARGE = 256 * 256  # pixels; the table of a larger map takes up to 36 bytes a pixel, and few are kept

Matrix = tuple[tuple[float, float, float], tuple[float, float, float]]


def warp(maps: Tensor, matrix: Matrix) -> Tensor:
    """Move maps `(N, F, H, W)` by a forward matrix: bilinear, zeros outside.

    Each output pixel is a weighted sum of up to four input pixels, the same for all features. Where
    pixels fall onto pixels nothing is rounded, and what has no weight is not read. Half precision
    is summed in float32.
    """
    if len(maps) == 0:
        return maps.clone()
    height, width = maps.shape[2:]
    precision = summed_in(maps.dtype)
    table = sources(matrix, height, width, maps.device, precision)
    rows = pixel_rows(maps).to(precision)
    moved = batch_of([table.weighted_sums(sample).to(maps.dtype) for sample in rows])
    return from_pixel_rows(moved, maps)


@dataclass(frozen=True)
class Sources:
    """For each output pixel the input pixels it is the weighted sum of.

    pixels, weights: of all output pixels one after the other. starts: where each begins, and the end.
    """

    pixels: Tensor
    weights: Tensor
    starts: Tensor

    def weighted_sums(self, rows: Tensor) -> Tensor:
        """From input pixels `(H * W, F)` the output pixels `(H * W, F)`."""
        if has_gradients(rows):
            return _WeightedSums.apply(rows, self)  # type: ignore[no-untyped-call]
        return self.sum_up(rows)

    @cached_property
    @torch.inference_mode(False)
    def turned_round(self) -> "Sources":
        """For each input pixel the output pixels that it adds to: what gradients are sums of."""
        order = self.pixels.argsort(stable=True)
        counts = self.starts.diff()
        outputs = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
        starts = F.pad(torch.bincount(self.pixels, minlength=len(counts)).cumsum(0), (1, 0))
        return Sources(outputs[order].int(), self.weights[order], starts.int())

    def sum_up(self, rows: Tensor) -> Tensor:
        """The same, without gradients."""
        # An embedding bag is this sum: whole rows of features, each read once and added in registers.
        return F.embedding_bag(
            self.pixels,
            rows,
            self.starts,
            mode="sum",
            per_sample_weights=self.weights,
            include_last_offset=True,
        )


class _WeightedSums(torch.autograd.Function):
    """An embedding bag has gradients, but they have none."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, table: Sources) -> Tensor:
        ctx.table = table
        return table.sum_up(rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.table.turned_round.weighted_sums(gradient.contiguous()), None


def sources(matrix: Matrix, height: int, width: int, device: torch.device, precision: torch.dtype) -> Sources:
    """The table of a warp, made once for each matrix, size and device."""
    find = _few_sources if height * width > LARGE else _many_sources
    return find(matrix, height, width, device, precision)


@torch.inference_mode(False)  # what is kept may be wanted where gradients are
def _find_sources(
    matrix: Matrix, height: int, width: int, device: torch.device, precision: torch.dtype
) -> Sources:
    pixels, weights = (
        torch.stack(corners, dim=-1) for corners in zip(*_corners(matrix, height, width), strict=True)
    )
    counts = torch.count_nonzero(weights, dim=-1)
    starts = F.pad(counts.cumsum(0), (1, 0))
    used = weights != 0
    return Sources(
        pixels[used].to(device),
        weights[used].to(device, precision),
        starts.to(device, torch.int32),
    )


_many_sources = lru_cache(maxsize=64)(_find_sources)
_few_sources = lru_cache(maxsize=4)(_find_sources)


def _corners(matrix: Matrix, height: int, width: int) -> Iterator[tuple[Tensor, Tensor]]:
    """For each output pixel the indices and weights of its four sources, `(H * W)` each."""
    x, y = _positions(matrix, height, width)
    left, top = x.floor(), y.floor()
    for row, row_weight in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, column_weight in ((left, 1 - (x - left)), (left + 1, x - left)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            index = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
            weight = (row_weight * column_weight).float() * inside
            yield index.int().flatten(), weight.flatten()


def _positions(matrix: Matrix, height: int, width: int) -> tuple[Tensor, Tensor]:
    """For each output pixel the column and row it comes from, `(H, W)` each, in float64."""
    (a, b, tx), (c, d, ty) = matrix
    determinant = a * d - b * c
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    x = torch.arange(width, dtype=torch.float64) - middle_x - tx
    y = torch.arange(height, dtype=torch.float64)[:, None] - middle_y - ty
    return (
        _snapped((d * x - b * y) / determinant + middle_x),
        _snapped((a * y - c * x) / determinant + middle_y),
    )


def origins(matrix: Matrix, height: int, width: int) -> tuple[float, ...]:
    """Two rows of three, one after the other: times (x, y, 1), the column and row of a pixel of maps of that
    size, they give the column and row that it comes from."""
    (a, b, tx), (c, d, ty) = matrix
    determinant = a * d - b * c
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    rows = ((d / determinant, -b / determinant, middle_x), (-c / determinant, a / determinant, middle_y))
    return tuple(
        number
        for along_x, along_y, middle in rows
        for number in (along_x, along_y, middle - along_x * (middle_x + tx) - along_y * (middle_y + ty))
    )


def _snapped(position: Tensor) -> Tensor:
    """Positions a rounding error away from a pixel are that pixel; those beyond all maps stay finite."""
    position = position.nan_to_num(nan=-FAR_OUTSIDE).clamp(-FAR_OUTSIDE, FAR_OUTSIDE)
    return torch.where((position - position.round()).abs() < 1e-9, position.round(), position)
