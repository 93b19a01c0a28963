"""A MobileStyleGAN exported to OpenVINO, under our names.

The exporter kept the names of styles, biases and depthwise kernels. What it folded - pointwise
kernels with their demodulation, noise maps with their strength - stands in a fixed place beside them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from netbend.errors import CheckpointError
from netbend.models.mobilestylegan.network import Architecture, Generator
from netbend.models.native import fill
from netbend.models.weights import shown
from netbend.models.weights.openvino import Constant


def convert(mapping: Sequence[Constant], synthesis: Sequence[Constant], file: str) -> Generator:
    """The generator whose two networks hold these constants. Raises CheckpointError for others."""
    try:
        constants = _Constants(synthesis)
        state = {**_mapping(mapping), **_synthesis(constants)}
        matrices = _matrices(mapping)
        architecture = Architecture(
            constants.features(),
            z_dim=matrices[0].shape[1],
            w_dim=matrices[-1].shape[0],
            mapping_depth=len(matrices),
        )
    except (KeyError, IndexError, RuntimeError) as error:
        reason = shown(str(error))
        raise CheckpointError(f"{file}: not a MobileStyleGAN as its author exported it ({reason})") from error
    generator = fill(lambda: Generator(architecture), state, file, ("w_mean",))
    # In double precision, so that every machine rounds to the same numbers.
    generator.double().w_mean.copy_(generator.sampled_w_mean())
    return generator.float()


def _matrices(constants: Sequence[Constant]) -> list[Tensor]:
    return [
        constant.values for constant in constants if constant.values.ndim == 2 and constant.values.numel() > 1
    ]


def _mapping(constants: Sequence[Constant]) -> dict[str, Tensor]:
    biases = [
        constant.values for constant in constants if constant.values.ndim == 1 and len(constant.values) > 1
    ]
    weights = _matrices(constants)
    return {
        f"mapping.layers.{layer}.{kind}": values
        for kind, tensors in (("weight", weights), ("bias", biases))
        for layer, values in enumerate(tensors)
    }


class _Constants:
    """Constants by name, and by their place beside a named one."""

    def __init__(self, constants: Sequence[Constant]):
        self.values = [constant.values for constant in constants]
        self.places = {constant.name: place for place, constant in enumerate(constants)}

    def __call__(self, name: str, beside: int = 0) -> Tensor:
        return self.values[self.places[name] + beside]

    def steps(self) -> range:
        """The doublings of resolution."""
        return range(sum(name.endswith(".up.modulation.weight") for name in self.places))

    def features(self) -> tuple[int, ...]:
        """At 4x4, and after each doubling."""
        return tuple(
            self(name).numel()
            for name in ["m.conv1.bias"] + [f"m.layers.{s}.conv2.bias" for s in self.steps()]
        )


def _synthesis(constants: _Constants) -> dict[str, Tensor]:
    state = {
        "input.maps": constants("m.input.input"),
        **_style("layers.0", constants, "m.conv1.conv"),
        **_convolution(0, "conv", constants, "m.conv1.bias", bands=True),
    }
    last = constants.steps()[-1]
    for step in constants.steps():
        theirs = f"m.layers.{step}"
        state |= _style(f"upsamplings.{step}", constants, f"{theirs}.up", scaled=False)
        for part in (1, 2):
            layer, name = 2 * step + part, f"{theirs}.conv{part}"
            state |= _style(f"layers.{layer}", constants, f"{name}.conv")
            bands = part == 2 and step != last
            state |= _convolution(layer, "pointwise", constants, f"{name}.bias", bands)
            state[f"layers.{layer}.depthwise.weight"] = constants(f"{name}.conv.weight_dw")
    to_image = f"m.layers.{last}.to_img"
    state |= _style("to_wavelets", constants, f"{to_image}.conv")
    state["to_wavelets.conv.weight"] = band_by_band(constants(f"{to_image}.conv.weight"))
    state["to_wavelets.conv.bias"] = band_by_band(constants(f"{to_image}.bias").flatten())
    return {f"synthesis.{name}": values for name, values in state.items()}


def _style(ours: str, constants: _Constants, theirs: str, scaled: bool = True) -> dict[str, Tensor]:
    """A style; the convolution's gain follows it as a number, those of upsamplings have none."""
    weight, bias = (constants(f"{theirs}.modulation.{kind}") for kind in ("weight", "bias"))
    gain = constants(f"{theirs}.modulation.bias", beside=1).flatten() if scaled else torch.ones(1)
    style = {"weight": weight * gain, "bias": bias.flatten() * gain}
    if not scaled:
        style = {kind: band_by_band(values) for kind, values in style.items()}
    return {f"{ours}.style.{kind}": values for kind, values in style.items()}


def _convolution(layer: int, kind: str, constants: _Constants, bias: str, bands: bool) -> dict[str, Tensor]:
    """Kernel, noise and bias stand one behind the other. bands: the layer's features are wavelets."""
    kernel, noise, biases = constants(bias, beside=-2), constants(bias, beside=-1), constants(bias).flatten()
    if bands:
        kernel, biases = band_by_band(kernel), band_by_band(biases)
    strength = noise.double().square().mean().sqrt().float()
    return {
        f"layers.{layer}.{kind}.weight": kernel,
        f"layers.{layer}.{kind}.bias": biases,
        f"layers.{layer}.noise_strength": strength,
        f"noise_{layer}": noise / strength.clamp(min=1e-12),
    }


def band_by_band(values: Tensor) -> Tensor:
    """Rows of wavelets in our order: the four bands of each feature are neighbours.

    In the file the means of all features come first, then the three differences of each.
    """
    features = len(values) // 4
    means = values[:features, None]
    differences = values[features:].reshape(features, 3, *values.shape[1:])
    return torch.cat([means, differences], dim=1).flatten(0, 1)
