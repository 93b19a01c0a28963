"""StyleGAN2 in bfloat16 on processors: a convolution by oneDNN, and one pass over the maps after it.

Style goes into the kernels of large maps, or is multiplied with small ones; all that is left of a layer's
arithmetic is done in the pass (`finish`).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.models.stylegan2.equalized import LRELU_GAIN
from netbend.models.stylegan2.finish import Pass, finish_doubled, finish_maps
from netbend.models.stylegan2.fused import Finish
from netbend.models.stylegan2.modulated import LARGE_MAP, ModulatedConv
from netbend.models.stylegan2.resampling import strips, upsample_by_products
from netbend.transforms.on_gpu import is_traced

LOW_PASS_GAIN = 4 / 64  # of [1, 3, 3, 1] along both axes, where three in four samples were zeros


def suits(w: Tensor) -> bool:
    """Whether a network is to be run this way, without gradients on a processor."""
    wanted = torch.is_grad_enabled() or is_traced()
    return w.device.type == "cpu" and w.dtype is torch.bfloat16 and not wanted


def styled_convolution(maps: Tensor, conv: ModulatedConv, style: Tensor, finish: Finish) -> Tensor:
    """A layer's maps `(N, outputs, H, W)`, twice as large as those given if it doubles; channels-last.

    Args:
        maps: `(N, inputs, H, W)`.
        conv: The convolution.
        style: `(N, inputs)`.
        finish: What follows; its factors are set here.
    """
    maps = _by_pixels(maps.to(style.dtype))
    height, width = maps.shape[2:]
    if height * width >= LARGE_MAP:
        return _with_styled_kernels(maps, conv, style, finish)
    return _with_styled_maps(maps, conv, style, finish)


def _with_styled_kernels(maps: Tensor, conv: ModulatedConv, style: Tensor, finish: Finish) -> Tensor:
    made = _empty(maps, conv)
    weight, energy = conv.prepared("none")
    passes = _passes(conv, finish, conv.gain * conv.demodulation(style, energy), made)
    for sample, one in enumerate(passes):
        kernel = weight * style[sample, :, None, None]
        of_sample = slice(sample, sample + 1)
        if conv.up:
            _double_in_strips(maps[of_sample], kernel, one, made[of_sample])
            continue
        convolved = _by_pixels(F.conv2d(maps[of_sample], kernel, padding=1))
        finish_maps(convolved, one)
        if len(maps) == 1:
            return convolved
        made[of_sample] = convolved
    return made


def _double_in_strips(maps: Tensor, kernel: Tensor, one: Pass, made: Tensor) -> None:
    """Of one sample; so that what is between convolution and low-pass is in the caches."""
    for strip in strips(maps.shape[2]):
        between = _by_pixels(F.conv_transpose2d(maps[:, :, strip.given], kernel.transpose(0, 1), stride=2))
        rows = made[:, :, strip.made]
        finish_doubled(between[:, :, strip.between], one.of_rows(strip.made), rows, strip.above)


def _with_styled_maps(maps: Tensor, conv: ModulatedConv, style: Tensor, finish: Finish) -> Tensor:
    maps = maps * style[:, :, None, None]
    if not conv.up:
        weight, energy = conv.prepared("none")
        made = _by_pixels(F.conv2d(maps, weight, padding=1))
        passes = _passes(conv, finish, conv.gain * conv.demodulation(style, energy), made)
        for sample, one in enumerate(passes):
            finish_maps(made[sample : sample + 1], one)
        return made
    kernel, energy = conv.prepared("products")
    made, between = _empty(maps, conv), upsample_by_products(maps, kernel)
    for sample, one in enumerate(_passes(conv, finish, conv.demodulation(style, energy), made)):
        of_sample = slice(sample, sample + 1)
        finish_doubled(between[of_sample], one, made[of_sample], above=1)
    return made


def _by_pixels(maps: Tensor) -> Tensor:
    """Channels-last, as oneDNN gives them; where it is missing, torch may not."""
    return maps.contiguous(memory_format=torch.channels_last)


def _empty(maps: Tensor, conv: ModulatedConv) -> Tensor:
    scale = 2 if conv.up else 1
    size = len(maps), len(conv.weight), scale * maps.shape[2], scale * maps.shape[3]
    return torch.empty(size, dtype=maps.dtype, memory_format=torch.channels_last)


def _passes(conv: ModulatedConv, finish: Finish, factors: Tensor, made: Tensor) -> Sequence[Pass]:
    """For each sample. The activation's gain goes through it to what is added before."""
    count, _, height, width = made.shape
    factors = factors * (LRELU_GAIN * (LOW_PASS_GAIN if conv.up else 1.0))
    bias = finish.bias.float() * LRELU_GAIN
    noise = torch.zeros(1, height, width)
    if finish.noise is not None:
        noise = finish.noise.float() * (finish.strength.float() * LRELU_GAIN)
    return [
        Pass(*of_one, bias, finish.clamp) for of_one in zip(factors, noise.expand(count, -1, -1), strict=True)
    ]


def colours(maps: Tensor, conv: ModulatedConv, style: Tensor, bias: Tensor, clamp: float | None) -> Tensor:
    """Contribution to the picture, float32 `(N, C, H, W)`, of maps by a 1x1 convolution, styled `(N, F)`."""
    count, features, height, width = maps.shape
    rows = _by_pixels(maps.to(style.dtype)).permute(0, 2, 3, 1)
    kernels = conv.weight[:, :, 0, 0] * style[:, None]
    planes = rows.new_empty(count, len(bias), height * width)
    for kernel, pixels, made in zip(kernels, rows.view(count, -1, features), planes, strict=True):
        torch.mm(kernel, pixels.T, out=made)  # takes half as long as a convolution to so few features
    image = planes.float().mul_(conv.gain).add_(bias.float()[:, None])
    image = image if clamp is None else image.clamp_(-clamp, clamp)
    return image.view(count, -1, height, width)


def double_and_add(image: Tensor, contribution: Tensor) -> Tensor:
    """The picture so far `(N, C, H, W)`, doubled in size with [1, 3, 3, 1] / 4, plus a contribution."""
    columns = _doubled(F.pad(image, (1, 1, 1, 1)), 3)
    return _doubled(columns, 2).add_(contribution)


def _doubled(image: Tensor, axis: int) -> Tensor:
    """Along one axis, whose ends are left out: of each value and its neighbours three quarters and one."""
    size = list(image.shape)
    count = size[axis] - 2
    size[axis] = 2 * count
    near, far = (image * 0.75).narrow(axis, 1, count), image * 0.25
    made = image.new_empty(size)
    first, second = made.unfold(axis, 2, 2).unbind(-1)
    torch.add(far.narrow(axis, 0, count), near, out=first)
    torch.add(near, far.narrow(axis, 2, count), out=second)
    return made
