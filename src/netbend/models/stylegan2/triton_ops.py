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
ROWS = 8  # of a linear layer in one program
FINISH_PIXELS, RGB_PIXELS, DOUBLE_ROWS, DOUBLE_COLUMNS, PLANE_PIXELS = 32, 64, 8, 16, 1024


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
    weight: Tensor, style: Tensor | None, gain: float, precision: torch.dtype, *, up: bool, epsilon: float
) -> Tensor:
    """See `fused.styled_kernels`."""
    from netbend.models.stylegan2 import triton_kernels

    outputs, inputs = weight.shape[:2]
    count = 1 if style is None else len(style)
    shape = (count, 4 * outputs, 2, 2, inputs) if up else (count, outputs, 3, 3, inputs)
    result = torch.empty(shape, dtype=precision, device=weight.device)
    triton_kernels.styled_kernels[(outputs, count)](
        weight,
        weight if style is None else style,
        result,
        inputs,
        *weight.stride(),
        0 if style is None else style.stride(0),
        gain,
        epsilon,
        STYLED=style is not None,
        UP=up,
        BLOCK=64,
    )
    return result.permute(0, 1, 4, 2, 3)


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
    flags = {
        "SCALED": finish.factors is not None,
        "NOISY": noise is not None,
        "CLAMPED": finish.clamp is not None,
    }
    if not up:
        out = convolved if out is None else out
        block = _features_at_once(features)
        grid = (_ceil(height * width, FINISH_PIXELS), _ceil(features, block), count)
        triton_kernels.finish[grid](
            convolved, out, *given, height * width, features, **flags, PIXELS=FINISH_PIXELS, FEATURES=block
        )
        return out
    features, height, width = features // 4, height - 1, width - 1
    if out is None:
        out = torch.empty(
            (count, features, 2 * height, 2 * width),
            dtype=convolved.dtype,
            device=convolved.device,
            memory_format=torch.channels_last,
        )
    block = _features_at_once(features)
    blocks = _ceil(2 * height, DOUBLE_ROWS) * _ceil(2 * width, DOUBLE_COLUMNS)
    triton_kernels.finish_doubled[(blocks, _ceil(features, block), count)](
        convolved, out, *given, height, width, features, **flags,
        ROWS=DOUBLE_ROWS, COLUMNS=DOUBLE_COLUMNS, FEATURES=block,
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
    triton_kernels.to_rgb[(_ceil(pixels, RGB_PIXELS), count)](
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
        PIXELS=RGB_PIXELS,
        FEATURES=_features_at_once(features),
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


def _features_at_once(features: int) -> int:
    return min(64, max(16, power_of_2(features)))


def power_of_2(number: int) -> int:
    """The smallest that is not below a number."""
    return 1 << (number - 1).bit_length()


def _ceil(number: int, block: int) -> int:
    return -(-number // block)
