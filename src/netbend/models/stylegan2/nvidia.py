"""The layout of NVIDIA's StyleGAN2 pickles (stylegan2-ada-pytorch, stylegan3), under our names."""

import re
from typing import Any

from torch import Tensor

from netbend.errors import CheckpointError
from netbend.models.stylegan2.network import Architecture
from netbend.models.stylegan2.resampling import check_filter
from netbend.models.weights import ModuleState


def convert(module: ModuleState, file: str) -> tuple[Architecture, dict[str, Tensor]]:
    """Architecture and weights of a pickled generator, walked as data."""
    if module.class_name != "Generator" or "mapping" not in module.attributes.get("_modules", {}):
        raise CheckpointError(f"{file}: holds a `{module.class_name:.60}`, not a StyleGAN2 generator")
    weights = _tensors(module)
    architecture = _architecture(module, weights, file)
    state = {}
    for name, tensor in weights.items():
        if name.endswith("resample_filter"):
            check_filter(tensor, name, file)
            continue
        renamed = _rename(name)
        if renamed is None:
            raise CheckpointError(f"{file}: {name} is not known of a StyleGAN2 of skip architecture")
        state[renamed] = tensor
    return architecture, state


def _tensors(module: ModuleState, prefix: str = "") -> dict[str, Tensor]:
    """All parameters and buffers by their dotted path."""
    found: dict[str, Tensor] = {}
    for kind in ("_parameters", "_buffers"):
        for name, value in _mapping(module.attributes.get(kind)).items():
            if isinstance(value, Tensor):
                found[prefix + name] = value
    for name, child in _mapping(module.attributes.get("_modules")).items():
        if isinstance(child, ModuleState):
            found |= _tensors(child, f"{prefix}{name}.")
    return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _architecture(module: ModuleState, weights: dict[str, Tensor], file: str) -> Architecture:
    kwargs = _mapping(module.attributes.get("_init_kwargs"))
    if module.attributes.get("c_dim") or kwargs.get("c_dim") or "mapping.embed.weight" in weights:
        raise CheckpointError(f"{file}: a class-conditional generator, which netbend does not support")
    if "synthesis.b4.const" not in weights:
        raise CheckpointError(
            f"{file}: no `synthesis.b4.const`; a StyleGAN3 or other generator, not StyleGAN2"
        )
    clamps = {layer.attributes.get("conv_clamp") for layer in _layers(module)} - {None}
    if len(clamps) > 1:
        raise CheckpointError(f"{file}: layers with different clamps {clamps}, which is not supported")
    try:
        features: list[int] = []
        while (name := f"synthesis.b{4 * 2 ** len(features)}.conv1.weight") in weights:
            features.append(weights[name].shape[0])
        depth = sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in weights)
        w_dim, z_dim = weights["mapping.fc0.weight"].shape
        channels = weights["synthesis.b4.torgb.bias"].shape[0]
    except (KeyError, IndexError, ValueError) as error:
        raise CheckpointError(f"{file}: weights of a StyleGAN2 generator are missing ({error})") from error
    return Architecture(tuple(features), z_dim, w_dim, depth, channels, clamps.pop() if clamps else None)


def _layers(module: ModuleState) -> list[ModuleState]:
    """The convolution and ToRGB layers of all resolutions."""
    synthesis = _mapping(module.attributes.get("_modules")).get("synthesis")
    blocks = _mapping(synthesis.attributes.get("_modules")) if isinstance(synthesis, ModuleState) else {}
    return [
        layer
        for block in blocks.values()
        if isinstance(block, ModuleState)
        for layer in _mapping(block.attributes.get("_modules")).values()
        if isinstance(layer, ModuleState)
    ]


def _rename(name: str) -> str | None:
    if name == "mapping.w_avg":
        return "w_mean"
    if name == "synthesis.b4.const":
        return "synthesis.input.maps"
    if found := re.fullmatch(r"mapping\.fc(\d+)\.(weight|bias)", name):
        return f"mapping.layers.{found[1]}.{found[2]}"
    if found := re.fullmatch(r"synthesis\.b(\d+)\.(conv0|conv1|torgb)\.(.+)", name):
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
