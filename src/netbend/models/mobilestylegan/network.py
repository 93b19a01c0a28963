"""The MobileStyleGAN generator (Belousov, arXiv 2104.04767).

StyleGAN2's function, distilled into a network for small machines: its convolutions are depthwise
separable, their demodulation is fixed in the weights, and it doubles resolution by inverse Haar
wavelets, without a filter and without a picture carried along. The last layer draws the picture's
wavelets, half the size of the picture.

A plain network that knows nothing of bending.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LRELU_SLOPE = 0.2
MAPPING_GAIN = 2**0.5
# What each band adds to a 2x2 block of pixels: the mean, and the differences between rows, columns
# and diagonals.
HAAR = torch.tensor([[[1, 1], [1, 1]], [[1, 1], [-1, -1]], [[1, -1], [1, -1]], [[1, -1], [-1, 1]]]) / 2


@dataclass(frozen=True)
class Architecture:
    """What has to be known to build a generator.

    features: number of features at 4x4, 8x8, ... up to half the size of the image.
    """

    features: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_depth: int = 8
    channels: int = 3

    @property
    def size(self) -> int:
        """Height and width of the image, pixels."""
        return 2 ** (len(self.features) + 2)

    @property
    def layer_count(self) -> int:
        """Number of convolution layers: one at 4x4, two at every larger resolution."""
        return 2 * len(self.features) - 1

    @property
    def latent_count(self) -> int:
        """Number of w vectors in a w+ latent: one for each layer, one for the picture's wavelets."""
        return self.layer_count + 1

    def resolution(self, layer: int) -> int:
        """Height and width of the activation maps of a layer."""
        return 4 * 2 ** ((layer + 1) // 2)


class Mapping(nn.Module):
    """z to w: normalisation and a stack of linear layers."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        widths = [architecture.z_dim] + [architecture.w_dim] * architecture.mapping_depth
        self.layers = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in pairwise(widths))

    def forward(self, z: Tensor) -> Tensor:
        x = z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), LRELU_SLOPE) * MAPPING_GAIN
        return x


def inverse_haar(bands: Tensor) -> Tensor:
    """Double the size of maps given by their wavelets: `(N, 4F, H, W)` to `(N, F, 2H, 2W)`.

    bands: four neighbours for each feature, in the order of `HAAR`.
    """
    features = bands.shape[1] // 4
    kernel = HAAR.to(bands)[:, None].repeat(features, 1, 1, 1)
    return F.conv_transpose2d(bands, kernel, stride=2, groups=features)


class Upsample(nn.Module):
    """Maps of a quarter as many features at twice the size: features are wavelets, scaled by a style."""

    def __init__(self, inputs: int, w_dim: int):
        super().__init__()
        self.style = nn.Linear(w_dim, inputs)

    def forward(self, maps: Tensor, w: Tensor) -> Tensor:
        return inverse_haar(maps * self.style(w)[:, :, None, None])


class StyledConv(nn.Module):
    """Modulated separable convolution, noise, bias and activation: one bendable layer."""

    def __init__(self, inputs: int, outputs: int, w_dim: int):
        super().__init__()
        self.style = nn.Linear(w_dim, inputs)
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, maps: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        maps = self.depthwise(maps * self.style(w)[:, :, None, None])
        return activate(self.pointwise(maps), noise)


class StyledInput(nn.Module):
    """The learned 4x4 maps, and the one full convolution over them: the first bendable layer."""

    def __init__(self, features: int, w_dim: int):
        super().__init__()
        self.style = nn.Linear(w_dim, features)
        self.conv = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, maps: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        return activate(self.conv(maps * self.style(w)[:, :, None, None]), noise)


def activate(maps: Tensor, noise: Tensor | None) -> Tensor:
    """Add noise that broadcasts to `(N, 1, H, W)`; leaky ReLU. Writes into `maps`."""
    if noise is not None:
        maps += noise.to(maps.dtype)
    return F.leaky_relu_(maps, LRELU_SLOPE)


class ConstantInput(nn.Module):
    """The learned 4x4 maps that every picture starts from."""

    def __init__(self, features: int):
        super().__init__()
        self.maps = nn.Parameter(torch.randn(features, 4, 4))

    def forward(self, batch: int) -> Tensor:
        return self.maps.expand(batch, -1, -1, -1)


class ToWavelets(nn.Module):
    """The picture's wavelets: a modulated 1x1 convolution, four bands for each colour."""

    def __init__(self, inputs: int, w_dim: int, channels: int):
        super().__init__()
        self.style = nn.Linear(w_dim, inputs)
        self.conv = nn.Conv2d(inputs, 4 * channels, 1)

    def forward(self, maps: Tensor, w: Tensor) -> Tensor:
        return self.conv(maps * self.style(w)[:, :, None, None])


class Synthesis(nn.Module):
    """w to image: layers draw, wavelets double the size."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        features, w_dim = architecture.features, architecture.w_dim
        self.input = ConstantInput(features[0])
        self.layers = nn.ModuleList([StyledInput(features[0], w_dim)])
        self.upsamplings = nn.ModuleList(Upsample(coarse, w_dim) for coarse in features[:-1])
        for coarse, fine in pairwise(features):
            self.layers.append(StyledConv(coarse // 4, fine, w_dim))
            self.layers.append(StyledConv(fine, fine, w_dim))
        self.to_wavelets = ToWavelets(features[-1], w_dim, architecture.channels)
        for layer in range(architecture.layer_count):
            resolution = architecture.resolution(layer)
            self.register_buffer(f"noise_{layer}", torch.zeros(resolution, resolution))

    def constant_noise(self) -> list[Tensor]:
        """The noise maps stored with the weights, their strength included, one `(H, W)` a layer."""
        return [self.get_buffer(f"noise_{layer}") for layer in range(len(self.layers))]

    def noise_strength(self) -> list[Tensor]:
        """How strong each layer's noise is; distilled networks hold only its product with the maps."""
        return [maps.square().mean().sqrt() for maps in self.constant_noise()]

    def forward(self, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """
        w: `(N, latent_count, w_dim)`, one vector for each layer.
        noise: for each layer maps that broadcast to `(N, 1, H, W)`, or None.
        Returns images `(N, C, size, size)`, about -1 to 1.
        """
        maps = self.layers[0](self.input(len(w)), w[:, 0], noise[0])
        for step, upsample in enumerate(self.upsamplings):
            first, second = 2 * step + 1, 2 * step + 2
            maps = upsample(maps, w[:, first])
            maps = self.layers[first](maps, w[:, first], noise[first])
            maps = self.layers[second](maps, w[:, second], noise[second])
        return inverse_haar(self.to_wavelets(maps, w[:, -1]))


class Generator(nn.Module):
    """Mapping and synthesis, with the mean of w that truncation pulls towards."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        self.mapping = Mapping(architecture)
        self.synthesis = Synthesis(architecture)
        self.w_mean: Tensor
        self.register_buffer("w_mean", torch.zeros(architecture.w_dim))
