"""What the machine reaches at best, measured beside everything else: a copy, plain convolutions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import torch
from paired import timed
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Architecture, Generator


def copy_rate(
    rounds: int, device: torch.device | str = "cpu", clock: Callable[[], float] = perf_counter
) -> str:
    """Of 128 MiB, more than caches hold, into memory that is there already; read and written both count."""
    maps = torch.randn(32, 1024, 1024, device=device)
    copied = partial(torch.empty_like(maps).copy_, maps)
    times = timed({"copy": copied}, rounds, at_least=0.05, clock=clock)
    return f"A copy in memory: {2 * maps.nbytes / times.middle('copy') / 1e9:.1f} GB/s, read and written."


@dataclass(frozen=True)
class Convolution:
    """One plain convolution. rest: stride, padding, dilation, transposed, output padding and groups."""

    maps: Tensor
    kernel: Tensor
    rest: tuple[Any, ...]

    def __call__(self) -> Tensor:
        return torch.convolution(self.maps, self.kernel, None, *self.rest)

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        maps, kernel = self.maps.to("meta"), self.kernel.to("meta")
        transposed = self.rest[3]
        positions = maps if transposed else torch.convolution(maps, kernel, None, *self.rest)
        return 2 * kernel.numel() * positions[:, 0].numel()


def in_turn(convolutions: Sequence[Convolution]) -> Callable[[], None]:
    """All of them, one after the other, and nothing else."""

    def run() -> None:
        for convolution in convolutions:
            convolution()

    return run


def convolutions_in(run: Callable[[], object]) -> list[Convolution]:
    """The convolutions that torch is asked for while something runs, with the maps they were given."""
    seen = []

    class Seeing(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, _types: Any, args: Any = (), named: Any = None) -> Any:
            if function is torch.ops.aten.convolution.default:
                maps, kernel, _bias, *rest = args
                seen.append(Convolution(maps, kernel, tuple(rest)))
            return function(*args, **(named or {}))

    with Seeing():
        run()
    return seen


def stylegan2(size: int) -> StyleGAN2:
    """Config F, random weights, the same ones every time."""
    torch.manual_seed(0)
    return StyleGAN2(Generator(Architecture.of_width(size)))


def convolutions_of(model: StyleGAN2, batch: int = 1) -> list[Convolution]:
    """For each layer a plain one, channels-last, of as many features and multiplications.

    Not those that it asks torch for: it has ways of its own with fewer multiplications.
    """
    found = []
    size = 4
    for layer in model.generator.synthesis.layers:
        weight = layer.conv.weight
        maps = torch.randn(batch, weight.shape[1], size, size).to(weight)
        kernel = torch.randn(weight.shape).to(weight)
        form = torch.channels_last
        rest = ([1, 1], [1, 1], [1, 1], False, [0, 0], 1)
        found.append(Convolution(maps.to(memory_format=form), kernel.to(memory_format=form), rest))
        size *= 2 if layer.conv.up else 1
    return found
