"""The residual StyleGAN2 discriminator (Karras et al., arXiv 1912.04958, section 3.1)."""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn

from netbend.models.stylegan2.equalized import EqualizedConv, EqualizedLinear, leaky_relu


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut, halving the maps."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = EqualizedConv(inputs, inputs, 3)
        self.down = EqualizedConv(inputs, outputs, 3, down=True)
        self.shortcut = EqualizedConv(inputs, outputs, 1, down=True, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        drawn = leaky_relu(self.down(leaky_relu(self.conv(maps))))
        return (drawn + self.shortcut(maps)) / sqrt(2)


class Discriminator(nn.Module):
    """Images `(N, C, size, size)` to one logit each, `(N, 1)`."""

    def __init__(self, features: Sequence[int], channels: int = 3, group_size: int = 4):
        """features: as in the generator, from 4x4 up to the image; group_size: of the minibatch deviation."""
        super().__init__()
        self.group_size = group_size
        self.from_rgb = EqualizedConv(channels, features[-1], 1)
        falling = list(reversed(features))
        self.blocks = nn.Sequential(*(ResidualBlock(i, o) for i, o in pairwise(falling)))
        self.conv = EqualizedConv(features[0] + 1, features[0], 3)
        self.linear = EqualizedLinear(features[0] * 16, features[0])
        self.logit = EqualizedLinear(features[0], 1)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.blocks(leaky_relu(self.from_rgb(images)))
        maps = leaky_relu(self.conv(append_minibatch_deviation(maps, self.group_size)))
        return _exact(self.logit(leaky_relu(self.linear(maps.flatten(1)))))


def append_minibatch_deviation(maps: Tensor, group_size: int) -> Tensor:
    """Add one map holding how much the samples of a group differ (Karras et al. 2018, section 3)."""
    n, _, height, width = maps.shape
    groups = n // min(group_size, n)
    grouped = _exact(maps).reshape(-1, groups, *maps.shape[1:])
    deviation = (grouped.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    column = deviation.repeat(n // groups).reshape(n, 1, 1, 1).to(maps.dtype)
    return torch.cat([maps, column.expand(n, 1, height, width)], dim=1)


def _exact(values: Tensor) -> Tensor:
    """In float32, or in what they are if that is finer."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
