"""Frames a second on a GPU, unbent and bent, called as usual, compiled, and as CUDA graphs.

    python benchmarks/gpu.py [--device cuda] [--sizes 256 1024] [--table out.md] [--plot out.png]

StyleGAN2 (config F, random weights, batch 1) from w on; a bent run has one transform at each numbered
layer, on all features, within one `netbend.bend`. In float32, where torch may take TF32 for convolutions,
and in bfloat16. The limit is measured in the same rounds: plain convolutions of the same numbers of
features and multiplications, and nothing else. What a compiled network or a graph draws is compared with
what the network draws as usual; a way that fails, or draws something else, is said to.
Compiling takes minutes.

The device is waited for before and after each measurement, not after each frame. Without a GPU it says so.
"""

# Before torch, as its command does: it says how torch's threads wait.
import netbend  # isort: skip

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from time import perf_counter

import torch
from bending import every_layer
from limits import convolutions_of, copy_rate, in_turn, stylegan2
from paired import Times, timed
from plot import Axis, Curve
from report import Report, add_plot, options, table
from torch import Tensor

from netbend.models.precision import has_bfloat16
from netbend.recipe import All, Recipe

BENDS = {"unbent": None, "multiply": "multiply", "rotate": "rotate"}
LIMIT = "convolutions alone"
MOST_OFF = {torch.float32: 0.02, torch.bfloat16: 0.1}  # of the largest value in the picture

Draw = Callable[[], Tensor]


def main() -> None:
    parser = add_plot(options(__doc__, rounds=5))
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1024])
    chosen = parser.parse_args()
    report = Report("On a GPU", chosen)
    if chosen.device.type == "cuda" and not torch.cuda.is_available():
        report.add("No GPU is there, and nothing was measured.")
    else:
        measure(report, chosen)
    report.save()


def measure(report: Report, chosen: argparse.Namespace) -> None:
    clock = partial(finished, chosen.device)
    report.add(f"{named(chosen.device)}. {copy_rate(chosen.rounds, chosen.device, clock)}")
    precisions = [torch.float32] + [torch.bfloat16] * has_bfloat16(chosen.device)
    for precision in precisions:
        rows, curves, limits = [], {}, {LIMIT: []}
        for size in chosen.sizes:
            times, failures = frames(size, chosen.device, precision, chosen.rounds, clock)
            rows += rows_of(f"{size}x{size}", times, failures)
            limits[LIMIT].append((size, 1e3 * times.middle(LIMIT)))
            for name in times.seconds:
                if name != LIMIT:
                    curves.setdefault(name, []).append((size, 1e3 * times.middle(name)))
        kind = str(precision).removeprefix("torch.")
        report.add(*table([f"{kind}, frames a second", "", *BENDS, LIMIT], rows))
        draw(report, curves, limits, chosen.sizes, kind)


def finished(device: torch.device) -> float:
    """The time, once the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter()


def named(device: torch.device) -> str:
    if device.type != "cuda":
        return f"No GPU: {device}"
    return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"


def frames(
    size: int, device: torch.device, precision: torch.dtype, rounds: int, clock: Callable[[], float]
) -> tuple[Times, dict[str, str]]:
    """Times of every way and bend that works, by "bend, way", and why the others do not."""
    torch.compiler.reset()  # it gives up on a network that it has compiled too many times
    contenders: dict[str, Callable[[], object]] = {}
    failures: dict[str, str] = {}
    with ExitStack() as bends:
        for name, kind in BENDS.items():
            model = stylegan2(size).to(device)
            model.network.to(precision)
            recipe = Recipe(()) if kind is None else every_layer(model, kind, All())
            bends.enter_context(netbend.bend(model, recipe))
            w = model.w_plus(model.latents([0])).to(precision)
            usual = partial(model.network, w, model.generator.synthesis.constant_noise())
            contenders[f"{name}, as usual"] = usual
            for way, prepare in WAYS.items():
                try:
                    contenders[f"{name}, {way}"] = the_same(prepare(usual), usual, MOST_OFF[precision])
                except (
                    Exception
                ) as error:  # whatever a compiler or a device has against it is what we want to know
                    failures[f"{name}, {way}"] = f"{type(error).__name__}: {first_line(error)}"
        contenders[LIMIT] = in_turn(convolutions_of(model))
        return timed(contenders, rounds, at_least=0.5, clock=clock), failures


def compiled(usual: partial[Tensor]) -> Draw:
    return partial(torch.compile(usual.func), *usual.args)


def captured(usual: Draw) -> Draw:
    """A CUDA graph of it."""
    usual()  # what is made once is made, and cannot be captured
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        image = usual()

    def draw() -> Tensor:
        graph.replay()
        return image

    return draw


WAYS: dict[str, Callable[[partial[Tensor]], Draw]] = {"compiled": compiled, "CUDA graph": captured}


class OtherPicture(Exception):
    """Not what the network draws as usual."""


def the_same(way: Draw, usual: Draw, most: float) -> Draw:
    """The way, if it draws the same picture. Raises OtherPicture."""
    expected = usual().float()
    off = ((way().float() - expected).abs().max() / expected.abs().max()).item()
    if not off <= most:
        raise OtherPicture(f"{off:.0%} off")
    return way


def first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")[:80]


def rows_of(size: str, times: Times, failures: dict[str, str]) -> list[list[str]]:
    """Frames a second, and of the bent ones how much of the unbent; the limit with each."""
    limit = f"{1 / times.middle(LIMIT):.1f}"
    return [
        [size, way, *(_cell(name, way, times, failures) for name in BENDS), limit]
        for way in ("as usual", *WAYS)
    ]


def _cell(name: str, way: str, times: Times, failures: dict[str, str]) -> str:
    this, unbent = f"{name}, {way}", f"unbent, {way}"
    if this in failures:
        return failures[this].replace("|", "/")
    rate = f"{1 / times.middle(this):.1f}"
    return rate if this == unbent or unbent in failures else f"{rate} ({times.ratio(unbent, this):.0%})"


def draw(
    report: Report, curves: dict[str, Curve], limits: dict[str, Curve], sizes: list[int], kind: str
) -> None:
    across = Axis("pixels a side", ticks={float(size): f"{size}" for size in sizes})
    report.draw(curves, limits, across, Axis(f"milliseconds a frame, {kind}"), kind)


if __name__ == "__main__":
    main()
