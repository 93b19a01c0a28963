"""The one low-pass filter that StyleGAN2 is used with and that we implement, and doubling maps by it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.errors import CheckpointError

BINOMIAL = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
LEAST_CUT, LARGEST_STRIP = 128, 64  # rows: maps that are cut into strips, and strips of them


def check_filter(kernel: Tensor, name: str, file: str) -> None:
    """Refuse a checkpoint that was trained with another filter, in one or two dimensions, any gain."""
    kernel = kernel.float()
    expected = BINOMIAL if kernel.ndim == 1 else torch.outer(BINOMIAL, BINOMIAL)
    total = kernel.sum()
    if kernel.shape != expected.shape or not torch.allclose(kernel / total, expected, atol=1e-4):
        raise CheckpointError(f"{file}: {name} is not the filter [1, 3, 3, 1], the only one supported")


def blur(maps: Tensor, padding: int, gain: float = 1.0, bias: Tensor | None = None) -> Tensor:
    """Low-pass `(N, F, H, W)` maps, zeros outside, with the filter [1, 3, 3, 1] / 8 along both axes."""
    kernel = _low_pass(gain, maps.dtype, maps.device).expand(maps.shape[1], 1, 4, 4)
    return F.conv2d(maps, kernel, bias, padding=padding, groups=maps.shape[1])


@lru_cache(maxsize=32)
@torch.inference_mode(False)  # what is kept may be wanted where gradients are
def _low_pass(gain: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Made once: to send it to a GPU with every blur would have the network wait."""
    return (gain * torch.outer(BINOMIAL, BINOMIAL)).to(device, dtype)


def upsample_convolve(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Double the size of `(N, inputs, H, W)` by a transposed convolution, and blur it.

    weight: `(inputs, outputs, 3, 3)`. Large maps are taken in strips: what is blurred is in the cache.
    """
    height, width = maps.shape[2:]
    if torch.is_grad_enabled() or height < LEAST_CUT or maps.device.type != "cpu":
        between = F.conv_transpose2d(maps, weight, stride=2)
        return blur(between, padding=1, gain=4, bias=bias)  # three in four samples were zeros
    size = (len(maps), weight.shape[1], 2 * height, 2 * width)
    result = torch.empty(size, dtype=maps.dtype, memory_format=torch.channels_last)
    for strip in strips(height):
        between = F.conv_transpose2d(maps[:, :, strip.given], weight, stride=2)
        framed = F.pad(between[:, :, strip.between], (1, 1, strip.above, strip.below))
        result[:, :, strip.made] = blur(framed, padding=0, gain=4, bias=bias)
    return result


@dataclass(frozen=True)
class Strip:
    """Some rows of maps that are doubled: those given, those between convolution and low-pass, those made.

    between: of the rows that come of those given. above, below: rows of zeros outside of the maps.
    """

    given: slice
    between: slice
    made: slice
    above: int
    below: int


def strips(height: int) -> Iterator[Strip]:
    """Of maps of a height; small ones are one strip."""
    count = height if height < LEAST_CUT else min(LARGEST_STRIP, height // 4)
    for first in range(0, height, count):
        end = min(height, first + count)
        above, below = max(0, first - 1), min(height, end + 1)  # rows that reach into the strip
        # Row k of the whole is row k - 2 above of the strip; needed are those from 2 first - 1 to 2 end + 1.
        start, stop = max(0, 2 * first - 1) - 2 * above, min(2 * height + 1, 2 * end + 2) - 2 * above
        outside = int(first == 0), int(end == height)
        yield Strip(slice(above, below), slice(start, stop), slice(2 * first, 2 * end), *outside)


def upsample_by_products(maps: Tensor, kernel: Tensor) -> Tensor:
    """The same transposed convolution, not yet blurred, of small maps: a product for each tap, added up.

    kernel: `(3, 3, inputs, outputs)`. Gives `(N, outputs, 2 H + 1, 2 W + 1)`.
    """
    batch, inputs, height, width = maps.shape
    positions = maps.permute(0, 2, 3, 1).reshape(-1, inputs)
    result = maps.new_zeros(batch, 2 * height + 1, 2 * width + 1, kernel.shape[3])
    for row in range(3):
        for column in range(3):
            onto = result[:, row : row + 2 * height - 1 : 2, column : column + 2 * width - 1 : 2]
            onto += (positions @ kernel[row, column]).view(onto.shape)
    return result.permute(0, 3, 1, 2)


def upsample_twice(image: Tensor) -> Tensor:
    """Double the size of `(N, C, H, W)` with the filter [1, 3, 3, 1] and zeros outside."""
    doubled = F.interpolate(F.pad(image, (1, 1, 1, 1)), scale_factor=2, mode="bilinear")
    return doubled[:, :, 2:-2, 2:-2]
