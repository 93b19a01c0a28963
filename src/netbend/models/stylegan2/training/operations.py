"""What networks in training on a GPU are computed with: each differentiable, and where R1 needs it twice.

Torch differentiates a low-pass twice by a convolution for every feature, and a convolution by one whose
kernel is as large as the map. Here the gradients of a convolution are again convolutions, transposed or
not, and the gradient of resampling is resampling: both as fast as what they are gradients of. What lies
between convolutions (scaling by style, noise, bias, activation) is one pass over the maps each way.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.models.stylegan2.equalized import LRELU_GAIN, LRELU_SLOPE
from netbend.models.stylegan2.resampling import BINOMIAL

try:
    from netbend.models.stylegan2.training import kernels
except ImportError:  # no Triton: everything goes on in plain torch
    kernels = None  # type: ignore[assignment]

ENDLESS = float("inf")


def convolve(
    maps: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, transposed: bool = False
) -> Tensor:
    """A convolution of `(N, C, H, W)`, or a transposed one; weights as torch has them for either."""
    result: Tensor = _Convolution.apply(maps, weight, stride, padding, transposed)  # type: ignore[no-untyped-call]
    return result


def resample(
    maps: Tensor, *, up: int = 1, down: int = 1, pad: int, size: tuple[int, int] | int, gain: float = 1.0
) -> Tensor:
    """Low-pass with [1, 3, 3, 1] / 8 along both axes, zeros outside, maps that are spread or thinned out.

    Args:
        maps: `(N, C, H, W)`.
        up: 2 puts zeros between samples, before filtering.
        down: 2 keeps every other sample, after filtering.
        pad: Samples before the first that the filter begins at.
        size: Of the result; what is needed beyond the last sample is zeros.
        gain: Factor of the filter.
    """
    size = (size, size) if isinstance(size, int) else size
    result: Tensor = _Resampling.apply(maps, up, down, pad, size, gain)  # type: ignore[no-untyped-call]
    return result


def scale(maps: Tensor, factor: Tensor) -> Tensor:
    """Maps times a factor `(N, C)` for each feature of each sample."""
    result: Tensor = _Styled.apply(maps, factor, None, None, None, 1.0, 1.0, ENDLESS)  # type: ignore[no-untyped-call]
    return result


def draw(
    maps: Tensor,
    factor: Tensor,
    bias: Tensor,
    noise: Tensor | None,
    strength: Tensor,
    clamp: float | None,
) -> Tensor:
    """What follows a styled convolution: demodulation `(N, C)`, noise `(N, 1, H, W)`, bias, activation."""
    slope, gain, limit = LRELU_SLOPE, LRELU_GAIN, ENDLESS if clamp is None else clamp
    added = (None, None) if noise is None else (noise, strength)
    result: Tensor = _Styled.apply(maps, factor, bias, *added, slope, gain, limit)  # type: ignore[no-untyped-call]
    return result


def activate(maps: Tensor, bias: Tensor, gain: float = LRELU_GAIN) -> Tensor:
    """What follows a convolution of the discriminator: bias and activation."""
    result: Tensor = _Activation.apply(maps, bias, gain)  # type: ignore[no-untyped-call]
    return result


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, weight: Tensor, stride: int, padding: int, transposed: bool
    ) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.geometry = (stride, padding, transposed)
        convolution = F.conv_transpose2d if transposed else F.conv2d
        return convolution(maps, weight, None, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        maps, weight = ctx.saved_tensors
        stride, padding, transposed = ctx.geometry
        of_maps = of_weight = None
        if ctx.needs_input_grad[0]:
            of_maps = convolve(gradient, weight, stride, padding, not transposed)
        if ctx.needs_input_grad[1]:
            of_weight = _WeightGradient.apply(maps, gradient, weight.shape, ctx.geometry)  # type: ignore[no-untyped-call]
        return of_maps, of_weight, None, None, None


class _WeightGradient(torch.autograd.Function):
    """Of a convolution's weight: linear in its input and in the gradient of its output."""

    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, gradient: Tensor, shape: torch.Size, geometry: tuple[int, int, bool]
    ) -> Tensor:
        ctx.save_for_backward(maps, gradient)
        ctx.geometry = geometry
        stride, padding, transposed = geometry
        weight = maps.new_empty(1).expand(shape)  # only its shape is looked at
        _, of_weight, _ = torch.ops.aten.convolution_backward(
            gradient, maps, weight, None, [stride] * 2, [padding] * 2, [1, 1], transposed, [0, 0], 1,
            [False, True, False],
        )  # fmt: skip
        return of_weight

    @staticmethod
    def backward(ctx: Any, of_weight: Tensor) -> Any:
        maps, gradient = ctx.saved_tensors
        stride, padding, transposed = ctx.geometry
        of_maps = of_gradient = None
        if ctx.needs_input_grad[0]:
            of_maps = convolve(gradient, of_weight, stride, padding, not transposed)
        if ctx.needs_input_grad[1]:
            of_gradient = convolve(maps, of_weight, stride, padding, transposed)
        return of_maps, of_gradient, None, None


class _Resampling(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, up: int, down: int, pad: int, size: tuple[int, int], gain: float
    ) -> Tensor:
        ctx.back = (down, up, 3 - pad, (maps.shape[2], maps.shape[3]), gain)
        if _by_kernels(maps):
            return kernels.resample(maps, up, down, pad, size, gain)
        return resample_plainly(maps, up, down, pad, size, gain)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        # The filter is symmetric: what was spread is thinned out, and the other way round.
        of_maps = _Resampling.apply(gradient, *ctx.back)  # type: ignore[no-untyped-call]
        return of_maps, None, None, None, None, None


