"""What networks draw, by the definitions of their papers: sample by sample, in double precision, slowly.

Nothing of `netbend.models` is called; a network's weights are read by their names.
"""

from collections.abc import Mapping, Sequence
from math import sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

FILTER = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])).double() / 64
Weights = Mapping[str, Tensor]
Noise = Sequence[Tensor | None]


def doubled(weights: Weights) -> dict[str, Tensor]:
    return {name: values.double() for name, values in weights.items()}


def stylegan2(weights: Weights, w: Tensor, noise: Noise, clamp: float | None = None) -> Tensor:
    """Synthesis of w+ `(N, L, D)`; noise: for each layer `(H, W)`, `(N, 1, H, W)` or None."""
    return torch.cat(
        [_stylegan2(weights, w[n], [_of(n, maps) for maps in noise], clamp) for n in range(len(w))]
    )


def _of(sample: int, noise: Tensor | None) -> Tensor | None:
    """`(H, W)` of one sample."""
    return None if noise is None else (noise if noise.ndim == 2 else noise[sample, 0]).double()


def _stylegan2(weights: Weights, w: Tensor, noise: Noise, clamp: float | None) -> Tensor:
    def bounded(maps: Tensor) -> Tensor:
        return maps if clamp is None else maps.clamp(-clamp, clamp)

    def convolved(name: str, maps: Tensor, w: Tensor, *, up: bool = False, demodulate: bool = True) -> Tensor:
        kernel = weights[f"{name}.weight"]
        style = weights[f"{name}.style.weight"] @ w / sqrt(len(w)) + weights[f"{name}.style.bias"]
        kernel = kernel / sqrt(kernel[0].numel()) * style[None, :, None, None]  # equation 1
        if demodulate:
            kernel = kernel / (kernel.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()  # equation 3
        if not up:
            return F.conv2d(maps, kernel, padding=kernel.shape[-1] // 2)
        between = F.conv2d(_stuffed(maps), kernel.flip(2, 3), padding=2)
        return _filtered(between, (1, 1))

    def layer(number: int, maps: Tensor) -> Tensor:
        maps = convolved(f"layers.{number}.conv", maps, w[number], up=number % 2 == 1)
        given = noise[number]
        if given is not None:
            maps = maps + weights[f"layers.{number}.noise_strength"] * given
        maps = maps + weights[f"layers.{number}.bias"][:, None, None]
        return bounded(torch.where(maps < 0, 0.2 * maps, maps) * sqrt(2))

    def colours(step: int, maps: Tensor) -> Tensor:
        drawn = convolved(f"to_rgb.{step}.conv", maps, w[2 * step + 1], demodulate=False)
        return bounded(drawn + weights[f"to_rgb.{step}.bias"][:, None, None])

    maps = layer(0, weights["input.maps"][None])
    image = colours(0, maps)
    for step in range(1, len(noise) // 2 + 1):
        maps = layer(2 * step, layer(2 * step - 1, maps))
        image = _filtered(F.pad(_stuffed(image), (0, 1, 0, 1)), (2, 1)) + colours(step, maps)
    return image


def _stuffed(maps: Tensor) -> Tensor:
    """Zeros between all pixels: `(1, C, 2 H - 1, 2 W - 1)`."""
    stuffed = maps.new_zeros(*maps.shape[:2], 2 * maps.shape[2] - 1, 2 * maps.shape[3] - 1)
    stuffed[:, :, ::2, ::2] = maps
    return stuffed


def _filtered(maps: Tensor, padding: tuple[int, int]) -> Tensor:
    """Low-passed, with the gain that zeros in three of four places ask for."""
    features = maps.shape[1]
    kernel = 4 * FILTER.expand(features, 1, 4, 4)
    return F.conv2d(F.pad(maps, padding * 2), kernel, groups=features)


def mobilestylegan(weights: Weights, w: Tensor, noise: Noise) -> Tensor:
    return torch.cat([_mobile(weights, w[n], [_of(n, maps) for maps in noise]) for n in range(len(w))])


def _mobile(weights: Weights, w: Tensor, noise: Noise) -> Tensor:
    def styled(name: str, maps: Tensor, w: Tensor) -> Tensor:
        style = weights[f"{name}.style.weight"] @ w + weights[f"{name}.style.bias"]
        return maps * style[:, None, None]

    def convolved(name: str, maps: Tensor) -> Tensor:
        kernel = weights[f"{name}.weight"]
        return F.conv2d(maps, kernel, weights[f"{name}.bias"], padding=kernel.shape[-1] // 2)

    def activated(number: int, maps: Tensor) -> Tensor:
        given = noise[number]
        if given is not None:
            maps = maps + weights[f"layers.{number}.noise_strength"] * given
        return torch.where(maps < 0, 0.2 * maps, maps)

    def separable(number: int, maps: Tensor) -> Tensor:
        name = f"layers.{number}"
        maps, kernels = styled(name, maps, w[number]), weights[f"{name}.depthwise.weight"]
        each = [F.conv2d(maps[:, [place]], kernels[[place]], padding=1) for place in range(maps.shape[1])]
        return activated(number, convolved(f"{name}.pointwise", torch.cat(each, dim=1)))

    maps = activated(0, convolved("layers.0.conv", styled("layers.0", weights["input.maps"][None], w[0])))
    for step in range(len(noise) // 2):
        maps = _of_wavelets(styled(f"upsamplings.{step}", maps, w[2 * step + 1]))
        maps = separable(2 * step + 2, separable(2 * step + 1, maps))
    return _of_wavelets(convolved("to_wavelets.conv", styled("to_wavelets", maps, w[-1])))


def _of_wavelets(bands: Tensor) -> Tensor:
    """Mean, rows' difference, columns' difference and that of diagonals, of each 2x2 pixels of a feature."""
    mean, rows, columns, diagonals = bands.unflatten(1, (-1, 4)).unbind(dim=2)
    size = (1, mean.shape[1], 2 * mean.shape[2], 2 * mean.shape[3])
    maps = mean.new_empty(size)
    maps[:, :, 0::2, 0::2] = (mean + rows + columns + diagonals) / 2
    maps[:, :, 0::2, 1::2] = (mean + rows - columns - diagonals) / 2
    maps[:, :, 1::2, 0::2] = (mean - rows + columns - diagonals) / 2
    maps[:, :, 1::2, 1::2] = (mean - rows - columns + diagonals) / 2
    return maps


def dcgan(weights: Weights, latents: Tensor) -> Tensor:
    images = []
    for latent in latents.double():
        maps, last = latent[None, :, None, None], sum(name.endswith("conv.bias") for name in weights)
        for layer in range(last):
            stride, padding = (2, 1) if layer else (1, 0)
            kernel, bias = (weights[f"layers.{layer}.conv.{kind}"] for kind in ("weight", "bias"))
            maps = F.conv_transpose2d(maps, kernel, bias, stride, padding).clamp(min=0)
        images.append(F.conv_transpose2d(maps, weights["to_rgb.weight"], None, 2, 1).tanh())
    return torch.cat(images)


# Stride and padding of the decoder's layers, of time and frequency (table 1 of the network bending paper).
DECODER = [((1, 2), (0, 2)), ((2, 2), (0, 2)), ((2, 2), (2, 2)), ((2, 2), (1, 2)), ((2, 2), (1, 2))]


def spectrogram_vae(weights: Weights, latents: Tensor) -> Tensor:
    names = [*(f"decoder.layers.{layer}.conv" for layer in range(4)), "decoder.output"]
    spectra = []
    for latent in latents.double():
        start = weights["decoder.start.weight"] @ latent + weights["decoder.start.bias"]
        maps = start.reshape(1, -1, 4, 17)
        for name, (stride, padding) in zip(names, DECODER, strict=True):
            kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
            maps = F.conv_transpose2d(maps, kernel, bias, stride, padding).clamp(min=0)
        spectra.append(maps)
    return torch.cat(spectra)
