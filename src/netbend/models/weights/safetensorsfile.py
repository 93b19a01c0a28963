"""`.safetensors` as trees of tensors: the header is looked at before anything is made from it."""

import json
from typing import Any

from safetensors.torch import load
from torch import Tensor

from netbend.errors import CheckpointError, RefusedFile
from netbend.limits import (
    MAX_JSON_DIGITS,
    MAX_TENSOR_DIMENSIONS,
    MAX_TENSOR_HEADER_BYTES,
    MAX_TENSORS,
)
from netbend.models.weights.names import shown

LENGTH_BYTES = 8


def is_safetensors(data: bytes) -> bool:
    """Whether a file begins as this format does: with the length of a header, and a brace."""
    return data[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{"


def read_safetensors(data: bytes, file: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors by name, and the metadata.

    Raises CheckpointError, RefusedFile, or what the format's library raises for a damaged file.
    """
    header = _header(data, file)
    metadata = header.pop("__metadata__", {})
    if len(header) > MAX_TENSORS:
        raise RefusedFile(f"{file}: {len(header)} tensors, at most {MAX_TENSORS} are read; refused")
    for name, about in header.items():
        shape = about.get("shape") if isinstance(about, dict) else None
        if not isinstance(shape, list):
            raise CheckpointError(f"{file}: damaged, {shown(name, 60)} has no shape")
        if len(shape) > MAX_TENSOR_DIMENSIONS:
            raise RefusedFile(f"{file}: {shown(name, 60)} is a tensor of {len(shape)} dimensions; refused")
    tensors = load(data)  # in an order of its own each time
    return {name: tensors[name] for name in header}, {str(k): str(v) for k, v in dict(metadata).items()}


def _header(data: bytes, file: str) -> dict[str, Any]:
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    if length > MAX_TENSOR_HEADER_BYTES:
        raise RefusedFile(
            f"{file}: a header of {length} bytes, at most {MAX_TENSOR_HEADER_BYTES} are read; refused"
        )
    header = parse_json(data[LENGTH_BYTES : LENGTH_BYTES + length])
    if not isinstance(header, dict):
        raise CheckpointError(f"{file}: damaged, its header is not a mapping")
    return header


def parse_json(text: str | bytes) -> Any:
    """JSON whose whole numbers are of a length that numbers have. Raises ValueError or RecursionError."""
    return json.loads(text, parse_int=_whole_number)


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_JSON_DIGITS:
        raise ValueError(f"a whole number of {len(digits)} digits")
    return int(digits)
