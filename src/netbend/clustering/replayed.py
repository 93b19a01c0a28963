"""Training steps of small networks on a GPU: recorded once, then replayed as one launch."""

from collections.abc import Callable

import torch
from torch import Tensor

EAGER_STEPS = 3  # so that kernels are chosen and the optimizer's state is there before anything is recorded


class Replayed:
    """A step of a training on a GPU that does the same for every batch of one size.

    Its kernels take less time than to launch them one by one: they are recorded as a CUDA graph and
    replayed. Batches of another size, such as an epoch's last, are computed step by step.
    """

    def __init__(self, step: Callable[[Tensor], None]):
        """step: computes gradients out of a batch's indices, and applies them; never waits for the device."""
        self._step = step
        self._eager_steps = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._indices: Tensor | None = None

    def __call__(self, indices: Tensor) -> None:
        """Do the step for a batch, on the current stream."""
        if self._graph is None and self._eager_steps >= EAGER_STEPS:
            self._record(indices)
        if self._graph is None or self._indices is None or len(indices) != len(self._indices):
            self._eager_steps += 1
            self._step(indices)
            return
        self._indices.copy_(indices)
        self._graph.replay()

    def _record(self, indices: Tensor) -> None:
        self._indices = indices.clone()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step(self._indices)
        self._graph = graph
