"""How long transforms take, beside OpenCV feature by feature and beside a copy.

    python benchmarks/transforms.py [--threads 2] [--planes] [--table out.md] [--plot out.png]

For every size and transform the median of paired runs, in milliseconds, and two ratios: to OpenCV
(numpy where it has no such function) called once for each feature, its results left where they are;
and to a copy of the maps, which is what memory allows. Maps are channels-last, as in netbend's own
networks; --planes takes channels-first ones. OpenCV always gets each feature as it likes it.

Erosion and dilation have a plot of their own, beside that of all others.
"""

# Before torch, as its command does: it says how torch's threads wait.
import netbend  # isort: skip  # noqa: F401

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from paired import CLOCKS, Times, timed
from plot import Axis, Curve
from report import Report, add_plot, compiling, options, table

from netbend.transforms import build_transform

SIZES = [(512, 8), (512, 16), (512, 32), (512, 64), (256, 128), (128, 256), (64, 512), (32, 1024)]
ANGLE, SHIFT, FACTOR = 30.0, 0.1, 0.6
SHEAR = [[1.1, 0.2, 0.0], [-0.1, 0.9, 0.0]]
RADII = [1, 2, 4, 8, 16]

Feature = NDArray[np.float32]


def main() -> None:
    parser = add_plot(options(__doc__, rounds=5))
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: of this process, if others run")
    parser.add_argument("--planes", action="store_true", help="channels-first maps")
    chosen = parser.parse_args()
    form = "channels-first" if chosen.planes else "channels-last"
    report = Report("Transforms", chosen, how=f"; {chosen.clock} time, {form} float32")
    report.add(
        "Each cell: milliseconds for all features: how many times as fast as OpenCV called for each, and how "
        f"many copies of the maps were made meanwhile. {compiling()}"
    )
    measured = []
    for features, size in SIZES:
        measured.append(measure(features, size, chosen.planes, chosen.rounds, CLOCKS[chosen.clock]))
        print(f"{features}x{size}x{size} measured", flush=True)
    report.add(*summary(measured))
    ticks = {float(features * size**2): f"{features}x\n{size}x{size}" for features, size in SIZES}
    across, up = Axis("maps", ticks=ticks), Axis("milliseconds")
    morphology = [name for name in transforms() if "r=" in name]
    others = [name for name in transforms() if name not in morphology]
    limits = curves(measured, ["copy"])
    report.draw(curves(measured, others), limits, across, up)
    report.draw(curves(measured, morphology), limits, across, up, "morphology")
    report.save()


def transforms() -> dict[str, tuple[object, Callable[[Feature, int], object]]]:
    """Each of ours, and how one feature of some size is done without us."""
    morphology = {
        f"{name} r={radius}": (build_transform(name, [radius]), partial(_morphed, function, radius))
        for name, function in (("dilate", cv2.dilate), ("erode", cv2.erode))
        for radius in RADII
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
        "affine": (build_transform("affine", [SHEAR]), _sheared),
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


def summary(measured: Sequence[Times]) -> list[str]:
    """A column for each size; the copy, the limit, first."""
    sizes = list(zip(SIZES, measured, strict=True))
    heads = ["", *(f"{features}x{size}x{size}" for (features, size), _ in sizes)]
    copies = [times.middle("copy") for times in measured]
    rates = [
        8e-9 * features * size**2 / copy for ((features, size), _), copy in zip(sizes, copies, strict=True)
    ]
    rows = [["a copy, ms", *(f"{copy * 1e3:.3g}" for copy in copies)]]
    rows += [["a copy, GB/s read and written", *(f"{rate:.1f}" for rate in rates)]]
    for name in transforms():
        rows.append([name, *(_cell(name, times) for times in measured)])
    return table(heads, rows)


def _cell(name: str, times: Times) -> str:
    faster, copies = times.ratio(f"OpenCV {name}", name), times.ratio(name, "copy")
    return f"{times.middle(name) * 1e3:.3g}: {faster:.1f}, {copies:.1f}"


def curves(measured: Sequence[Times], names: Sequence[str]) -> dict[str, Curve]:
    """Milliseconds by how many numbers are in the maps."""
    numbers = [features * size**2 for features, size in SIZES]
    return {
        name: [(count, times.middle(name) * 1e3) for count, times in zip(numbers, measured, strict=True)]
        for name in names
    }


def _morphed(function: Callable[..., object], radius: int, feature: Feature, _size: int) -> object:
    return function(feature, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)))


def _translated(feature: Feature, size: int) -> object:
    return cv2.warpAffine(feature, np.array([[1, 0, SHIFT * size], [0, 1, 0]]), (size, size))


def _turned(degrees: float, factor: float, feature: Feature, size: int) -> object:
    middle = (size - 1) / 2
    return cv2.warpAffine(feature, cv2.getRotationMatrix2D((middle, middle), degrees, factor), (size, size))


def _sheared(feature: Feature, size: int) -> object:
    return cv2.warpAffine(feature, np.array(SHEAR), (size, size))


if __name__ == "__main__":
    main()
