"""Files of weights as plain trees of tensors. Nothing in a file is ever executed.

`.safetensors` by its own library; torch's zips and older streams, and the pickles of
StyleGAN2's PyTorch versions, by an interpreter that writes down what it would have to call.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netbend.errors import CheckpointError, RefusedFile
from netbend.limits import MAX_WEIGHTS_BYTES
from netbend.models.weights.entries import Entry, entries
from netbend.models.weights.inertpickle import read_pickle
from netbend.models.weights.names import shown
from netbend.models.weights.otherfiles import named
from netbend.models.weights.revive import ModuleState, Reviver, Storage, Unread
from netbend.models.weights.safetensorsfile import is_safetensors, read_safetensors
from netbend.models.weights.torchfile import is_legacy_torch, read_legacy_torch, read_torch_zip
from netbend.regular_file import read_regular

__all__ = [
    "Entry",
    "ModuleState",
    "UnknownFile",
    "Unread",
    "WeightsFile",
    "entries",
    "parse_weights",
    "read_content",
    "read_tensors",
    "read_weights",
    "shown",
    "weights_hash",
]

ZIP = b"PK\x03\x04"
PICKLE = b"\x80"  # of protocol 2 and later
OLDER_PICKLE = (b"(", b"]", b"}", b"c")  # none of these tools wrote one; read to name what it asks for


class UnknownFile(CheckpointError):
    """A file of none of the formats that weights come in."""


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
    return parse_weights(read_content(path), str(path))


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
    except ValueError as error:
        reason = shown(str(error).partition("; use sys.")[0])  # of Python's own limit to digits
        raise CheckpointError(f"{file}: damaged or truncated ({reason}); fetch it again") from error
    except Exception as error:  # the parsers below raise whatever damaged bytes lead them to
        reason = shown(str(error) or type(error).__name__)
        raise CheckpointError(f"{file}: damaged or truncated ({reason}); fetch it again") from error


def read_tensors(path: Path | str) -> Any:
    """The tree of a file of weights or latents."""
    return read_weights(path).tree


def weights_hash(path: Path | str) -> str:
    """SHA-256 of a file, in hexadecimal. Raises CheckpointError if it cannot be read."""
    return hashlib.sha256(read_content(path)).hexdigest()


def read_content(path: Path | str) -> bytes:
    """A file of weights as it is. Raises CheckpointError if it cannot be read, or is too large."""
    return read_regular(Path(path), CheckpointError, MAX_WEIGHTS_BYTES)


def _parse(data: bytes, file: str) -> WeightsFile:
    if data.startswith(ZIP):
        return WeightsFile("torch", read_torch_zip(data, file), {})
    if is_safetensors(data):
        return WeightsFile("safetensors", *read_safetensors(data, file))
    if is_legacy_torch(data):
        return WeightsFile("torch", read_legacy_torch(data, file), {})
    if data.startswith(PICKLE) or (data.startswith(OLDER_PICKLE) and data.endswith(b".")):
        return WeightsFile("pickle", _read_stylegan_pickle(data, file), {})
    raise UnknownFile(
        f"{file}: not a checkpoint{named(data)}; expected .safetensors, a torch .pt or a StyleGAN2 .pkl, by "
        f"content"
    )


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

    raw = read_pickle(io.BytesIO(data), file)
    return Reviver(file, len(data), load_bytes=load_bytes).revive(raw)
