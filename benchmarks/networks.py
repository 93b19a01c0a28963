"""How long networks take for a picture or a sound, beside what their arithmetic alone would.

    python benchmarks/networks.py [--threads 2] [--nvidia FOLDER] [--table out.md] [--plot out.png]

StyleGAN2 (config F, random weights) at 64, 256 and 1024, one by one and in batches, and the decoder of
`music`; in float32, and in bfloat16 where the processor has instructions for it, with how near that
comes to float32. The limit is measured in the same rounds: plain convolutions, channels-last, of the
same numbers of features and multiplications, and nothing else. --nvidia: a checkout of
stylegan2-ada-pytorch, whose generator of the same size runs in the same rounds.

Then what reuse gains: rendering again after a change in layer k alone, against all of it. Its limit is
the share of the plain convolutions from that layer on.
"""

# Before torch, as its command does: it says how torch's threads wait.
import netbend  # isort: skip

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import log10
from pathlib import Path
from typing import Any

import torch
from limits import Convolution, convolutions_in, convolutions_of, copy_rate, in_turn, stylegan2
from paired import Times, timed
from plot import Axis, Curve
from report import Report, add_plot, options, table

from netbend.bending import Layer
from netbend.bending.prefix import Prefix
from netbend.models.base import Model
from netbend.models.precision import has_bfloat16
from netbend.models.stylegan2.finish import compiled_finish
from netbend.models.stylegan2.model import StyleGAN2

BATCHES = {64: 16, 256: 4, 1024: 2}
SOUNDS = [1, 4, 16]
HEADS = ["precision", "at once", "s", "its convolutions alone, s", "ratio", "GFLOP/s", "theirs", "PSNR, dB"]
PIXELS = Axis("pixels a side", ticks={float(size): f"{size}" for size in BATCHES})


def main() -> None:
    parser = add_plot(options(__doc__, rounds=5))
    parser.add_argument("--nvidia", type=Path)
    chosen = parser.parse_args()
    report = Report("Networks", chosen)
    report.add(copy_rate(chosen.rounds))
    if not has_bfloat16(torch.device("cpu")):
        report.add("This processor has no instructions for bfloat16, which is not measured.")
    compiled_finish.load()  # for bfloat16; netbend otherwise waits until it pays
    pictures(report, chosen.rounds, chosen.nvidia)
    sounds(report, chosen.rounds)
    reuse(report, chosen.rounds)
    report.save()


@dataclass(frozen=True)
class Run:
    """A model in one precision, so many samples at once, and the plain convolutions beside it."""

    precision: str
    batch: int
    generate: Callable[[], torch.Tensor]
    convolutions: Sequence[Convolution]

    @property
    def name(self) -> str:
        return f"{self.precision}, {self.batch} at once"

    @property
    def contenders(self) -> dict[str, Callable[[], object]]:
        return {self.name: self.generate, f"limit of {self.name}": in_turn(self.convolutions)}

    def cells(self, times: Times, exact: torch.Tensor) -> list[str]:
        """Seconds a sample, and those of the limit. exact: what float32 gives."""
        own, limit = self.each(times), self.each(times, "limit of ")
        operations = sum(convolution.operations for convolution in self.convolutions) / self.batch / 1e9
        ratio = times.ratio(self.name, f"limit of {self.name}")
        near = "" if self.precision == "float32" else f"{psnr(self.generate(), exact):.1f}"
        row = [self.precision, f"{self.batch}", f"{own:.4g}", f"{limit:.4g}", f"{ratio:.2f}"]
        return [*row, f"{operations / own:.0f}", f"{operations / limit:.0f}", near]

    def each(self, times: Times, whose: str = "") -> float:
        return times.middle(whose + self.name) / self.batch


def runs(
    make: Callable[[], Model],
    batches: Sequence[int],
    convolutions: Callable[[Model, int], Sequence[Convolution]],
) -> list[Run]:
    """Of a model in every precision that the processor is made for."""
    models = {"float32": make()}
    if has_bfloat16(torch.device("cpu")):
        models["bfloat16"] = make().bfloat16()
    return [
        Run(name, batch, partial(model.generate, model.latents(range(batch))), convolutions(model, batch))
        for name, model in models.items()
        for batch in batches
    ]


def psnr(found: torch.Tensor, exact: torch.Tensor) -> float:
    """In dB of the range of the exact values: random weights do not keep to that of pictures."""
    error = (found - exact).square().mean().sqrt()
    return 20 * log10((exact.max() - exact.min()) / error)


def contenders_of(of: Sequence[Run]) -> dict[str, Callable[[], object]]:
    return {name: run for one in of for name, run in one.contenders.items()}


def rows_of(of: Sequence[Run], times: Times) -> list[list[str]]:
    exact = {one.batch: one.generate() for one in of if one.precision == "float32"}
    return [one.cells(times, exact[one.batch]) for one in of]


