"""Whether to compute in bfloat16."""

import warnings

import torch

from netbend.choices import Precision, choose


def wants_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether to compute in bfloat16 on a device; auto: where it has instructions for it.

    Warns where it is asked for by name and would be slower.
    """
    precision = choose(Precision, precision, "precision")
    fast = has_bfloat16(device)
    if precision is Precision.BF16 and not fast:
        warnings.warn(
            f"--precision bf16: this {device.type} has no instructions for it, so that it takes longer "
            f"than float32, on some processors twenty times as long",
            stacklevel=2,
        )
    return precision is Precision.BF16 or (precision is Precision.AUTO and fast)


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies in bfloat16 faster than in float32, as far as torch can tell."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    # Torch asks the processor, but has no public name for the answer.
    told = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(told())
