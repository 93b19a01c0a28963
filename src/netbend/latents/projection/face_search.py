"""The square of a picture in which a face lies as in data sets of faces, found by the aligner.

Crops of all sizes are looked at; those that show a face are cropped again as the aligner says, a few
times; where most of them meet, is the face.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import floor, log2
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from netbend.errors import RenderError
from netbend.latents.projection.align import Square
from netbend.latents.projection.aligner import Aligner, shipped_aligner

MAX_SIDE = 1024  # pixels in which is searched; a crop of the aligner has 64
STEP, OVERLAP = 0.75, 0.7  # from one size of first crops to the next; from crop to crop, in half sides
SMALLEST = 0.08  # half side of a first crop, in parts of the picture's shorter side
MIN_HALF = 12.0  # pixels
ROUNDS, FOLLOWED = 6, 40  # croppings again, and of how many
LAST_LOOK = (0.85, 1.25)
MIN_VOTES = 0.3  # of those followed; faces had 0.68 and more of them, a workshop and coins 0.23 and less
NEAR = 0.25  # half sides between squares that are the same face
AT_ONCE = 128
MIRRORED = torch.tensor([-1.0, 1, 1, -1, 1])  # what an aligner's numbers are of a mirrored crop


class Found(NamedTuple):
    """Squares: centre and right `(N, 2)` as of `Square`; how sure it is that each shows a face `(N,)`."""

    centre: Tensor
    right: Tensor
    sure: Tensor

    def at(self, index: Tensor) -> "Found":
        return Found(self.centre[index], self.right[index], self.sure[index])


@torch.no_grad()
def find_square(picture: Image.Image, path: Path, aligner: Aligner | None = None) -> Square:
    """The square around the face that shows best.

    Args:
        picture: In RGB.
        path: For messages.
        aligner: Instead of that which netbend has.

    Raises:
        RenderError: If there is no face.
    """
    aligner = aligner or _aligner()
    factor = min(1.0, MAX_SIDE / max(picture.size))
    size = tuple(max(1, round(side * factor)) for side in picture.size)
    smaller = picture if factor == 1.0 else picture.resize(size, Image.Resampling.BOX)  # type: ignore[arg-type]
    pyramid = _pyramid(smaller)
    found = _looked(aligner, pyramid, *_first_crops(*size))
    found = found.at(found.sure.argsort(descending=True)[:FOLLOWED])
    for _ in range(ROUNDS):
        found = _looked(aligner, pyramid, found.centre, found.right)
    # Once more from closer and from farther away, each of them off in another way.
    factors = torch.linspace(*LAST_LOOK, len(found.sure))[:, None]
    found = _looked(aligner, pyramid, found.centre, found.right * factors)
    best = _where_most_meet(found)
    if best is None:
        raise RenderError(f"{path}: no face found in it; say where the eyes and the mouth are with --face")
    (x, y), (across, down) = (best.centre / factor).tolist(), (best.right / factor).tolist()
    return Square((x, y), (across, down))


@lru_cache(maxsize=1)
def _aligner() -> Aligner:
    return shipped_aligner()


def _pyramid(picture: Image.Image) -> list[Tensor]:
    """A picture `(1, 3, H, W)`, -1 to 1, and its halvings."""
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1
    levels = [pixels]
    while min(levels[-1].shape[2:]) >= 32:
        levels.append(F.avg_pool2d(levels[-1], 2))
    return levels


def _first_crops(width: int, height: int) -> tuple[Tensor, Tensor]:
    """Upright squares of all sizes over a picture: centres and right sides `(N, 2)`, pixels."""
    half = min(width, height) / 2
    least = max(MIN_HALF, SMALLEST * min(width, height))
    squares = []
    while half >= min(least, min(width, height) / 2):
        across, down = (max(1, round((side - 2 * half) / (OVERLAP * half)) + 1) for side in (width, height))
        for x in np.linspace(half, width - half, across) if across > 1 else [width / 2]:
            squares += [
                (x, y, half, 0.0)
                for y in (np.linspace(half, height - half, down) if down > 1 else [height / 2])
            ]
        half *= STEP
    every = torch.tensor(squares, dtype=torch.float32)
    return every[:, :2], every[:, 2:]


def _looked(aligner: Aligner, pyramid: list[Tensor], centre: Tensor, right: Tensor) -> Found:
    """What the aligner makes of crops: those that it would take instead."""
    size = aligner.architecture.size
    numbers = []
    for some in _batches(centre, right):
        crops = torch.cat([_crop(pyramid, *one, size) for one in zip(*some, strict=True)])
        numbers.append((aligner(crops) + aligner(crops.flip(3)) * MIRRORED) / 2)
    told = torch.cat(numbers)
    offset, turn = told[:, :2], told[:, 2:4] + torch.tensor([1.0, 0.0])
    down = torch.stack([-right[:, 1], right[:, 0]], dim=1)
    moved = centre + offset[:, :1] * right + offset[:, 1:] * down
    return Found(moved, turn[:, :1] * right + turn[:, 1:] * down, told[:, 4].sigmoid())


def _batches(centre: Tensor, right: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    for first in range(0, len(centre), AT_ONCE):
        yield centre[first : first + AT_ONCE], right[first : first + AT_ONCE]


def _crop(pyramid: list[Tensor], centre: Tensor, right: Tensor, size: int) -> Tensor:
    """A square `(1, 3, size, size)`; beyond the picture's edges it is mirrored."""
    level = floor(log2(max(1.0, float(right.norm()) / size)))
    picture = pyramid[min(level, len(pyramid) - 1)]
    height, width = picture.shape[2:]
    full = torch.tensor([pyramid[0].shape[3], pyramid[0].shape[2]])
    centre, right = (part / full * torch.tensor([width, height]) for part in (centre, right))
    matrix = torch.stack([right, torch.stack([-right[1], right[0]]), centre], dim=1)
    matrix = matrix * (2 / torch.tensor([width, height]))[:, None] - torch.tensor([[0.0, 0, 1], [0, 0, 1]])
    grid = F.affine_grid(matrix[None], [1, 3, 2 * size, 2 * size], align_corners=False)
    crop = F.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)
    return F.avg_pool2d(crop, 2)


def _where_most_meet(found: Found) -> Found | None:
    """The mean of those squares that lie closest together, None if too few meet anywhere."""
    half = found.right.norm(dim=1)
    apart = torch.cdist(found.centre, found.centre) + torch.cdist(found.right, found.right)
    together = (apart < NEAR * half) & (found.sure > 0.5)
    votes = together.float() @ found.sure
    best = int(votes.argmax())
    if votes[best] < MIN_VOTES * FOLLOWED:
        return None
    weight = (together[best].float() * found.sure)[:, None]
    weight = weight / weight.sum()
    return Found((weight * found.centre).sum(dim=0), (weight * found.right).sum(dim=0), found.sure[best])
