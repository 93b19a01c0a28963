"""Which pixels of a drawn face are hair, skin, eyes ...: masks for pictures that the model `faces` makes.

    python -m benchmarks.clustering.drawn_parts DATA WEIGHTS

trains a small U-Net on the drawings in DATA whose masks are known (see scripts/data/faces/draw.mjs)
and prints its IoU on drawings kept from it. About five minutes on one thread.
"""

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

PARTS = ("hair", "skin", "clothes", "mouth", "beard", "eyes", "eyebrows", "background")
SIZE = 64
HELD_OUT = 200  # drawings, the last ones that have masks
EPOCHS = 40
BATCH = 16
LEARNING_RATE = 3e-3  # the peak of one cycle


class DrawnParts:
    """Gives every pixel to one of PARTS.

    parts = DrawnParts(weights)
    masks = parts(images)    # images (N, 3, 64, 64) in -1..1, masks bool (N, P, 64, 64)
    """

    def __init__(self, weights: Path) -> None:
        self.network = UNet(len(PARTS))
        self.network.load_state_dict(load_file(weights))
        self.network.eval()

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        batches = images.float().cpu().split(64)
        winners = torch.cat([self.network(batch).argmax(1) for batch in batches])
        return one_hot(winners).to(images.device)


def train(data: Path, weights: Path, seed: int = 0) -> dict[str, float]:
    """Fit to the drawings in `data`, write the weights; returns the IoU of each part, held-out drawings."""
    images, coverage = read_drawings(data)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = UNet(len(PARTS))
    fit(network, images[:-HELD_OUT], coverage[:-HELD_OUT], torch.Generator().manual_seed(seed))
    weights.parent.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, weights, {"parts": ",".join(PARTS)})
    return overlap(DrawnParts(weights)(images[-HELD_OUT:]), one_hot(coverage[-HELD_OUT:].argmax(1)))


def fit(network: nn.Module, images: Tensor, coverage: Tensor, generator: torch.Generator) -> None:
    steps = EPOCHS * (len(images) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    for batch in shuffled_batches(len(images), generator):
        pictures, targets = vary(images[batch], coverage[batch], generator)
        loss = F.cross_entropy(network(pictures), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def shuffled_batches(count: int, generator: torch.Generator) -> Iterator[Tensor]:
    for _ in range(EPOCHS):
        order = torch.randperm(count, generator=generator)
        yield from order[: count - count % BATCH].split(BATCH)


def vary(images: Tensor, coverage: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Turn, shift, scale and mirror both; recolour, blur and speckle the images.

    Generated faces are softer, and of other colours, than the drawings.
    """

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(len(images), *shape, generator=generator)

    angle, scale, mirror = draw(-0.15, 0.15), draw(0.9, 1.1), draw(-1, 1).sign()
    rows = [mirror * scale * angle.cos(), -scale * angle.sin(), draw(-0.1, 0.1)]
    rows += [mirror * scale * angle.sin(), scale * angle.cos(), draw(-0.1, 0.1)]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(images.shape), align_corners=False)
    both = F.grid_sample(torch.cat([images, coverage], 1), grid, padding_mode="border", align_corners=False)
    images, coverage = both[:, :3], both[:, 3:]
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    images = images.lerp(blurred, draw(0, 0.8, 1, 1, 1))
    images = images * draw(0.8, 1.1, 3, 1, 1) + draw(-0.15, 0.15, 3, 1, 1)
    return images + draw(-0.04, 0.04, 3, SIZE, SIZE), coverage


def read_drawings(data: Path) -> tuple[Tensor, Tensor]:
    """All drawings that have masks: images `(N, 3, 64, 64)` in -1..1 and how much of each pixel
    belongs to each part, `(N, P, 64, 64)`, summing to 1."""
    names = sorted(path.name for path in (data / "masks" / PARTS[0]).glob("*.png"))
    if len(names) <= HELD_OUT:
        raise ValueError(f"{data}: expected more than {HELD_OUT} masks of each part, got {len(names)}")
    pictures = np.stack([np.asarray(Image.open(data / "images" / name).convert("RGB")) for name in names])
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2) / 127.5 - 1
    masks = [
        np.stack([np.asarray(Image.open(data / "masks" / part / name).convert("L")) for part in PARTS])
        for name in names
    ]
    coverage = torch.from_numpy(np.stack(masks)) / 255
    # Masks of skin go on below most mouths, which lie in front of it.
    skin, mouth = PARTS.index("skin"), PARTS.index("mouth")
    coverage[:, skin] = torch.minimum(coverage[:, skin], 1 - coverage[:, mouth])
    return images, coverage / coverage.sum(1, keepdim=True).clamp_min(1e-3)


def one_hot(winners: Tensor) -> Tensor:
    """Masks `(N, P, H, W)` from indices `(N, H, W)`."""
    return F.one_hot(winners, len(PARTS)).permute(0, 3, 1, 2).bool()


def overlap(found: Tensor, true: Tensor) -> dict[str, float]:
    """Intersection over union of each part, over the pixels of all pictures together."""
    shared = (found & true).sum((0, 2, 3))
    joined = (found | true).sum((0, 2, 3))
    return dict(zip(PARTS, (shared / joined).tolist(), strict=True))


class UNet(nn.Module):
    """Images `(N, 3, H, W)` to scores `(N, parts, H, W)`; halves three times and comes back."""

    def __init__(self, parts: int, widths: tuple[int, ...] = (12, 24, 48, 64)) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.stem = block(3, widths[0])
        self.down = nn.ModuleList(block(fine, coarse) for fine, coarse in pairs)
        self.up = nn.ModuleList(block(coarse + fine, fine) for fine, coarse in reversed(pairs))
        self.head = nn.Conv2d(widths[0], parts, 1)
        self.to(memory_format=torch.channels_last)  # a third faster on CPU

    def forward(self, images: Tensor) -> Tensor:
        scales = [self.stem(images)]
        for down in self.down:
            scales.append(down(F.max_pool2d(scales[-1], 2)))
        features = scales.pop()
        for up in self.up:
            wider = F.interpolate(features, scale_factor=2, mode="bilinear")
            features = up(torch.cat([wider, scales.pop()], 1))
        return self.head(features)


def block(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the labelling of drawn faces' parts.")
    parser.add_argument("data", type=Path, help="folder with images/ and masks/PART/")
    parser.add_argument("weights", type=Path, help="safetensors file to write")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    scores = train(options.data, options.weights, options.seed)
    print(f"IoU on {HELD_OUT} held-out drawings")
    for part, score in scores.items():
        print(f"{part:12} {score:.3f}")


if __name__ == "__main__":
    main()
