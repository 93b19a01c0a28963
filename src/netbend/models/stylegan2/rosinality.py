"""The names of rosinality's code and of what was made from it, under ours."""

import re
from collections.abc import Mapping

from torch import Tensor

from netbend.errors import CheckpointError
from netbend.models.stylegan2.finder import FoundGenerator
from netbend.models.stylegan2.network import Architecture
from netbend.models.stylegan2.resampling import check_filter
from netbend.models.stylegan2.unsupported import check_channels, check_constant
from netbend.models.weights import shown


def convert(found: FoundGenerator, file: str) -> tuple[Architecture, dict[str, Tensor]]:
    """Architecture and weights of a generator with rosinality's names."""
    check_constant(found.weights["input.input"], file)
    architecture = _architecture(found.weights, found.place, file)
    state = {}
    for name, tensor in found.weights.items():
        if name.endswith(".kernel"):
            check_filter(tensor, shown(name, 60), file)
            continue
        renamed = _rename(name)
        if renamed is None:
            raise CheckpointError(f"{file}: {shown(name, 60)}{_in(found.place)} is not known of this layout")
        state[renamed] = tensor
    return architecture, state


def _in(place: str) -> str:
    return f" in `{shown(place, 60)}`" if place else ""


def _architecture(weights: Mapping[str, Tensor], place: str, file: str) -> Architecture:
    try:
        features = [weights["input.input"].shape[1]]
        while (name := f"convs.{2 * len(features) - 1}.conv.weight") in weights:
            features.append(weights[name].shape[1])
        depth = sum(re.fullmatch(r"style\.\d+\.weight", name) is not None for name in weights)
        w_dim, z_dim = weights["style.1.weight"].shape
        channels = weights["to_rgb1.bias"].shape[1]
    except (KeyError, IndexError, ValueError) as error:
        raise CheckpointError(
            f"{file}: not a StyleGAN2 generator of rosinality's layout{_in(place)} ({shown(str(error))})"
        ) from error
    check_channels(channels, file)
    return Architecture(tuple(features), z_dim, w_dim, depth, channels)


def _rename(name: str) -> str | None:
    for pattern, replacement in _NAMES:
        if re.fullmatch(pattern, name):
            return re.sub(pattern, replacement, name)
    if found := re.fullmatch(r"style\.(\d{1,3})\.(weight|bias)", name):
        return f"mapping.layers.{int(found[1]) - 1}.{found[2]}"  # style.0 is the normalisation
    if found := re.fullmatch(r"(conv1|convs\.(\d{1,3})|to_rgb1|to_rgbs\.(\d{1,3}))\.(.+)", name):
        step = 0 if found[1] in ("conv1", "to_rgb1") else int(found[2] or found[3] or 0) + 1
        part = _PARTS.get(found[4])
        room = "layers" if found[1].startswith("conv") else "to_rgb"
        return None if part is None else f"synthesis.{room}.{step}.{part}"
    return None


_NAMES = [(r"input\.input", "synthesis.input.maps"), (r"noises\.noise_(\d{1,3})", r"synthesis.noise_\1")]

_PARTS = {
    "conv.weight": "conv.weight",
    "conv.modulation.weight": "conv.style.weight",
    "conv.modulation.bias": "conv.style.bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
    "bias": "bias",
}
