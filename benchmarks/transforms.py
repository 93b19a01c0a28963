"""How long transforms take, beside OpenCV feature by feature and beside a copy.

    python benchmarks/transforms.py [--threads 2] [--planes] [--table out.md] [--plot out.png]

For every size and transform the median of paired runs, in milliseconds, and two ratios: to OpenCV
(numpy where it has no such function) called once for each feature, its results left where they are;
and to a copy of the maps, which is what memory allows. Maps are channels-last, as in netbend's own
networks; --planes takes channels-first ones. OpenCV always gets each feature as it likes it.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from paired import CLOCKS, Times, machine, timed
from plot import plot

from netbend.memory import keep_freed_memory
from netbend.transforms import build_transform

SIZES = [(512, 8), (512, 16), (512, 32), (512, 64), (256, 128), (128, 256), (64, 512), (32, 1024)]
ANGLE, SHIFT, FACTOR = 30.0, 0.1, 0.6
RADII = [1, 2, 4, 8, 16]

Feature = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: of this process, if others run")
    parser.add_argument("--planes", action="store_true", help="channels-first maps")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--plot", type=Path)
    chosen = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(chosen.threads)
    cv2.setNumThreads(chosen.threads)
    lines = [f"{machine()}; {chosen.clock} time, median of {chosen.rounds}", ""]
    curves: dict[str, list[tuple[float, float]]] = {}
    for features, size in SIZES:
        times = measure(features, size, chosen.planes, chosen.rounds, CLOCKS[chosen.clock])
        lines += table(f"{features}x{size}x{size}", times)
        print("\n".join(lines[-len(transforms()) - 5 :]), flush=True)
        for name in ("copy", "rotate", "dilate r=2", "dilate r=16"):
            curves.setdefault(name, []).append((features * size**2, times.middle(name) * 1e3))
    if chosen.table:
        chosen.table.write_text("\n".join(lines) + "\n")
    if chosen.plot:
        plot(curves, "numbers in the maps", "milliseconds").save(chosen.plot)


def transforms() -> dict[str, tuple[object, Callable[[Feature, int], object]]]:
    """Each of ours, and how one feature of some size is done without us."""
    morphology = {
        f"{name} r={radius}": (build_transform(name, [radius]), partial(_morphed, function, radius))
        for name, function, radii in (("dilate", cv2.dilate, RADII), ("erode", cv2.erode, [2]))
        for radius in radii
    }
    return {
        "ablate": (build_transform("ablate"), lambda feature, _: np.zeros_like(feature)),
        "invert": (build_transform("invert"), lambda feature, _: 1 - feature),
        "multiply": (build_transform("multiply", [1.7]), lambda feature, _: feature * np.float32(1.7)),
        "threshold": (
            build_transform("threshold", [0.25]),
            lambda feature, _: cv2.threshold(feature, 0.25, 1, cv2.THRESH_BINARY),
        ),
        "flip-h": (build_transform("flip-h"), lambda feature, _: cv2.flip(feature, 1)),
        "flip-v": (build_transform("flip-v"), lambda feature, _: cv2.flip(feature, 0)),
        "translate": (build_transform("translate", [SHIFT]), _translated),
        "scale": (build_transform("scale", [FACTOR]), partial(_turned, 0.0, FACTOR)),
        "rotate": (build_transform("rotate", [ANGLE]), partial(_turned, ANGLE, 1.0)),
        **morphology,
    }


def measure(features: int, size: int, planes: bool, rounds: int, clock: Callable[[], float]) -> Times:
    """Ours, OpenCV's and a copy."""
    form = torch.contiguous_format if planes else torch.channels_last
    maps = torch.randn(1, features, size, size, generator=torch.Generator().manual_seed(0))
    each = list(maps[0].numpy())
    maps = maps.contiguous(memory_format=form)
    contenders: dict[str, Callable[[], object]] = {"copy": maps.clone}
    for name, (ours, others) in transforms().items():
        contenders[name] = partial(ours, maps)  # type: ignore[arg-type]
        contenders[f"OpenCV {name}"] = lambda others=others: [others(feature, size) for feature in each]
    return timed(contenders, rounds, at_least=0.003, clock=clock)


def table(size: str, times: Times) -> list[str]:
    lines = [
        f"| {size}: copy {times.middle('copy') * 1e3:.3f} ms | ms | OpenCV, ms | times as fast | copies |",
        "|---|---|---|---|---|",
    ]
    for name in transforms():
        others = f"OpenCV {name}"
        lines.append(
            f"| {name} | {times.middle(name) * 1e3:.3f} | {times.middle(others) * 1e3:.3f} "
            f"| {times.ratio(others, name):.1f} | {times.ratio(name, 'copy'):.2f} |"
        )
    return [*lines, ""]


def _morphed(function: Callable[..., object], radius: int, feature: Feature, _size: int) -> object:
    return function(feature, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)))


def _translated(feature: Feature, size: int) -> object:
    return cv2.warpAffine(feature, np.array([[1, 0, SHIFT * size], [0, 1, 0]]), (size, size))


def _turned(degrees: float, factor: float, feature: Feature, size: int) -> object:
    middle = (size - 1) / 2
    return cv2.warpAffine(feature, cv2.getRotationMatrix2D((middle, middle), degrees, factor), (size, size))


if __name__ == "__main__":
    main()
