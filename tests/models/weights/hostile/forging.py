"""What attacks are made of: opcodes of pickle, zips and streams as torch writes them."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

CANARY = "canary"
COMMAND = f"touch {CANARY}"
STATEMENT = f"open({CANARY!r}, 'w').close()"
TORCH_MAGIC = 0x1950A86A20F9469CFC6C


@dataclass(frozen=True)
class Attack:
    """make: writes the file. asks_for: the name it must be refused by. live: who would run its payload."""

    make: Callable[[Path], None]
    asks_for: str | None = None
    live: Callable[[Path], Any] | None = None


ATTACKS: dict[str, Attack] = {}


def attack(
    asks_for: str | None = None, live: Callable[[Path], Any] | None = None
) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    def register(make: Callable[[Path], None]) -> Callable[[Path], None]:
        ATTACKS[make.__name__] = Attack(make, asks_for, live)
        return make

    return register


def run_by_pickle(path: Path) -> Any:
    return pickle.loads(path.read_bytes())


def run_by_torch(path: Path) -> Any:
    return torch.load(path, weights_only=False)


def text(value: str) -> bytes:
    """The opcodes that push a string."""
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def counted(value: bytes) -> bytes:
    """The opcodes that push bytes."""
    return b"B" + struct.pack("<I", len(value)) + value


def called(module: str, name: str, *arguments: bytes) -> bytes:
    """The opcodes of a call, its arguments given as opcodes; the name is not imported here."""
    return f"c{module}\n{name}\n".encode() + b"(" + b"".join(arguments) + b"tR"


def mapping(**values: bytes) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in values.items()) + b"u"


def whole(opcodes: bytes) -> bytes:
    return b"\x80\x02" + opcodes + b"."


def module(state: bytes, source: str = "") -> bytes:
    """The opcodes of a persistent module of NVIDIA's."""
    meta = mapping(module_src=text(source), class_name=text("Generator"), state=state)
    return called("torch_utils.persistence", "_reconstruct_persistent_obj", meta)


def torch_zip(path: Path, pickled: bytes, storages: dict[str, bytes] | None = None, **options: Any) -> None:
    with zipfile.ZipFile(path, "w", **options) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/version", "3")  # without it torch does not get as far as the pickle
        for key, data in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", data)


def torch_stream(pickled: bytes, keys: bytes = b"\x80\x02].", storages: bytes = b"") -> bytes:
    """What torch.save wrote before 1.6."""
    head = [pickle.dumps(part, 2) for part in (TORCH_MAGIC, 1001, {"little_endian": True})]
    return b"".join(head) + pickled + keys + storages


def number(value: int) -> bytes:
    """The opcodes that push a whole number of any length."""
    return pickle.dumps(value, 2)[2:-1]


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def stored(count: int, kind: str = "FloatStorage", key: str = "0") -> bytes:
    """The opcodes of a storage of so many numbers."""
    return (
        b"("
        + text("storage")
        + f"ctorch\n{kind}\n".encode()
        + text(key)
        + text("cpu")
        + number(count)
        + b"tQ"
    )


def tensor(offset: int, size: tuple[int, ...], stride: tuple[int, ...], storage: bytes) -> bytes:
    """The opcodes of a view of a storage, with these claims about it."""
    view = (number(offset), numbers(size), numbers(stride), b"\x89", b"}")
    return called("torch._utils", "_rebuild_tensor_v2", storage, *view)


def saved_storage(values: torch.Tensor) -> bytes:
    """What a pickled tensor carries within: its storage as a file of its own."""
    buffer = io.BytesIO()
    torch.save(
        values.untyped_storage() if values.dtype is torch.uint8 else values._typed_storage(),
        buffer,
        _use_new_zipfile_serialization=False,
    )
    return buffer.getvalue()
