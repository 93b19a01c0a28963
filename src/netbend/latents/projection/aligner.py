"""A small network that says where in a square crop a face lies: how to crop again, so that it fits.

It learnt from pictures that a generator of faces made, shrunk, turned and moved over other pictures
(`scripts/train/aligner.py`): those are aligned as the generator's training data, so that nobody had to
mark eyes or mouths.
"""

from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from netbend.latents.projection.encoder import LRELU_SLOPE, Stage
from netbend.models.native import load_network

KIND = "aligner"


@dataclass(frozen=True)
class Architecture:
    """What has to be known to build an aligner. size: of its crops, pixels. widths: as of an encoder."""

    size: int = 64
    widths: tuple[int, ...] = (16, 32, 64, 128)
    hidden: int = 128


class Aligner(nn.Module):
    """Crops `(N, 3, size, size)`, -1 to 1, to five numbers each, `(N, 5)`.

    The first two: the centre of the square that fits, in half sides of the crop, from its centre. The
    next two: the way from there to the middle of the square's right side, less (1, 0). The last: the
    logit that there is a face at all.
    """

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        widths = [3, *architecture.widths]
        self.stages = nn.ModuleList(Stage(inputs, outputs) for inputs, outputs in pairwise(widths))
        side = architecture.size // 2 ** len(architecture.widths)
        self.gather = nn.Linear(widths[-1] * side**2, architecture.hidden)
        self.spread = nn.Linear(architecture.hidden, 5)

    def forward(self, crops: Tensor) -> Tensor:
        for stage in self.stages:
            crops = stage(crops)
        found: Tensor = self.spread(F.leaky_relu(self.gather(crops.flatten(1)), LRELU_SLOPE))
        return found


def shipped_aligner() -> Aligner:
    """The aligner that netbend has."""
    path = Path(str(files("netbend.data"))) / "photo-faces" / "aligner.safetensors"
    return load_network(path, KIND, Architecture, Aligner)[1]
