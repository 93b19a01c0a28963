"""Seeds to random numbers that are the same on every machine."""

from collections.abc import Sequence
from operator import index

import numpy as np
import torch
from torch import Tensor

from netbend.errors import LatentError


def standard_normal(seeds: Sequence[int], dimensions: int) -> Tensor:
    """One row of normal numbers `(N, dimensions)` for each seed, as NVIDIA's tools draw z.

    seeds: 0 to 2^32 - 1. Raises LatentError for others.
    """
    values = np.empty((len(seeds), dimensions), dtype=np.float32)
    # RandomState, because its stream is frozen: the same seed gives the same picture in years to come. One
    # for all, because a new one first draws from the system's entropy, which takes far longer than the rest.
    source = np.random.RandomState(0)
    for row, seed in enumerate(seeds):
        source.seed(checked_seed(seed))
        values[row] = source.standard_normal(dimensions)
    return torch.from_numpy(values)


def checked_seed(seed: int) -> int:
    """The seed itself. Raises LatentError if it is no whole number from 0 to 2^32 - 1."""
    try:
        index(seed)
    except TypeError as error:
        raise LatentError(f"seed {seed!r:.40}: expected a whole number") from error
    if not 0 <= seed < 2**32:
        raise LatentError(f"seed {seed}: seeds start at 0 and end at {2**32 - 1}")
    return seed
