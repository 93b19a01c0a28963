"""How maps lie in memory - plane by plane, or pixel by pixel as channels-last networks have them - and
whether gradients are wanted of them."""

from collections.abc import Sequence

import torch
from torch import Tensor


def by_pixels(maps: Tensor) -> bool:
    """Whether the features of each pixel of `(N, F, H, W)` lie side by side."""
    return maps.stride(1) == 1


def has_gradients(*maps: Tensor) -> bool:
    """Whether gradients are wanted of what is made from any of them."""
    return torch.is_grad_enabled() and any(each.requires_grad for each in maps)


def in_memory_order(maps: Tensor) -> Tensor:
    """All values of maps, or of any tensor, in the order in which they lie; copied only if there are gaps."""
    return (maps.permute(0, 2, 3, 1) if maps.ndim == 4 and by_pixels(maps) else maps).reshape(-1)


def pixel_rows(maps: Tensor) -> Tensor:
    """Maps `(N, F, H, W)` as `(N, H * W, F)`, one row for each pixel; copied only if they lie otherwise."""
    if by_pixels(maps):
        return maps.permute(0, 2, 3, 1).flatten(1, 2)
    # Sample by sample: a matrix is transposed in squares that fit a cache, a batch of maps is not.
    return batch_of([_transposed(sample.flatten(1)) for sample in maps])


def from_pixel_rows(rows: Tensor, like: Tensor) -> Tensor:
    """`(N, H * W, F)` as maps that have the height and width of `like` and lie in memory as it does."""
    if by_pixels(like):
        height, width = like.shape[2:]
        return rows.view(len(rows), height, width, -1).permute(0, 3, 1, 2)
    return batch_of([_transposed(sample).view(-1, *like.shape[2:]) for sample in rows])


def batch_of(samples: Sequence[Tensor]) -> Tensor:
    """Samples stacked; a single one is not copied."""
    return samples[0][None] if len(samples) == 1 else torch.stack(list(samples))


def _transposed(matrix: Tensor) -> Tensor:
    # Not contiguous(): it leaves a single column its odd strides, for which kernels sum in another order.
    return matrix.t().clone(memory_format=torch.contiguous_format)
