"""Our generators in other people's layouts, as their tools would have saved them."""

import argparse
import io
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from netbend.models.stylegan2.network import Generator

FILTER_2D = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64


def rosinality_layout(generator: Generator) -> dict[str, Tensor]:
    """The keys of `g_ema`, with their extra dimensions of length 1."""
    keys: dict[str, Tensor] = {"input.input": generator.synthesis.input.maps[None]}
    for index, layer in enumerate(generator.mapping.layers):
        keys |= {f"style.{index + 1}.weight": layer.weight, f"style.{index + 1}.bias": layer.bias}
    for index, layer in enumerate(generator.synthesis.layers):
        name = "conv1" if index == 0 else f"convs.{index - 1}"
        keys |= {
            f"{name}.conv.weight": layer.conv.weight[None],
            f"{name}.conv.modulation.weight": layer.conv.style.weight,
            f"{name}.conv.modulation.bias": layer.conv.style.bias,
            f"{name}.noise.weight": layer.noise_strength.reshape(1),
            f"{name}.activate.bias": layer.bias,
            f"noises.noise_{index}": generator.synthesis.get_buffer(f"noise_{index}")[None, None],
        }
        if layer.conv.up:
            keys[f"{name}.conv.blur.kernel"] = FILTER_2D * 4
    for index, rgb in enumerate(generator.synthesis.to_rgb):
        name = "to_rgb1" if index == 0 else f"to_rgbs.{index - 1}"
        keys |= {
            f"{name}.conv.weight": rgb.conv.weight[None],
            f"{name}.conv.modulation.weight": rgb.conv.style.weight,
            f"{name}.conv.modulation.bias": rgb.conv.style.bias,
            f"{name}.bias": rgb.bias[None, :, None, None],
        }
        if index:
            keys[f"{name}.upsample.kernel"] = FILTER_2D * 4
    return {key: tensor.detach().clone() for key, tensor in keys.items()}


def save_rosinality(path: Path, generator: Generator, *, legacy: bool = False, average: bool = True) -> None:
    """As a training run saves it, with its options and the state of its optimizers."""
    layout = rosinality_layout(generator)
    content = {
        "g": layout,
        "d": {"convs.0.0.weight": torch.zeros(2, 2)},
        "g_ema": layout,
        "g_optim": {"state": {0: {"step": 4, "exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.002}]},
        "args": argparse.Namespace(size=16, path="pictures", distributed=False, lr=0.002),
        "ada_aug_p": 0.0,
    }
    if average:
        content["latent_avg"] = generator.w_mean.clone()
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)


class Persistent:
    """Pickles as one of NVIDIA's persistent modules: its source goes along."""

    module = "torch_utils.persistence"

    def __init__(self, class_name: str, state: dict[str, Any], source: str):
        self.meta = {
            "type": "class",
            "version": 6,
            "module_src": source,
            "class_name": class_name,
            "state": state,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return sys.modules[self.module]._reconstruct_persistent_obj, (self.meta,)


def module_of(
    class_name: str,
    source: str,
    parameters: dict[str, Tensor] | None = None,
    buffers: dict[str, Tensor] | None = None,
    modules: dict[str, Persistent] | None = None,
    **attributes: Any,
) -> Persistent:
    state = {
        "training": False,
        "_parameters": {name: torch.nn.Parameter(value) for name, value in (parameters or {}).items()},
        "_buffers": {name: value.clone() for name, value in (buffers or {}).items()},
        "_modules": modules or {},
        **attributes,
    }
    return Persistent(class_name, state, source)


def nvidia_module(generator: Generator, source: str = "", **attributes: Any) -> Persistent:
    """The tree of modules of a stylegan2-ada-pytorch generator."""
    architecture, synthesis = generator.architecture, generator.synthesis
    tap = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8

    def affine(style: torch.nn.Module) -> Persistent:
        return module_of("FullyConnectedLayer", source, {"weight": style.weight, "bias": style.bias})

    def conv(index: int) -> Persistent:
        layer = synthesis.layers[index]
        return module_of(
            "SynthesisLayer",
            source,
            {"weight": layer.conv.weight, "bias": layer.bias, "noise_strength": layer.noise_strength},
            {"resample_filter": torch.outer(tap, tap), "noise_const": synthesis.get_buffer(f"noise_{index}")},
            {"affine": affine(layer.conv.style)},
            conv_clamp=architecture.clamp,
        )

    def torgb(step: int) -> Persistent:
        layer = synthesis.to_rgb[step]
        parts = {"weight": layer.conv.weight, "bias": layer.bias}
        return module_of(
            "ToRGBLayer",
            source,
            parts,
            {},
            {"affine": affine(layer.conv.style)},
            conv_clamp=architecture.clamp,
        )

    blocks = {}
    for step in range(len(architecture.features)):
        members = {"conv1": conv(2 * step), "torgb": torgb(step)}
        if step:
            members["conv0"] = conv(2 * step - 1)
        const = {} if step else {"const": synthesis.input.maps}
        blocks[f"b{4 * 2**step}"] = module_of(
            "SynthesisBlock", source, const, {"resample_filter": torch.outer(tap, tap)}, members
        )
    mapping = {
        f"fc{index}": module_of("FullyConnectedLayer", source, {"weight": layer.weight, "bias": layer.bias})
        for index, layer in enumerate(generator.mapping.layers)
    }
    return module_of(
        "Generator",
        source,
        modules={
            "synthesis": module_of("SynthesisNetwork", source, modules=blocks),
            "mapping": module_of("MappingNetwork", source, {}, {"w_avg": generator.w_mean}, mapping),
        },
        **{"c_dim": 0, "_init_args": (), "_init_kwargs": {"z_dim": architecture.z_dim}, **attributes},
    )


def nvidia_layout(generator: Generator) -> dict[str, Tensor]:
    """The state dict of a stylegan2-ada-pytorch generator."""
    weights: dict[str, Tensor] = {}
    pending = [("", nvidia_module(generator))]
    while pending:
        path, module = pending.pop()
        state = module.meta["state"]
        weights |= {path + name: value for name, value in (state["_parameters"] | state["_buffers"]).items()}
        pending += [(f"{path}{name}.", child) for name, child in state["_modules"].items()]
    return {name: tensor.detach().clone() for name, tensor in weights.items()}


def stand_in_for_persistence(
    monkeypatch: pytest.MonkeyPatch, module: str = "torch_utils.persistence"
) -> None:
    """The function that NVIDIA's pickles name, wherever a tool keeps its copy."""

    def _reconstruct_persistent_obj(_meta: object) -> None:
        raise AssertionError("never called")

    _reconstruct_persistent_obj.__module__ = module
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[:length])
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules[module]._reconstruct_persistent_obj = _reconstruct_persistent_obj
    Persistent.module = module


def save_nvidia(
    path: Path, module: Persistent, monkeypatch: pytest.MonkeyPatch, protocol: int | None = None
) -> None:
    """As their training loop saves it, through stand-ins for their modules."""

    stand_in_for_persistence(monkeypatch)
    buffer = io.BytesIO()
    options = {"class_name": "training.dataset.ImageFolderDataset", "resolution": 16}
    pickle.dump({"G": None, "D": None, "G_ema": module, "training_set_kwargs": options}, buffer, protocol)
    path.write_bytes(buffer.getvalue())
