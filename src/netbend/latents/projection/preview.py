"""What a large model is about to draw, from its maps at 64x64: a small picture in a seventh of the time.

A head of the model's own kind of layers, trained by `scripts/train/likeness.py` to draw what the model's
pictures are, averaged down. L-BFGS descends through it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn

from netbend.latents.projection.shipped import shipped_for
from netbend.models.mobilestylegan.network import SeparableConv, Synthesis, ToWavelets, inverse_haar
from netbend.models.native import load_network

KIND = "preview"


@dataclass(frozen=True)
class Architecture:
    """What has to be known to build a head.

    doublings: of 4x4, up to the maps that it reads. features: of those. width, depth: of its own maps, and
    how many layers make them. model_hash: of the generator that it was trained with.
    """

    doublings: int
    features: int
    w_dim: int
    channels: int
    model_hash: str
    width: int = 192
    depth: int = 3


class Head(nn.Module):
    """Maps `(N, features, H, W)` and w+ `(N, latent_count, w_dim)` to pictures `(N, channels, 2H, 2W)`."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        widths = [architecture.features, *[architecture.width] * architecture.depth]
        self.layers = nn.ModuleList(
            SeparableConv(inputs, outputs, architecture.w_dim) for inputs, outputs in pairwise(widths)
        )
        self.to_wavelets = ToWavelets(architecture.width, architecture.w_dim, architecture.channels)

    def forward(self, maps: Tensor, w: Tensor) -> Tensor:
        first = 2 * self.architecture.doublings + 1  # the first layer that is not computed
        for layer, draw in enumerate(self.layers, start=first):
            maps = draw(maps, w[:, layer], None)
        return inverse_haar(self.to_wavelets(maps, w[:, first + len(self.layers) :].mean(dim=1)))


class Preview(nn.Module):
    """A network and a head: w+ and noise, as the network takes them, to pictures of a side of `size`."""

    def __init__(self, synthesis: Synthesis, head: Head):
        super().__init__()
        self.synthesis, self.head = synthesis, head
        self.size = 8 * 2**head.architecture.doublings

    def forward(self, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        picture: Tensor = self.head(self.synthesis.maps(w, noise, self.head.architecture.doublings), w)
        return picture


def shipped_head(model_hash: str) -> Head | None:
    """The head of the model with this hash, if netbend has one."""
    return shipped_for(model_hash, "preview", load_head)


def load_head(path: Path) -> Head:
    """Read a head. Raises CheckpointError for any other file."""
    return load_network(path, KIND, Architecture, Head)[1]
