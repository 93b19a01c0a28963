"""Files that are broken, or something else, and must be one clear error."""

import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np

from .forging import ATTACKS, Attack, attack, torch_stream, torch_zip, whole


def safetensors(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


# What a file of this content is must be said in one line, whatever its bytes are.
CONTENTS = {
    "an empty file": b"",
    "one byte": b"\x80",
    "plain text": b"these are not weights",
    "text that begins like an old pickle": b"clusters:\n  3: [1, 2]\n",
    "an empty zip": b"PK\x05\x06" + bytes(18),
    "an empty stack": whole(b"0"),
    "a mark that is missing": whole(b"t"),
    "a mark as the result": whole(b"("),
    "a memo that is empty": whole(b"h\x07"),
    "an odd number of entries": whole(b"}(K\x01u"),
    "arguments that are a mapping": whole(b"ccollections\nOrderedDict\n}R"),
    "arguments that are a number": whole(b"ccollections\nOrderedDict\nK\x01\x85R"),
    "pairs that are no pairs": whole(b"ccollections\nOrderedDict\n](K\x01K\x02e\x85R"),
    "a module of nothing": whole(b"ctorch_utils.persistence\n_reconstruct_persistent_obj\nK\x01\x85R"),
    "an opcode that does not exist": whole(b"\xff"),
    "a protocol that does not exist": b"\x80\xff}.",
    "text that is not UTF-8": whole(b"X\x02\x00\x00\x00\xff\xfe"),
    "text of lone surrogates": whole(b"}X\x03\x00\x00\x00\xed\xa0\x80K\x01s"),
    "a name of control characters": whole(b"cos\x1b[2J\x07\nsystem\x00\n)R"),
    "a stream without storages": torch_stream(b"\x80\x02}.", keys=b""),
    "a stream with an odd list of storages": torch_stream(b"\x80\x02}.", keys=b"\x80\x02]K\x01a."),
    "safetensors of an unknown type": safetensors(
        b'{"x":{"dtype":"F8_E8M0","shape":[1],"data_offsets":[0,1]}}', b"x"
    ),
    "safetensors of half bytes": safetensors(b'{"x":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}', b"x"),
    "safetensors that reach beyond the file": safetensors(
        b'{"x":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}', bytes(16)
    ),
    "safetensors that overlap": safetensors(
        b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"y":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        bytes(8),
    ),
    "safetensors without a header": safetensors(b"{}"),
    "safetensors of broken JSON": safetensors(b"{nonsense}"),
    "safetensors of odd metadata": safetensors(b'{"__metadata__":{"netbend":5}}'),
}

for name, content in CONTENTS.items():
    ATTACKS[name] = Attack(lambda path, content=content: path.write_bytes(content))


@attack()
def a_name_twice_in_a_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"g_ema": {}}, 2))
        archive.NameToInfo.clear()
        archive.writestr("archive/data.pkl", whole(b"]"))


@attack()
def two_pickles_in_a_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", whole(b"}"))
        archive.writestr("b/data.pkl", whole(b"}"))


@attack()
def a_zip_of_something_else(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("picture.png", b"x")


@attack()
def a_zip_from_a_big_endian_machine(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", whole(b"}"))
        archive.writestr("archive/byteorder", "big")


def damaged_zip(path: Path, signature: bytes, position: int, value: bytes) -> None:
    """A field of a zip's directory overwritten."""
    torch_zip(path, whole(b"}"), {"0": bytes(16)})
    data = bytearray(path.read_bytes())
    start = data.find(signature) + position
    data[start : start + len(value)] = value
    path.write_bytes(bytes(data))


@attack()
def a_zip_name_that_is_not_utf_8(path: Path) -> None:
    damaged_zip(path, b"PK\x01\x02", 8, b"\x00\x08")
    path.write_bytes(path.read_bytes().replace(b"archive/byteorder", b"archive/byteord\xff\xfe"))


@attack()
def an_encrypted_zip(path: Path) -> None:
    damaged_zip(path, b"PK\x01\x02", 8, b"\x01\x00")


@attack()
def a_zip_directory_that_lies_elsewhere(path: Path) -> None:
    damaged_zip(path, b"PK\x05\x06", 16, b"\xff\xff\xff\x7f")


@attack()
def a_zip_entry_that_lies_elsewhere(path: Path) -> None:
    damaged_zip(path, b"PK\x01\x02", 42, b"\xff\xff\xff\x7f")


@attack()
def a_zip_entry_of_another_size(path: Path) -> None:
    damaged_zip(path, b"PK\x01\x02", 20, b"\xff\xff\xff\x7f")


@attack()
def an_array_of_objects(path: Path) -> None:
    np.save(path.with_suffix(".npy"), np.array([Path("x")], dtype=object), allow_pickle=True)
    path.with_suffix(".npy").rename(path)
