"""StyleGAN2 on GPUs: convolutions by cuDNN, and one pass over the maps after each of them.

Style and demodulation go into the kernels, for every sample anew: nothing is kept of weights, so that
nothing can be out of date. Doubling is a plain convolution with the 2x2 kernels of the four phases of its
result (16 taps, of which 9 are not zero; transposed convolutions are slow), and the pass after it puts the
phases together and filters them. The passes are kernels of Triton; where there is none, operations of torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.models.stylegan2 import triton_ops
from netbend.models.stylegan2.equalized import LRELU_GAIN, LRELU_SLOPE
from netbend.models.stylegan2.modulated import DEMODULATION_EPSILON, unit_gain
from netbend.models.stylegan2.resampling import blur, upsample_twice
from netbend.transforms import on_gpu
from netbend.transforms.on_gpu import Work

LARGE_MAP = 64 * 64  # positions from which the samples of a batch get kernels of their own
PRECISIONS = (torch.float32, torch.bfloat16, torch.float16)


def suits(w: Tensor) -> bool:
    """Whether a network is to be run this way, without gradients on a GPU."""
    wanted = torch.is_grad_enabled() or on_gpu.is_traced()
    return w.device.type == "cuda" and w.dtype in PRECISIONS and not wanted


@dataclass(frozen=True)
class Finish:
    """What follows a convolution: demodulation, noise, bias, leaky ReLU with its gain, clamp.

    factors: of demodulation, `(N, features)`, None where it is in the kernels. noise: `(N or 1, H, W)`, or
    None; strength: of the noise, `()`. bias: `(features,)`. bend: of the maps that come of all this.
    """

    factors: Tensor | None
    noise: Tensor | None
    strength: Tensor
    bias: Tensor
    clamp: float | None
    bend: Work | None = None

    def of(self, sample: int) -> "Finish":
        """For one sample of a batch."""
        noise = self.noise
        if noise is not None and len(noise) > 1:
            noise = noise[sample : sample + 1]
        return replace(self, noise=noise)


@dataclass(frozen=True)
class Modulated:
    """What a layer's convolution is done with. style: `(N, inputs)`, float32; gain: of the weight
    `(outputs, inputs, 3, 3)`. up: whether it doubles the size. kernels: of `styled_kernels`, if they are
    there already.
    """

    weight: Tensor
    style: Tensor
    gain: float
    up: bool
    kernels: Tensor | None = None


def styled_convolution(maps: Tensor, conv: Modulated, finish: Finish) -> Tensor:
    """A layer's maps `(N, outputs, H, W)`, twice as large as those given if it doubles; channels-last.

    Args:
        maps: `(N, inputs, H, W)`.
        conv: The convolution.
        finish: What follows; its factors are set here.
    """
    maps = maps.contiguous(memory_format=torch.channels_last)
    if by_sample(len(maps), maps.shape[2] * maps.shape[3]):
        return _sample_by_sample(maps, conv, finish)
    kernel = conv.weight
    if conv.up:
        (kernel,) = styled_kernels(kernel, None, 1.0, maps.dtype, up=True)
    style = conv.style * conv.gain
    convolved = F.conv2d(maps * style[:, :, None, None].to(maps.dtype), kernel, padding=1)
    energy = conv.weight.float().square().sum(dim=(2, 3))
    finish = replace(finish, factors=unit_gain(style.square() @ energy.T))
    return finished(convolved, finish, up=conv.up)


def takes(work: Work | None, *, up: bool) -> bool:
    """Whether a layer does a bend in its last pass: warps where it does not double, discs nowhere."""
    return work is not None and (work.is_pointwise or (work.kind == "warp" and not up))


def by_sample(count: int, positions: int) -> bool:
    """Whether each sample of a batch gets kernels of its own, to maps of so many positions."""
    return count == 1 or positions >= LARGE_MAP


def _sample_by_sample(maps: Tensor, conv: Modulated, finish: Finish) -> Tensor:
    kernels, up = conv.kernels, conv.up
    if kernels is None:
        kernels = styled_kernels(conv.weight, conv.style, conv.gain, maps.dtype, up=up)
    if len(maps) == 1:
        return finished(F.conv2d(maps, kernels[0], padding=1), finish, up=up)
    scale = 2 if up else 1
    size = len(maps), len(conv.weight), scale * maps.shape[2], scale * maps.shape[3]
    result = torch.empty(size, dtype=maps.dtype, device=maps.device, memory_format=torch.channels_last)
    for sample, kernel in enumerate(kernels):
        one = slice(sample, sample + 1)
        convolved = F.conv2d(maps[one], kernel, padding=1)
        finished(convolved, finish.of(sample), up=up, out=result[one])
    return result


def all_styles(layers: Any, w: Tensor) -> list[Tensor]:
    """Styles `(N, inputs)`, float32, of linear layers, each for the w of its place in `(N, places, w_dim)`.

    layers: pairs of an EqualizedLinear and its place.
    """
    if triton_ops.there(w):
        return triton_ops.all_styles(layers, w)
    return [linear(w[:, place]).float() for linear, place in layers]


def all_kernels(convolutions: Sequence[Modulated], precision: torch.dtype) -> list[Modulated]:
    """Convolutions with their kernels, made at once where that can be done.

    convolutions: their styles are of `all_styles`.
    """
    if not convolutions or not triton_ops.there(convolutions[0].weight):
        return list(convolutions)
    kernels = triton_ops.styled_kernels(
        [conv.weight for conv in convolutions],
        [conv.style for conv in convolutions],
        [conv.gain for conv in convolutions],
        precision,
        [conv.up for conv in convolutions],
        DEMODULATION_EPSILON,
    )
    return [replace(conv, kernels=made) for conv, made in zip(convolutions, kernels, strict=True)]


def styled_kernels(
    weight: Tensor, style: Tensor | None, gain: float, precision: torch.dtype, *, up: bool
) -> Tensor:
    """Kernels of all samples, styled and of unit gain: `(N, O, I, 3, 3)`, or `(N, 4 O, I, 2, 2)` if `up`.

    Of the latter each fourth is for one phase of the doubled maps: even rows and even columns, even and
    odd, odd and even, odd and odd. style: None leaves the weights as they are, as one sample.
    """
    if triton_ops.there(weight):
        styles = None if style is None else [style.contiguous()]
        (kernels,) = triton_ops.styled_kernels(
            [weight], styles, [gain], precision, [up], DEMODULATION_EPSILON
        )
        return kernels
    kernels = weight.float()[None] * gain
    if style is not None:
        kernels = kernels * style[:, None, :, None, None]
        kernels = kernels * unit_gain(kernels.square().sum(dim=(2, 3, 4), keepdim=True))
    if up:
        kernels = torch.cat([_phase(kernels, y, x) for y in (0, 1) for x in (0, 1)], dim=1)
    form = (0, 1, 3, 4, 2)
    return kernels.to(precision).permute(form).contiguous().permute(0, 1, 4, 2, 3)


def _phase(kernels: Tensor, y: int, x: int) -> Tensor:
    """Taps `(N, O, I, 2, 2)` of every second row and column: odd ones have the middle of 3x3 alone."""
    for axis, odd in ((3, y), (4, x)):
        middle, first, last = (kernels.narrow(axis, place, 1) for place in (1, 0, 2))
        pair = (torch.zeros_like(middle), middle) if odd else (last, first)
        kernels = torch.cat(pair, dim=axis)
    return kernels


def finished(convolved: Tensor, finish: Finish, *, up: bool, out: Tensor | None = None) -> Tensor:
    """What follows a convolution. `convolved` may be written into.

    convolved: `(N, features, H, W)`, or the four phases `(N, 4 features, H + 1, W + 1)` if `up`, which gives
    maps of `2 H` and `2 W`.
    """
    if triton_ops.there(convolved):
        return triton_ops.finished(convolved, finish, LRELU_SLOPE, LRELU_GAIN, up=up, out=out)
    maps = blur(_together(convolved), padding=1, gain=4) if up else convolved
    if finish.factors is not None:
        maps = maps * finish.factors[:, :, None, None]
    if finish.noise is not None:
        maps = maps + (finish.noise * finish.strength)[:, None]
    maps = F.leaky_relu(maps + finish.bias[:, None, None], LRELU_SLOPE) * LRELU_GAIN
    maps = maps if finish.clamp is None else maps.clamp(-finish.clamp, finish.clamp)
    maps = maps.to(convolved.dtype)
    maps = maps if finish.bend is None else on_gpu.bend(maps, finish.bend)
    return maps.contiguous(memory_format=torch.channels_last) if out is None else out.copy_(maps)


def _together(phases: Tensor) -> Tensor:
    """The maps between, `(N, F, 2 H + 1, 2 W + 1)`, from their phases `(N, 4 F, H + 1, W + 1)`."""
    count, features, height, width = phases.shape
    apart = phases.view(count, 2, 2, features // 4, height, width)
    whole = apart.permute(0, 3, 4, 1, 5, 2).reshape(count, features // 4, 2 * height, 2 * width)
    return whole[:, :, :-1, :-1]


def colours(
    maps: Tensor, weight: Tensor, style: Tensor, bias: Tensor, gain: float, clamp: float | None
) -> Tensor:
    """Contribution to the picture, float32 `(N, C, H, W)`, of maps by a weight `(C, F, 1, 1)`."""
    maps = maps.contiguous(memory_format=torch.channels_last)
    if triton_ops.there(maps) and len(weight) <= triton_ops.MAX_CHANNELS:
        return triton_ops.colours(maps, weight, style, bias, gain, clamp)
    kernels = weight.float()[None, :, :, 0, 0] * (style * gain)[:, None]
    image = torch.einsum("nfhw,ncf->nchw", maps.float(), kernels) + bias.float()[:, None, None]
    return image if clamp is None else image.clamp(-clamp, clamp)


def double_and_add(image: Tensor, contribution: Tensor) -> Tensor:
    """The picture so far `(N, C, H, W)`, doubled in size, plus a contribution; float32."""
    if triton_ops.there(image):
        return triton_ops.double_and_add(image, contribution)
    return upsample_twice(image) + contribution
