"""Means over samples that are kept for each half of the samples too."""

from collections.abc import Callable

import torch
from torch import Tensor


class HalvedMean:
    """A mean over samples; every other sample goes into either half."""

    def __init__(self, *shape: int):
        """shape: of the mean."""
        self.totals = torch.zeros(2, *shape)
        self.samples = 0

    def take_in(self, values: Tensor, total: Callable[[Tensor], Tensor]) -> None:
        """Take in values of N more samples `(N, ...)`. total: what some of them add up to."""
        for half in (0, 1):
            self.totals[half] += total(values[(half + self.samples) % 2 :: 2]).cpu()
        self.samples += len(values)

    def mean(self, half: int | None = None) -> Tensor:
        """Over all samples, or over one half of them, 0 or 1."""
        total = self.totals.sum(dim=0) if half is None else 2 * self.totals[half]
        return total / max(1, self.samples)
