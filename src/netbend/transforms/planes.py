"""How maps lie in memory - plane by plane, or pixel by pixel as channels-last networks have them - and
whether gradients are wanted of them."""

from collections.abc import Sequence

import torch
from torch import Tensor


def by_pixels(maps: Tensor) -> bool:
    """Whether the features of each pixel of `(N, F, ...)` lie side by side."""
    return maps.stride(1) == 1


def has_gradients(*maps: Tensor) -> bool:
    """Whether gradients are wanted of what is made from any of them."""
    return torch.is_grad_enabled() and any(each.requires_grad for each in maps)


def summed_in(dtype: torch.dtype) -> torch.dtype:
    """The precision in which maps of a dtype are summed: no half precision."""
    return torch.promote_types(dtype, torch.float32)


def laid_out_as(maps: Tensor, like: Tensor) -> Tensor:
    """Maps with the features of each pixel side by side, if those of `like` are, else pixel by pixel."""
    if by_pixels(like) and maps.ndim > 2:
        return maps.movedim(1, -1).contiguous().movedim(-1, 1)
    return maps.contiguous()


def in_memory_order(maps: Tensor) -> Tensor:
    """All values of maps, or of any tensor, in the order in which they lie; copied only if there are gaps."""
    return (maps.movedim(1, -1) if maps.ndim > 2 and by_pixels(maps) else maps).reshape(-1)


def pixel_rows(maps: Tensor) -> Tensor:
    """Maps `(N, F, ...)` as `(N, pixels, F)`, one row for each pixel; copied only if they lie otherwise."""
    if maps.ndim == 2:
        return maps[:, None]
    if by_pixels(maps):
        return maps.movedim(1, -1).flatten(1, -2)
    # Sample by sample: a matrix is transposed in squares that fit a cache, a batch of maps is not.
    return batch_of([_transposed(sample.flatten(1)) for sample in maps])


def from_pixel_rows(rows: Tensor, like: Tensor) -> Tensor:
    """`(N, pixels, F)` as maps that have the spatial sizes of `like` and lie in memory as it does."""
    if by_pixels(like) or like.ndim == 2:
        return rows.view(len(rows), *like.shape[2:], rows.shape[2]).movedim(-1, 1)
    return batch_of([_transposed(sample).view(-1, *like.shape[2:]) for sample in rows])


def batch_of(samples: Sequence[Tensor]) -> Tensor:
    """Samples stacked; a single one is not copied."""
    return samples[0][None] if len(samples) == 1 else torch.stack(list(samples))


def _transposed(matrix: Tensor) -> Tensor:
    # Not contiguous(): it leaves a single column its odd strides, for which kernels sum in another order.
    return matrix.t().clone(memory_format=torch.contiguous_format)
