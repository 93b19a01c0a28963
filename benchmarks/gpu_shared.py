"""What the stages of `on_a_gpu.py` have in common: notes, networks, clocks."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import torch

from netbend.choices import Space
from netbend.models.base import Latents
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Architecture, Generator
from netbend.recipe import All, Bend, Recipe
from netbend.transforms import build_transform

PRECISIONS = (torch.float32, torch.bfloat16)
EVERY_LAYER = {"multiply": [1.1], "rotate": [30.0], "threshold": [0.5], "dilate": [2]}


class Notes:
    """A file of Markdown that is there as far as things went."""

    def __init__(self, path: Path):
        self._path = path
        path.write_text("")

    def add(self, line: str = "") -> None:
        print(line, flush=True)
        with self._path.open("a") as file:
            file.write(line + "\n")

    def table(self, heads: Sequence[str]) -> None:
        self.row(heads)
        self.row(["---"] * len(heads))

    def row(self, cells: Sequence[str]) -> None:
        self.add(f"| {' | '.join(cells)} |")

    def attempt(self, what: str, do: Callable[[], str]) -> bool:
        """A line about something that may fail."""
        try:
            self.add(f"- {what}: {do()}")
        except Exception as error:
            self.add(f"- **{what}: {type(error).__name__}: {str(error)[:400]}**")
            return False
        return True


def failure(error: Exception) -> str:
    return f"**{type(error).__name__}: {str(error)[:300]}**".replace("\n", " ")


def random_stylegan2(features: Sequence[int], clamp: float | None = None) -> StyleGAN2:
    """Every parameter random and large, so that each of them matters."""
    torch.manual_seed(4)
    generator = Generator(Architecture(tuple(features), 32, 32, 2, clamp=clamp))
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                spread = torch.randn_like(parameter).sign() * (1 + torch.rand_like(parameter))
                parameter.add_(0.2 * spread)
        generator.w_mean.normal_(std=0.3)
    return StyleGAN2(generator, "random", "0" * 64)


def config_f(size: int, device: torch.device, precision: torch.dtype = torch.float32) -> StyleGAN2:
    """Random weights, made where they are wanted."""
    torch.manual_seed(0)
    with torch.device(device):
        model = StyleGAN2(Generator(Architecture.of_width(size)), "config F", "0" * 64)
    if precision is torch.bfloat16:
        model.bfloat16()
    return model


def latents_of(model: StyleGAN2, count: int, projected: bool = False) -> Latents:
    """w+ with every vector another."""
    architecture = model.generator.architecture
    random = torch.Generator().manual_seed(5)
    w = torch.randn(count, architecture.latent_count, architecture.w_dim, generator=random)
    maps = None
    if projected:
        stored = model.generator.synthesis.constant_noise()
        maps = tuple(torch.randn(count, 1, *noise.shape, generator=random) for noise in stored)
    return Latents(Space.W_PLUS, w, tuple(range(7, 7 + count)), maps)


def every_layer(model: StyleGAN2, kind: str) -> Recipe:
    transform = build_transform(kind, EVERY_LAYER[kind])
    return Recipe(
        tuple(Bend(layer.number, transform, All()) for layer in model.layers if layer.number is not None)
    )


class TimeIsUpError(Exception):
    """What remains is left out."""


def seconds(run: Callable[[], object], chosen: argparse.Namespace) -> float:
    """Median of rounds, each waited for once at its end."""
    if perf_counter() > chosen.deadline:
        raise TimeIsUpError
    for _ in range(4):
        run()
    start = now()
    run()
    repeats = max(1, int((0.06 if chosen.quick else 0.25) / max(now() - start, 1e-5)))
    rounds = []
    for _ in range(3 if chosen.quick else 7):
        start = now()
        for _ in range(repeats):
            run()
        rounds.append((now() - start) / repeats)
    return median(rounds)


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return perf_counter()


def captured(run: Callable[[], object], repeats: int = 1) -> Callable[[], None]:
    """A CUDA graph of it, as users make one themselves; without CUDA itself."""
    if not torch.cuda.is_available():
        return lambda: [run() for _ in range(repeats)] and None
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        run()
        run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(repeats):
            run()
    return graph.replay


def micro(run: Callable[[], object], repeats: int = 20) -> str:
    """Microseconds, one after the other in a graph."""
    replay = captured(run, repeats)
    replay()
    if not torch.cuda.is_available():
        start = perf_counter()
        replay()
        return f"{1e6 * (perf_counter() - start) / repeats:.1f}"
    found = []
    for _ in range(5):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        replay()
        end.record()
        torch.cuda.synchronize()
        found.append(1e3 * start.elapsed_time(end) / repeats)
    return f"{min(found):.1f}"


def name_of(precision: torch.dtype) -> str:
    return str(precision).removeprefix("torch.")
