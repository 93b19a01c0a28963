"""The convolution of StyleGAN2's layers, scaled by a style (Karras et al., arXiv 1912.04958).

Instead of modulating a convolution's weights for every sample, the input is modulated and the output
demodulated. The two are equal, since the style scales input features and the demodulation output features,
and one plain convolution then serves the whole batch.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netbend.models.stylegan2.equalized import EqualizedLinear
from netbend.models.stylegan2.resampling import blur, upsample_by_products, upsample_convolve
from netbend.models.stylegan2.winograd import suits_winograd, transformed_kernel, winograd

LARGE_MAP = 64 * 64  # positions from which kernels are cheaper to scale than maps
DEMODULATION_EPSILON = 1e-8
LINE = 16  # numbers of float32 in a line of a processor's cache

# What a kernel is prepared for; for none it is the weights as they are, without their gain.
Way = Literal["convolution", "winograd", "products", "none"]


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
        gains = gain * self.demodulation(style, _energy(weight))
        maps = maps * gains[:, :, None, None].to(maps.dtype)
        return maps if bias is None else maps + bias[:, None, None].to(maps.dtype)

    def _with_styled_kernels(self, maps: Tensor, style: Tensor, bias: Tensor | None, gain: float) -> Tensor:
        kernels = (exact(self.weight) * self.gain) * exact(style)[:, None, :, None, None]
        if self.demodulate:
            kernels = kernels * unit_gain(kernels.square().sum(dim=(2, 3, 4), keepdim=True))
        kernels = (kernels * gain).to(maps.dtype)
        samples = zip(torch.split(maps, 1), kernels, strict=True)
        convolved = [self._convolve(sample, kernel, bias) for sample, kernel in samples]
        return convolved[0] if len(convolved) == 1 else torch.cat(convolved)

    def _with_prepared_kernel(
        self, maps: Tensor, style: Tensor, bias: Tensor | None, gain: float, by_winograd: bool
    ) -> Tensor:
        way: Way = "products" if self.up else "winograd" if by_winograd else "convolution"
        kernel, energy = self.prepared(way)
        maps = maps * style[:, :, None, None].to(maps.dtype)
        if self.up:
            maps = blur(upsample_by_products(maps, kernel), padding=1, gain=4)
        elif by_winograd:
            maps = winograd(maps, kernel)
        else:
            maps = F.conv2d(maps, kernel, padding=kernel.shape[-1] // 2)
        maps *= (gain * self.demodulation(style, energy))[:, :, None, None].to(maps.dtype)
        return maps if bias is None else maps.add_(bias[:, None, None].to(maps.dtype))

    def prepared(self, way: Way) -> tuple[Tensor, Tensor]:
        """The kernel as it is wanted and the energies for demodulation, made once for the same weights.

        Torch counts changes of weights, but not those through `weight.data`: so the weights themselves
        are looked at, too, though not at each of them, see `_some_of`. Of inference mode it counts
        nothing, and on a GPU a look would wait for it: there the kernel is made anew.
        """
        weight = self.weight
        if weight.is_inference() or weight.device.type != "cpu":
            return self._prepare(way)
        state = (weight.data_ptr(), weight._version, weight.dtype, way)
        kept = self._kept  # another thread may put something else there at any time
        if kept is None or kept.state != state or not torch.equal(kept.some, kept.before):
            some = _some_of(weight.detach())
            kept = self._kept = _Prepared(state, some, some.clone(), *self._prepare(way))
        return kept.kernel, kept.energy

    def _prepare(self, way: Way) -> tuple[Tensor, Tensor]:
        kernel = weight = self.weight.detach() * self.gain
        if way == "none":
            kernel = self.weight.detach()
        elif way == "products":
            kernel = weight.permute(2, 3, 1, 0).contiguous()
        elif way == "winograd":
            kernel = transformed_kernel(weight)
        return kernel, _energy(weight)

    def _convolve(self, maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        bias = None if bias is None else bias.to(maps.dtype)
        if self.up:
            return upsample_convolve(maps, weight.transpose(0, 1), bias)
        return F.conv2d(maps, weight, bias, padding=weight.shape[-1] // 2)

    def demodulation(self, style: Tensor, energy: Tensor) -> Tensor:
        """Factors of the output features, `(N, outputs)`."""
        if not self.demodulate:
            return style.new_ones(len(style), len(energy))
        return unit_gain(exact(style).square() @ energy.T)


def exact(values: Tensor) -> Tensor:
    """In float32, or in what they are if that is finer."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _energy(weight: Tensor) -> Tensor:
    """Of each output feature by input feature."""
    return exact(weight).square().sum(dim=(2, 3))


def unit_gain(energy: Tensor) -> Tensor:
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
