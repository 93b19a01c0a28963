"""The layers StyleGAN2 networks are made of (Karras et al., arXiv 1912.04958)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netbend.bending.layer_hook import offered
from netbend.models.stylegan2 import bfloat16, fused
from netbend.models.stylegan2.equalized import LRELU_GAIN, LRELU_SLOPE
from netbend.models.stylegan2.modulated import LARGE_MAP, ModulatedConv, exact
from netbend.transforms.on_gpu import Work


class StyledConv(nn.Module):
    """Modulated convolution, noise, bias and activation: one bendable layer."""

    def __init__(
        self, inputs: int, outputs: int, w_dim: int, *, up: bool = False, clamp: float | None = None
    ):
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, 3, w_dim, up=up)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.clamp = clamp

    def forward(
        self, maps: Tensor, w: Tensor, noise: Tensor | None, modulated: fused.Modulated | None = None
    ) -> Tensor:
        """Maps `(N, inputs, H, W)` and w `(N, w_dim)`; modulated: by w, on a GPU, if it is there already."""
        if fused.suits(w):
            return self._in_one_pass(maps, self.modulated(w) if modulated is None else modulated, noise)
        if bfloat16.suits(w):
            finish = self._finish(maps, noise)
            return bfloat16.styled_convolution(maps, self.conv, self.conv.style(w), finish)
        # The activation's gain goes through it to what is added before: one pass less over the maps.
        scaled = None if noise is None else (noise * (self.noise_strength * LRELU_GAIN)).to(maps.dtype)
        if torch.is_grad_enabled():
            maps = self._convolve(maps, w)
            maps = F.leaky_relu(maps if scaled is None else maps + scaled, LRELU_SLOPE)
            return maps if self.clamp is None else maps.clamp(-self.clamp, self.clamp)
        if len(maps) == 1 or maps.shape[2] * maps.shape[3] < LARGE_MAP or maps.device.type != "cpu":
            maps = self._convolve(maps, w)
            return self._activated(maps if scaled is None else maps.add_(scaled))
        return self._one_by_one(maps, w, scaled)

    def modulated(self, w: Tensor, style: Tensor | None = None) -> fused.Modulated:
        """Its convolution, by w `(N, w_dim)` or by the style of it."""
        conv = self.conv
        style = conv.style(w).float() if style is None else style
        return fused.Modulated(conv.weight, style, conv.gain, conv.up)

    def _in_one_pass(self, maps: Tensor, modulated: fused.Modulated, noise: Tensor | None) -> Tensor:
        """The way of GPUs."""
        hook = offered(self)
        work = None if hook is None else hook.offer(maps.device, maps.dtype)
        work = work if fused.takes(work, up=modulated.up) else None
        maps = fused.styled_convolution(maps, modulated, self._finish(maps, noise, work))
        if hook is not None and work is not None:
            hook.taken(maps)
        return maps

    def _finish(self, maps: Tensor, noise: Tensor | None, bend: Work | None = None) -> fused.Finish:
        """What follows its convolution of maps."""
        if noise is not None:
            scale = 2 if self.conv.up else 1
            count = len(noise) if noise.ndim == 4 else 1
            noise = noise.expand(count, 1, scale * maps.shape[2], scale * maps.shape[3])[:, 0]
        return fused.Finish(None, noise, self.noise_strength, self.bias, self.clamp, bend)

    def _convolve(self, maps: Tensor, w: Tensor) -> Tensor:
        return self.conv(maps, w, self.bias * LRELU_GAIN, LRELU_GAIN)

    def _activated(self, maps: Tensor) -> Tensor:
        """In place: fresh memory for large maps costs more than the arithmetic."""
        F.leaky_relu_(maps, LRELU_SLOPE)
        return maps if self.clamp is None else maps.clamp_(-self.clamp, self.clamp)

    def _one_by_one(self, maps: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """Samples of large maps in turn: what is needed meanwhile is not larger than for one."""
        scale = 2 if self.conv.up else 1
        size = (len(maps), len(self.bias), scale * maps.shape[2], scale * maps.shape[3])
        result = torch.empty(size, dtype=maps.dtype, memory_format=torch.channels_last)
        noise = None if noise is None else noise.expand(len(maps), 1, *size[2:])  # may be one for all
        for sample in range(len(maps)):
            one = slice(sample, sample + 1)
            convolved = self._convolve(maps[one], w[one])
            if noise is None:
                result[one] = convolved
            else:
                torch.add(convolved, noise[sample], out=result[one])
            self._activated(result[one])
        return result


class ToRGB(nn.Module):
    """A layer's contribution to the picture: a 1x1 modulated convolution without demodulation."""

    def __init__(self, inputs: int, w_dim: int, channels: int = 3, clamp: float | None = None):
        super().__init__()
        self.conv = ModulatedConv(inputs, channels, 1, w_dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.clamp = clamp

    def forward(self, maps: Tensor, w: Tensor, style: Tensor | None = None) -> Tensor:
        """Maps `(N, inputs, H, W)` and w `(N, w_dim)`; style: of w, if it is known already."""
        if fused.suits(w):
            style = self.conv.style(w).float() if style is None else style
            return fused.colours(maps, self.conv.weight, style, self.bias, self.conv.gain, self.clamp)
        if bfloat16.suits(w):
            return bfloat16.colours(maps, self.conv, self.conv.style(w), self.bias, self.clamp)
        image = exact(self.conv(maps, w)) + self.bias[:, None, None]
        return image if self.clamp is None else image.clamp(-self.clamp, self.clamp)
