"""Models by name, and from files."""

import difflib
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch

from netbend.errors import ModelError
from netbend.models.base import Model
from netbend.models.weights import weights_hash


@dataclass(frozen=True)
class Entry:
    """A model that comes with netbend."""

    name: str
    family: str
    description: str
    licence: str

    @property
    def file(self) -> Path:
        return Path(str(files("netbend.data"))) / self.name / "model.safetensors"


CATALOGUE = {
    entry.name: entry
    for entry in [
        Entry(
            "faces",
            "stylegan2",
            "StyleGAN2, 64x64: drawn faces, trained on ToonHead by Johan Melin",
            "CC BY 4.0",
        ),
    ]
}

# Folders beside this file, each with a class `MODEL` that has `from_file` and `describe`.
FAMILIES = ["stylegan2"]


class Report(Protocol):
    """What a family finds in a checkpoint; a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def reason(self) -> str | None: ...

    def lines(self) -> list[tuple[str, str]]: ...


class _Family(Protocol):
    def from_file(self, path: Path, name: str, hash: str) -> Model: ...

    def describe(self, path: Path) -> Report: ...


def describe(path: Path) -> Report:
    """What is in a checkpoint, or why it is refused. Raises CheckpointError if there is no such file."""
    return _family(FAMILIES[0]).describe(path)


def load_model(name: str | Path, device: str = "auto") -> Model:
    """A model of the catalogue by its name, or one from a checkpoint file.

    device: auto, cpu, cuda, cuda:1, mps ...; auto takes a GPU if there is one.
    Raises ModelError for an unknown name, CheckpointError for a file that cannot be used.
    """
    entry = CATALOGUE.get(str(name))
    path = Path(name) if entry is None else entry.file
    if not path.exists():
        raise ModelError(_missing(str(name), entry))
    family = _family(entry.family if entry else FAMILIES[0])
    model = family.from_file(path, entry.name if entry else path.name, weights_hash(path))
    return model.to(choose_device(device))


def choose_device(wanted: str = "auto") -> torch.device:
    """Turn auto, cpu, cuda or mps into a device; ModelError if this machine lacks it."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return torch.device(next((kind for kind in ("cuda", "mps") if available[kind]), "cpu"))
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ModelError(f"--device {wanted}: expected auto, cpu, cuda or mps") from error
    if not available.get(device.type, False):
        names = ", ".join(kind for kind, there in available.items() if there)
        raise ModelError(f"--device {wanted}: this machine, with this build of torch, has {names}")
    return device


def _family(name: str) -> _Family:
    family: _Family = importlib.import_module(f"netbend.models.{name}").MODEL
    return family


def _missing(name: str, entry: Entry | None) -> str:
    if entry is not None:
        return f"model {name}: its file {entry.file} is missing; install netbend again"
    nearest: Sequence[str] = difflib.get_close_matches(name, CATALOGUE, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"netbend comes with {', '.join(CATALOGUE)}"
    return f"model {name}: neither a model that comes with netbend nor a file; {hint} (see `netbend models`)"
