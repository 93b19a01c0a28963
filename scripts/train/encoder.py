"""Trains an encoder against a model: pictures to the w+ that generates them.

    python scripts/train/encoder.py PICTURES --model faces --out encoder.safetensors --minutes 25

PICTURES is a folder of the pictures that the model was trained on. Half of each batch are such
pictures, compared with what the generator makes of their w+; half are generated, and their w is
known. Stop it as you like: the same command goes on from its last checkpoint.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from descent import Descent
from PIL import Image
from torch import Tensor

from netbend.latents.projection.encoder import KIND, Architecture, Encoder
from netbend.latents.projection.losses import pixel_loss
from netbend.latents.projection.start import deviation_of_w
from netbend.models.catalog import load_model
from netbend.models.native import save_network
from netbend.models.styled import StyledModel

HALF = 16  # of a batch
LEARNING_RATE = 1e-3
PIXEL_WEIGHT = 10.0
SPREAD_WEIGHT = 0.02
SAVE_EVERY = 30  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--model", default="faces")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=25)
    options = parser.parse_args()
    model = load_model(options.model, device="cpu")
    pictures = load_pictures(options.pictures, model.generator.architecture.size)
    encoder = train(model, pictures, options.out.with_suffix(".checkpoint.pt"), options.minutes * 60)
    save_network(
        options.out, encoder, KIND, encoder.architecture, dtype=torch.float16, overwrite=options.out.exists()
    )
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


def load_pictures(folder: Path, size: int) -> Tensor:
    """All PNGs of a folder as bytes `(N, 3, size, size)`."""
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.glob("*.png"))]
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    assert stacked.shape[1:] == (3, size, size), f"pictures of {tuple(stacked.shape[1:])}"
    return stacked


def train(model: StyledModel, pictures: Tensor, checkpoint: Path, seconds: float) -> Encoder:
    of = model.generator.architecture
    torch.manual_seed(1)
    encoder = Encoder(Architecture(of.size, of.channels, of.latent_count, of.w_dim, model.hash))
    descent = Descent(encoder, LEARNING_RATE, seconds, checkpoint, weight_decay=0.0)
    w_std = deviation_of_w(model)
    random = torch.Generator().manual_seed(descent.steps)
    while descent.goes_on():
        losses = losses_of(encoder, model, pictures, w_std, random)
        descent.step(torch.stack([*losses.values()]).sum(), losses)
        if descent.due(SAVE_EVERY):
            print(descent.told(), flush=True)
            descent.keep()
    return encoder


def losses_of(
    encoder: Encoder, model: StyledModel, pictures: Tensor, w_std: Tensor, random: torch.Generator
) -> dict[str, Tensor]:
    """Weighted losses of one batch.

    w: of the generated half, square distance in standard deviations. pixels: of the other half, made
    again. spread: how far the vectors of one picture lie apart; w+ near w stays bendable.
    """
    synthesis, noise = model.network, model.generator.synthesis.constant_noise()
    chosen = torch.randint(len(pictures), (HALF,), generator=random)
    drawn = pictures[chosen].float() / 127.5 - 1
    with torch.no_grad():
        z = torch.randn(HALF, model.generator.architecture.z_dim, generator=random)
        psi = 0.5 + 0.5 * torch.rand(HALF, 1, 1, generator=random)
        w = model.generator.w_mean.lerp(model.generator.w_plus(z), psi)
        generated = synthesis(w, noise).clamp(-1, 1)
    found = model.generator.w_mean + encoder(torch.cat([generated, drawn])) * w_std
    of_generated, of_drawn = found.chunk(2)
    scattered = (of_drawn - of_drawn.mean(dim=1, keepdim=True)) / w_std
    return {
        "w": ((of_generated - w) / w_std).square().mean(),
        "pixels": PIXEL_WEIGHT * pixel_loss(synthesis(of_drawn, noise), drawn).mean(),
        "spread": SPREAD_WEIGHT * scattered.square().mean(),
    }


if __name__ == "__main__":
    main()
