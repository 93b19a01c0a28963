"""Bends on GPUs, in one pass over the maps each, by kernels of Triton, which torch has with it on Linux.

Features are chosen, transformed and mixed with the unbent ones while they are read once; what comes out is
looked through for NaN in passing. Numbers are read where they lie, so that they can move from frame to frame.
"""

import warnings
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from netbend.transforms.planes import by_pixels, in_memory_order

BLOCK = 2048  # values in one program
PIXELS, FEATURES = 16, 64  # of a warp
PRECISIONS = (torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Chosen:
    """How a bend takes part in maps.

    numbers: float64, the mix, then those of the transform. mixed: whether the mix is not 1. features: a byte
    for each, None for all. seen: float32 `(2,)`, where NaN and infinity are noted, None if nobody asks.
    """

    numbers: Tensor
    mixed: bool
    features: Tensor | None
    seen: Tensor | None


def has_triton(device: torch.device) -> bool:
    """Whether a device is a GPU on which Triton works."""
    return device.type == "cuda" and _works(device)


@lru_cache
def _works(device: torch.device) -> bool:
    """Try the smallest kernel: Triton may be absent, find no compiler, or not know the GPU."""
    try:
        extremes(torch.zeros(1, device=device))
    except ImportError:
        return False
    except Exception as error:  # whatever a compiler meets on a machine we do not know
        warnings.warn(f"GPUs are used without Triton, which does not work here: {error}", stacklevel=2)
        return False
    return True


def suits(maps: Tensor) -> bool:
    """Whether maps can be bent this way, without gradients."""
    if maps.dtype not in PRECISIONS or not has_triton(maps.device):
        return False
    return maps.is_contiguous() or maps.is_contiguous(memory_format=torch.channels_last)


def extremes(values: Tensor) -> Tensor:
    """`(2,)`, float32: NaN if there is any, infinity if there is any, otherwise zeros."""
    from netbend.transforms import triton_kernels

    values = in_memory_order(values)
    seen = torch.zeros(2, dtype=torch.float32, device=values.device)
    triton_kernels.look[(-(-values.numel() // BLOCK),)](values, seen, values.numel(), BLOCK=BLOCK)
    return seen


def pointwise(maps: Tensor, kind: str, chosen: Chosen) -> Tensor:
    """Maps `(N, F, H, W)` of any layout without gaps, with one transform of single values.

    kind: `multiply`, `threshold`, `invert` or `ablate`.
    """
    from netbend.transforms import triton_kernels

    out = torch.empty_like(maps)
    triton_kernels.pointwise[(-(-maps.numel() // BLOCK),)](
        maps,
        out,
        chosen.numbers,
        maps if chosen.features is None else chosen.features,
        maps if chosen.seen is None else chosen.seen,
        maps.numel(),
        maps.shape[1],
        maps.shape[2] * maps.shape[3],
        KIND=getattr(triton_kernels, kind.upper()).value,
        MIXED=chosen.mixed,
        SOME=chosen.features is not None,
        LAST=by_pixels(maps),
        LOOK=chosen.seen is not None,
        BLOCK=BLOCK,
    )
    return out


def warp(maps: Tensor, chosen: Chosen) -> Tensor:
    """Maps `(N, F, H, W)` moved as `warp.warp` does; what comes out is channels-last.

    chosen: its numbers are the mix and the forward matrix, row by row.
    """
    from netbend.transforms import triton_kernels

    maps = maps.contiguous(memory_format=torch.channels_last)
    count, features, height, width = maps.shape
    out = torch.empty_like(maps)
    block = min(FEATURES, max(16, 1 << (features - 1).bit_length()))
    triton_kernels.warp[(-(-height * width // PIXELS), -(-features // block), count)](
        maps,
        out,
        chosen.numbers,
        maps if chosen.features is None else chosen.features,
        height,
        width,
        features,
        MIXED=chosen.mixed,
        SOME=chosen.features is not None,
        PIXELS=PIXELS,
        FEATURES=block,
    )
    return out
