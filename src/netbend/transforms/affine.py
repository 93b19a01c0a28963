"""Reflections, translations, scalings, rotations (paper, section 5.2).

Matrices are 2x3, act on pixel-centred coordinates - x to the right, y down, the origin in the
middle of the map, one pixel long - and say where a point of the input goes in the output. They
are composed first; one bilinear warp, with zeros outside the map, then moves all features at once.
"""

from collections.abc import Iterator
from math import cos, radians, sin
from typing import Annotated, Any, Self

import torch
from pydantic import BeforeValidator, model_validator
from torch import Tensor

from netbend.transforms.base import Transform, parameter, transform

FAR_OUTSIDE = 1e7  # pixels

Matrix = tuple[tuple[float, float, float], tuple[float, float, float]]


def translation(x: float, y: float) -> Matrix:
    """x, y in pixels (equation 3)."""
    return ((1.0, 0.0, x), (0.0, 1.0, y))


def scaling(kx: float, ky: float) -> Matrix:
    """Equation 4."""
    return ((kx, 0.0, 0.0), (0.0, ky, 0.0))


def rotation(degrees: float) -> Matrix:
    """Counter-clockwise as seen; y points down, so the sign of sin differs from equation 5."""
    c, s = _cos_sin(degrees % 360)
    return ((c, s, 0.0), (-s, c, 0.0))


def _cos_sin(degrees: float) -> tuple[float, float]:
    """Exact for right angles, so that turning by 90 moves pixels onto pixels."""
    exact = {0.0: (1.0, 0.0), 90.0: (0.0, 1.0), 180.0: (-1.0, 0.0), 270.0: (0.0, -1.0)}
    return exact.get(degrees, (cos(radians(degrees)), sin(radians(degrees))))


def warp(maps: Tensor, matrix: Matrix) -> Tensor:
    """Move maps `(N, F, H, W)` by a forward matrix: bilinear, zeros outside.

    Each output pixel is a weighted sum of four input pixels, found once for all features. Where
    pixels fall onto pixels the weights are exactly 0 and 1, and nothing is rounded. Half
    precision is summed in float32.
    """
    height, width = maps.shape[2:]
    flat = maps.flatten(2).to(torch.promote_types(maps.dtype, torch.float32))
    moved = torch.zeros_like(flat)
    for index, weight in _corners(matrix, height, width):
        moved.addcmul_(flat.index_select(2, index.to(maps.device)), weight.to(flat))
    return moved.reshape(maps.shape).to(maps.dtype)


def _corners(matrix: Matrix, height: int, width: int) -> Iterator[tuple[Tensor, Tensor]]:
    """For each output pixel the indices and weights of its four sources, `(H * W)` each."""
    x, y = _sources(matrix, height, width)
    left, top = x.floor(), y.floor()
    for row, row_weight in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, column_weight in ((left, 1 - (x - left)), (left + 1, x - left)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            index = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
            yield index.long().flatten(), (row_weight * column_weight * inside).flatten()


def _sources(matrix: Matrix, height: int, width: int) -> tuple[Tensor, Tensor]:
    """For each output pixel the column and row it comes from, `(H, W)` each, in float64."""
    (a, b, tx), (c, d, ty) = matrix
    determinant = a * d - b * c
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64) - middle_y - ty,
        torch.arange(width, dtype=torch.float64) - middle_x - tx,
        indexing="ij",
    )
    return _snapped((d * x - b * y) / determinant + middle_x), _snapped(
        (a * y - c * x) / determinant + middle_y
    )


def _snapped(position: Tensor) -> Tensor:
    """Positions a rounding error away from a pixel are that pixel; those beyond all maps stay finite."""
    position = position.nan_to_num(nan=-FAR_OUTSIDE).clamp(-FAR_OUTSIDE, FAR_OUTSIDE)
    return torch.where((position - position.round()).abs() < 1e-9, position.round(), position)


@transform("flip-h")
class FlipHorizontal(Transform):
    """Mirror left and right (section 5.2, equation 2)."""

    def __call__(self, maps: Tensor) -> Tensor:
        return maps.flip(3)


@transform("flip-v")
class FlipVertical(Transform):
    """Mirror top and bottom (section 5.2, equation 2)."""

    def __call__(self, maps: Tensor) -> Tensor:
        return maps.flip(2)


@transform("translate")
class Translate(Transform):
    """Shift the maps; what enters is zero (section 5.2, equation 3)."""

    x: float = parameter(doc="to the right", unit="widths", ge=-1, le=1, soft_range=(-1, 1))
    y: float = parameter(0.0, doc="down", unit="heights", ge=-1, le=1, soft_range=(-1, 1))

    def __call__(self, maps: Tensor) -> Tensor:
        height, width = maps.shape[2:]
        return warp(maps, translation(self.x * width, self.y * height))


@transform("scale")
class Scale(Transform):
    """Enlarge or shrink about the middle (section 5.2, equation 4)."""

    kx: float = parameter(doc="factor of the width; 0.6 shrinks", gt=0, soft_range=(0.1, 4))
    ky: float | None = parameter(
        None, doc="factor of the height; like kx if left out", gt=0, soft_range=(0.1, 4)
    )

    def __call__(self, maps: Tensor) -> Tensor:
        return warp(maps, scaling(self.kx, self.kx if self.ky is None else self.ky))


@transform("rotate")
class Rotate(Transform):
    """Turn about the middle, counter-clockwise (section 5.2, equation 5)."""

    angle: float = parameter(doc="counter-clockwise", unit="degrees", soft_range=(-180, 180))

    def __call__(self, maps: Tensor) -> Tensor:
        return warp(maps, rotation(self.angle))


def _as_rows(value: Any) -> Any:
    """Lists, as files have them, as the tuples that are declared."""
    rows = value if isinstance(value, list | tuple) else []
    if len(rows) != 2 or not all(isinstance(row, list | tuple) and len(row) == 3 for row in rows):
        raise ValueError("expected two rows of three numbers, [[a, b, tx], [c, d, ty]]")
    return tuple(tuple(row) for row in rows)


@transform("affine")
class Affine(Transform):
    """Any affine map of the plane (section 5.2, "other affine transformations").

    The matrix [[a, b, tx], [c, d, ty]] sends a point (x, y) of the input to (a x + b y + tx,
    c x + d y + ty), in pixels, x to the right, y down, from the middle of the map.
    """

    matrix: Annotated[Matrix, BeforeValidator(_as_rows)] = parameter(doc="2x3, invertible; shifts in pixels")

    @model_validator(mode="after")
    def _invertible(self) -> Self:
        (a, b, _), (c, d, _) = self.matrix
        if abs(a * d - b * c) < 1e-6:
            raise ValueError(
                "the matrix flattens the maps to a line (its determinant is 0); change a, b, c or d"
            )
        return self

    def __call__(self, maps: Tensor) -> Tensor:
        return warp(maps, self.matrix)