def pictures(report: Report, rounds: int, nvidia: Path | None) -> None:
    rows = []
    curves, limits = defaultdict(list), defaultdict(list)
    for size, batch in BATCHES.items():
        of = runs(partial(stylegan2, size), [1, batch], convolutions_of)
        z = stylegan2(size).latents([0]).values
        others = {"NVIDIA": partial(nvidia_network(nvidia, size), z)} if nvidia else {}
        times = timed({**contenders_of(of), **others}, rounds)
        rows += [[f"{size}x{size}", *row] for row in rows_of(of, times)]
        if nvidia:
            ratio = f"{times.ratio('NVIDIA', of[0].name):.2f} of netbend's"
            row = [f"{times.middle('NVIDIA'):.4g}", "", ratio, "", "", ""]
            rows.append([f"{size}x{size}, NVIDIA's code", "float32", "1", *row])
        for one in of:
            kind = "one by one" if one.batch == 1 else "in batches"
            curves[f"{one.precision}, {kind}"].append((size, one.each(times)))
            if one.batch == 1:
                limits[f"convolutions, {one.precision}"].append((size, one.each(times, "limit of ")))
    report.add(*table(["StyleGAN2, a picture", *HEADS], rows))
    report.draw(curves, limits, PIXELS, Axis("seconds a picture"))


def nvidia_network(folder: Path, size: int) -> Callable[[torch.Tensor], Any]:
    """NVIDIA's generator of config F, in float32, from a checkout of stylegan2-ada-pytorch."""
    sys.path.insert(0, str(folder))
    from training.networks import Generator as Other

    width = {"channel_base": 32768, "channel_max": 512, "num_fp16_res": 0}
    other = Other(512, 0, 512, size, 3, mapping_kwargs={"num_layers": 8}, synthesis_kwargs=width)
    other.eval().requires_grad_(False)
    return lambda z: other(z, None, noise_mode="const", force_fp32=True)


def sounds(report: Report, rounds: int) -> None:
    """Its convolutions are those that torch is asked for: the decoder has no other way through them."""

    def asked_for(model: Model, batch: int) -> list[Convolution]:
        return convolutions_in(partial(model.generate, model.latents(range(batch))))

    of = runs(partial(netbend.load_model, "music", "cpu"), SOUNDS, asked_for)
    times = timed(contenders_of(of), rounds, at_least=0.1)
    music = netbend.load_model("music", "cpu")
    spectrum = music.output.spectrum  # type: ignore[attr-defined]
    heard = music.layers[-1].height * spectrum.hop / spectrum.sample_rate
    faster = [f"{heard / one.each(times):.0f}" for one in of]
    rows = [["", *row, fast] for row, fast in zip(rows_of(of, times), faster, strict=True)]
    report.add(*table([f"decoder of `music`, {heard:.2f} s of sound", *HEADS, "as fast as heard"], rows))
    curves, limits = defaultdict(list), defaultdict(list)
    for one in of:
        curves[one.precision].append((one.batch, 1e3 * one.each(times)))
        limits[f"convolutions, {one.precision}"].append((one.batch, 1e3 * one.each(times, "limit of ")))
    across = Axis("sounds at once", ticks={float(batch): f"{batch}" for batch in SOUNDS})
    report.draw(curves, limits, across, Axis("milliseconds a sound"), "music")


def reuse(report: Report, rounds: int) -> None:
    """What rendering again costs, and holds in memory, when only what comes from layer k on changes."""
    curves: dict[str, Curve] = {}
    limits: dict[str, Curve] = {}
    for size in BATCHES:
        model = stylegan2(size)
        layers = [layer for layer in model.layers if layer.number is not None]
        prefixes = [_recorded(model, layer) for layer in layers]
        shares, least = _shares(model, layers, prefixes, rounds)
        rows = [
            [f"{layer}", f"{share:.0%}", f"{limit:.0%}", f"{prefix.bytes / 1e6:.1f}"]
            for layer, share, limit, prefix in zip(layers, shares, least, prefixes, strict=True)
        ]
        heads = ["of the time of all", "its convolutions alone, of all of them", "MB kept"]
        report.add(*table([f"StyleGAN2 {size}x{size}, a change at", *heads], rows))
        curves[f"{size}x{size}"] = [(place, 100 * share) for place, share in enumerate(shares)]
        limits[f"convolutions, {size}x{size}"] = [(place, 100 * limit) for place, limit in enumerate(least)]
    ticks = {float(place): f"{place}" for place in range(max(map(len, curves.values())))}
    across = Axis("layer that changes", logarithmic=False, ticks=ticks)
    report.draw(curves, limits, across, Axis("percent of the time of all", logarithmic=False), "reuse")


def _shares(
    model: StyleGAN2, layers: Sequence[Layer], prefixes: Sequence[Prefix], rounds: int
) -> tuple[list[float], list[float]]:
    """Of the time of all: with what each prefix keeps, and of the plain convolutions from its layer on."""
    latents = model.latents([0])
    contenders: dict[str, Callable[[], object]] = {"all": partial(model.generate, latents)}
    for layer, prefix, alone in zip(layers, prefixes, convolutions_of(model), strict=True):
        contenders[f"from {layer}"] = partial(_again, prefix, model, latents)
        contenders[f"only {layer}"] = alone
    times = timed(contenders, rounds)
    took = [times.middle(f"only {layer}") for layer in layers]
    least = [sum(took[place:]) / sum(took) for place in range(len(took))]
    return [times.ratio(f"from {layer}", "all") for layer in layers], least


def _recorded(model: Model, layer: Layer) -> Prefix:
    prefix = Prefix(model.network, [layer])
    with prefix.recorded():
        model.generate(model.latents([0]))
    return prefix


def _again(prefix: Prefix, model: Model, latents: "netbend.Latents") -> None:
    with prefix.replayed():
        model.generate(latents)


if __name__ == "__main__":
    main()
