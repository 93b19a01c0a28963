"""Parts of training steps on a GPU, recorded as CUDA graphs, and their random numbers."""

from collections.abc import Callable
from typing import Any

import torch

WARM_UP = 2  # calls in which libraries choose their ways, kernels are compiled and states are made


class Recording:
    """A part of a step that is done as usual at first, then recorded as a CUDA graph and replayed.

    What it reads and writes lies at fixed places on the GPU, and it never waits for it.
    """

    def __init__(
        self, part: Callable[[], None], random: torch.Generator, stream: torch.cuda.Stream, pool: Any = None
    ):
        """
        random: what it draws numbers from. stream: that it is called on.
        pool: of memory, shared with recordings that are never replayed at the same time.
        """
        self.part, self.random, self.stream, self.pool = part, random, stream, pool
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        self.calls += 1
        if self.calls <= WARM_UP:
            self.part()
            return
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            self.graph.register_generator_state(self.random)
            with torch.cuda.graph(self.graph, pool=self.pool, stream=self.stream):
                self.part()
        self.graph.replay()


def go_on(random: torch.Generator, state: torch.Tensor) -> None:
    """Draw on from a state; that of another kind of device means nothing here, and is passed over."""
    if len(state) == len(random.get_state()):
        random.set_state(state.cpu())
