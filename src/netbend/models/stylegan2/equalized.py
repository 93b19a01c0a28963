"""Layers with "equalized learning rate": weights of unit variance, scaled at run time (arXiv 1710.10196)."""

from math import sqrt
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netbend.models.stylegan2.resampling import blur

LRELU_SLOPE = 0.2
LRELU_GAIN = sqrt(2.0)


Module = TypeVar("Module", bound=nn.Module)


def channels_last(module: Module) -> Module:
    """The module with its weights laid out so that convolutions on CPUs take half the time."""
    return nn.Module.to(module, memory_format=torch.channels_last)  # type: ignore[call-overload]


def leaky_relu(maps: Tensor, clamp: float | None = None) -> Tensor:
    """Leaky ReLU with the gain that keeps the variance, optionally clamped to `+-clamp`."""
    activated = F.leaky_relu(maps, LRELU_SLOPE) * LRELU_GAIN
    return activated if clamp is None else activated.clamp(-clamp, clamp)


class EqualizedLinear(nn.Module):
    """A linear layer whose weights keep unit variance; `lr_multiplier` slows its learning."""

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, lr_multiplier: float = 1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr_multiplier))
        self.weight_gain = lr_multiplier / sqrt(inputs)
        self.bias_gain = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)


class EqualizedConv(nn.Module):
    """A plain convolution of the discriminator, optionally low-passed and halved in size."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int, *, down: bool = False, bias: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.gain = 1 / sqrt(inputs * kernel_size**2)
        self.down = down

    def forward(self, maps: Tensor) -> Tensor:
        weight = self.weight * self.gain
        kernel_size = weight.shape[-1]
        if not self.down:
            return F.conv2d(maps, weight, self.bias, padding=kernel_size // 2)
        if kernel_size == 1:
            # Not a stride in the blur: on CPUs its gradient takes ten times as long.
            return F.conv2d(blur(maps, padding=1)[:, :, ::2, ::2], weight, self.bias)
        return F.conv2d(blur(maps, padding=2), weight, self.bias, stride=2)
