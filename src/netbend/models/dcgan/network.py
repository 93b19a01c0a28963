"""The DCGAN generator (Radford et al., arXiv 1511.06434), and its conditional form (Mirza, arXiv 1411.1784).

A plain network that knows nothing of bending.
"""

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from netbend.limits import MAX_CLASSES
from netbend.models.native import check_widths


@dataclass(frozen=True)
class Architecture:
    """What has to be known to build a generator.

    features: number of features at 4x4, 8x8, ... up to half the size of the image.
    z_dim: of the latent. classes: names of what can be asked for, if anything.
    Raises ValueError for numbers that no such network has.
    """

    features: tuple[int, ...]
    z_dim: int = 100
    classes: tuple[str, ...] = ()
    channels: int = 3

    def __post_init__(self) -> None:
        check_widths(self.features, self.z_dim, self.channels)
        named = isinstance(self.classes, tuple) and len(self.classes) <= MAX_CLASSES
        if not named or not all(isinstance(name, str) and name.isprintable() for name in self.classes):
            raise ValueError(f"classes: expected at most {MAX_CLASSES} names")

    @property
    def size(self) -> int:
        """Height and width of the image, pixels."""
        return 2 ** (len(self.features) + 2)

    @property
    def latent_dim(self) -> int:
        """Dimensions of z and of the classes that follow it."""
        return self.z_dim + len(self.classes)


class Block(nn.Module):
    """Transposed convolution and ReLU: one bendable layer.

    Batch normalisation is, once trained, a factor and an offset: they are part of the convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, stride, padding=stride - 1)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.conv(maps))


class Generator(nn.Module):
    """Latents to images."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        features = architecture.features
        self.layers = nn.ModuleList([Block(architecture.latent_dim, features[0], stride=1)])
        self.layers.extend(Block(coarse, fine, stride=2) for coarse, fine in pairwise(features))
        self.to_rgb = nn.ConvTranspose2d(features[-1], architecture.channels, 4, 2, 1, bias=False)

    def forward(self, latents: Tensor) -> Tensor:
        """Turn z and the weight of each class, `(N, latent_dim)`, into images `(N, C, size, size)`."""
        maps = latents[:, :, None, None]
        for layer in self.layers:
            maps = layer(maps)
        return self.to_rgb(maps).tanh()
