"""Models by name, and from files."""

import difflib
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from netbend.errors import CheckpointError, ModelError
from netbend.models.base import Model
from netbend.models.checkpoint import Checkpoint
from netbend.models.families import FileReport, describe_by_family, load_by_family, our_family
from netbend.models.family import Report
from netbend.models.packages import Package, model_folder
from netbend.models.weights import parse_weights, read_content, weights_hash


@dataclass(frozen=True)
class Entry:
    """A model that netbend knows by name.

    package: where an installable model comes from, None for those that come with netbend.
    hash: SHA-256 of an installable model's converted file.
    """

    name: str
    family: str
    description: str
    licence: str
    package: Package | None = None
    hash: str | None = None

    @property
    def file(self) -> Path:
        folder = Path(str(files("netbend.data"))) if self.package is None else model_folder()
        return folder / self.name / "model.safetensors"

    @property
    def installed(self) -> bool:
        """Whether its file is there, with anything in it; what is in it is checked when it is loaded."""
        return self.file.is_file() and self.file.stat().st_size > 0

    @property
    def intact(self) -> bool:
        """Whether the file that is there is the one it should be."""
        return self.installed and self.hash in (None, weights_hash(self.file))


CATALOGUE = {
    entry.name: entry
    for entry in [
        Entry(
            "faces",
            "stylegan2",
            "StyleGAN2, 64x64: drawn faces, trained on ToonHead by Johan Melin",
            "CC BY 4.0",
        ),
        Entry(
            "music",
            "spectrogram_vae",
            "spectrogram VAE, 44.1 kHz: electronic, ambient, rock, metal and orchestral game music",
            "CC BY-SA 4.0",
        ),
        Entry(
            "photo-faces",
            "mobilestylegan",
            "MobileStyleGAN, 1024x1024: photographic faces, distilled from StyleGAN2-FFHQ by S. Belousov",
            "weights of non-commercial origin",
            Package(
                "random-face",
                "2021.7.21.1",
                "random_face-2021.7.21.1-py3-none-any.whl",
                "e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
                megabytes=38,
                members=tuple(
                    f"random_face/data/{network}.{kind}"
                    for network in ("MappingNetwork", "SynthesisNetwork")
                    for kind in ("xml", "bin")
                ),
                terms=(
                    "The package's own licence is Apache-2.0. Its weights, however, were distilled from "
                    "NVIDIA's StyleGAN2-FFHQ, whose official weights are for non-commercial use only, as is "
                    "the data set FFHQ (CC BY-NC-SA 4.0) that they were trained on, photographs of people "
                    "under several free licences. Take what you make with it as not for commercial use."
                ),
            ),
            "a94b25c0ac64fe9ae2ca56ca0ed8ff6aafa3958dc51a7c076fecded70a234f21",
        ),
        Entry(
            "painted-eyes",
            "dcgan",
            "DCGAN, 128x128: eyes from paintings in eight colours, by Rogier Knoester",
            "MIT",
            Package(
                "omniart-eye-generator",
                "0.1",
                "omniart_eye_generator-0.1-py3-none-any.whl",
                "e21910eb2ea8ce1eeadd037454fafd5bb7cee28cee7ed07f14d897b67971fd74",
                megabytes=48,
                members=("omniart_eye_generator/generator_model_state.pth",),
                terms=(
                    "The package's licence is MIT. The network was trained on eyes cut from paintings of the "
                    "OmniArt data set, in a Master's thesis at the University of Amsterdam."
                ),
            ),
            "d18e37bc3b3f58d928bbc47d65d5b430ada40362721b254af481c8c8d5c7d53b",
        ),
    ]
}


def describe(path: Path) -> Report:
    """What is in a checkpoint, or why it is refused. Raises CheckpointError if there is no such file."""
    try:
        checkpoint = Checkpoint.read(path)
    except CheckpointError as error:
        if not os.path.lexists(path):
            raise
        return FileReport.of(error, str(path))
    return describe_by_family(checkpoint)


def load_model(name: str | Path, device: str = "auto", *, bf16: bool = False) -> Model:
    """A model of the catalogue by its name, or one from a checkpoint file.

    Args:
        name: Such as faces, or the path of a file; nothing in it is executed.
        device: auto, cpu, cuda, cuda:1, mps ...; auto takes a GPU if there is one.
        bf16: Compute in bfloat16.

    Raises:
        ModelError: For an unknown or absent model.
        CheckpointError: For a file that cannot be used.
    """
    entry = CATALOGUE.get(str(name))
    path = Path(name) if entry is None else entry.file
    if not _exists(path):
        raise ModelError(_missing(str(name), entry))
    data = read_content(path)
    hash = hashlib.sha256(data).hexdigest()
    if entry is not None and entry.hash not in (None, hash):
        raise ModelError(
            f"model {name}: {path} is damaged; `netbend models remove {name}`, then install it again"
        )
    checkpoint = Checkpoint(
        str(path), entry.name if entry else path.name, hash, parse_weights(data, str(path))
    )
    model = our_family(entry.family).load(checkpoint) if entry else load_by_family(checkpoint)
    model = model.to(choose_device(device))
    return model.bfloat16() if bf16 else model


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # no name of a file, or not ours to look at
        return False


def find_by_hash(hash: str) -> str | None:
    """The name of the model that is here and has this hash, None if there is none."""
    for name, entry in CATALOGUE.items():
        if entry.installed and hash == (entry.hash or weights_hash(entry.file)):
            return name
    return None


def find_entry(name: str) -> Entry:
    """The model of that name. Raises ModelError naming the nearest."""
    if name not in CATALOGUE:
        raise ModelError(_missing(name, None))
    return CATALOGUE[name]


def convert_package(entry: Entry, members: Mapping[str, bytes]) -> bytes:
    """The content of a model's file, made of its package's files by their names without folders.

    Raises ModelError if it is not, to the bit, what netbend knows.
    """
    model: Any = our_family(entry.family).model
    content: bytes = model.from_package(members, entry.name).content()
    found = hashlib.sha256(content).hexdigest()
    if entry.hash not in (None, found):
        raise ModelError(
            f"{entry.name}: converted to the hash {found[:12]}..., expected {str(entry.hash)[:12]}...; "
            f"nothing was kept. Please report this, with the machine that it happened on"
        )
    return content


def choose_device(wanted: str = "auto") -> torch.device:
    """Turn auto, cpu, cuda or mps into a device; ModelError if this machine lacks it."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return torch.device(next((kind for kind in ("cuda", "mps") if available[kind]), "cpu"))
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ModelError(f"--device {wanted}: expected auto, cpu, cuda or mps") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count() > 0:
        raise ModelError(f"--device {wanted}: this machine has {torch.cuda.device_count()} of them")
    if not available.get(device.type, False):
        names = ", ".join(kind for kind, there in available.items() if there)
        raise ModelError(f"--device {wanted}: this machine, with this build of torch, has {names}")
    return device


def _missing(name: str, entry: Entry | None) -> str:
    if entry is not None and entry.package is not None:
        return f"model {name}: not installed; `netbend models install {name}` fetches it"
    if entry is not None:
        return f"model {name}: its file {entry.file} is missing; install netbend again"
    nearest: Sequence[str] = difflib.get_close_matches(name, CATALOGUE, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"netbend knows {', '.join(CATALOGUE)}"
    return f"model {name}: neither a model that netbend knows nor a file; {hint} (see `netbend models`)"
