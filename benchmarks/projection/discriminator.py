"""A discriminator of `faces` for its features: its own was not kept. Trained anew, the generator frozen.

python -m benchmarks.projection.discriminator PICTURES OUT.pt [MINUTES]
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from netbend.models.catalog import load_model
from netbend.models.stylegan2.discriminator import Discriminator
from netbend.models.stylegan2.equalized import leaky_relu

BATCH = 8  # real, and as many generated
R1_WEIGHT, R1_EVERY = 0.5, 16


def main(pictures: Path, out: Path, minutes: float = 10) -> None:
    model = load_model("faces", device="cpu")
    paths = sorted(pictures.glob("*.png"))[:6000]
    real = torch.from_numpy(np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths]))
    torch.manual_seed(0)
    discriminator = Discriminator(model.generator.architecture.features)
    optimizer = torch.optim.Adam(discriminator.parameters(), 2e-3, betas=(0.0, 0.99))
    until, step, right = time.monotonic() + minutes * 60, 0, 0.5
    while time.monotonic() < until:
        chosen = real[torch.randint(len(real), (BATCH,))].permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad():
            generated = model.generator(torch.randn(BATCH, model.generator.architecture.z_dim))
        chosen.requires_grad_(step % R1_EVERY == 0)
        of_real, of_generated = discriminator(chosen), discriminator(generated)
        loss = F.softplus(-of_real).mean() + F.softplus(of_generated).mean()
        if chosen.requires_grad:
            (gradient,) = torch.autograd.grad(of_real.sum(), chosen, create_graph=True)
            loss = loss + R1_EVERY * R1_WEIGHT * gradient.square().sum(dim=(1, 2, 3)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        right = (
            0.99 * right
            + 0.01 * ((of_real > 0).float().mean() + (of_generated < 0).float().mean()).item() / 2
        )
        if step % 50 == 0:
            print(f"step {step}: {loss.item():.3f}, {right:.0%} told apart", flush=True)
    torch.save(discriminator.state_dict(), out)


def features_of(path: Path) -> Callable[[Tensor], list[Tensor]]:
    """The maps of every block of a discriminator that `main` trained."""
    discriminator = Discriminator(load_model("faces", device="cpu").generator.architecture.features)
    discriminator.load_state_dict(torch.load(path, weights_only=True))
    discriminator.requires_grad_(False)

    def features(images: Tensor) -> list[Tensor]:
        maps = [leaky_relu(discriminator.from_rgb(images))]
        for block in discriminator.blocks:
            maps.append(block(maps[-1]))
        return maps[1:]

    return features


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(float, sys.argv[3:]))
