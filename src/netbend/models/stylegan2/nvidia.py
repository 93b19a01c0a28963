"""The layout of NVIDIA's StyleGAN2 pickles (stylegan2-ada-pytorch, stylegan3), under our names."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from netbend.errors import CheckpointError
from netbend.limits import MAX_MODULE_PATH, MAX_MODULES
from netbend.models.stylegan2.network import MAPPING_LR_MULTIPLIER, Architecture
from netbend.models.stylegan2.resampling import check_filter
from netbend.models.weights import ModuleState, shown

Modules = Mapping[str, ModuleState]


def convert(generator: ModuleState, file: str) -> tuple[Architecture, dict[str, Tensor]]:
    """Architecture and weights of a pickled generator, walked as data."""
    modules = _modules(generator, file)
    weights = _weights(modules)
    _check_supported(modules, weights, file)
    architecture = _architecture(modules, weights, file)
    state = {}
    for name, tensor in weights.items():
        if name.endswith("resample_filter"):
            check_filter(tensor, shown(name), file)
            continue
        renamed = _rename(name)
        if renamed is None:
            raise CheckpointError(f"{file}: {shown(name)} is not known of a StyleGAN2 of skip architecture")
        state[renamed] = tensor
    return architecture, state


def _modules(generator: ModuleState, file: str) -> Modules:
    """The module and all below it, by their dotted path."""
    found = {"": generator}
    pending = [""]
    while pending:
        path = pending.pop()
        for name, child in _mapping(found[path].attributes.get("_modules")).items():
            if isinstance(child, ModuleState):
                below = f"{path}.{name}" if path else str(name)
                if len(found) > MAX_MODULES or len(below) > MAX_MODULE_PATH:
                    raise CheckpointError(f"{file}: more modules, or longer names, than any StyleGAN2 has")
                found[below] = child
                pending.append(below)
    return found


def _weights(modules: Modules) -> dict[str, Tensor]:
    """All parameters and buffers by their dotted path."""
    return {
        f"{path}.{name}": value
        for path, module in modules.items()
        for kind in ("_parameters", "_buffers")
        for name, value in _mapping(module.attributes.get(kind)).items()
        if isinstance(value, Tensor)
    }


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _check_supported(modules: Modules, weights: Mapping[str, Tensor], file: str) -> None:
    kind = modules[""].class_name
    if kind != "Generator" or "mapping" not in modules or "synthesis" not in modules:
        raise CheckpointError(f"{file}: holds a `{shown(kind, 60)}`, not a StyleGAN2 generator")
    attributes = modules[""].attributes
    classes = attributes.get("c_dim") or _mapping(attributes.get("_init_kwargs")).get("c_dim")
    if (isinstance(classes, int) and classes > 0) or "mapping.embed.weight" in weights:
        raise CheckpointError(f"{file}: a class-conditional generator, which netbend does not support")
    if "synthesis.b4.const" not in weights:
        raise CheckpointError(
            f"{file}: no `synthesis.b4.const`; a StyleGAN3 or other generator, not StyleGAN2"
        )
    for path, expected in _EXPECTED.items():
        for name, module in modules.items():
            if re.fullmatch(path, name):
                _check_attributes(module, expected, name, file)


def _check_attributes(module: ModuleState, expected: Mapping[str, Any], name: str, file: str) -> None:
    for attribute, value in expected.items():
        given = module.attributes.get(attribute, value)
        if not isinstance(given, str | int | float) or given != value:
            what = shown(str(given), 40) if isinstance(given, str | int | float) else type(given).__name__
            raise CheckpointError(
                f"{file}: {name} has the {attribute} `{what}`; netbend supports `{value}` only"
            )


_EXPECTED: Mapping[str, Mapping[str, Any]] = {
    r"synthesis\.b\d+": {"architecture": "skip"},
    r"synthesis\.b\d+\.conv[01]": {"activation": "lrelu", "use_noise": True},
    r"mapping\.fc\d+": {"activation": "lrelu", "bias_gain": MAPPING_LR_MULTIPLIER},
}


def _architecture(modules: Modules, weights: Mapping[str, Tensor], file: str) -> Architecture:
    try:
        features: list[int] = []
        while (name := f"synthesis.b{4 * 2 ** len(features)}.conv1.weight") in weights:
            features.append(weights[name].shape[0])
        depth = sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in weights)
        w_dim, z_dim = weights["mapping.fc0.weight"].shape
        channels = weights["synthesis.b4.torgb.bias"].shape[0]
    except (KeyError, IndexError, ValueError) as error:
        raise CheckpointError(f"{file}: weights of a StyleGAN2 generator are missing ({error})") from error
    return Architecture(tuple(features), z_dim, w_dim, depth, channels, _clamp(modules, file))


def _clamp(modules: Modules, file: str) -> float | None:
    """The bound on activations that all layers share."""
    layers = [module for path, module in modules.items() if re.fullmatch(_CLAMPED, path)]
    clamps = [layer.attributes.get("conv_clamp") for layer in layers]
    if not all(clamp is None or isinstance(clamp, int | float) for clamp in clamps) or len(set(clamps)) > 1:
        raise CheckpointError(f"{file}: layers with clamps of their own, which netbend does not support")
    return clamps[0] if clamps else None


_CLAMPED = r"synthesis\.b\d+\.(conv0|conv1|torgb)"


def _rename(name: str) -> str | None:
    if name == "mapping.w_avg":
        return "w_mean"
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
