"""Bends on GPUs, in one pass over the maps each, by kernels of Triton, which torch has with it on Linux.

Features are chosen, transformed and mixed with the unbent ones while they are read once; what comes out is
looked through for NaN in passing. Numbers are read where they lie, so that they can move from frame to frame.
"""

import warnings
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from netbend.transforms.planes import by_pixels, in_memory_order

BLOCK = 2048  # values in one program
PIXELS, FEATURES = 64, 32  # of a warp
POINTWISE = ("multiply", "threshold", "invert", "ablate")  # kernels that need no neighbours
PRECISIONS = (torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Work:
    """A bend, as kernels do it.

    kind: `multiply`, `threshold`, `invert`, `ablate`, `warp`, `erode` or `dilate`. numbers: float64, the mix,
    then those of the transform; of a warp those of `warp.origins`. mixed: whether the mix is not 1.
    features: a byte for each, None for all. seen: float32 `(2,)`, where NaN and infinity are noted, None if
    nobody asks.
    """

    kind: str
    numbers: Tensor
    mixed: bool
    features: Tensor | None
    seen: Tensor | None

    @property
    def is_pointwise(self) -> bool:
        """Whether it bends values one by one, whatever lies around them."""
        return self.kind in POINTWISE

    @property
    def flags(self) -> dict[str, bool]:
        """What kernels are compiled for."""
        return {"MIXED": self.mixed, "SOME": self.features is not None}


def has_triton(device: torch.device) -> bool:
    """Whether a device is a GPU on which Triton works, and nobody needs to see what is done there."""
    return device.type == "cuda" and not is_traced() and _works(device)


def is_traced() -> bool:
    """Whether a network is traced, exported or compiled, by what sees operations of torch alone."""
    compiler = torch.compiler
    tracing = torch._C._get_tracing_state() is not None
    return tracing or compiler.is_compiling() or compiler.is_exporting()


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
    return maps.is_contiguous() or maps.movedim(1, -1).is_contiguous()


def extremes(values: Tensor) -> Tensor:
    """`(2,)`, float32: NaN if there is any, infinity if there is any, otherwise zeros."""
    from netbend.transforms import triton_kernels

    values = in_memory_order(values)
    seen = torch.zeros(2, dtype=torch.float32, device=values.device)
    triton_kernels.look[(-(-values.numel() // BLOCK),)](values, seen, values.numel(), BLOCK=BLOCK)
    return seen


def bend(maps: Tensor, work: Work) -> Tensor:
    """Maps `(N, F, ...)` of any layout that `suits`; what moves pixels takes `(N, F, H, W)` and gives
    channels-last ones."""
    return _pointwise(maps, work) if work.is_pointwise else _around(maps, work)


def kind_of(work: Work) -> int:
    """Of transforms of single values, as kernels number them."""
    from netbend.transforms import triton_kernels

    return int(getattr(triton_kernels, work.kind.upper()).value)


def _pointwise(maps: Tensor, work: Work) -> Tensor:
    from netbend.transforms import triton_kernels

    out = torch.empty_like(maps)
    triton_kernels.pointwise[(-(-maps.numel() // BLOCK),)](
        maps,
        out,
        work.numbers,
        maps if work.features is None else work.features,
        maps if work.seen is None else work.seen,
        maps.numel(),
        maps.shape[1],
        prod(maps.shape[2:]),
        KIND=kind_of(work),
        **work.flags,
        LAST=by_pixels(maps),
        LOOK=work.seen is not None,
        BLOCK=BLOCK,
    )
    return out


def _around(maps: Tensor, work: Work) -> Tensor:
    from netbend.transforms import triton_kernels

    maps = maps.contiguous(memory_format=torch.channels_last)
    count, features, height, width = maps.shape
    out = torch.empty_like(maps)
    kernel, kind = triton_kernels.warp, {}
    if work.kind != "warp":
        kernel, kind = triton_kernels.under_disc, {"LARGEST": work.kind == "dilate"}
    kernel[(-(-height * width // PIXELS), -(-features // FEATURES), count)](
        maps,
        out,
        work.numbers,
        maps if work.features is None else work.features,
        height,
        width,
        features,
        **kind,
        **work.flags,
        PIXELS=PIXELS,
        FEATURES=FEATURES,
    )
    return out
