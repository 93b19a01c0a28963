"""Training StyleGAN2 on a GPU: pictures a second, the start, where the time goes, and whether it is right.

    python benchmarks/training.py [--size 128] [--batch 64] [--seconds 3] [--table out.md]

Random pictures; lazy R1 is part of every sixteenth step. The losses are compared with those of plain
networks and the same random numbers, in float32. Without a GPU it says so.
"""

# Before torch, as its command does: it says how torch's threads wait.
import netbend  # isort: skip  # noqa: F401

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from lightning_fabric import Fabric
from report import Report, options, table
from torch.profiler import ProfilerActivity, profile

from netbend.models.stylegan2.training.on_cuda import StepsOnCuda
from netbend.models.stylegan2.training.settings import Settings
from netbend.models.stylegan2.training.steps import Steps

PICTURES = 512
INTERVAL = 16  # steps, in one of which R1 is
KEPT = 0.998  # of the averaged generator
SHOWN = 30  # kernels


def main() -> None:
    parser = options(__doc__, rounds=3)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--feature-base", type=int, default=8192)
    parser.add_argument("--feature-max", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=3, help="of measuring")
    parser.add_argument("--benchmark", action="store_true", help="let cuDNN try its ways out")
    chosen = parser.parse_args()
    report = Report("Training on a GPU", chosen)
    torch.set_grad_enabled(True)
    if not torch.cuda.is_available():
        report.add("No GPU is there, and nothing was measured.")
    else:
        measure(report, chosen)
    report.save()


def measure(report: Report, chosen: argparse.Namespace) -> None:
    torch.backends.cudnn.benchmark = chosen.benchmark
    width = f"features {chosen.feature_base} / R, at most {chosen.feature_max}"
    network = f"{chosen.size}x{chosen.size}, {width}, batch {chosen.batch}, bfloat16"
    report.add(f"{torch.cuda.get_device_name()}; {network}")
    started = time.perf_counter()
    settings = Settings(
        size=chosen.size,
        feature_base=chosen.feature_base,
        feature_max=chosen.feature_max,
        batch=chosen.batch,
        augment="none",
        bf16=True,
    )
    steps = StepsOnCuda(pictures(chosen.size), settings, fabric(), chosen.batch)
    for number in (1, 2, 3, *[INTERVAL] * 3):  # recorded when it comes for the third time, R1 too
        steps.step(number, KEPT)
        seconds = finished() - started
        print(f"step {number}: {seconds:.2f} s", flush=True)
    report.add(f"Start: {seconds:.1f} s from pictures on, until all is compiled and recorded.")
    run = partial(next, taken(steps))
    report.add(speed(run, chosen))
    report.add(f"Memory: {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")
    report.add(*kernels(run))
    del run, steps
    report.add(*agreement())


def fabric() -> Fabric:
    return Fabric(accelerator="cuda", devices=1)


def pictures(size: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (PICTURES, 3, size, size), dtype=torch.uint8, generator=random)


def taken(steps: Steps) -> Iterator[None]:
    number = 0
    while True:
        steps.step(number, KEPT)
        number += 1
        yield


def finished() -> float:
    torch.cuda.synchronize()
    return time.perf_counter()


def speed(run: Any, chosen: argparse.Namespace) -> str:
    rates = []
    began = finished()
    while not rates or finished() - began < chosen.seconds:
        start = finished()
        for _ in range(INTERVAL):
            run()
        rates.append(INTERVAL * chosen.batch / (finished() - start))
    rates.sort()
    return f"Speed: {rates[len(rates) // 2]:.0f} pictures a second ({rates[0]:.0f} to {rates[-1]:.0f})."


def kernels(run: Any) -> list[str]:
    """Where the time goes in sixteen steps, by kernel."""
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        for _ in range(INTERVAL):
            run()
        finished()
    times: dict[str, list[float]] = defaultdict(list)
    for event in seen.events():
        times[event.name].append(event.device_time_total)
    total = sum(map(sum, times.values()))
    rows = [
        [f"`{name[:90]}`", f"{sum(each) / 1e3 / INTERVAL:.2f}", f"{len(each) / INTERVAL:.0f}"]
        for name, each in sorted(times.items(), key=lambda item: -sum(item[1]))[:SHOWN]
    ]
    return [f"{total / 1e3 / INTERVAL:.1f} ms a step:", *table(["kernel", "ms", "calls"], rows)]


def agreement() -> list[str]:
    """Losses of six steps beside those that are not recorded, and of plain networks, by far the slowest."""
    settings = Settings(
        size=32, feature_base=2048, feature_max=64, batch=16, augment="none", r1_interval=4, seed=1
    )
    exactly = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    images = pictures(32)
    rows = []
    ways = {
        "recorded": StepsOnCuda(images, settings, fabric(), 16),
        "not recorded": StepsOnCuda(images, settings, fabric(), 16, record=False),
        "plain": Steps(images, settings, fabric(), 16),
    }
    for number in range(6):
        row = [str(number)]
        for steps in ways.values():
            steps.step(number, KEPT)
            row.append(", ".join(f"{loss.item():.5f}" for loss in steps.losses.values()))
        rows.append(row)
    torch.backends.cudnn.allow_tf32 = exactly
    return table(["step", *(f"{way}: {', '.join(steps.losses)}" for way, steps in ways.items())], rows)


if __name__ == "__main__":
    main()
