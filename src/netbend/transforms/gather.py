"""Features of channels-last maps taken out, and put into a copy of the maps, compiled: one pass each."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from netbend.transforms.kernels import copy_with, gather
from netbend.transforms.threads import share

SHARED_VALUES = 1 << 21  # with fewer another thread takes longer to wake than to help


def take_features(rows: Tensor, features: Tensor) -> Tensor:
    """Of float32 rows `(pixels, F)`, dense, on a CPU, the columns of K features, `(pixels, K)`."""
    taken = rows.new_empty(len(rows), len(features))
    _share(rows, partial(gather, _flat(taken), _flat(rows), _indices(features), rows.shape[1]))
    return taken


def copy_with_features(rows: Tensor, features: Tensor, values: Tensor) -> Tensor:
    """A copy of such rows with values `(pixels, K)` for K features."""
    made = torch.empty_like(rows)
    copy = partial(copy_with, _flat(made), _flat(rows), _indices(features), _flat(values), rows.shape[1])
    _share(rows, copy)
    return made


def _share(rows: Tensor, run: Callable[[int, int], None]) -> None:
    """Run from row to row, in parts."""
    share(len(rows), torch.get_num_threads() if rows.numel() > SHARED_VALUES else 1, run)


def _flat(rows: Tensor) -> np.ndarray:
    return rows.detach().numpy().reshape(-1)


def _indices(features: Tensor) -> np.ndarray:
    return features.numpy().astype(np.uint64)  # one that might be negative is looked at once more
