"""Arrays out of `.npz` and `.npy`, whatever their names say; nothing in them is executed."""

import io
import zipfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from netbend.errors import LatentError, NetbendError
from netbend.limits import (
    MAX_ARRAY_HEADER,
    MAX_LATENT_VALUES,
    MAX_TENSOR_DIMENSIONS,
    MAX_TENSOR_NUMBERS,
    MAX_TENSOR_SLACK_BYTES,
    MAX_TENSORS,
    MAX_WEIGHTS_BYTES,
)
from netbend.models.weights import shown
from netbend.models.weights.torchfile import open_zip
from netbend.regular_file import read_regular

ZIP, NPY = b"PK", npy.MAGIC_PREFIX
NO_ARRAYS = "not a file of arrays; expected .npz, .npy, .safetensors or a torch .pt, by content"


def read_arrays(
    path: Path, kind: str, wanted: Callable[[str], bool] = lambda _: True
) -> dict[str, NDArray[Any]]:
    """The arrays of a `.npz` or `.npy` by name, that of a `.npy` by the file's.

    kind: of file, for messages. wanted: which of them are unpacked. Raises LatentError.
    """
    return arrays_in(read_file(path, kind), path, kind, wanted)


def read_file(path: Path, kind: str) -> bytes:
    """A file as it is. Raises LatentError if there is none, or it cannot be read."""
    try:
        return read_regular(path, LatentError, MAX_WEIGHTS_BYTES)
    except LatentError as error:
        raise LatentError(f"{kind} {error}") from error


def arrays_in(
    data: bytes, path: Path, kind: str, wanted: Callable[[str], bool] = lambda _: True
) -> dict[str, NDArray[Any]]:
    """The same for a file's content; path: for messages."""
    try:
        if data.startswith(NPY):
            return {path.stem: _array(io.BytesIO(data), len(data), f"{kind} {path}")}
        if data.startswith(ZIP):
            return _members(
                open_zip(data, f"{kind} {path}", LatentError), len(data), f"{kind} {path}", wanted
            )
    except NetbendError:
        raise
    except Exception as error:  # of zipfile, zlib and numpy, whatever damaged bytes lead them to
        reason = shown(str(error) or type(error).__name__)
        raise LatentError(f"{kind} {path}: not a readable array file ({reason})") from error
    raise LatentError(f"{kind} {path}: not a readable array file, by its content")


def is_array_file(data: bytes) -> bool:
    """Whether a file is one of arrays, and not a zip that torch wrote."""
    if data.startswith(NPY):
        return True
    try:
        names = open_zip(data, "", LatentError).namelist() if data.startswith(ZIP) else []
    except (NetbendError, zipfile.BadZipFile, ValueError, OSError):
        return False
    return any(name.endswith(".npy") for name in names) and not any(
        name.endswith("data.pkl") for name in names
    )


def _members(
    archive: zipfile.ZipFile, size: int, where: str, wanted: Callable[[str], bool]
) -> dict[str, NDArray[Any]]:
    infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist() if _is_array(info)}
    if not infos:
        raise LatentError(f"{where}: no arrays in it, which `.npz` files are made of")
    if len(infos) > MAX_TENSORS:
        raise LatentError(f"{where}: {len(infos)} arrays, at most {MAX_TENSORS} are read")
    chosen = {name: info for name, info in infos.items() if wanted(name)}
    unpacked, most = sum(info.file_size for info in chosen.values()), 4 * size + MAX_TENSOR_SLACK_BYTES
    if unpacked > most:
        raise LatentError(f"{where}: unpacks to {unpacked} bytes, of {size} at most {most} are read")
    arrays, values = {}, 0
    for name, info in chosen.items():
        with archive.open(info) as member:
            arrays[name] = _array(member, info.file_size, f"{where}, {shown(name, 60)}", values)
        values += arrays[name].size
    return arrays


def _is_array(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith(".npy")


def _array(stream: Any, size: int, where: str, before: int = 0) -> NDArray[Any]:
    """An array, once it is sure that the file has as many bytes as its header claims.

    before: values that were read already.
    """
    shape, columns_first, dtype = _header(stream, where)
    count = prod(shape)
    if dtype.hasobject:
        raise LatentError(f"{where}: not a readable array file (it holds pickled objects)")
    if before + count > MAX_LATENT_VALUES:
        raise LatentError(f"{where}: {before + count} values, at most {MAX_LATENT_VALUES} are read")
    if count * dtype.itemsize > size:  # before room is made for it
        raise LatentError(f"{where}: not a readable array file (truncated: {count} values in {size} bytes)")
    raw = stream.read(count * dtype.itemsize)
    if len(raw) < count * dtype.itemsize:
        raise LatentError(
            f"{where}: not a readable array file (truncated: {count} values in {len(raw)} bytes)"
        )
    return np.frombuffer(raw, dtype, count).reshape(shape, order="F" if columns_first else "C")


def _header(stream: Any, where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy.read_magic(stream)
    except ValueError as error:
        raise LatentError(f"{where}: not a readable array file (it does not begin as one)") from error
    if version not in ((1, 0), (2, 0)):
        raise LatentError(f"{where}: not a readable array file (version {version[0]}.{version[1]})")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        shape, columns_first, dtype = read(stream, max_header_size=MAX_ARRAY_HEADER)
    except ValueError as error:
        long = f"over {MAX_ARRAY_HEADER} characters" if "max_header_size" in str(error) else "damaged"
        raise LatentError(f"{where}: not a readable array file (its header is {long})") from error
    if len(shape) > MAX_TENSOR_DIMENSIONS:
        raise LatentError(f"{where}: an array of {len(shape)} dimensions")
    if not all(0 <= size < MAX_TENSOR_NUMBERS for size in shape):
        raise LatentError(f"{where}: not a readable array file (of an impossible shape)")
    return shape, columns_first, dtype


def pickled_objects(data: bytes, path: Path) -> bytes | None:
    """The pickle that a `.npy` of objects holds, None for any other file; path: for messages."""
    if not data.startswith(NPY):
        return None
    stream = io.BytesIO(data)
    try:
        _, _, dtype = _header(stream, f"latents {path}")
    except (NetbendError, ValueError, OSError, EOFError):
        return None
    return data[stream.tell() :] if dtype.hasobject else None
