"""The parts StyleGAN2 networks are made of (Karras et al., arXiv 1912.04958).

Weights are stored at unit variance and scaled at run time ("equalized learning rate").
Instead of modulating a convolution's weights for every sample, the input is modulated and
the output demodulated. The two are equal, since the style scales input features and the
demodulation output features, and one plain convolution then serves the whole batch.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netbend.bending.insert import offered
from netbend.models.stylegan2 import fused
from netbend.models.stylegan2.resampling import blur, upsample_by_products, upsample_convolve
from netbend.models.stylegan2.winograd import suits_winograd, transformed_kernel, winograd

LRELU_SLOPE = 0.2
LRELU_GAIN = sqrt(2.0)
LARGE_MAP = 64 * 64  # positions from which kernels are cheaper to scale than maps
DEMODULATION_EPSILON = 1e-8
LINE = 16  # numbers of float32 in a line of a processor's cache


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


class ModulatedConv(nn.Module):
    """A convolution whose input features are scaled by a style, and its output features
    scaled back to unit variance (section 2.2, equations 1 to 3)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel_size: int,
        w_dim: int,
        *,
        up: bool = False,
        demodulate: bool = True,
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel_size, kernel_size))
        self.style = EqualizedLinear(w_dim, inputs, bias=1.0)
        self.gain = 1 / sqrt(inputs * kernel_size**2)
        self.up = up
        self.demodulate = demodulate
        self._kept: _Prepared | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For copies and files: without what is kept, which belongs to these weights."""
        return {**self.__dict__, "_kept": None}

    def forward(self, maps: Tensor, w: Tensor, bias: Tensor | None = None, gain: float = 1.0) -> Tensor:
        """Maps `(N, inputs, H, W)`, styled by w `(N, w_dim)`; times the gain, plus a bias of each feature.

        One result in three ways: plainly, where gradients are wanted; else the style inside the kernels
        of large maps, two passes less over them, or kernels that were prepared once for small ones.
        """
        style = self.style(w)
        if torch.is_grad_enabled():
            return self._plainly(maps, style, bias, gain)
        by_winograd = not self.up and suits_winograd(maps, self.weight)
        if maps.shape[2] * maps.shape[3] >= LARGE_MAP and not by_winograd:
            return self._with_styled_kernels(maps, style, bias, gain)
        return self._with_prepared_kernel(maps, style, bias, gain, by_winograd)

    def _plainly(self, maps: Tensor, style: Tensor, bias: Tensor | None, gain: float) -> Tensor:
        weight = self.weight * self.gain
        maps = self._convolve(maps * style[:, :, None, None].to(maps.dtype), weight, None)
        gains = gain * self._demodulation(style, _energy(weight))
        maps = maps * gains[:, :, None, None].to(maps.dtype)
        return maps if bias is None else maps + bias[:, None, None].to(maps.dtype)

    def _with_styled_kernels(self, maps: Tensor, style: Tensor, bias: Tensor | None, gain: float) -> Tensor:
        kernels = (_exact(self.weight) * self.gain) * _exact(style)[:, None, :, None, None]
        if self.demodulate:
            kernels = kernels * _unit_gain(kernels.square().sum(dim=(2, 3, 4), keepdim=True))
        kernels = (kernels * gain).to(maps.dtype)
        samples = zip(torch.split(maps, 1), kernels, strict=True)
        convolved = [self._convolve(sample, kernel, bias) for sample, kernel in samples]
        return convolved[0] if len(convolved) == 1 else torch.cat(convolved)

    def _with_prepared_kernel(
        self, maps: Tensor, style: Tensor, bias: Tensor | None, gain: float, by_winograd: bool
    ) -> Tensor:
        kernel, energy = self._prepared(by_winograd)
        maps = maps * style[:, :, None, None].to(maps.dtype)
        if self.up:
            maps = blur(upsample_by_products(maps, kernel), padding=1, gain=4)
        elif by_winograd:
            maps = winograd(maps, kernel)
        else:
            maps = F.conv2d(maps, kernel, padding=kernel.shape[-1] // 2)
        maps *= (gain * self._demodulation(style, energy))[:, :, None, None].to(maps.dtype)
        return maps if bias is None else maps.add_(bias[:, None, None].to(maps.dtype))

    def _prepared(self, by_winograd: bool) -> tuple[Tensor, Tensor]:
        """The kernel as it is wanted and the energies for demodulation, made once for the same weights.

        Torch counts changes of weights, but not those through `weight.data`: so the weights themselves
        are looked at, too, though not at each of them, see `_some_of`. Of inference mode it counts
        nothing, and on a GPU a look would wait for it: there the kernel is made anew.
        """
        weight = self.weight
        if weight.is_inference() or weight.device.type != "cpu":
            return self._prepare(by_winograd)
        state = (weight.data_ptr(), weight._version, weight.dtype, by_winograd)
        kept = self._kept  # another thread may put something else there at any time
        if kept is None or kept.state != state or not torch.equal(kept.some, kept.before):
            some = _some_of(weight.detach())
            kept = self._kept = _Prepared(state, some, some.clone(), *self._prepare(by_winograd))
        return kept.kernel, kept.energy

    def _prepare(self, by_winograd: bool) -> tuple[Tensor, Tensor]:
        weight = self.weight.detach() * self.gain
        kernel = weight
        if self.up:
            kernel = weight.permute(2, 3, 1, 0).contiguous()
        elif by_winograd:
            kernel = transformed_kernel(weight)
        return kernel, _energy(weight)

    def _convolve(self, maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        bias = None if bias is None else bias.to(maps.dtype)
        if self.up:
            return upsample_convolve(maps, weight.transpose(0, 1), bias)
        return F.conv2d(maps, weight, bias, padding=weight.shape[-1] // 2)

    def _demodulation(self, style: Tensor, energy: Tensor) -> Tensor:
        """Factors of the output features, `(N, outputs)`."""
        if not self.demodulate:
            return style.new_ones(len(style), len(energy))
        return _unit_gain(_exact(style).square() @ energy.T)


def _exact(values: Tensor) -> Tensor:
    """In float32, or in what they are if that is finer."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _energy(weight: Tensor) -> Tensor:
    """Of each output feature by input feature."""
    return _exact(weight).square().sum(dim=(2, 3))


