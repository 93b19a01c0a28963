"""Trains the aligner: where in a crop a face lies, learnt from faces that a model generated.

    python scripts/train/aligner.py out/samples --out aligner.safetensors --minutes 15

The folder is that of `samples.py`. Faces are shrunk, turned and moved, and laid with a soft edge over other
pictures: free photographs out of scikit-image and scikit-learn without people, details of other samples,
and drawn shapes. A third of the crops show no face, or one that is far too large, small or far off. Stop it
as you like: the same command goes on from its last checkpoint.
"""

import argparse
from importlib.util import find_spec
from math import pi
from pathlib import Path

import numpy as np
import torch
from descent import Descent
from photographic import photographed, turned
from PIL import Image
from shards import Shards
from torch import Tensor
from torch.nn import functional as F

from netbend.latents.projection.aligner import KIND, Aligner, Architecture
from netbend.models.native import save_network
from netbend.models.precision import has_bfloat16

BATCH, FRESH = 96, 32  # of a step, and how many of them are new
POOL = 4096  # crops that the others come from
LEARNING_RATE = 2e-3
SAVE_EVERY = 30  # seconds
SIZE = 128  # of samples and of what lies behind them
# All free, none with a person: CC0, public domain, and (china, flower) CC BY.
BACKGROUNDS = {
    "skimage": ["brick.png", "chelsea.png", "coffee.png", "grass.png", "gravel.png", "rocket.jpg"],
    "sklearn": ["china.jpg", "flower.jpg"],
}
PLACES = {"skimage": "data", "sklearn": "datasets/images"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    aligner = train(options)
    save_network(options.out, aligner, KIND, aligner.architecture, dtype=torch.float16)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB")


def train(options: argparse.Namespace) -> Aligner:
    aligner = Aligner(Architecture()).to(memory_format=torch.channels_last)
    checkpoint = options.out.with_suffix(".checkpoint.pt")
    descent = Descent(aligner, LEARNING_RATE, options.minutes * 60, checkpoint, weight_decay=0.01)
    random = torch.Generator().manual_seed(descent.steps)
    samples, photographs, pool = Shards(options.samples, SIZE), read_photographs(), Pool()
    while descent.goes_on():
        pool.add(*examples(samples, photographs, FRESH, random))
        crops, truth, there = pool.draw(BATCH, random)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16(torch.device("cpu"))):
            found = aligner(crops.to(memory_format=torch.channels_last))
        losses = losses_of(found.float(), truth, there)
        descent.step(losses["place"] + losses["there"], losses)
        if descent.due(SAVE_EVERY):
            print(descent.told(samples=len(samples)), flush=True)
            descent.keep()
            save_network(options.out, aligner, KIND, aligner.architecture, dtype=torch.float16)
            samples.read_on()
    return aligner.eval()


