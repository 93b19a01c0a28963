"""Generators to and from files."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from netbend.errors import CheckpointError
from netbend.models.stylegan2.network import Architecture, Generator


def save_generator(path: Path, generator: Generator, *, dtype: torch.dtype = torch.float32) -> None:
    """Write a generator as safetensors, its architecture as JSON in the header; atomic."""
    header = {"kind": "stylegan2", "architecture": asdict(generator.architecture)}
    tensors = {name: tensor.to(dtype).contiguous() for name, tensor in generator.state_dict().items()}
    unfinished = path.with_name(path.name + ".part")
    save_file(tensors, unfinished, metadata={"netbend": json.dumps(header)})
    os.replace(unfinished, path)


def load_generator(path: Path) -> Generator:
    """Read a generator written by `save_generator`."""
    with safe_open(path, "pt") as file:
        header = json.loads((file.metadata() or {}).get("netbend", "{}"))
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}
    if header.get("kind") != "stylegan2":
        raise CheckpointError(f"{path}: not a netbend StyleGAN2 file")
    fields = header["architecture"]
    generator = Generator(Architecture(**{**fields, "features": tuple(fields["features"])}))
    generator.load_state_dict(tensors)
    return generator.eval().requires_grad_(False)