def _unit_gain(energy: Tensor) -> Tensor:
    """Factors that scale features back to unit variance; NaN, not 0, where the energy is infinite."""
    return torch.rsqrt(energy + DEMODULATION_EPSILON).add(energy, alpha=0)


@dataclass(frozen=True)
class _Prepared:
    """What was made of weights, with what they were then: some of them, as they are now and were before."""

    state: object
    some: Tensor
    before: Tensor
    kernel: Tensor
    energy: Tensor


def _some_of(weight: Tensor) -> Tensor:
    """A view of weights `(O, I, k, k)` that changes if all do, or all of a feature or an input.

    Of many weights a line of the cache of each feature, from feature to feature of another place and
    other inputs: to look at all takes 6 % of the time of a picture of 128x128.
    """
    by_pixels = weight.is_contiguous(memory_format=torch.channels_last)
    if not by_pixels and not weight.is_contiguous():
        return weight
    rows = (weight.permute(0, 2, 3, 1) if by_pixels else weight).flatten(1)  # as they lie in memory
    lines, rest = divmod(rows.shape[1], LINE)
    return rows.view(-1, LINE)[:: lines - 1] if lines > LINE and not rest else rows


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
        if noise is not None:
            scale = 2 if modulated.up else 1
            count = len(noise) if noise.ndim == 4 else 1
            noise = noise.expand(count, 1, scale * maps.shape[2], scale * maps.shape[3])[:, 0]
        hook = offered(self)
        work = None if hook is None else hook.offer(maps.device, maps.dtype)
        work = work if fused.takes(work, up=modulated.up) else None
        finish = fused.Finish(None, noise, self.noise_strength, self.bias, self.clamp, work)
        maps = fused.styled_convolution(maps, modulated, finish)
        if hook is not None and work is not None:
            hook.taken(maps)
        return maps

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
        image = _exact(self.conv(maps, w)) + self.bias[:, None, None]
        return image if self.clamp is None else image.clamp(-self.clamp, self.clamp)
