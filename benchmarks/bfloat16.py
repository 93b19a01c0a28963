"""StyleGAN2 in bfloat16 on a processor: beside its convolutions alone, float32 and NVIDIA's code in float32.

    python benchmarks/bfloat16.py [--threads 2] [--clock cpu] [--nvidia FOLDER] [--table out.md]

Config F, random weights, one picture at a time, all in one process and with the same settings of memory.
--nvidia: a checkout of stylegan2-ada-pytorch. --clock cpu: processor time, for machines that are shared; only
with one thread. PSNR is to float32, in the range of its values.
"""

# Before torch, as its command does: it says how torch's threads wait.
import netbend  # isort: skip  # noqa: F401

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from limits import convolutions_of, in_turn, stylegan2
from networks import nvidia_network, psnr
from paired import CLOCKS, timed
from report import Report, options, table

from netbend.models.precision import has_bfloat16
from netbend.models.stylegan2.finish import compiled_finish

SIZES = (64, 256, 512, 1024)
HEADS = ["s", "float32, s", "convolutions alone, s", "ratio", "theirs in float32", "ratio", "NVIDIA's, s"]
RATIOS = ["of bfloat16", "of float32", "PSNR, dB"]


def main() -> None:
    parser = options(__doc__, rounds=5)
    parser.add_argument("--nvidia", type=Path)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    chosen = parser.parse_args()
    report = Report("bfloat16", chosen, f"; {chosen.clock} time")
    if not has_bfloat16(torch.device("cpu")):
        report.add("This processor has no instructions for bfloat16, and nothing was measured.")
    else:
        compiled = "compiled" if compiled_finish.load() else "not compiled: numba is absent or does not work"
        report.add(f"What follows a convolution is {compiled}.")
        rows = [measured(size, chosen.rounds, CLOCKS[chosen.clock], chosen.nvidia) for size in SIZES]
        report.add(*table(["StyleGAN2, a picture in bfloat16", *HEADS, *RATIOS], rows))
    report.save()


def measured(size: int, rounds: int, clock: Callable[[], float], folder: Path | None) -> list[str]:
    """A row of the table."""
    models = {"bfloat16": stylegan2(size).bfloat16(), "float32": stylegan2(size)}
    latents = models["float32"].latents([0])
    contenders: dict[str, Callable[[], object]] = {}
    for name, model in models.items():
        contenders[name] = partial(model.generate, latents)
        contenders[f"limit of {name}"] = in_turn(convolutions_of(model))
    if folder is not None:
        contenders["NVIDIA"] = partial(nvidia_network(folder, size), latents.values)
    times = timed(contenders, rounds, clock=clock)
    row = [f"{size}x{size}", *(f"{times.middle(name):.3f}" for name in models)]
    for name in models:
        limit = f"limit of {name}"
        row += [f"{times.middle(limit):.3f}", f"{times.ratio(name, limit):.2f}"]
    if folder is None:
        row += ["", "", ""]
    else:
        row += [f"{times.middle('NVIDIA'):.3f}", *(f"{times.ratio('NVIDIA', name):.2f}" for name in models)]
    images = [model.generate(latents) for model in models.values()]
    return [*row, f"{psnr(*images):.1f}"]


if __name__ == "__main__":
    main()
