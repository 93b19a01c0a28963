"""Triton kernels of training on a GPU: passes over maps that no convolution makes, each as one.

Maps are `(N, C, H, W)` with the channels last in memory, of any floating-point type; sums are kept in
float32. What they compute is said, and done in plain torch, in `operations`.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: N803

import os

import torch
import triton
import triton.language as tl
from torch import Tensor

CHANNELS = 64  # at most, of a program
PIXELS = 32  # at once, of a program
PIXELS_SUMMED = 512  # of a program that adds up over pixels
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


# Numbers that change from map to map are no reason to compile anew, even where they are 1 or fit well.
@triton.jit(
    do_not_specialize=["height", "width", "out_height", "out_width", "pixels", "vectors", "pad", "gain"]
)
def _resample(
    x, y, height, width, out_height, out_width, pixels, vectors, pad, gain,
    UP: tl.constexpr, DOWN: tl.constexpr, VECTOR: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    channels = vectors * VECTOR
    p = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    there, known = p < pixels, c < channels
    column = p % out_width
    row = (p // out_width) % out_height
    sample = p // (out_width * out_height)
    first_row, first_column = row * DOWN - pad, column * DOWN - pad
    # Between samples that are `UP` apart lie zeros: only every UP-th tap meets a sample.
    skipped_rows, skipped_columns = first_row & (UP - 1), first_column & (UP - 1)
    total = tl.zeros((PIXELS, CHANNELS), dtype=tl.float32)
    for i in tl.static_range(4 // UP):
        tap_row = skipped_rows + UP * i
        from_row = (first_row + tap_row) // UP
        in_row = there & (first_row + tap_row >= 0) & (from_row < height)
        row_weight = tl.where((tap_row == 1) | (tap_row == 2), 3.0, 1.0)
        for j in tl.static_range(4 // UP):
            tap_column = skipped_columns + UP * j
            from_column = (first_column + tap_column) // UP
            inside = in_row & (first_column + tap_column >= 0) & (from_column < width)
            weight = row_weight * tl.where((tap_column == 1) | (tap_column == 2), 3.0, 1.0)
            place = ((sample * height + from_row) * width + from_column).to(tl.int64) * channels
            mask = inside[:, None] & known[None, :]
            value = tl.load(x + place[:, None] + c[None, :], mask=mask, other=0.0).to(tl.float32)
            total += value * weight[:, None]
    place = p.to(tl.int64) * channels
    tl.store(y + place[:, None] + c[None, :], total * gain, mask=there[:, None] & known[None, :])


def resample(maps: Tensor, up: int, down: int, pad: int, size: tuple[int, int], gain: float) -> Tensor:
    """As `operations.resample`."""
    maps = maps.contiguous(memory_format=torch.channels_last)
    batch, channels, height, width = maps.shape
    result = _empty(maps, (batch, channels, *size))
    pixels = batch * size[0] * size[1]
    vector, block = _vector(channels), _block(channels)
    _resample[(triton.cdiv(pixels, PIXELS), triton.cdiv(channels, block))](
        maps, result, height, width, *size, pixels, channels // vector, pad, gain / 64,
        UP=up, DOWN=down, VECTOR=vector, PIXELS=PIXELS, CHANNELS=block,
    )  # fmt: skip
    return result


@triton.jit(do_not_specialize=["area", "pixels", "vectors", "slope", "gain", "clamp"])
def _activate(
    x, y, factor, bias, noise, strength, area, pixels, vectors, slope, gain, clamp,
    BY_FACTOR: tl.constexpr, BY_BIAS: tl.constexpr, BY_NOISE: tl.constexpr,
    VECTOR: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    channels = vectors * VECTOR
    p = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    there, known = p < pixels, c < channels
    mask = there[:, None] & known[None, :]
    place = p.to(tl.int64)[:, None] * channels + c[None, :]
    value = tl.load(x + place, mask=mask, other=0.0).to(tl.float32)
    if BY_FACTOR:
        value *= tl.load(factor + (p // area)[:, None] * channels + c[None, :], mask=mask, other=0.0)
    if BY_NOISE:
        value += (tl.load(noise + p, mask=there, other=0.0) * tl.load(strength))[:, None]
    if BY_BIAS:
        value += tl.load(bias + c, mask=known, other=0.0)[None, :]
    value = tl.where(value > 0, value, value * slope) * gain
    value = tl.minimum(tl.maximum(value, -clamp), clamp)
    tl.store(y + place, value, mask=mask)


def activate(
    maps: Tensor,
    factor: Tensor | None,
    bias: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    slope: float,
    gain: float,
    clamp: float,
) -> Tensor:
    """As `operations.activate`."""
    maps = maps.contiguous(memory_format=torch.channels_last)
    batch, channels, height, width = maps.shape
    result = torch.empty_like(maps)
    pixels = batch * height * width
    vector, block = _vector(channels), _block(channels)
    _activate[(triton.cdiv(pixels, PIXELS), triton.cdiv(channels, block))](
        maps, result, factor, bias, noise, strength, height * width, pixels, channels // vector,
        slope, gain, clamp,
        BY_FACTOR=factor is not None, BY_BIAS=bias is not None, BY_NOISE=noise is not None,
        VECTOR=vector, PIXELS=PIXELS, CHANNELS=block,
    )  # fmt: skip
    return result


@triton.jit(do_not_specialize=["area", "chunks", "vectors", "slope", "gain", "clamp"])
def _activate_backward(
    g, x, y, factor, noise, gx, sum_gx, sum_g, sum_noise, area, chunks, vectors, slope, gain, clamp,
    ACTIVATED: tl.constexpr, BY_FACTOR: tl.constexpr, BY_NOISE: tl.constexpr, SUMMED: tl.constexpr,
    VECTOR: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    channels = vectors * VECTOR
    chunk, sample = tl.program_id(0) % chunks, tl.program_id(0) // chunks
    c = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    known = c < channels
    total_gx = tl.zeros((PIXELS, CHANNELS), dtype=tl.float32)
    total_g = tl.zeros((PIXELS, CHANNELS), dtype=tl.float32)
    total_noise = tl.zeros((PIXELS,), dtype=tl.float32)
    if BY_FACTOR:
        scale = tl.load(factor + sample * channels + c, mask=known, other=0.0)
    for begin in range(0, SUMMED, PIXELS):
        within = chunk * SUMMED + begin + tl.arange(0, PIXELS)
        there = within < area
        mask = there[:, None] & known[None, :]
        p = sample * area + within
        place = p.to(tl.int64)[:, None] * channels + c[None, :]
        grad = tl.load(g + place, mask=mask, other=0.0).to(tl.float32)
        if ACTIVATED:
            drawn = tl.load(y + place, mask=mask, other=0.0).to(tl.float32)
            grad *= tl.where(drawn > 0, 1.0, slope) * gain
            grad = tl.where((drawn < clamp) & (drawn > -clamp), grad, 0.0)
        total_g += grad
        if BY_NOISE:
            total_noise += tl.sum(grad, axis=1) * tl.load(noise + p, mask=there, other=0.0)
        if BY_FACTOR:
            total_gx += grad * tl.load(x + place, mask=mask, other=0.0).to(tl.float32)
            grad *= scale[None, :]
        tl.store(gx + place, grad, mask=mask)
    place = tl.program_id(0) * channels + c
    tl.store(sum_g + place, tl.sum(total_g, axis=0), mask=known)
    if BY_FACTOR:
        tl.store(sum_gx + place, tl.sum(total_gx, axis=0), mask=known)
    if BY_NOISE:
        tl.store(sum_noise + tl.program_id(0) * tl.num_programs(1) + tl.program_id(1), tl.sum(total_noise))


def activate_backward(
    gradient: Tensor,
    maps: Tensor | None,
    drawn: Tensor | None,
    factor: Tensor | None,
    noise: Tensor | None,
    slope: float,
    gain: float,
    clamp: float,
) -> tuple[Tensor, Tensor | None, Tensor, Tensor | None]:
    """As `operations.activate_backward`."""
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    batch, channels, height, width = gradient.shape
    area = height * width
    chunks, vector, block = triton.cdiv(area, PIXELS_SUMMED), _vector(channels), _block(channels)
    blocks = triton.cdiv(channels, block)
    result = torch.empty_like(gradient)
    sum_g = gradient.new_empty(batch, chunks, channels, dtype=torch.float32)
    sum_gx = None if factor is None else torch.empty_like(sum_g)
    sum_noise = None if noise is None else gradient.new_empty(batch * chunks * blocks, dtype=torch.float32)
    _activate_backward[(batch * chunks, blocks)](
        gradient, maps, drawn, factor, noise, result, sum_gx, sum_g, sum_noise,
        area, chunks, channels // vector, slope, gain, clamp,
        ACTIVATED=drawn is not None, BY_FACTOR=factor is not None, BY_NOISE=noise is not None,
        SUMMED=PIXELS_SUMMED, VECTOR=vector, PIXELS=PIXELS, CHANNELS=block,
    )  # fmt: skip
    return (
        result,
        None if sum_gx is None else sum_gx.sum(dim=1),
        sum_g.sum(dim=(0, 1)),
        None if sum_noise is None else sum_noise.sum(),
    )


def _vector(channels: int) -> int:
    """Channels that lie aligned in memory, which the compiler is told of."""
    return min(16, channels & -channels)


def _block(channels: int) -> int:
    return min(CHANNELS, triton.next_power_of_2(channels))


def _empty(maps: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.empty(shape, dtype=maps.dtype, device=maps.device, memory_format=torch.channels_last)
