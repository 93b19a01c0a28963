"""Paths through latent space."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from netbend.models.seeding import checked_seed


def walk(seed: int, dimensions: int, step: float, voice: int = 0) -> Iterator[Tensor]:
    """Endless z `(1, dimensions)`, spherically from one random z to the next.

    It begins with the z of the seed itself. step: from one z that is given to the next, where 1 is all
    the way between two random ones. voice: another walk of the same seed, which begins elsewhere. Raises
    LatentError for what is no seed.
    """
    number = checked_seed(seed)
    random = np.random.RandomState([number, voice] if voice else number)

    def draw() -> Tensor:
        return torch.from_numpy(random.standard_normal(dimensions).astype(np.float32))

    here, there, place = draw(), draw(), 0.0
    while True:
        yield slerp(here, there, place)[None]
        place += step
        while place >= 1:
            here, there, place = there, draw(), place - 1


def slerp(start: Tensor, end: Tensor, place: float) -> Tensor:
    """Between two vectors `(D,)` along a circle, 0 at the start to 1 at the end; lengths change evenly."""
    cosine = torch.nn.functional.cosine_similarity(start, end, dim=0).clamp(-1, 1)
    angle = cosine.acos()
    if angle < 1e-4 or torch.pi - angle < 1e-4:  # no circle through both, or too many
        return start.lerp(end, place)
    return (start * torch.sin((1 - place) * angle) + end * torch.sin(place * angle)) / torch.sin(angle)


def on_both_sides(middle: Tensor, aside: Tensor, width: float) -> Tensor:
    """Latents `(2, D)` for left and right: to both sides of one `(1, D)` by `width` of another."""
    return torch.cat([middle + width * aside, middle - width * aside]) / (1 + width**2) ** 0.5
