"""Trains small StyleGAN2s twice, as on a processor and as on a GPU, and compares what comes of it.

    python scripts/train/ways_agree.py [--steps 2000] [--seeds 3] [--size 32] [--batch 8] [--out ways.json]

A single step can be compared to rounding, a run cannot: networks that differ in the last bit drift apart. So
each way is run with several seeds, and what lies between the ways is compared with what lies between seeds:
losses over the last quarter of the steps, and samples of the averaged generator by the Fréchet distance of
their pixels at 4x4. All of it runs on the processor, the GPU's way without recording steps; the pictures are
drawn here, three soft discs each. What was found so far is printed after each seed.
"""

import argparse
import json
from itertools import combinations, product
from pathlib import Path
from statistics import fmean

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn import functional as F

from netbend.models.stylegan2.training.on_cuda import StepsOnCuda
from netbend.models.stylegan2.training.settings import Settings
from netbend.models.stylegan2.training.steps import Steps

WAYS = ("processor", "gpu")
LOSSES = ("generator", "discriminator", "r1")
SIDE = 4  # of the pictures that are compared
SAMPLES = 1024
PICTURES = 2000
KEPT = 0.99  # of the averaged generator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, default in {"steps": 2000, "seeds": 3, "size": 32, "batch": 8}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, help="where to write the numbers, too")
    chosen = parser.parse_args()
    pictures = drawn_pictures(PICTURES, chosen.size)
    runs = {}
    for seed in range(chosen.seeds):
        for way in WAYS:
            runs[way, seed] = Trained(way, seed, pictures, chosen.steps, chosen.batch)
        found = {**losses_of(runs), **distances_of(runs, seen(pictures))}
        print(json.dumps(found, indent=2), flush=True)
    if chosen.out is not None:
        chosen.out.write_text(json.dumps(found, indent=2) + "\n")


def drawn_pictures(count: int, size: int) -> Tensor:
    """uint8 `(count, 3, size, size)`: on a ground of one colour three soft discs of others."""
    random = torch.Generator().manual_seed(0)
    axis = (torch.arange(size) + 0.5) / size
    images = torch.rand(count, 3, 1, 1, generator=random).expand(-1, -1, size, size)
    for _ in range(3):
        x, y, radius = (torch.rand(count, 1, 1, 1, generator=random) for _ in range(3))
        distance = ((axis - x).square() + (axis[:, None] - y).square()).sqrt()
        disc = torch.sigmoid((0.1 + 0.25 * radius - distance) * size)
        images = images.lerp(torch.rand(count, 3, 1, 1, generator=random).expand_as(images), disc)
    return (255 * images).round().to(torch.uint8)


class Trained:
    """What is looked at of one run.

    losses: of each kind those of the last quarter of the steps. samples: as `seen`.
    """

    def __init__(self, way: str, seed: int, pictures: Tensor, steps: int, batch: int):
        settings = Settings(
            size=pictures.shape[-1], feature_base=512, feature_max=32, z_dim=32, w_dim=32, mapping_depth=2,
            batch=batch, augment="none", seed=seed,
        )  # fmt: skip
        fabric = Fabric(accelerator="cpu", devices=1)
        if way == "gpu":
            trained: Steps = StepsOnCuda(pictures, settings, fabric, batch, record=False)
        else:
            trained = Steps(pictures, settings, fabric, batch)
        self.losses: dict[str, list[float]] = {name: [] for name in LOSSES}
        for number in range(steps):
            trained.step(number, KEPT)
            for name, loss in trained.losses.items():
                if number >= steps - steps // 4:
                    self.losses[name].append(loss.item())
        with torch.no_grad():
            z = torch.randn(SAMPLES, 32, generator=torch.Generator().manual_seed(99))
            self.samples = seen((127.5 * (trained.averaged(z).clamp(-1, 1) + 1)).round())


def seen(images: Tensor) -> Tensor:
    """Pictures of levels from 0 to 255 as `(N, 3 * SIDE^2)`, from 0 to 1."""
    return F.adaptive_avg_pool2d(images.double() / 255, SIDE).flatten(1)


def losses_of(runs: dict[tuple[str, int], Trained]) -> dict[str, dict[str, list[float]]]:
    """Mean losses of each way, one for each seed."""
    return {
        name: {
            way: [round(fmean(run.losses[name]), 4) for (whose, _), run in runs.items() if whose == way]
            for way in WAYS
        }
        for name in LOSSES
    }


def distances_of(runs: dict[tuple[str, int], Trained], real: Tensor) -> dict[str, dict[str, float]]:
    """Mean Fréchet distances: of each way to the pictures, between its seeds, and between the ways."""

    def between(pairs: list[tuple[Tensor, Tensor]]) -> float:
        return round(fmean(frechet(*pair) for pair in pairs), 4)

    of = {way: [run.samples for (whose, _), run in runs.items() if whose == way] for way in WAYS}
    found = {f"{way} to pictures": between([(samples, real) for samples in of[way]]) for way in WAYS}
    found |= {f"seeds of {way}": between(list(combinations(of[way], 2))) for way in WAYS if len(of[way]) > 1}
    found["ways"] = between(list(product(*of.values())))
    return {"distances": found}


def frechet(first: Tensor, second: Tensor) -> float:
    """Squared, of normal distributions with the means and covariances of rows `(N, D)`."""
    apart = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    one, other = torch.cov(first.T), torch.cov(second.T)
    common = torch.linalg.eigvals(one @ other).real.clamp(min=0).sqrt().sum()
    return float(apart + one.trace() + other.trace() - 2 * common)


if __name__ == "__main__":
    main()
