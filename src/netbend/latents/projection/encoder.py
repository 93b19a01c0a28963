"""An encoder: a small network that guesses the w+ of a picture, for a projection to begin with.

Trained against one frozen generator, as in pSp (Richardson et al., arXiv 2008.00951): it predicts offsets
from the mean of w. `scripts/train/encoder.py` trains one through the generator, and
`scripts/train/likeness.py` through a preview of it.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netbend.latents.projection.shipped import shipped_for
from netbend.models.native import load_network

KIND = "encoder"
LRELU_SLOPE = 0.2


@dataclass(frozen=True)
class Architecture:
    """What has to be known to build an encoder.

    size: of the pictures that it reads, pixels; larger ones are made smaller. latent_count, w_dim: of the
    w+ that it gives; a count of 1 is one w for all layers. model_hash: of the generator that it was
    trained against. widths: features of its stages, each of half the size of the one before. hidden:
    width between the last stage and w+. groups: how many neighbouring layers share each vector that it
    finds, latent_count together; none share one if there are none.
    """

    size: int
    channels: int
    latent_count: int
    w_dim: int
    model_hash: str
    widths: tuple[int, ...] = (32, 64, 128, 160)
    hidden: int = 128
    groups: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.groups and sum(self.groups) != self.latent_count:
            raise ValueError(f"groups {self.groups}: expected {self.latent_count} layers")


class Stage(nn.Module):
    """Halves the maps, and refines them beside a shortcut."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.down = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.refine = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        maps = F.leaky_relu(self.down(maps), LRELU_SLOPE)
        return maps + F.leaky_relu(self.refine(maps), LRELU_SLOPE)


class Encoder(nn.Module):
    """Images `(N, channels, size, size)` or larger, -1 to 1, to w+ `(N, latent_count, w_dim)`.

    Offsets from the mean of w, in units of its deviation.
    """

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        widths = [architecture.channels, *architecture.widths]
        self.stages = nn.ModuleList(Stage(inputs, outputs) for inputs, outputs in pairwise(widths))
        side = architecture.size // 2 ** len(architecture.widths)
        self.gather = nn.Linear(widths[-1] * side**2, architecture.hidden)
        self.groups = architecture.groups or (1,) * architecture.latent_count
        self.spread = nn.Linear(architecture.hidden, len(self.groups) * architecture.w_dim)

    def features(self, images: Tensor) -> list[Tensor]:
        """The maps of every stage, of images of any size; benchmarks compare pictures by them."""
        maps = [images]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[1:]

    def forward(self, images: Tensor) -> Tensor:
        images = reduced(images, self.architecture.size)
        hidden = F.leaky_relu(self.gather(self.features(images)[-1].flatten(1)), LRELU_SLOPE)
        vectors: Tensor = self.spread(hidden).reshape(-1, len(self.groups), self.architecture.w_dim)
        return spread_over(vectors, self.groups)


def spread_over(vectors: Tensor, groups: tuple[int, ...]) -> Tensor:
    """A vector `(N, G, D)` for each group, as one for each of its layers, `(N, layers, D)`."""
    return torch.cat(
        [vectors[:, [group]].expand(-1, layers, -1) for group, layers in enumerate(groups)], dim=1
    )


def reduced(images: Tensor, size: int) -> Tensor:
    """Square images `(N, C, H, H)` averaged down to a side, or as they are if that is not smaller."""
    side = images.shape[-1]
    return images if side <= size else F.interpolate(images, (size, size), mode="area")


def shipped_encoder(model_hash: str) -> Encoder | None:
    """The encoder of the model with this hash, if netbend has one."""
    return shipped_for(model_hash, "encoder", load_encoder)


def load_encoder(path: Path) -> Encoder:
    """Read an encoder. Raises CheckpointError for any other file."""
    return load_network(path, KIND, Architecture, Encoder)[1]
