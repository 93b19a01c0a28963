"""The MobileStyleGAN generator (Belousov, arXiv 2104.04767).

StyleGAN2's function, distilled into a network for small machines: its convolutions are depthwise
separable, their demodulation is fixed in the weights, and it doubles resolution by inverse Haar
wavelets, without a filter and without a picture carried along. The last layer draws the picture's
wavelets, half the size of the picture.

A plain network that knows nothing of bending.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netbend.models.styled import (
    ConstantInput,
    StyledArchitecture,
    StyledGenerator,
    StyledSynthesis,
    normalize_second_moment,
)

LRELU_SLOPE = 0.2
MAPPING_GAIN = 2**0.5
# What each band adds to a 2x2 block of pixels: the mean, and the differences between rows, columns
# and diagonals.
HAAR = torch.tensor([[[1, 1], [1, 1]], [[1, 1], [-1, -1]], [[1, -1], [1, -1]], [[1, -1], [-1, 1]]]) / 2


@dataclass(frozen=True)
class Architecture(StyledArchitecture):
    """features: as far as half the size of the image; all but the last are doubled from quarters."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(width % 4 for width in self.features[:-1]):
            raise ValueError(f"features {self.features}: all but the last are multiples of 4")

    @property
    def size(self) -> int:
        """Height and width of the image, pixels."""
        return 2 ** (len(self.features) + 2)


class Mapping(nn.Module):
    """z to w: normalisation and a stack of linear layers."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        widths = [architecture.z_dim] + [architecture.w_dim] * architecture.mapping_depth
        self.layers = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in pairwise(widths))

    def forward(self, z: Tensor) -> Tensor:
        x = normalize_second_moment(z)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), LRELU_SLOPE) * MAPPING_GAIN
        return x


class Style(nn.Linear):
    """w to a factor for every feature, `(N, F)`."""

    def __init__(self, w_dim: int, features: int):
        super().__init__(w_dim, features)


def scaled_depthwise(maps: Tensor, style: Tensor, kernel: Tensor) -> Tensor:
    """Scale features by a style `(N, F)`, then convolve each with its 3x3 kernel `(F, 1, 3, 3)`."""
    if len(maps) == 1:  # in the kernel the style saves a pass over the maps
        return F.conv2d(maps, kernel * style[0, :, None, None, None], padding=1, groups=len(kernel))
    return F.conv2d(maps * style[:, :, None, None], kernel, padding=1, groups=len(kernel))


def inverse_haar(bands: Tensor, style: Tensor | None = None) -> Tensor:
    """Double the size of maps given by their wavelets: `(N, 4F, H, W)` to `(N, F, 2H, 2W)`.

    bands: four neighbours for each feature, in the order of `HAAR`. style: scales them, `(N, 4F)`.
    """
    features = bands.shape[1] // 4
    kernel = _haar(features, bands.dtype, bands.device)
    if style is not None and len(bands) == 1:
        kernel = kernel * style[0, :, None, None, None]
    elif style is not None:
        bands = bands * style[:, :, None, None]
    if bands.dtype is torch.bfloat16 and bands.device.type == "cpu":
        # For each block of four pixels a product with a matrix: a third of the time there, and the same bits.
        blocks = kernel.reshape(features, 4, 4).transpose(1, 2).reshape(-1, 4, 1, 1)
        return F.pixel_shuffle(F.conv2d(bands, blocks, groups=features), 2)
    return F.conv_transpose2d(bands, kernel, stride=2, groups=features)


@lru_cache(maxsize=32)
@torch.inference_mode(False)  # what is kept may be wanted where gradients are
def _haar(features: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Sent to a GPU once."""
    return HAAR.to(device, dtype)[:, None].repeat(features, 1, 1, 1)


def activate(maps: Tensor, noise: Tensor | None, strength: Tensor) -> Tensor:
    """Add noise that broadcasts to `(N, 1, H, W)`, then leaky ReLU; writes into `maps`."""
    if noise is not None:
        maps += (noise * strength).to(maps.dtype)
    return F.leaky_relu_(maps, LRELU_SLOPE)


