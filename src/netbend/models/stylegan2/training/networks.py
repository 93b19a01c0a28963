"""Both networks as they are computed in training on a GPU: the same numbers by other operations.

They take the weights of `Synthesis` and `Discriminator`, and are tested against their own `forward`.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.models.stylegan2.discriminator import Discriminator, ResidualBlock, append_minibatch_deviation
from netbend.models.stylegan2.equalized import EqualizedConv, EqualizedLinear, leaky_relu
from netbend.models.stylegan2.layers import StyledConv, ToRGB
from netbend.models.stylegan2.modulated import DEMODULATION_EPSILON, ModulatedConv
from netbend.models.stylegan2.network import Synthesis
from netbend.models.stylegan2.training.operations import activate, convolve, draw, resample, scale

ALIGNED = 8  # numbers that rows of matrices are filled up to, as tensor cores take them


def synthesize(
    network: Synthesis, w: Tensor, noise: Sequence[Tensor | None], precision: torch.dtype
) -> Tensor:
    """As the network itself, maps in another precision: w+ `(N, latent_count, w_dim)` to images."""
    maps = network.input(len(w)).to(precision).contiguous(memory_format=torch.channels_last)
    layers: Any = network.layers
    first_to_rgb, *others = network.to_rgb
    maps = _layer(layers[0], maps, w[:, 0], noise[0])
    image = _to_rgb(first_to_rgb, maps, w[:, 1])
    for step, to_rgb in enumerate(others):
        first, second = 2 * step + 1, 2 * step + 2
        maps = _layer(layers[first], maps, w[:, first], noise[first])
        maps = _layer(layers[second], maps, w[:, second], noise[second])
        doubled = resample(image, up=2, pad=2, size=maps.shape[2], gain=4)
        image = doubled + _to_rgb(to_rgb, maps, w[:, second + 1])
    return image


def _layer(layer: StyledConv, maps: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
    conv = layer.conv
    style, weight = conv.style(w), conv.weight * conv.gain
    energy = weight.square().sum(dim=(2, 3))
    demodulation = torch.rsqrt(style.square() @ energy.T + DEMODULATION_EPSILON)
    maps = _styled_convolution(conv, scale(maps, style), weight)
    return draw(maps, demodulation, layer.bias, noise, layer.noise_strength, layer.clamp)


def _styled_convolution(conv: ModulatedConv, maps: Tensor, weight: Tensor) -> Tensor:
    weight = _as_kernel(weight, maps.dtype)
    if not conv.up:
        return convolve(maps, weight, padding=1)
    between = convolve(maps, weight.transpose(0, 1), stride=2, transposed=True)
    return resample(between, pad=1, size=2 * maps.shape[2], gain=4)


def _to_rgb(to_rgb: ToRGB | Any, maps: Tensor, w: Tensor) -> Tensor:
    """A product of matrices for each sample: the maps are read once, their styled copy is spared."""
    conv = to_rgb.conv
    batch, features, height, width = maps.shape
    channels = len(conv.weight)
    weights = conv.style(w)[:, :, None] * (conv.weight.flatten(1).T * conv.gain)  # (N, features, channels)
    weights = F.pad(weights, (0, -channels % ALIGNED)).to(maps.dtype)
    pixels = maps.permute(0, 2, 3, 1).reshape(batch, height * width, features)
    drawn = torch.bmm(pixels, weights)[:, :, :channels].to(w.dtype) + to_rgb.bias
    image = drawn.reshape(batch, height, width, channels).permute(0, 3, 1, 2)
    return image if to_rgb.clamp is None else image.clamp(-to_rgb.clamp, to_rgb.clamp)


def judge(network: Discriminator, images: Tensor, precision: torch.dtype) -> Tensor:
    """As the network itself, maps in another precision: images to logits `(N, 1)`."""
    images = images.to(precision).contiguous(memory_format=torch.channels_last)
    maps = activate(_convolved(network.from_rgb, images), _bias(network.from_rgb))
    for block in network.blocks:
        maps = _halved(block, maps)
    maps = _with_deviation(network, maps)
    flat = maps.to(network.linear.weight.dtype).flatten(1)
    return _linear(network.logit, leaky_relu(_linear(network.linear, flat)))


def _halved(block: ResidualBlock | Any, maps: Tensor) -> Tensor:
    """Two convolutions and a shortcut; the factor of their sum is part of either."""
    size = maps.shape[2]
    drawn = activate(_convolved(block.conv, maps), _bias(block.conv))
    framed = resample(drawn, pad=2, size=size + 1)
    drawn = activate(_convolved(block.down, framed, stride=2), _bias(block.down), gain=1.0)
    thinned = resample(maps, down=2, pad=1, size=size // 2)
    return drawn + _convolved(block.shortcut, thinned, gain=sqrt(0.5))


def _with_deviation(network: Discriminator, maps: Tensor) -> Tensor:
    """The last convolution. Beside the map of deviations go empty ones: 257 are slower than 264."""
    maps = append_minibatch_deviation(maps, network.group_size)
    missing = -maps.shape[1] % ALIGNED
    maps = F.pad(maps, (0, 0, 0, 0, 0, missing)).contiguous(memory_format=torch.channels_last)
    weight = F.pad(network.conv.weight * network.conv.gain, (0, 0, 0, 0, 0, missing))
    return activate(convolve(maps, _as_kernel(weight, maps.dtype), padding=1), _bias(network.conv))


def _convolved(conv: EqualizedConv, maps: Tensor, stride: int = 1, gain: float = 1.0) -> Tensor:
    weight = _as_kernel(conv.weight * (conv.gain * gain), maps.dtype)
    return convolve(maps, weight, stride, padding=0 if stride == 2 else weight.shape[2] // 2)


def _bias(conv: EqualizedConv) -> Tensor:
    assert conv.bias is not None
    return conv.bias


def _linear(layer: EqualizedLinear, x: Tensor) -> Tensor:
    linear: Tensor = layer(x)
    return linear


def _as_kernel(weight: Tensor, precision: torch.dtype) -> Tensor:
    return weight.to(precision).contiguous(memory_format=torch.channels_last)
