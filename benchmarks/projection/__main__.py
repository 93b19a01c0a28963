"""How near projections come to pictures. Prints the tables of docs/projecting.md and draws its strip.

    python -m benchmarks.projection PICTURES --out out/projection [--only ways|losses] [--discriminator FILE]

PICTURES: a folder of drawn faces that `faces` was not trained on, such as
`node scripts/data/faces/draw.mjs --count 1000 --masks 0 --seed 2` makes. FILE: of
`benchmarks/projection/discriminator.py`, for the losses. Needs scikit-image, for SSIM. What has been
computed stays in --out, so that it goes on where it was stopped.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage.metrics import structural_similarity
from torch import Tensor

import netbend
from benchmarks.projection.discriminator import features_of
from netbend.choices import Perceptual, Space, Start
from netbend.latents.projection import project as projecting
from netbend.latents.projection.encoder import Encoder, shipped_encoder
from netbend.latents.projection.losses import contrast_loss, feature_loss, rmse
from netbend.latents.projection.perceptual import Loss
from netbend.latents.projection.picture import target_of
from netbend.latents.projection.settings import Settings
from netbend.latents.projection.start import start_of
from netbend.models.base import Latents, Model
from netbend.pictures import contact_sheet, to_pictures

FACES, LOSS_FACES, SHOWN = 32, 8, 6
BASE = Settings(perceptual=Perceptual.CONTRAST, start=Start.MEAN, patience=0)
WAYS = {
    "w": replace(BASE, space=Space.W),
    "w+": BASE,
    "w+, 30 steps": replace(BASE, steps=30),
    "w+, 100 steps": replace(BASE, steps=100),
    "w+, encoder, 30 steps": replace(BASE, start=Start.ENCODER, steps=30),
    "w+, encoder": replace(BASE, start=Start.ENCODER),
}
LOSS_STEPS = 150


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out/projection"))
    parser.add_argument("--only", choices=["ways", "losses"])
    parser.add_argument("--discriminator", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    model = netbend.load_model("faces", "cpu")
    paths = sorted(options.pictures.glob("*.png"))[:FACES]
    targets = torch.cat([target_of(Image.open(path), model) for path in paths])
    if options.only != "losses":
        compare_ways(model, targets, options.out)
    if options.only != "ways":
        compare_losses(model, targets[:LOSS_FACES], options.out, options.discriminator)


def compare_ways(model: Model, targets: Tensor, out: Path) -> None:
    """w against w+, the mean against the encoder; and the strip."""
    images = {
        "the mean of w": model.generate(
            model.latents([0]), netbend.SynthesisOptions(truncation_psi=0.0)
        ).expand_as(targets)
    }
    encoder = shipped_encoder(model.hash)
    if encoder is not None:
        images["w+, encoder alone"] = model.generate(guess(model, targets, encoder))
    print("| way | pixel error | SSIM | steps |\n|---|---|---|---|")
    for name, image in images.items():
        print(row(name, image, targets, 0), flush=True)
    for name, settings in WAYS.items():
        if settings.start is Start.ENCODER and encoder is None:
            continue
        images[name] = kept(out / f"{name}.pt", lambda settings=settings: project(model, targets, settings))
        print(row(name, images[name], targets, settings.steps), flush=True)
    rows = {"drawn": targets, "w": images["w"], "w+": images.get("w+, encoder", images["w+"])}
    pictures = [picture for some in rows.values() for picture in to_pictures(some[:SHOWN])]
    labels = [name for name in rows for _ in range(SHOWN)]
    contact_sheet(pictures, labels, columns=SHOWN).save(out / "strip.png", optimize=True)


def compare_losses(model: Model, targets: Tensor, out: Path, discriminator: Path | None) -> None:
    """What to compare besides the pixels; each with the weight that was best of those tried."""

    def features(network: Callable[[Tensor], list[Tensor]], weight: float) -> Loss:
        return Loss(Perceptual.AUTO, lambda ours, theirs: feature_loss(network, ours, theirs), weight)

    losses = {"pixels alone": Loss(Perceptual.PIXEL)}
    losses |= {f"contrast, {w}": Loss(Perceptual.CONTRAST, contrast_loss, w) for w in (0.1, 0.3, 1.0)}
    encoder = shipped_encoder(model.hash)
    if encoder is not None:
        torch.manual_seed(0)
        untrained = Encoder(encoder.architecture).requires_grad_(False)
        losses["features of the encoder"] = features(encoder.features, 0.1)
        losses["features of the encoder, untrained"] = features(untrained.features, 0.5)
    if discriminator is not None:
        losses["features of a discriminator"] = features(features_of(discriminator), 0.1)
    print("| besides pixels | pixel error | SSIM |\n|---|---|---|")
    for name, loss in losses.items():
        projecting.loss_of = lambda *_, loss=loss: loss
        settings = replace(BASE, steps=LOSS_STEPS)
        image = kept(out / f"loss {name}.pt", lambda settings=settings: project(model, targets, settings))
        print(row(name, image, targets), flush=True)


def project(model: Model, targets: Tensor, settings: Settings) -> Tensor:
    began = time.process_time()
    found = projecting.project(model, targets, settings)
    print(json.dumps({"steps": len(found.losses), "seconds": round(time.process_time() - began)}), flush=True)
    return found.images


def guess(model: Model, targets: Tensor, encoder: Encoder) -> Latents:
    return Latents(Space.W_PLUS, start_of(model, targets, Space.W_PLUS, encoder), tuple(range(len(targets))))


def kept(path: Path, make: Callable[[], Tensor]) -> Tensor:
    """What was made before, or is made now."""
    if not path.exists():
        torch.save(make(), path)
    return torch.load(path, weights_only=True)


def row(name: str, images: Tensor, targets: Tensor, *more: object) -> str:
    cells = [name, f"{rmse(images, targets).mean():.1f}", f"{ssim(images, targets):.3f}", *map(str, more)]
    return f"| {' | '.join(cells)} |"


def ssim(images: Tensor, targets: Tensor) -> float:
    """Mean structural similarity (Wang et al. 2004), with its Gaussian window."""
    pairs = zip(to_pictures(images), to_pictures(targets), strict=True)
    return float(
        np.mean(
            [
                structural_similarity(
                    np.asarray(ours),
                    np.asarray(theirs),
                    channel_axis=2,
                    gaussian_weights=True,
                    sigma=1.5,
                    use_sample_covariance=False,
                )
                for ours, theirs in pairs
            ]
        )
    )


if __name__ == "__main__":
    main()
