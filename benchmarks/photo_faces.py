"""How long photo-faces takes for a picture, beside OpenVINO on the same two networks.

    python benchmarks/photo_faces.py [--threads 2] [--rounds 15] [--table out.md] [--plot out.png]

One by one and in batches, in float32, and in bfloat16 where the processor has instructions for it, with
how near that comes. The limit is measured in the same rounds: the convolutions that torch is asked for,
and nothing else. Needs openvino, and fetches the package (38 MB) for its files. Where photo-faces is not
installed it says so.
"""

# Before torch, as its command does: it says how torch's threads wait.
import netbend  # isort: skip

import argparse
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache, partial
from math import log10
from typing import Any

import numpy as np
import openvino
import torch
from limits import convolutions_in, copy_rate, in_turn
from numpy.typing import NDArray
from paired import timed
from plot import Axis
from report import Report, add_plot, options, table

from netbend.models.base import Model
from netbend.models.catalog import CATALOGUE
from netbend.models.packages import fetch
from netbend.models.precision import has_bfloat16

BATCHES = [1, 2, 4]
PEER, OURS, COARSE = "OpenVINO, float32", "netbend, float32", "netbend, bfloat16"
LIMIT = "convolutions alone, float32"


def main() -> None:
    chosen = add_plot(options(__doc__, rounds=15)).parse_args()
    report = Report("photo-faces, 1024x1024", chosen)
    if CATALOGUE["photo-faces"].installed:
        measure(report, chosen)
    else:
        report.add("photo-faces is not installed: `netbend models install photo-faces` fetches it.")
    report.save()


def measure(report: Report, chosen: argparse.Namespace) -> None:
    report.add(copy_rate(chosen.rounds))
    models = {OURS: netbend.load_model("photo-faces", "cpu")}
    if has_bfloat16(torch.device("cpu")):
        models[COARSE] = netbend.load_model("photo-faces", "cpu", bf16=True)
    runs = {batch: contenders(models, batch, chosen.threads) for batch in BATCHES}
    named = {f"{name}, {batch}": run for batch in BATCHES for name, run in runs[batch].items()}
    times = timed(named, chosen.rounds)
    rows = []
    curves, limits = defaultdict(list), defaultdict(list)
    for batch in BATCHES:
        for name in runs[batch]:
            this = f"{name}, {batch}"
            each = times.middle(this) / batch
            ratios = [f"{times.ratio(this, f'{other}, {batch}'):.2f}" for other in (PEER, LIMIT)]
            rows.append([name, f"{batch}", f"{each:.3f}", *ratios])
            (limits if name == LIMIT else curves)[name].append((batch, each))
    report.add(*table(["", "at once", "s a picture", "of OpenVINO's", "of the convolutions'"], rows))
    if COARSE in models:
        report.add(difference(models[OURS], models[COARSE]))
    across = Axis("pictures at once", ticks={float(batch): f"{batch}" for batch in BATCHES})
    report.draw(curves, limits, across, Axis("seconds a picture"))


def contenders(models: Mapping[str, Model], batch: int, threads: int) -> dict[str, Callable[[], object]]:
    latents = models[OURS].latents(range(batch))
    ours = {name: partial(model.generate, latents) for name, model in models.items()}
    alone = in_turn(convolutions_in(ours[OURS]))
    return {PEER: openvino_player(latents.values.numpy(), threads), **ours, LIMIT: alone}


def difference(model: Model, coarse: Model) -> str:
    latents = model.latents([0])
    off = (model.generate(latents) - coarse.generate(latents)).abs() * 127.5
    return (
        f"bfloat16 differs by {off.mean():.2f} of 255 on average, by {off.max():.0f} at most; "
        f"PSNR {20 * log10(255 / off.square().mean().sqrt()):.1f} dB."
    )


def openvino_player(z: NDArray[np.float32], threads: int) -> Callable[[], object]:
    files = package_files()
    core = openvino.Core()
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}

    def compiled(name: str) -> Callable[..., Any]:
        network = core.read_model(files[f"{name}.xml"], files[f"{name}.bin"])
        network.reshape(list(z.shape))
        return core.compile_model(network, "CPU", options)

    mapping, synthesis = compiled("MappingNetwork"), compiled("SynthesisNetwork")
    return lambda: synthesis([next(iter(mapping([z]).values()))])


@cache
def package_files() -> dict[str, bytes]:
    package = CATALOGUE["photo-faces"].package
    assert package is not None
    return fetch(package)


if __name__ == "__main__":
    main()
