"""An encoder: a small network that guesses the w+ of a picture, for a projection to begin with.

Trained against one frozen generator, as in pSp (Richardson et al., arXiv 2008.00951): it predicts offsets
from the mean of w. `scripts/train/encoder.py` trains one through the generator, and
`scripts/train/encoder_of_samples.py` from its pictures alone.
"""

from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from netbend.models.native import load_network

KIND = "encoder"
LRELU_SLOPE = 0.2


@dataclass(frozen=True)
class Architecture:
    """What has to be known to build an encoder.

    size: of the pictures that it reads, pixels; larger ones are made smaller. latent_count, w_dim: of the
    w+ that it gives; a count of 1 is one w for all layers. model_hash: of the generator that it was
    trained against. widths: features of its stages, each of half the size of the one before. hidden:
    width between the last stage and w+.
    """

    size: int
    channels: int
    latent_count: int
    w_dim: int
    model_hash: str
    widths: tuple[int, ...] = (32, 64, 128, 160)
    hidden: int = 128


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
        self.spread = nn.Linear(architecture.hidden, architecture.latent_count * architecture.w_dim)

    def features(self, images: Tensor) -> list[Tensor]:
        """The maps of every stage, of images of any size; benchmarks compare pictures by them."""
        maps = [images]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[1:]

    def forward(self, images: Tensor) -> Tensor:
        images = reduced(images, self.architecture.size)
        hidden = F.leaky_relu(self.gather(self.features(images)[-1].flatten(1)), LRELU_SLOPE)
        offsets: Tensor = self.spread(hidden)
        return offsets.reshape(-1, self.architecture.latent_count, self.architecture.w_dim)


def reduced(images: Tensor, size: int) -> Tensor:
    """Square images `(N, C, H, H)` averaged down to a side, or as they are if that is not smaller."""
    side = images.shape[-1]
    return images if side <= size else F.interpolate(images, (size, size), mode="area")


def shipped_encoder(model_hash: str) -> Encoder | None:
    """The encoder of the model with this hash, if netbend has one."""
    folder = Path(str(files("netbend.data")))
    for path in sorted(folder.glob("*/encoder.safetensors")):
        encoder = load_encoder(path)
        if encoder.architecture.model_hash == model_hash:
            return encoder
    return None


def load_encoder(path: Path) -> Encoder:
    """Read an encoder. Raises CheckpointError for any other file."""
    return load_network(path, KIND, Architecture, Encoder)[1]
