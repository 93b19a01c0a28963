"""Figures for the card of a trained StyleGAN2: samples, curves, copies.

    python scripts/model_card.py RUN DATA HELD_OUT OUT

RUN is the folder of a training run, DATA its pictures, HELD_OUT some that it has not seen.
Writes into OUT: samples.png (seeds 0-63, truncation 0.7, not selected), curves.png (losses and
sliced Wasserstein distance of every snapshot), neighbours.png (samples above their nearest
training pictures) and figures.json. Needs matplotlib.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.models.base import SynthesisOptions
from netbend.models.catalog import load_model
from netbend.models.stylegan2.training.images import load_images
from netbend.pictures import contact_sheet, to_pictures

SAMPLES_FOR_DISTANCE = 512


def main(run: Path, data: Path, held_out: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    model = load_model(run / "model.safetensors")
    size = model.generator.architecture.size
    training = load_images(data, size).float() / 127.5 - 1
    unseen = load_images(held_out, size).float() / 127.5 - 1
    samples = generate(model, range(64), truncation=0.7)
    contact_sheet(to_pictures(samples), [""] * 64, columns=8).save(out / "samples.png")
    figures = {"nearest_neighbours": nearest_neighbours(samples, unseen, training, out / "neighbours.png")}
    figures["sliced_wasserstein"] = distances(run, training, unseen)
    curves(run, figures["sliced_wasserstein"], out / "curves.png")
    (out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


def generate(model, seeds, truncation: float) -> Tensor:
    batches = [seeds[start : start + 64] for start in range(0, len(seeds), 64)]
    return torch.cat(
        [model.generate(model.latents(batch), SynthesisOptions(truncation)) for batch in batches]
    )


def nearest_neighbours(samples: Tensor, unseen: Tensor, training: Tensor, path: Path) -> dict[str, float]:
    """Root mean square distance of each sample to the nearest training picture, beside that of
    real pictures which were not in the training set: a copy would lie far below those."""
    of_samples, nearest = nearest_in(samples, training)
    of_unseen, _ = nearest_in(unseen[:256], training)
    pairs = torch.cat([samples[:16], training[nearest[:16]]])
    contact_sheet(to_pictures(pairs), [""] * 32, columns=16).save(path)
    return {
        "samples_least": of_samples.min().item(),
        "samples_median": of_samples.median().item(),
        "unseen_least": of_unseen.min().item(),
        "unseen_median": of_unseen.median().item(),
    }


def nearest_in(images: Tensor, training: Tensor) -> tuple[Tensor, Tensor]:
    distance = torch.cdist(images.flatten(1), training.flatten(1)) / images[0].numel() ** 0.5
    least = distance.min(dim=1)
    return least.values, least.indices


def distances(run: Path, training: Tensor, unseen: Tensor) -> dict[str, float]:
    """Sliced Wasserstein distance (Karras et al. 2018, section 5) of every snapshot to the training set."""
    order = torch.randperm(len(training), generator=torch.Generator().manual_seed(0))
    real, other = training[order[:SAMPLES_FOR_DISTANCE]], training[order[-SAMPLES_FOR_DISTANCE:]]
    found = {"real pictures against others": sliced_wasserstein(real, other)}
    if len(unseen) >= SAMPLES_FOR_DISTANCE:
        found["unseen pictures"] = sliced_wasserstein(real, unseen[:SAMPLES_FOR_DISTANCE])
    snapshots = sorted((run / "snapshots").glob("*.safetensors"))
    for path in snapshots[:: -max(1, len(snapshots) // 6)][::-1]:
        model = load_model(path)
        found[path.stem] = sliced_wasserstein(real, generate(model, range(SAMPLES_FOR_DISTANCE), 1.0))
    return found


def sliced_wasserstein(real: Tensor, fake: Tensor) -> float:
    """Mean over the levels of a Laplacian pyramid, on patches of 7x7 pixels; times 1000."""
    random = torch.Generator().manual_seed(1)
    total, levels = 0.0, 3
    for level in range(levels):
        bands = []
        for images in (real, fake):
            small = F.avg_pool2d(images, 2)
            bands.append(
                images - F.interpolate(small, scale_factor=2.0, mode="bilinear") if level < 2 else images
            )
        patches = [patches_of(band, random) for band in bands]
        mean, deviation = patches[0].mean(dim=(0, 2)), patches[0].std(dim=(0, 2))
        flat = [((p - mean[:, None]) / deviation[:, None]).flatten(1) for p in patches]
        direction = F.normalize(torch.randn(flat[0].shape[1], 256, generator=random), dim=0)
        projected = [(values @ direction).sort(dim=0).values for values in flat]
        total += (projected[0] - projected[1]).abs().mean().item()
        real, fake = F.avg_pool2d(real, 2), F.avg_pool2d(fake, 2)
    return round(1000 * total / levels, 2)


def patches_of(images: Tensor, random: torch.Generator, count: int = 16, side: int = 7) -> Tensor:
    """`(N * count, C, side^2)` patches at random places, the same for each call with one seed state."""
    n, channels, height, width = images.shape
    y = torch.randint(0, height - side + 1, (count,), generator=random)
    x = torch.randint(0, width - side + 1, (count,), generator=random)
    cut = [
        images[:, :, a : a + side, b : b + side].reshape(n, channels, -1) for a, b in zip(y, x, strict=True)
    ]
    return torch.cat(cut)


def curves(run: Path, found: dict[str, float], path: Path) -> None:
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    figure, (losses, distance) = plt.subplots(1, 2, figsize=(11, 3.6))
    for name in ("generator", "discriminator", "r1"):
        losses.plot([line["kimg"] for line in log], [line.get(name) for line in log], label=name, linewidth=1)
    losses.set(xlabel="thousand pictures shown", title="losses")
    losses.legend()
    points = [(int(name[:-1]), value) for name, value in found.items() if name[:-1].isdecimal()]
    distance.plot(*zip(*points, strict=True), marker="o", markersize=3)
    floor = found["real pictures against others"]
    distance.axhline(floor, color="grey", linestyle=":", label=f"real against real: {floor}")
    distance.set(xlabel="thousand pictures shown", title="sliced Wasserstein distance x 1000", yscale="log")
    distance.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*(Path(argument) for argument in sys.argv[1:]))
