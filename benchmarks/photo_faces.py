"""How long photo-faces takes for a picture, beside OpenVINO on the same two networks.

    python benchmarks/photo_faces.py [THREADS]       fetches the package (38 MB) for OpenVINO's files

Prints the median of 15 pictures for each, taken in turn, and ratios. Needs openvino.
"""

import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter

import openvino
import torch

import netbend
from netbend.models.catalog import CATALOGUE
from netbend.models.packages import fetch

ROUNDS = 15


def main(threads: int) -> None:
    torch.set_num_threads(threads)
    model, coarse = (netbend.load_model("photo-faces", "cpu", bf16=bf16) for bf16 in (False, True))
    latents = model.latents([0])
    contenders = {
        "OpenVINO, float32": openvino_player(latents.values.numpy(), threads),
        "netbend, float32": lambda: model.generate(latents),
        "netbend, bfloat16": lambda: coarse.generate(latents),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_number in range(ROUNDS + 1):
        for name, run in contenders.items():
            start = perf_counter()
            run()
            if round_number:  # the first warms up
                seconds[name].append(perf_counter() - start)
    reference = median(seconds["OpenVINO, float32"])
    print(f"1024x1024, batch 1, {threads} threads; median of {ROUNDS}")
    for name, times in seconds.items():
        middle = median(times)
        print(f"{name:20} {middle:6.3f} s   {middle / reference:5.2f} of OpenVINO   best {min(times):.3f} s")
    difference = (model.generate(latents) - coarse.generate(latents)).abs() * 127.5
    print(f"bfloat16 differs by {difference.mean():.2f} of 255 on average, by {difference.max():.0f} at most")


def openvino_player(z: object, threads: int) -> Callable[[], object]:
    package = CATALOGUE["photo-faces"].package
    assert package is not None
    files = fetch(package)
    core = openvino.Core()
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    mapping, synthesis = (
        core.compile_model(core.read_model(files[f"{name}.xml"], files[f"{name}.bin"]), "CPU", options)
        for name in ("MappingNetwork", "SynthesisNetwork")
    )
    return lambda: synthesis([next(iter(mapping([z]).values()))])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
