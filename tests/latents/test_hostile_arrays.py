"""Arrays that claim much, unpack to much, or are none: one short error, and little memory."""

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from netbend.errors import LatentError
from netbend.latents.file import load_latents

MOST_BYTES = 60_000_000


def npy(shape: str, kind: str = "|u1", data: bytes = b"") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n".encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + data


def zipped(members: dict[str, bytes], *, packed: bool = True) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def bomb() -> bytes:
    return zipped({"w.npy": npy("12500000, 16", data=bytes(200_000_000))})


def tensors(header: str, data: int = 0) -> bytes:
    text = ("{" + header + "}").encode()
    return struct.pack("<Q", len(text)) + text + bytes(data)


def claim(size: int) -> bytes:
    """An entry whose directory claims another size than it has."""
    data = bytearray(zipped({"w.npy": npy("1, 16", data=bytes(16))}, packed=False))
    at = data.index(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(data)


FILES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a zip named .npy that unpacks to 200 MB": ("w.npy", bomb, "unpacks to 200000"),
    "an .npz that unpacks to 200 MB": ("w.npz", bomb, "unpacks to 200000"),
    "a zip of another name that unpacks to 200 MB": ("w.pt", bomb, "unpacks to 200000"),
    "bytes that are no array": ("w.npz", lambda: zipped({"w.npy": b"x"}), "it does not begin as one"),
    "a header of 60,000 characters": ("w.npy", lambda: npy("1," * 30_000), "header is over 10000 characters"),
    "a header that is no Python": ("w.npy", lambda: npy("1,) or ("), "its header is damaged"),
    "entries that are no arrays": ("w.npz", lambda: zipped({"w.txt": b"x"}), "no arrays in it"),
    "an entry that claims 3 GB": ("w.npz", lambda: claim(3_000_000_000), "unpacks to 3000000000 bytes"),
    "an array that claims exabytes": ("w.npy", lambda: npy("2305843009213693952, 1"), "values, at most"),
    "an array that claims what it has not": ("w.npy", lambda: npy("1000000, 16"), "truncated"),
    "an array of a negative size": ("w.npy", lambda: npy("-1, 16"), "impossible shape"),
    "an array of numbers of 4,000 digits": ("w.npy", lambda: npy("9" * 4000 + ","), "impossible shape"),
    "an array of numbers of 5,000 digits": ("w.npy", lambda: npy("9" * 5000 + ","), "not a readable array"),
    "an array of thousands of dimensions": ("w.npy", lambda: npy("1," * 3000), "3000 dimensions"),
    "a header of megabytes": (
        "w.npy",
        lambda: b"\x93NUMPY\x02\0" + struct.pack("<I", 5_000_000) + b"(" * 5_000_000,
        "not a readable array file",
    ),
    "a header nested without end": ("w.npy", lambda: npy("(" * 4000 + ")" * 4000), "not a readable array"),
    "an array of text": ("w.npy", lambda: npy("1,", "<U4", bytes(16)), "no array named"),
    "half an array": ("w.npy", lambda: npy("2, 16", "<f4", bytes(100)), "truncated"),
    "an empty file": ("w.npy", lambda: b"", "not a readable array file"),
    "text": ("w.npz", lambda: b"these are no latents", "not a readable array file"),
    "a tensor of half a million dimensions": (
        "w.safetensors",
        lambda: tensors('"w":{"dtype":"F32","shape":[' + "1," * 500_000 + '1],"data_offsets":[0,4]}', 4),
        "a tensor of 500001 dimensions; refused",
    ),
    "60,000 tensors": (
        "w.safetensors",
        lambda: tensors(
            ",".join(f'"{n}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for n in range(60_000))
        ),
        "60000 tensors, at most 50000",
    ),
    "a tensor by a name of control characters": (
        "w.safetensors",
        lambda: save({"\x1b[2Jowned": torch.zeros(3), "\x1b]0;x\x07": torch.zeros(2)}),
        "no array named",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_it_is_refused_shortly_and_in_little_memory(name: str, tmp_path: Path) -> None:
    file, make, message = FILES[name]
    path = tmp_path / file
    path.write_bytes(make())
    tracemalloc.start()
    try:
        with pytest.raises(LatentError, match=message) as caught:
            load_latents(path)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    said = str(caught.value)
    assert said.startswith(f"latents {path}")
    assert len(said) < 400 + len(str(path))
    assert said.isprintable()
    assert " at 0x" not in said
    assert "max_header_size" not in said


def test_what_compresses_well_is_read_up_to_a_bound(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "w.npz", w=np.zeros((1000, 16, 64), np.float32))
    assert load_latents(tmp_path / "w.npz").values.shape == (1000, 16, 64)