class _Styled(torch.autograd.Function):
    """Maps by a factor of each feature of each sample, plus noise and bias, activated."""

    @staticmethod
    def forward(
        ctx: Any,
        maps: Tensor,
        factor: Tensor,
        bias: Tensor | None,
        noise: Tensor | None,
        strength: Tensor | None,
        slope: float,
        gain: float,
        clamp: float,
    ) -> Tensor:
        way = kernels.activate if _by_kernels(maps) else activate_plainly
        drawn = way(maps, factor, bias, noise, strength, slope, gain, clamp)
        ctx.save_for_backward(maps, drawn if slope != 1 else None, factor, noise)
        ctx.activation = (slope, gain, clamp)
        return drawn

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        maps, drawn, factor, noise = ctx.saved_tensors
        # Where gradients have gradients (the path length penalty), torch shall see how they are made.
        by_kernels = _by_kernels(maps) and not torch.is_grad_enabled()
        way = kernels.activate_backward if by_kernels else activate_backward_plainly
        gradients = way(gradient, maps, drawn, factor, noise, *ctx.activation)
        of_maps, of_factor, of_bias, of_strength = gradients
        wanted_of_bias = of_bias if ctx.needs_input_grad[2] else None
        return of_maps, of_factor, wanted_of_bias, None, of_strength, None, None, None


class _Activation(torch.autograd.Function):
    """Bias and activation, as often differentiable as wanted: it is made of straight lines."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, bias: Tensor, gain: float) -> Tensor:
        way = kernels.activate if _by_kernels(maps) else activate_plainly
        drawn = way(maps, None, bias, None, None, LRELU_SLOPE, gain, ENDLESS)
        ctx.save_for_backward(drawn)
        ctx.gain = gain
        return drawn

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (drawn,) = ctx.saved_tensors
        of_maps, of_bias = _ActivationGradient.apply(gradient, drawn, ctx.gain)  # type: ignore[no-untyped-call]
        return of_maps, of_bias, None


class _ActivationGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gradient: Tensor, drawn: Tensor, gain: float) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(drawn)
        ctx.gain = gain
        backward = kernels.activate_backward if _by_kernels(drawn) else activate_backward_plainly
        of_maps, _, of_bias, _ = backward(gradient, None, drawn, None, None, LRELU_SLOPE, gain, ENDLESS)
        return of_maps, of_bias

    @staticmethod
    def backward(ctx: Any, of_maps: Tensor | None, of_bias: Tensor | None) -> Any:
        (drawn,) = ctx.saved_tensors
        total = of_maps
        if of_bias is not None:
            column = of_bias[:, None, None].to(drawn.dtype)
            total = column.expand_as(drawn) if of_maps is None else of_maps + column
        if total is None:
            return None, None, None
        return _ActivationGradient.apply(total, drawn, ctx.gain)[0], None, None  # type: ignore[no-untyped-call]


def _by_kernels(maps: Tensor) -> bool:
    if kernels is None or maps.dtype is torch.float64:
        return False
    return maps.is_cuda or kernels.INTERPRETED


def resample_plainly(
    maps: Tensor, up: int, down: int, pad: int, size: tuple[int, int], gain: float
) -> Tensor:
    """`resample`, not differentiable, by a convolution for each feature."""
    batch, channels, height, width = maps.shape
    spread = maps.new_zeros(batch, channels, up * height, up * width)
    spread[:, :, ::up, ::up] = maps
    after = [
        max(0, (count - 1) * down + 4 - pad - up * side)
        for count, side in zip(size, maps.shape[2:], strict=True)
    ]
    framed = F.pad(spread, (pad, after[1], pad, after[0]))
    kernel = torch.outer(BINOMIAL, BINOMIAL).to(maps) * gain
    filtered = F.conv2d(framed, kernel.expand(channels, 1, 4, 4), stride=down, groups=channels)
    return filtered[:, :, : size[0], : size[1]].contiguous(memory_format=torch.channels_last)


def activate_plainly(
    maps: Tensor,
    factor: Tensor | None,
    bias: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    slope: float,
    gain: float,
    clamp: float,
) -> Tensor:
    """Maps by a factor of each feature of each sample, plus noise and bias, activated and clamped."""
    values = maps if factor is None else maps * factor[:, :, None, None]
    if noise is not None and strength is not None:
        values = values + noise * strength
    if bias is not None:
        values = values + bias[:, None, None]
    return (F.leaky_relu(values, slope) * gain).clamp(-clamp, clamp).to(maps.dtype)


def activate_backward_plainly(
    gradient: Tensor,
    maps: Tensor | None,
    drawn: Tensor | None,
    factor: Tensor | None,
    noise: Tensor | None,
    slope: float,
    gain: float,
    clamp: float,
) -> tuple[Tensor, Tensor | None, Tensor, Tensor | None]:
    """Gradients of maps, factor, bias and the noise's strength.

    drawn: what `activate_plainly` gave, None where nothing was activated.
    """
    precision = gradient.dtype
    gradient = gradient.to(torch.promote_types(precision, torch.float32))
    if drawn is not None:
        gradient = torch.where(drawn > 0, gradient, gradient * slope) * gain * (drawn.abs() < clamp)
    of_factor = None if factor is None or maps is None else (gradient * maps).sum(dim=(2, 3))
    of_strength = None if noise is None else (gradient * noise).sum()
    of_maps = gradient if factor is None else gradient * factor[:, :, None, None]
    return of_maps.to(precision), of_factor, gradient.sum(dim=(0, 2, 3)), of_strength
