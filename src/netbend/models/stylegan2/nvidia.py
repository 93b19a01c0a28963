"""The names of NVIDIA's StyleGAN2 (stylegan2-ada-pytorch, stylegan3), under ours."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from netbend.errors import CheckpointError
from netbend.models.stylegan2.finder import FoundGenerator
from netbend.models.stylegan2.network import MAPPING_LR_MULTIPLIER, Architecture
from netbend.models.stylegan2.resampling import check_filter
from netbend.models.stylegan2.unsupported import (
    check_attributes,
    check_channels,
    check_constant,
    check_unconditional,
)
from netbend.models.weights import ModuleState, shown


def convert(found: FoundGenerator, file: str) -> tuple[Architecture, dict[str, Tensor]]:
    """Architecture and weights of a generator with NVIDIA's names, pickled whole or as a dictionary."""
    check_unconditional(found, file)
    check_constant(found.weights["synthesis.b4.const"], file)
    check_attributes(found, _EXPECTED, file)
    architecture = _architecture(found, file)
    state = {}
    for name, tensor in found.weights.items():
        if name.endswith("resample_filter"):
            check_filter(tensor, shown(name), file)
            continue
        renamed = _rename(name)
        if renamed is None:
            raise CheckpointError(f"{file}: {shown(name)} is not known of a StyleGAN2 of skip architecture")
        state[renamed] = tensor
    return architecture, state


_EXPECTED: Mapping[str, Mapping[str, Any]] = {
    r"synthesis\.b\d+": {"architecture": "skip"},
    r"synthesis\.b\d+\.conv[01]": {"activation": "lrelu", "use_noise": True},
    r"mapping\.fc\d+": {"activation": "lrelu", "bias_gain": MAPPING_LR_MULTIPLIER},
}


def _architecture(found: FoundGenerator, file: str) -> Architecture:
    weights = found.weights
    try:
        features: list[int] = []
        while (name := f"synthesis.b{4 * 2 ** len(features)}.conv1.weight") in weights:
            features.append(weights[name].shape[0])
        depth = sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in weights)
        w_dim, z_dim = weights["mapping.fc0.weight"].shape
        channels = weights["synthesis.b4.torgb.bias"].shape[0]
    except (KeyError, IndexError, ValueError) as error:
        raise CheckpointError(
            f"{file}: weights of a StyleGAN2 generator are missing ({shown(str(error))})"
        ) from error
    check_channels(channels, file)
    return Architecture(tuple(features), z_dim, w_dim, depth, channels, _clamp(found.modules, file))


def _clamp(modules: Mapping[str, ModuleState], file: str) -> float | None:
    """The bound on activations that all layers share."""
    layers = [module for path, module in modules.items() if re.fullmatch(_CLAMPED, path)]
    clamps = [layer.attributes.get("conv_clamp") for layer in layers]
    if not all(clamp is None or isinstance(clamp, int | float) for clamp in clamps) or len(set(clamps)) > 1:
        raise CheckpointError(f"{file}: layers with clamps of their own, which netbend does not support")
    return clamps[0] if clamps else None


_CLAMPED = r"synthesis\.b\d+\.(conv0|conv1|torgb)"


def _rename(name: str) -> str | None:
    if name == "synthesis.b4.const":
        return "synthesis.input.maps"
    if found := re.fullmatch(r"mapping\.fc(\d{1,3})\.(weight|bias)", name):
        return f"mapping.layers.{found[1]}.{found[2]}"
    if found := re.fullmatch(r"synthesis\.b(\d{1,5})\.(conv0|conv1|torgb)\.(.+)", name):
        step = int(found[1]).bit_length() - 3
        layer = 2 * step - (found[2] == "conv0")
        if found[3] == "noise_const":
            return f"synthesis.noise_{layer}"
        part = _PARTS.get(found[3])
        room = f"to_rgb.{step}" if found[2] == "torgb" else f"layers.{layer}"
        return None if part is None else f"synthesis.{room}.{part}"
    return None


_PARTS = {
    "weight": "conv.weight",
    "bias": "bias",
    "affine.weight": "conv.style.weight",
    "affine.bias": "conv.style.bias",
    "noise_strength": "noise_strength",
}
