"""The kernels of Triton, called with tensors. Torch has Triton with it on Linux, for GPUs."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from netbend.transforms import on_gpu

if TYPE_CHECKING:
    from netbend.models.stylegan2.fused import Finish

MAX_CHANNELS = 4
MAX_AT_ONCE = 512  # inputs of a kernel
ROWS = 8  # of a linear layer in one program
# In one program, of maps.
FEATURES, FINISH_PIXELS, DOUBLE_ROWS, DOUBLE_COLUMNS, PLANE_PIXELS = 32, 64, 8, 32, 1024
RGB_FEW, RGB_MANY = (16, 512), (256, 32)  # pixels, features


def there(maps: Tensor) -> bool:
    """Whether such maps can be given to the kernels."""
    return on_gpu.has_triton(maps.device)


def all_styles(layers: Sequence[tuple[Any, int]], w: Tensor) -> list[Tensor]:
    """See `fused.all_styles`."""
    from netbend.models.stylegan2 import triton_kernels

    weights = tuple(linear.weight for linear, _ in layers)
    widths = [len(weight) for weight in weights]
    addresses = tuple((linear.weight.data_ptr(), linear.bias.data_ptr()) for linear, _ in layers)
    table = _style_table(addresses, tuple(widths), tuple(place for _, place in layers), w.device)
    w = w.contiguous()
    count, _, width = w.shape
    result = torch.empty(count, sum(widths), dtype=torch.float32, device=w.device)
    triton_kernels.styles[(len(table), count)](
        table,
        w,
        result,
        w.stride(0),
        w.stride(1),
        width,
        sum(widths),
        layers[0][0].weight_gain,
        weights[0],
        ROWS=ROWS,
        BLOCK=min(512, power_of_2(width)),
    )
    return list(torch.split(result, widths, dim=1))


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _style_table(
    addresses: tuple[tuple[int, int], ...],
    widths: tuple[int, ...],
    places: tuple[int, ...],
    device: torch.device,
) -> Tensor:
    """Where the kernel finds the rows of its blocks: of addresses, never of values, so always up to date."""
    entries, start = [], 0
    for (weight, bias), width, place in zip(addresses, widths, places, strict=True):
        entries += [[weight, bias, place, first, width, start] for first in range(0, width, ROWS)]
        start += width
    return torch.tensor(entries, device=device)


def styled_kernels(
    weights: Sequence[Tensor],
    styles: Sequence[Tensor] | None,
    gains: Sequence[float],
    precision: torch.dtype,
    ups: Sequence[bool],
    epsilon: float,
) -> list[Tensor]:
    """See `fused.styled_kernels`: those of several layers at once. styles: views of one tensor, in order."""
    from netbend.models.stylegan2 import triton_kernels

    device, count = weights[0].device, 1 if styles is None else len(styles[0])
    starts = [0] * len(weights) if styles is None else [style.storage_offset() for style in styles]
    layers = tuple(
        (weight.data_ptr(), *weight.stride(), *weight.shape[1::-1], start, up)
        for weight, start, up in zip(weights, starts, ups, strict=True)
    )
    table, which, places, total = _kernel_table(layers, device)
    result = torch.empty(count, total, dtype=precision, device=device)
    most = max(weight.shape[1] for weight in weights)
    triton_kernels.styled_kernels[(len(which), count)](
        which,
        table,
        _numbers(tuple(gains), device),
        result if styles is None else torch.as_strided(styles[0], (1,), (1,), 0),
        result,
        weights[0],
        0 if styles is None else styles[0].stride(0),
        total,
        epsilon,
        STYLED=styles is not None,
        ONCE=most <= MAX_AT_ONCE,
        LAST=all(weight.stride(1) == 1 for weight in weights),
        ALIGNED=_are_aligned(layers),
        BLOCK=min(MAX_AT_ONCE, max(16, power_of_2(most))),
        num_warps=8,
    )
    made = []
    for weight, up, place in zip(weights, ups, places, strict=True):
        outputs, inputs = weight.shape[:2]
        shape = (count, 4 * outputs, 2, 2, inputs) if up else (count, outputs, 3, 3, inputs)
        size = shape[1] * shape[2] * shape[3] * inputs
        made.append(result[:, place : place + size].view(shape).permute(0, 1, 4, 2, 3))
    return made


def _are_aligned(layers: Sequence[tuple[int, ...]]) -> bool:
    """Whether channels-last weights can be read, and kernels be written, in blocks of 16 values."""
    return all(
        number % 16 == 0
        for address, output, _, row, column, inputs, _, start, _ in layers
        for number in (address, output, row, column, inputs, start)
    )


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _kernel_table(
    layers: tuple[tuple[int, ...], ...], device: torch.device
) -> tuple[Tensor, Tensor, list[int], int]:
    """What the kernel reads of layers, the layer of each program, where kernels are put, and their size."""
    which: list[int] = []
    entries, places, place = [], [], 0
    for number, layer in enumerate(layers):
        inputs, outputs, start, up = layer[5:]
        entries.append([*layer[:5], inputs, outputs, start, place, up, len(which)])
        which += [number] * outputs
        places.append(place)
        place += (16 if up else 9) * inputs * outputs
    made = torch.tensor(entries, dtype=torch.int64, device=device)
    return made, torch.tensor(which, dtype=torch.int32, device=device), places, place


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _numbers(numbers: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float32, device=device)


def finished(
    convolved: Tensor, finish: "Finish", slope: float, gain: float, *, up: bool, out: Tensor | None
) -> Tensor:
    """See `fused.finished`."""
    from netbend.models.stylegan2 import triton_kernels

    convolved = convolved.contiguous(memory_format=torch.channels_last)
    count, features, height, width = convolved.shape
    noise = None if finish.noise is None else finish.noise.contiguous()
    given = (
        convolved if finish.factors is None else finish.factors.contiguous(),
        convolved if noise is None else noise,
        0 if noise is None or len(noise) == 1 else noise.stride(0),
        finish.strength,
        finish.bias,
        0.0 if finish.clamp is None else finish.clamp,
        slope,
        gain,
    )
    flags: dict[str, Any] = {
        "SCALED": finish.factors is not None,
        "NOISY": noise is not None,
        "CLAMPED": finish.clamp is not None,
    }
    if up:
        features, height, width = features // 4, height - 1, width - 1
    scale = 2 if up else 1
    work = finish.bend
    warped = work is not None and work.kind == "warp"
    if out is None and (up or warped):
        size = (count, features, scale * height, scale * width)
        form = torch.channels_last
        out = torch.empty(size, dtype=convolved.dtype, device=convolved.device, memory_format=form)
    out = convolved if out is None else out
    grid = (_ceil(height * width, FINISH_PIXELS), _ceil(features, FEATURES), count)
    if warped and work is not None:
        chosen = out if work.features is None else work.features
        triton_kernels.finish_warped[grid](
            convolved, out, *given, work.numbers, chosen, height, width, features, **flags, **work.flags,
            PIXELS=FINISH_PIXELS, FEATURES=FEATURES,
        )  # fmt: skip
        return out
    bend, kinds = [out, out, out], {"KIND": -1, "MIXED": False, "SOME": False, "LOOK": False}
    if work is not None:
        bend = [work.numbers, out if work.features is None else work.features]
        bend.append(out if work.seen is None else work.seen)
        kinds = {"KIND": on_gpu.kind_of(work), **work.flags, "LOOK": work.seen is not None}
    flags |= kinds
    if not up:
        triton_kernels.finish[grid](
            convolved, out, *given, *bend, height * width, features, **flags, PIXELS=FINISH_PIXELS,
            FEATURES=FEATURES,
        )  # fmt: skip
        return out
    blocks = _ceil(2 * height, DOUBLE_ROWS) * _ceil(2 * width, DOUBLE_COLUMNS)
    triton_kernels.finish_doubled[(blocks, _ceil(features, FEATURES), count)](
        convolved, out, *given, *bend, height, width, features, **flags,
        ROWS=DOUBLE_ROWS, COLUMNS=DOUBLE_COLUMNS, FEATURES=FEATURES,
    )  # fmt: skip
    return out


def colours(
    maps: Tensor, weight: Tensor, style: Tensor, bias: Tensor, gain: float, clamp: float | None
) -> Tensor:
    """See `fused.colours`."""
    from netbend.models.stylegan2 import triton_kernels

    count, features, height, width = maps.shape
    channels, pixels = len(weight), height * width
    result = torch.empty(count, channels, height, width, dtype=torch.float32, device=maps.device)
    # Few pixels of many features are read at once, many of few.
    at_once, block = RGB_FEW if features >= 256 else RGB_MANY
    triton_kernels.to_rgb[(_ceil(pixels, at_once), count)](
        maps,
        weight,
        style,
        bias,
        result,
        weight.stride(0),
        weight.stride(1),
        style.stride(0),
        gain,
        0.0 if clamp is None else clamp,
        pixels,
        features,
        CHANNELS=channels,
        ROOM=power_of_2(channels),
        CLAMPED=clamp is not None,
        PIXELS=at_once,
        FEATURES=block,
    )
    return result


def double_and_add(image: Tensor, contribution: Tensor) -> Tensor:
    """See `fused.double_and_add`."""
    from netbend.models.stylegan2 import triton_kernels

    count, channels, height, width = image.shape
    image, contribution = image.contiguous(), contribution.contiguous()
    result = torch.empty_like(contribution)
    grid = (_ceil(4 * height * width, PLANE_PIXELS), count * channels)
    triton_kernels.double_and_add[grid](image, contribution, result, height, width, BLOCK=PLANE_PIXELS)
    return result


def power_of_2(number: int) -> int:
    """The smallest that is not below a number."""
    return 1 << (number - 1).bit_length()


def _ceil(number: int, block: int) -> int:
    return -(-number // block)
