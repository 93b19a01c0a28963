"""A bilinear warp as a kernel of Triton; `warp_on_gpu` calls it."""
# mypy: ignore-errors
# ruff: noqa: N803

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["height", "width"])
def warp(maps, moved, matrix, height, width, features, PIXELS: tl.constexpr, FEATURES: tl.constexpr):
    """Of channels-last maps `(N, height * width, features)`, zeros outside. The positions are in float64."""
    a, b, shift_x = tl.load(matrix), tl.load(matrix + 1), tl.load(matrix + 2)
    c, d, shift_y = tl.load(matrix + 3), tl.load(matrix + 4), tl.load(matrix + 5)
    determinant = a * d - b * c
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    feature = tl.program_id(1) * FEATURES + tl.arange(0, FEATURES)
    sample = tl.program_id(2).to(tl.int64) * height * width * features
    middle_x, middle_y = (width - 1).to(tl.float64) * 0.5, (height - 1).to(tl.float64) * 0.5
    x = (pixel % width).to(tl.float64) - middle_x - shift_x
    y = (pixel // width).to(tl.float64) - middle_y - shift_y
    from_x = _snapped((d * x - b * y) / determinant + middle_x)
    from_y = _snapped((a * y - c * x) / determinant + middle_y)
    left, top = tl.floor(from_x), tl.floor(from_y)
    sums = tl.zeros([PIXELS, FEATURES], tl.float32)
    for corner in tl.static_range(4):
        column, row = left + (corner & 1), top + (corner >> 1)
        beside, below = from_x - left, from_y - top
        weight = (beside if corner & 1 else 1 - beside) * (below if corner >> 1 else 1 - below)
        weight = weight.to(tl.float32)
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        used = inside & (weight != 0) & (pixel < height * width)  # what has no weight is not read
        place = tl.where(used, row.to(tl.int32) * width + column.to(tl.int32), 0)
        mask = used[:, None] & (feature < features)[None, :]
        values = tl.load(maps + sample + place[:, None] * features + feature[None, :], mask=mask, other=0.0)
        sums += values.to(tl.float32) * tl.where(used, weight, 0.0)[:, None]
    mask = (pixel < height * width)[:, None] & (feature < features)[None, :]
    place = sample + pixel[:, None] * features + feature[None, :]
    tl.store(moved + place, sums.to(moved.dtype.element_ty), mask=mask)


@triton.jit
def _snapped(position):
    """Positions a rounding error away from a pixel are that pixel; those beyond all maps stay finite."""
    position = tl.where(position == position, position, -1e7)
    position = tl.where(position > 1e7, 1e7, tl.where(position < -1e7, -1e7, position))
    nearest = tl.floor(position + 0.5)
    return tl.where(tl.abs(position - nearest) < 1e-9, nearest, position)
