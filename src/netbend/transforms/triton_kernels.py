"""Bends as kernels of Triton, each in one pass over the maps; `on_gpu` calls them."""
# mypy: ignore-errors
# ruff: noqa: E501, N803

import triton
import triton.language as tl

MULTIPLY, THRESHOLD, INVERT, ABLATE = (tl.constexpr(number) for number in range(4))


@triton.jit
def look(values, seen, count, BLOCK: tl.constexpr):
    """Note whether there is NaN, in `seen[0]`, or infinity, in `seen[1]`; where all is well nothing is written."""
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    _note(tl.load(values + place, mask=place < count, other=0.0).to(tl.float32), seen)


@triton.jit
def _note(values, seen):
    fine = tl.abs(values) < float("inf")
    if tl.sum((~fine).to(tl.int32)) > 0:
        # Everyone who writes writes the same.
        if tl.sum((values != values).to(tl.int32)) > 0:
            tl.store(seen, float("nan"))
        if tl.sum((tl.abs(values) == float("inf")).to(tl.int32)) > 0:
            tl.store(seen + 1, float("inf"))


@triton.jit
def _mixed(maps, bent, mix):
    """From both ends, so that a mix of 1 is the bent maps and one of 0 the others."""
    return tl.where(mix < 0.5, maps + mix * (bent - maps), bent - (1 - mix) * (bent - maps))


@triton.jit
def bend_values(
    values,
    feature,
    inside,
    numbers,
    chosen,
    seen,
    like,
    KIND: tl.constexpr,
    MIXED: tl.constexpr,
    SOME: tl.constexpr,
    LOOK: tl.constexpr,
):
    """Values of some features, float32, with one transform of single values; as maps of the type of `like`.

    numbers: the mix, then that of the transform. chosen: a byte a feature. seen: see `look`.
    """
    unbent = values.to(like.dtype.element_ty).to(tl.float32)
    if KIND == MULTIPLY:
        bent = unbent * tl.load(numbers + 1).to(tl.float32)
    elif KIND == THRESHOLD:
        least = tl.load(numbers + 1).to(tl.float32).to(like.dtype.element_ty).to(tl.float32)
        bent = tl.where(unbent >= least, 1.0, 0.0)
    elif KIND == INVERT:
        bent = 1 - unbent
    else:
        bent = tl.where(unbent == 0, unbent, 0.0)
    if MIXED:
        bent = _mixed(unbent, bent, tl.load(numbers).to(tl.float32))
    bent = bent.to(like.dtype.element_ty).to(tl.float32)
    looked = tl.where(inside, bent, 0.0)
    if SOME:
        selected = tl.load(chosen + feature) != 0
        bent = tl.where(selected, bent, unbent)
        looked = tl.where(selected, looked, 0.0)
    if LOOK:
        _note(looked, seen)
    return bent


