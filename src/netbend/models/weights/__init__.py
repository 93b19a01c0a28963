"""Files of weights as plain trees of tensors. Nothing in a file is ever executed.

`.safetensors` by its own library; torch's zips and older streams, and the pickles of
StyleGAN2's PyTorch versions, by an interpreter that writes down what it would have to call.
"""

import hashlib
import io
import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load

from netbend.errors import CheckpointError, RefusedFile
from netbend.limits import MAX_WEIGHTS_BYTES
from netbend.models.weights.inertpickle import read_pickle
from netbend.models.weights.names import STYLEGAN_NAMES, shown
from netbend.models.weights.revive import ModuleState, Reviver, Storage, Unread
from netbend.models.weights.torchfile import is_legacy_torch, read_legacy_torch, read_torch_zip

__all__ = [
    "ModuleState",
    "Unread",
    "WeightsFile",
    "parse_weights",
    "read_tensors",
    "read_weights",
    "shown",
    "weights_hash",
]

ZIP = b"PK\x03\x04"
PICKLE = b"\x80"  # of protocol 2 and later
OLDER_PICKLE = (b"(", b"]", b"}", b"c")  # none of these tools wrote one; read to name what it asks for


@dataclass(frozen=True)
class WeightsFile:
    """What a file holds.

    format: safetensors, torch or pickle. tree: dicts, lists, strings, numbers, tensors and
    ModuleState. header: the metadata of a safetensors file.
    """

    format: str
    tree: Any
    header: dict[str, str]


def read_weights(path: Path | str) -> WeightsFile:
    """Read a file of weights, whatever its name says, by its content.

    Raises CheckpointError for a damaged or unknown file, RefusedFile for one that asks for
    anything but weights; no other exception.
    """
    return parse_weights(_read_bytes(Path(path)), str(path))


def parse_weights(data: bytes, file: str) -> WeightsFile:
    """The same for a file's content; file: its name, for messages."""
    try:
        return _parse(data, file)
    except CheckpointError:
        raise
    except RecursionError as error:
        raise RefusedFile(f"{file}: nested too deeply; refused") from error
    except MemoryError as error:
        raise CheckpointError(f"{file}: does not fit into memory") from error
    except Exception as error:  # the parsers below raise whatever damaged bytes lead them to
        reason = shown(str(error) or type(error).__name__)
        raise CheckpointError(f"{file}: damaged or truncated ({reason}); fetch it again") from error


def read_tensors(path: Path | str) -> Any:
    """The tree of a file of weights or latents."""
    return read_weights(path).tree


def weights_hash(path: Path | str) -> str:
    """SHA-256 of a file, in hexadecimal. Raises CheckpointError if it cannot be read."""
    try:
        _check_regular(Path(path))
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error


def _read_bytes(path: Path) -> bytes:
    try:
        _check_regular(path)
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error


def _check_regular(path: Path) -> None:
    """Before it is opened: a pipe would wait forever."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file") from error
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError(f"{path}: not a file, but a folder, pipe or device")
    if status.st_size > MAX_WEIGHTS_BYTES:
        raise RefusedFile(f"{path}: larger than {MAX_WEIGHTS_BYTES // 1024**3} GiB; refused")


def _parse(data: bytes, file: str) -> WeightsFile:
    if data.startswith(ZIP):
        return WeightsFile("torch", read_torch_zip(data, file), {})
    if data[8:9] == b"{":
        return WeightsFile("safetensors", load(data), _safetensors_header(data))
    if is_legacy_torch(data):
        return WeightsFile("torch", read_legacy_torch(data, file), {})
    if data.startswith(PICKLE) or (data.startswith(OLDER_PICKLE) and data.endswith(b".")):
        return WeightsFile("pickle", _read_stylegan_pickle(data, file), {})
    raise CheckpointError(
        f"{file}: not a checkpoint; expected .safetensors, a torch .pt or a StyleGAN2 .pkl, by content"
    )


def _safetensors_header(data: bytes) -> dict[str, str]:
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    return {str(key): str(value) for key, value in header.items()}


def _read_stylegan_pickle(data: bytes, file: str) -> Any:
    def load_bytes(nested: bytes) -> Storage:
        if nested.startswith(ZIP):
            inner = read_torch_zip(nested, file)
        elif is_legacy_torch(nested):
            inner = read_legacy_torch(nested, file)
        else:
            raise RefusedFile(f"{file}: a nested pickle where a tensor's numbers were expected; refused")
        if not isinstance(inner, Storage):
            raise RefusedFile(f"{file}: a nested file without a tensor's numbers; refused")
        return inner

    raw = read_pickle(io.BytesIO(data), STYLEGAN_NAMES, file)
    return Reviver(file, len(data), load_bytes=load_bytes).revive(raw)
