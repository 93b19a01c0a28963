"""The one low-pass filter that StyleGAN2 is used with, and that we implement."""

import torch
from torch import Tensor

from netbend.errors import CheckpointError

BINOMIAL = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8


def check_filter(kernel: Tensor, name: str, file: str) -> None:
    """Refuse a checkpoint that was trained with another filter, in one or two dimensions, any gain."""
    kernel = kernel.float()
    expected = BINOMIAL if kernel.ndim == 1 else torch.outer(BINOMIAL, BINOMIAL)
    total = kernel.sum()
    if kernel.shape != expected.shape or not torch.allclose(kernel / total, expected, atol=1e-4):
        raise CheckpointError(f"{file}: {name} is not the filter [1, 3, 3, 1], the only one supported")
