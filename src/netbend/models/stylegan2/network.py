"""The StyleGAN2 generator and discriminator (Karras et al., arXiv 1912.04958).

Plain networks that know nothing of bending: a bend hooks a layer's output from outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log2
from typing import Any

from torch import Tensor, nn

from netbend.models.styled import (
    ConstantInput,
    StyledArchitecture,
    StyledGenerator,
    StyledSynthesis,
    normalize_second_moment,
)
from netbend.models.stylegan2 import bfloat16, fused
from netbend.models.stylegan2.equalized import EqualizedLinear, leaky_relu
from netbend.models.stylegan2.layers import StyledConv, ToRGB
from netbend.models.stylegan2.resampling import upsample_twice

MAPPING_LR_MULTIPLIER = 0.01


@dataclass(frozen=True)
class Architecture(StyledArchitecture):
    """What has to be known to build a generator.

    features: number of features at 4x4, 8x8, ... up to the size of the image.
    clamp: bound on activations, as half-precision checkpoints are trained with.
    """

    clamp: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.clamp is not None and not (type(self.clamp) in (int, float) and self.clamp > 0):
            raise ValueError(f"clamp {self.clamp!r:.40}")

    @classmethod
    def of_width(
        cls, size: int, feature_base: int = 32768, feature_max: int = 512, **rest: int
    ) -> "Architecture":
        """`feature_base / resolution` features at each resolution, at most `feature_max`.

        The base is 32768 in the paper's config F and 16384 in its smaller configurations.
        """
        resolutions = [2**i for i in range(2, int(log2(size)) + 1)]
        return cls(tuple(min(feature_base // resolution, feature_max) for resolution in resolutions), **rest)

    @property
    def size(self) -> int:
        """Height and width of the image, pixels."""
        return 2 ** (len(self.features) + 1)


class Mapping(nn.Module):
    """z to w: normalisation and a stack of linear layers."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        widths = [architecture.z_dim] + [architecture.w_dim] * architecture.mapping_depth
        self.layers = nn.ModuleList(
            EqualizedLinear(inputs, outputs, lr_multiplier=MAPPING_LR_MULTIPLIER)
            for inputs, outputs in pairwise(widths)
        )

    def forward(self, z: Tensor) -> Tensor:
        x = normalize_second_moment(z)
        for layer in self.layers:
            x = leaky_relu(layer(x))
        return x


class Synthesis(StyledSynthesis):
    """w to image: at every resolution the layers draw, and a ToRGB adds to the picture so far."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        features, w_dim, clamp = architecture.features, architecture.w_dim, architecture.clamp
        self.input = ConstantInput(features[0])
        self.layers = nn.ModuleList([StyledConv(features[0], features[0], w_dim, clamp=clamp)])
        for coarse, fine in pairwise(features):
            self.layers.append(StyledConv(coarse, fine, w_dim, up=True, clamp=clamp))
            self.layers.append(StyledConv(fine, fine, w_dim, clamp=clamp))
        self.to_rgb = nn.ModuleList(ToRGB(f, w_dim, architecture.channels, clamp) for f in features)
        self.draw_noise(architecture)

    def forward(self, w: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        """
        w: `(N, latent_count, w_dim)`, one vector for each layer.
        noise: for each layer maps that broadcast to `(N, 1, H, W)`, or None.
        Returns images `(N, C, size, size)`, about -1 to 1.
        """
        on_gpu = fused.suits(w)
        modulated, styles = self._modulated(w) if on_gpu else ([None] * len(self.layers),) * 2
        double_and_add = _double_and_add
        if on_gpu or bfloat16.suits(w):
            double_and_add = fused.double_and_add if on_gpu else bfloat16.double_and_add
        maps = self.layers[0](self.input(len(w)), w[:, 0], noise[0], modulated[0])
        image = self.to_rgb[0](maps, w[:, 1], styles[0])
        for step, to_rgb in enumerate(list(self.to_rgb)[1:], start=1):
            first, second = 2 * step - 1, 2 * step
            maps = self.layers[first](maps, w[:, first], noise[first], modulated[first])
            maps = self.layers[second](maps, w[:, second], noise[second], modulated[second])
            image = double_and_add(image, to_rgb(maps, w[:, second + 1], styles[step]))
        return image

    def _modulated(self, w: Tensor) -> tuple[list[fused.Modulated], list[Tensor]]:
        """The convolutions of all layers, and the styles of all contributions to the picture, at once."""
        layers: list[Any] = list(self.layers)
        places = [*range(len(layers)), *range(1, 2 * len(self.to_rgb), 2)]
        linear = [layer.conv.style for layer in (*layers, *self.to_rgb)]
        styles = fused.all_styles(list(zip(linear, places, strict=True)), w)
        convolutions = [layer.modulated(w, style) for layer, style in zip(layers, styles, strict=False)]
        small = [number for number in range(len(layers)) if not fused.by_sample(len(w), _positions(number))]
        first = len(small)  # layers after it are those of larger maps
        convolutions[first:] = fused.all_kernels(convolutions[first:], w.dtype)
        return convolutions, styles[len(layers) :]


def _positions(layer: int) -> int:
    """Of the maps that a layer is given."""
    return (4 * 2 ** (layer // 2)) ** 2


def _double_and_add(image: Tensor, contribution: Tensor) -> Tensor:
    return upsample_twice(image) + contribution


class Generator(StyledGenerator[Architecture, Synthesis]):
    """Mapping and synthesis, with the mean of w that truncation pulls towards."""

    def __init__(self, architecture: Architecture):
        super().__init__(architecture, Mapping(architecture), Synthesis(architecture))
