"""Whether to compute in bfloat16."""

import warnings
from functools import lru_cache
from time import perf_counter

import torch
from torch import Tensor

from netbend.choices import Precision, choose

PROBE_SIDE = 512  # of the matrices that are multiplied to compare precisions: some 20 ms in all
PROBE_ROUNDS = 5


def wants_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether to compute in bfloat16 on a device; auto: where that is faster.

    Warns where it is asked for by name and is slower.
    """
    precision = choose(Precision, precision, "precision")
    if precision is Precision.FLOAT32:
        return False
    fast = is_faster_in_bfloat16(device)
    if precision is Precision.BF16 and not fast:
        warnings.warn(
            f"--precision bf16: this {device.type} multiplies faster in float32, so that it takes longer "
            f"than float32, on some processors twenty times as long",
            stacklevel=2,
        )
    return fast or precision is Precision.BF16


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16, as far as torch can tell."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    # Torch asks the processor, but has no public name for the answer.
    told = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(told())


def is_faster_in_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies faster in bfloat16 than in float32.

    Instructions alone do not tell: Intel's without AMX take twice as long as those for float32, AMD's half
    as long. So processors that have them are timed, once in a process.
    """
    return has_bfloat16(device) and (device.type != "cpu" or _multiplies_faster_in_bfloat16())


@lru_cache(maxsize=1)
def _multiplies_faster_in_bfloat16() -> bool:
    single = torch.ones(PROBE_SIDE, PROBE_SIDE)
    matrices = (single, single.bfloat16())
    rounds = [[_seconds(matrix) for matrix in matrices] for _ in range(PROBE_ROUNDS)]
    exact, coarse = map(min, zip(*rounds[1:], strict=True))  # in the first, libraries choose their ways
    return coarse < exact


@torch.inference_mode()
def _seconds(matrix: Tensor) -> float:
    start = perf_counter()
    _ = matrix @ matrix
    return perf_counter() - start