@triton.jit
def pointwise(
    maps,
    out,
    numbers,
    chosen,
    seen,
    count,
    features,
    pixels,
    KIND: tl.constexpr,
    MIXED: tl.constexpr,
    SOME: tl.constexpr,
    LAST: tl.constexpr,
    LOOK: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """One transform of single values. LAST: whether the features of a pixel lie side by side, or else the
    pixels of a feature do."""
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = place < count
    feature = (place if LAST else place // pixels) % features
    values = tl.load(maps + place, mask=inside, other=0.0).to(tl.float32)
    bent = bend_values(values, feature, inside, numbers, chosen, seen, maps, KIND, MIXED, SOME, LOOK)
    tl.store(out + place, bent.to(out.dtype.element_ty), mask=inside)


@triton.jit
def sources(numbers, pixel, width):
    """The column and row at the upper left of where pixels come from, and how far they lie beyond them.

    By two rows of three in `numbers[1:7]`. In float64 is no more than has to be: every thread that shares a
    pixel does it again.
    """
    x, y = (pixel % width).to(tl.float64), (pixel // width).to(tl.float64)
    left, beside = _split(tl.load(numbers + 1) * x + (tl.load(numbers + 2) * y + tl.load(numbers + 3)))
    top, below = _split(tl.load(numbers + 4) * x + (tl.load(numbers + 5) * y + tl.load(numbers + 6)))
    return left, top, beside, below


@triton.jit
def _split(position):
    """The whole number below a position, int32, and the rest, float32.

    Positions a rounding error away from a pixel are that pixel; those far beyond all maps are outside.
    """
    nearest = tl.floor(position + 0.5)
    position = tl.where(tl.abs(position - nearest) < 1e-9, nearest, position)
    whole = tl.floor(position)
    near = tl.abs(position) < 1e7  # and no NaN
    return tl.where(near, whole, -10.0).to(tl.int32), tl.where(near, position - whole, 0.0).to(tl.float32)


@triton.jit
def corner(left, top, beside, below, height, width, NUMBER: tl.constexpr):
    """Of the four pixels around a source one: its place, its weight, and whether it is used at all."""
    column, row = left + (NUMBER & 1), top + (NUMBER >> 1)
    weight = (beside if NUMBER & 1 else 1 - beside) * (below if NUMBER >> 1 else 1 - below)
    there = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    used = there & (weight != 0)  # what has no weight is not read
    return tl.where(used, row * width + column, 0), tl.where(used, weight, 0.0), used


@triton.jit(do_not_specialize=["height", "width"])
def warp(
    maps,
    out,
    numbers,
    chosen,
    height,
    width,
    features,
    MIXED: tl.constexpr,
    SOME: tl.constexpr,
    PIXELS: tl.constexpr,
    FEATURES: tl.constexpr,
):
    """Bilinear, of channels-last maps `(N, height * width, features)`, zeros outside; positions in float64.

    numbers: the mix, then those of `sources`; chosen: a byte a feature.
    """
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    feature = tl.program_id(1) * FEATURES + tl.arange(0, FEATURES)
    sample = tl.program_id(2).to(tl.int64) * height * width * features
    left, top, beside, below = sources(numbers, pixel, width)
    inside = (pixel < height * width)[:, None] & (feature < features)[None, :]
    selected = feature < features
    if SOME:
        selected = tl.load(chosen + feature, mask=selected, other=0) != 0
    sums = tl.zeros([PIXELS, FEATURES], tl.float32)
    for number in tl.static_range(4):
        place, weight, used = corner(left, top, beside, below, height, width, number)
        mask = inside & used[:, None] & selected[None, :]
        values = tl.load(maps + sample + place[:, None] * features + feature[None, :], mask=mask, other=0.0)
        sums += values.to(tl.float32) * weight[:, None]
    place = sample + pixel[:, None] * features + feature[None, :]
    moved = sums.to(out.dtype.element_ty)
    if MIXED or SOME:
        unbent = tl.load(maps + place, mask=inside, other=0.0)
        if MIXED:
            mixed = _mixed(unbent.to(tl.float32), moved.to(tl.float32), tl.load(numbers).to(tl.float32))
            moved = mixed.to(out.dtype.element_ty)
        moved = tl.where(selected[None, :], moved, unbent)
    tl.store(out + place, moved, mask=inside)


@triton.jit(do_not_specialize=["height", "width"])
def under_disc(
    maps,
    out,
    numbers,
    chosen,
    height,
    width,
    features,
    LARGEST: tl.constexpr,
    MIXED: tl.constexpr,
    SOME: tl.constexpr,
    PIXELS: tl.constexpr,
    FEATURES: tl.constexpr,
):
    """The largest, or smallest, value under a disc, of channels-last maps; their outside is ignored.

    numbers: the mix, then the radius. Every pixel of the disc is read: they lie in the cache.
    """
    radius = tl.load(numbers + 1).to(tl.int32)
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    feature = tl.program_id(1) * FEATURES + tl.arange(0, FEATURES)
    maps += tl.program_id(2).to(tl.int64) * height * width * features
    out += tl.program_id(2).to(tl.int64) * height * width * features
    y, x = pixel // width, pixel % width
    inside = (pixel < height * width)[:, None] & (feature < features)[None, :]
    outside = -float("inf") if LARGEST else float("inf")
    place = pixel[:, None] * features + feature[None, :]
    unbent = tl.load(maps + place, mask=inside, other=0.0)
    found = unbent.to(tl.float32)
    for down in range(-radius, radius + 1):
        half = tl.floor(tl.sqrt((radius * radius - down * down).to(tl.float32)) + 0.5).to(tl.int32)
        for across in range(-half, half + 1):
            there = (y + down >= 0) & (y + down < height) & (x + across >= 0) & (x + across < width)
            away = (down * width + across) * features
            values = tl.load(maps + place + away, mask=inside & there[:, None], other=outside)
            if LARGEST:
                found = tl.maximum(found, values.to(tl.float32), propagate_nan=tl.PropagateNan.ALL)
            else:
                found = tl.minimum(found, values.to(tl.float32), propagate_nan=tl.PropagateNan.ALL)
    if MIXED:
        found = _mixed(unbent.to(tl.float32), found, tl.load(numbers).to(tl.float32))
    bent = found.to(out.dtype.element_ty)
    if SOME:
        selected = tl.load(chosen + feature, mask=feature < features, other=0) != 0
        bent = tl.where(selected[None, :], bent, unbent)
    tl.store(out + place, bent, mask=inside)
