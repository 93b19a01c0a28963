"""The pass after a convolution in bfloat16 on a processor, computed in float32 and rounded once.

Low-pass of what was doubled, factor, bias, noise, leaky ReLU, clamp. The order of the operations is fixed, so
that compiled (`compiled_finish`) they give the same to the bit as before, one by one by torch.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.models.stylegan2.equalized import LRELU_SLOPE
from netbend.transforms.compiled import Compiled
from netbend.transforms.threads import share

CACHED_VALUES = 1 << 18  # of float32 at once, in operations of torch
SHARED_VALUES = 1 << 19  # with fewer another thread takes longer to wake than to help
LOW_PASS_COST = 4  # of so many values without it


@dataclass(frozen=True)
class Pass:
    """What is done with each value of one sample: times factor, plus bias and noise, activation, clamp.

    factors, bias: of each feature, `(features,)`. noise: `(H, W)`. All float32 and dense.
    """

    factors: Tensor
    noise: Tensor
    bias: Tensor
    clamp: float | None

    def of_rows(self, rows: slice) -> "Pass":
        """For some rows of the maps."""
        return replace(self, noise=self.noise[rows])


def finish_maps(maps: Tensor, one: Pass) -> None:
    """Do it in place to maps of one sample, `(1, features, H, W)`, channels-last, bfloat16."""
    kernels = compiled_finish.after(maps.numel())
    if kernels is not None:
        run = partial(kernels.finish, _bits(maps), *_numbers(one))
        return _share(maps, maps.shape[2] * maps.shape[3], run)
    rows = _by_rows(maps)
    for part in _parts(rows):
        _finish_rows(rows[part].float(), one.of_rows(part), rows[part])
    return None


def finish_doubled(between: Tensor, one: Pass, made: Tensor, above: int) -> None:
    """Low-pass maps with [1, 3, 3, 1] along both axes, times 64, and do it.

    Args:
        between: `(1, features, h, W + 1)`, channels-last, bfloat16; a column of zeros is added at both sides.
        one: What is done.
        made: Where the result `(1, features, H, W)` goes.
        above: Rows of zeros to be added above, 0 or 1. Below as many as are missing.
    """
    height, width = made.shape[2:]
    kernels = compiled_finish.after(LOW_PASS_COST * made.numel())
    if kernels is not None:
        run = partial(kernels.finish_doubled, _bits(made), _bits(between), *_numbers(one), width, above)
        return _share(made, height, run)
    below = height + 3 - above - between.shape[2]
    onto, rows = _by_rows(made), F.pad(_by_rows(between), (0, 0, 1, 1, above, below))
    for part in _parts(onto):
        sums = rows[part.start : part.stop + 3].float()
        for _ in range(3):
            sums = sums[:-1] + sums[1:]
        for _ in range(3):
            sums = sums[:, :-1] + sums[:, 1:]
        _finish_rows(sums, one.of_rows(part), onto[part])
    return None


def _finish_rows(values: Tensor, one: Pass, made: Tensor) -> None:
    """Values `(H, W, features)`, which are written into."""
    values.mul_(one.factors).add_(one.bias).add_(one.noise[:, :, None])
    F.leaky_relu_(values, LRELU_SLOPE)
    if one.clamp is not None:
        values.clamp_(-one.clamp, one.clamp)
    made.copy_(values)


def _by_rows(maps: Tensor) -> Tensor:
    """`(H, W, features)`, as they lie in memory."""
    return maps[0].permute(1, 2, 0)


def _parts(rows: Tensor) -> Iterator[slice]:
    """Rows that are treated at once."""
    count = max(1, CACHED_VALUES // rows[0].numel())
    for first in range(0, len(rows), count):
        yield slice(first, min(len(rows), first + count))


@dataclass(frozen=True)
class Kernels:
    """Of `compiled_finish`."""

    finish: Callable[..., None]
    finish_doubled: Callable[..., None]


class CompiledFinish(Compiled[Kernels]):
    """For maps in bfloat16 on a processor."""

    def compile(self) -> Kernels:
        """Import and call once what is compiled."""
        from netbend.models.stylegan2.compiled_finish import finish, finish_doubled

        maps, between = (torch.zeros(1, 1, side, side, dtype=torch.bfloat16) for side in (2, 3))
        one = Pass(torch.ones(1), torch.zeros(2, 2), torch.zeros(1), None)
        finish(_bits(maps), *_numbers(one), 0, 4)
        finish_doubled(_bits(maps), _bits(between), *_numbers(one), 2, 1, 0, 2)
        return Kernels(finish, finish_doubled)


compiled_finish = CompiledFinish()


def _share(maps: Tensor, count: int, run: Callable[[int, int], None]) -> None:
    share(count, torch.get_num_threads() if maps.numel() > SHARED_VALUES else 1, run)


def _bits(maps: Tensor) -> Any:
    """Of one sample, as they lie in memory."""
    return _by_rows(maps).view(-1).view(torch.uint16).numpy()


def _numbers(one: Pass) -> tuple[Any, ...]:
    clamp = np.float32(inf if one.clamp is None else one.clamp)
    return one.factors.numpy(), one.bias.numpy(), one.noise.reshape(-1).numpy(), clamp
