"""Warps on GPUs, by a kernel of Triton that finds where a pixel comes from while it moves it.

Finding it takes no time beside reading the features there; and without a table that belongs to one matrix,
the matrix is but numbers, which may move from frame to frame.
"""

import warnings
from functools import lru_cache

import torch
from torch import Tensor

PIXELS, FEATURES = 16, 64  # in one program


@lru_cache
def finds_pixels(device: torch.device) -> bool:
    """Whether maps of a device are warped this way: on a GPU, where Triton is and works."""
    if device.type != "cuda":
        return False
    try:
        maps = torch.zeros(1, 16, 2, 2, device=device)
        warp_on_gpu(maps, torch.eye(3, dtype=torch.float64, device=device)[:2].flatten())
    except ImportError:
        return False
    except Exception as error:  # whatever a compiler meets on a machine we do not know
        warnings.warn(f"warps go on without Triton, more slowly: {error}", stacklevel=2)
        return False
    return True


def warp_on_gpu(maps: Tensor, matrix: Tensor) -> Tensor:
    """Move maps `(N, F, H, W)` as `warp` does, by a forward matrix: two rows of three numbers, float64.

    What comes out is channels-last.
    """
    from netbend.transforms import triton_warp

    maps = maps.contiguous(memory_format=torch.channels_last)
    count, features, height, width = maps.shape
    moved = torch.empty_like(maps)
    block = min(FEATURES, max(16, 1 << (features - 1).bit_length()))
    grid = (-(-height * width // PIXELS), -(-features // block), count)
    triton_warp.warp[grid](maps, moved, matrix, height, width, features, PIXELS=PIXELS, FEATURES=block)
    return moved