class FirstConv(nn.Module):
    """The one full convolution, over the constant input: layer 0."""

    def __init__(self, features: int, w_dim: int):
        super().__init__()
        self.style = Style(w_dim, features)
        self.conv = nn.Conv2d(features, features, 3, padding=1)
        self.noise_strength = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        maps = self.conv(maps * self.style(w)[:, :, None, None])
        return activate(maps, noise, self.noise_strength)


class SeparableConv(nn.Module):
    """Modulated separable convolution, noise, bias and activation: one bendable layer."""

    def __init__(self, inputs: int, outputs: int, w_dim: int):
        super().__init__()
        self.style = Style(w_dim, inputs)
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        self.noise_strength = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        maps = scaled_depthwise(maps, self.style(w), self.depthwise.weight)
        return activate(self.pointwise(maps), noise, self.noise_strength)


class Upsample(nn.Module):
    """A quarter as many features at twice the size: the features, scaled by a style, are wavelets."""

    def __init__(self, inputs: int, w_dim: int):
        super().__init__()
        self.style = Style(w_dim, inputs)

    def forward(self, maps: Tensor, w: Tensor) -> Tensor:
        return inverse_haar(maps, self.style(w))


class ToWavelets(nn.Module):
    """The picture's wavelets: a modulated 1x1 convolution, four bands for each colour."""

    def __init__(self, inputs: int, w_dim: int, channels: int):
        super().__init__()
        self.style = Style(w_dim, inputs)
        self.conv = nn.Conv2d(inputs, 4 * channels, 1)

    def forward(self, maps: Tensor, w: Tensor) -> Tensor:
        style = self.style(w)
        if len(maps) == 1:  # in the kernel, as in `scaled_depthwise`
            return F.conv2d(maps, self.conv.weight * style[0, :, None, None], self.conv.bias)
        bands: Tensor = self.conv(maps * style[:, :, None, None])
        return bands


class Synthesis(StyledSynthesis):
    """w to image: layers draw, wavelets double the size."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        features, w_dim = architecture.features, architecture.w_dim
        self.input = ConstantInput(features[0])
        self.layers = nn.ModuleList([FirstConv(features[0], w_dim)])
        self.upsamplings = nn.ModuleList(Upsample(coarse, w_dim) for coarse in features[:-1])
        for coarse, fine in pairwise(features):
            self.layers.append(SeparableConv(coarse // 4, fine, w_dim))
            self.layers.append(SeparableConv(fine, fine, w_dim))
        self.to_wavelets = ToWavelets(features[-1], w_dim, architecture.channels)
        self.draw_noise(architecture)

    def forward(self, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """
        w: `(N, latent_count, w_dim)`, one vector for each layer.
        noise: for each layer maps that broadcast to `(N, 1, H, W)`, or None.
        Returns images `(N, C, size, size)`, about -1 to 1.
        """
        maps = self.maps(w, noise, len(self.upsamplings))
        return inverse_haar(self.to_wavelets(maps, w[:, -1]))

    def maps(self, w: Tensor, noise: Sequence[Tensor | None], doublings: int) -> Tensor:
        """The maps after so many doublings of 4x4, `(N, F, H, W)`; `w` and `noise` as in `forward`."""
        maps: Tensor = self.layers[0](self.input(len(w)), w[:, 0], noise[0])
        for step in range(doublings):
            first, second = 2 * step + 1, 2 * step + 2
            maps = self.upsamplings[step](maps, w[:, first])
            maps = self.layers[first](maps, w[:, first], noise[first])
            maps = self.layers[second](maps, w[:, second], noise[second])
        return maps


class Generator(StyledGenerator[Architecture, Synthesis]):
    """Mapping and synthesis, with the mean of w that truncation pulls towards."""

    def __init__(self, architecture: Architecture):
        super().__init__(architecture, Mapping(architecture), Synthesis(architecture))
