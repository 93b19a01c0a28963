"""How long networks take for a picture or a sound, beside what their arithmetic alone would.

    python benchmarks/networks.py [--threads 2] [--rounds 5] [--nvidia FOLDER] [--table out.md]

StyleGAN2 (config F, random weights) at 64, 256 and 1024, one by one and in batches, and the decoder of
`music`. The limit of StyleGAN2 is measured in the same rounds: a plain convolution, channels-last, of
the same numbers of features and multiplications for each of its layers, and nothing else. --nvidia: a
checkout of stylegan2-ada-pytorch, whose generator of the same size runs in the same rounds.

Then what reuse gains: rendering again after a change in layer k alone, against all of it.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from paired import Times, machine, timed
from torch.nn import functional as F

import netbend
from netbend.bending.prefix import Prefix
from netbend.memory import keep_freed_memory
from netbend.models.base import Model
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Architecture, Generator

BATCHES = {64: 16, 256: 4, 1024: 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nvidia", type=Path)
    parser.add_argument("--table", type=Path)
    chosen = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(chosen.threads)
    torch.set_grad_enabled(False)
    lines = [machine(), "", *pictures(chosen.rounds, chosen.nvidia), "", *sounds(chosen.rounds), ""]
    lines += reuse(stylegan2(1024), "StyleGAN2 1024", chosen.rounds)
    print("\n".join(lines))
    if chosen.table:
        chosen.table.write_text("\n".join(lines) + "\n")


def stylegan2(size: int) -> StyleGAN2:
    torch.manual_seed(0)
    return StyleGAN2(Generator(Architecture.of_width(size)))


def pictures(rounds: int, nvidia: Path | None) -> list[str]:
    heads = ["StyleGAN2", "s a picture", "s, in batches of", "s, its convolutions alone", "ratio", "GFLOP/s"]
    heads += ["NVIDIA's code, s", "as fast"] if nvidia else []
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for size, batch in BATCHES.items():
        model = stylegan2(size)
        one, many = model.latents([0]), model.latents(range(batch))
        convolve, flops = convolutions(model)
        contenders: dict[str, Callable[[], object]] = {
            "one": partial(model.generate, one),
            "batch": partial(model.generate, many),
            "limit": convolve,
        }
        if nvidia:
            contenders["nvidia"] = partial(_nvidia(nvidia, size), one.values)
        times = timed(contenders, rounds)
        row = [str(size), f"{times.middle('one'):.3f}", f"{times.middle('batch') / batch:.3f} ({batch})"]
        row += [f"{times.middle('limit'):.3f}", f"{times.ratio('one', 'limit'):.2f}"]
        row += [f"{flops / times.middle('one') / 1e9:.0f}"]
        if nvidia:
            row += [f"{times.middle('nvidia'):.3f}", f"{times.ratio('nvidia', 'one'):.2f}"]
        rows.append(f"| {' | '.join(row)} |")
    return rows


def convolutions(model: StyleGAN2) -> tuple[Callable[[], None], float]:
    """Plain convolutions with the features and multiplications of its layers, and their operations."""
    work = []
    flops = 0.0
    size = 4
    for layer in model.generator.synthesis.layers:
        outputs, inputs, *_ = layer.conv.weight.shape
        maps = torch.randn(1, inputs, size, size).to(memory_format=torch.channels_last)
        kernel = torch.randn(outputs, inputs, 3, 3).to(memory_format=torch.channels_last)
        work.append((maps, kernel))
        flops += 2 * 9 * inputs * outputs * size**2
        size *= 2 if layer.conv.up else 1

    def convolve() -> None:
        for maps, kernel in work:
            F.conv2d(maps, kernel, padding=1)

    return convolve, flops


def _nvidia(folder: Path, size: int) -> Callable[[torch.Tensor], Any]:
    sys.path.insert(0, str(folder))
    from training.networks import Generator as Other

    width = {"channel_base": 32768, "channel_max": 512, "num_fp16_res": 0}
    other = Other(512, 0, 512, size, 3, mapping_kwargs={"num_layers": 8}, synthesis_kwargs=width)
    other.eval().requires_grad_(False)
    return lambda z: other(z, None, noise_mode="const", force_fp32=True)


def sounds(rounds: int) -> list[str]:
    music = netbend.load_model("music", "cpu")
    one, many = music.latents([0]), music.latents(range(16))
    times = timed(
        {"one": partial(music.generate, one), "batch": partial(music.generate, many)}, rounds, at_least=0.1
    )
    spectrum = music.spectrum  # type: ignore[attr-defined]
    heard = music.layers[-1].height * spectrum.hop / spectrum.sample_rate
    return [
        "| decoder of `music` | ms a chunk | ms, in batches of 16 | times as fast as it is heard |",
        "|---|---|---|---|",
        f"| {heard:.2f} s of sound | {times.middle('one') * 1e3:.1f} | {times.middle('batch') / 16e-3:.1f} "
        f"| {heard / times.middle('one'):.0f} |",
    ]


def reuse(model: Model, name: str, rounds: int) -> list[str]:
    """What rendering again costs, and holds in memory, when only what comes from layer k on changes."""
    latents = model.latents([0])
    rows = [f"| {name}: a change at | of the time of all | MB kept |", "|---|---|---|"]
    for layer in model.layers:
        if layer.number is None:
            continue
        prefix = Prefix(model.network, [layer])
        with prefix.recorded():
            model.generate(latents)
        times = timed(
            {"all": partial(model.generate, latents), "rest": partial(_again, prefix, model, latents)}, rounds
        )
        rows.append(f"| {layer} | {share(times):.0%} | {prefix.bytes / 1e6:.0f} |")
    return rows


def share(times: Times) -> float:
    return times.ratio("rest", "all")


def _again(prefix: Prefix, model: Model, latents: "netbend.Latents") -> None:
    with prefix.replayed():
        model.generate(latents)


if __name__ == "__main__":
    main()