class Pool:
    """The last examples, each seen a few times, mirrored or not: to make one costs more than to see it."""

    def __init__(self) -> None:
        self.parts: list[Tensor] = []

    def add(self, *parts: Tensor) -> None:
        """crops, truth, there, as of `examples`."""
        self.parts = (
            [torch.cat(pair)[-POOL:] for pair in zip(self.parts, parts, strict=True)]
            if self.parts
            else list(parts)
        )

    def draw(self, count: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """The newest, and others."""
        others = torch.randint(len(self.parts[0]), (count - FRESH,), generator=random)
        index = torch.cat([torch.arange(-FRESH, 0), others])
        crops, truth, there = (part[index] for part in self.parts)
        mirrored = torch.rand(count, generator=random) < 0.5
        crops = torch.where(mirrored[:, None, None, None], crops.flip(3), crops)
        truth = torch.where(mirrored[:, None], truth * torch.tensor([-1.0, 1.0, 1.0, -1.0]), truth)
        return crops, truth, there


def losses_of(found: Tensor, truth: Tensor, there: Tensor) -> dict[str, Tensor]:
    """place: how far off centre and side are, in half sides of the true square. there: of the logit."""
    off = (found[:, :4] - truth) / (truth[:, 2:] + torch.tensor([1.0, 0.0])).norm(dim=1, keepdim=True)
    place = F.smooth_l1_loss(off[there], torch.zeros_like(off[there]), beta=0.1, reduction="sum") / len(found)
    return {
        "place": 4 * place,
        "there": F.binary_cross_entropy_with_logits(found[:, 4], there.float()),
        "off": off[there].detach().square().sum(dim=1).sqrt().median(),
    }


def examples(
    samples: Shards, photographs: Tensor, count: int, random: torch.Generator, size: int = 64
) -> tuple[Tensor, Tensor, Tensor]:
    """Crops `(N, 3, size, size)`, what to say of them `(N, 4)`, and whether a face is there."""

    def drawn(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=random)

    kind = drawn(0, 1)
    # 0.67: a face in reach; 0.1: too small; 0.13: a detail of a face; 0.1: none.
    half = torch.exp(drawn(np.log(0.35), np.log(1.6)))
    near = (drawn(0, 1) < 0.5).float()  # half of them nearly right, for the last steps
    half = near * torch.exp(0.15 * torch.randn(count, generator=random)) + (1 - near) * half
    half = torch.where((kind > 0.67) & (kind < 0.77), drawn(0.08, 0.22), half)
    detail = (kind > 0.77) & (kind < 0.9)
    half = torch.where(detail, torch.exp(drawn(np.log(2.5), np.log(5))), half)
    reach = torch.where(detail, half * 0.8, 0.15 * near + (1 - near) * 0.75)
    centre = drawn(-1, 1, 2) * reach[:, None]
    angle = 0.12 * near * torch.randn(count, generator=random) + (1 - near) * drawn(-0.7, 0.7)
    right = half[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    there = kind < 0.67
    faces = chosen(samples.pictures, count, random)
    # From the crop into the sample: the inverse of its square's place.
    inverse = right / half[:, None] ** 2
    back = torch.stack([inverse[:, 0], -inverse[:, 1]], dim=1)
    moved = -torch.stack(
        [
            back[:, 0] * centre[:, 0] - back[:, 1] * centre[:, 1],
            back[:, 1] * centre[:, 0] + back[:, 0] * centre[:, 1],
        ],
        dim=1,
    )
    faces = turned(faces, moved, back, 2 * size)
    mask = soft_mask(moved, back, 2 * size, drawn)
    mask = torch.where((kind < 0.9)[:, None, None, None], mask, 0)
    behind = turned(background(samples, photographs, count, random), drawn(-0.4, 0.4, 2), around(drawn), size)
    faces, mask = F.avg_pool2d(mask * faces, 2), F.avg_pool2d(mask, 2)
    crops = photographed(faces + (1 - mask) * behind, random)
    truth = torch.cat([centre, right - torch.tensor([1.0, 0.0])], dim=1)
    return covered(crops, drawn), truth, there


def soft_mask(moved: Tensor, back: Tensor, size: int, drawn: object) -> Tensor:
    """Where a face hides what is behind: a rounded shape of its own around each, `(N, 1, size, size)`."""
    down = torch.stack([-back[:, 1], back[:, 0]], dim=1)
    grid = F.affine_grid(
        torch.stack([back, down, moved], dim=2), [len(back), 1, size, size], align_corners=False
    )
    radius = torch.exp(drawn(np.log(0.75), np.log(1.5), 1, 1, 1)) * drawn(0.9, 1.1, 1, 1, 2)
    power = drawn(2, 6, 1, 1)
    offset = torch.cat([drawn(-0.05, 0.05, 1, 1, 1), drawn(-0.05, 0.15, 1, 1, 1)], dim=3)
    away = ((grid - offset) / radius).abs().pow(power[..., None]).sum(dim=3).pow(1 / power)
    edge = drawn(0.02, 0.3, 1, 1)
    return ((1 - away) / edge + 0.5).clamp(0, 1)[:, None]


def background(samples: Shards, photographs: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Pictures without a face, `(N, 3, SIZE, SIZE)`."""
    kind = torch.rand(count, 1, 1, 1, generator=random)
    corner = chosen(samples.pictures, count, random)[:, :, :40, :40]  # what is behind a face, or its hair
    corner = F.interpolate(corner, (SIZE, SIZE), mode="bilinear", align_corners=False)
    shapes = torch.zeros(count, 3, SIZE, SIZE)
    for side in (2, 3, 5, 9, 17, 33):
        spots = torch.randn(count, 3, side, side, generator=random) * torch.rand(
            count, 1, 1, 1, generator=random
        )
        shapes += 0.4 * F.interpolate(spots, (SIZE, SIZE), mode="nearest" if side % 2 else "bilinear")
    photograph = chosen(photographs, count, random)
    return torch.where(kind < 0.5, photograph, torch.where(kind < 0.75, corner, shapes.clamp(-1, 1)))


def around(drawn: object) -> Tensor:
    """The half side of a background's crop, turned anyhow."""
    angle, half = drawn(-pi, pi), drawn(0.15, 0.6)
    return half[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)


def covered(crops: Tensor, drawn: object) -> Tensor:
    """Hands, glasses, hats: a grey bar or patch across one crop in five."""
    side = crops.shape[-1]
    rows, columns = torch.arange(side)[None, :, None] / side, torch.arange(side)[None, None, :] / side
    top, left = drawn(0, 1, 1, 1), drawn(0, 1, 1, 1)
    tall, wide = drawn(0.05, 0.25, 1, 1), drawn(0.05, 0.5, 1, 1)
    inside = (rows > top) & (rows < top + tall) & (columns > left) & (columns < left + wide)
    inside = inside & (drawn(0, 1, 1, 1) < 0.2)
    return torch.where(inside[:, None], drawn(-1, 1, 3, 1, 1), crops)


def chosen(pictures: Tensor, count: int, random: torch.Generator) -> Tensor:
    return pictures[torch.randint(len(pictures), (count,), generator=random)].float() / 127.5 - 1


def read_photographs() -> Tensor:
    """Squares of the backgrounds in bytes `(N, 3, SIZE, SIZE)`, whole and in parts."""
    squares = []
    for package, names in BACKGROUNDS.items():
        folder = Path(find_spec(package).origin).parent / PLACES[package]
        for name in names:
            with Image.open(folder / name) as opened:
                picture = opened.convert("RGB")
            for parts in (1, 2, 3):
                side = min(picture.size) // parts
                for left in range(0, picture.width - side + 1, max(side // 2, 1)):
                    for top in range(0, picture.height - side + 1, max(side // 2, 1)):
                        part = picture.crop((left, top, left + side, top + side))
                        squares.append(np.asarray(part.resize((SIZE, SIZE), Image.Resampling.LANCZOS)))
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()


if __name__ == "__main__":
    main()
