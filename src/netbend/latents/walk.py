"""Paths through latent space."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from netbend.models.seeding import checked_seed


def walk(seed: int, dimensions: int, steps: int) -> Iterator[Tensor]:
    """Endless z `(1, dimensions)`: from one random z to the next in so many steps, spherically.

    It begins with the z of the seed itself. Raises LatentError for what is no seed.
    """
    random = np.random.RandomState(checked_seed(seed))
    here = torch.from_numpy(random.standard_normal(dimensions).astype(np.float32))
    while True:
        there = torch.from_numpy(random.standard_normal(dimensions).astype(np.float32))
        for step in range(steps):
            yield slerp(here, there, step / steps)[None]
        here = there


def slerp(start: Tensor, end: Tensor, place: float) -> Tensor:
    """Between two vectors `(D,)` along a circle, 0 at the start to 1 at the end; lengths change evenly."""
    cosine = torch.nn.functional.cosine_similarity(start, end, dim=0).clamp(-1, 1)
    angle = cosine.acos()
    if angle < 1e-4 or torch.pi - angle < 1e-4:  # no circle through both, or too many
        return start.lerp(end, place)
    return (start * torch.sin((1 - place) * angle) + end * torch.sin(place * angle)) / torch.sin(angle)
