"""What torch.save writes - a zip, or the older stream of pickles - as plain trees of tensors."""

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from netbend.errors import CheckpointError, NetbendError, RefusedFile
from netbend.limits import MAX_ZIP_ENTRIES
from netbend.models.weights.inertpickle import Call, Global, PersistentId, no_name, read_pickle
from netbend.models.weights.names import DTYPE_OF_STORAGE, shown
from netbend.models.weights.revive import Reviver, Storage

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
ENTRY_IN_DIRECTORY = b"PK\x01\x02"
PROGRAMS = {
    "/constants.pkl": "a TorchScript archive",
    "/model.json": "an archive of torch.export",
    "/archive_format": "an archive of torch.export",
    "/.data/extern_modules": "an archive of torch.package",
}


def read_torch_zip(data: bytes, file: str) -> Any:
    """The tree in a zip that torch.save wrote (torch 1.6 and later).

    Raises CheckpointError, RefusedFile, or what Python's zipfile raises for a damaged zip.
    """
    archive = open_zip(data, file, CheckpointError)
    entries = _checked_entries(archive, len(data), file)
    pickles = [name for name in entries if f"/{name}".endswith("/data.pkl")]
    if len(pickles) != 1:
        raise CheckpointError(
            f"{file}: a zip, but not one that torch.save wrote (no data.pkl in it); unpack it, and name the "
            f"checkpoint within"
        )
    root = pickles[0].removesuffix("data.pkl")
    if f"{root}byteorder" in entries and archive.read(f"{root}byteorder") != b"little":
        raise CheckpointError(f"{file}: written on a big-endian machine; save it again on a usual one")
    raw = read_pickle(io.BytesIO(archive.read(pickles[0])), file)

    def fetch(key: str, dtype: torch.dtype, count: int) -> Storage:
        if f"{root}data/{key}" not in entries:
            raise CheckpointError(f"{file}: truncated, its storage {shown(key, 40)} is missing")
        return _storage(archive.read(f"{root}data/{key}"), dtype, count, file)

    return Reviver(file, len(data), _Storages(fetch, file)).revive(raw)


def open_zip(data: bytes, file: str, kind: type[NetbendError]) -> zipfile.ZipFile:
    """A zip, once it is sure that its directory is not too long to be kept.

    kind: of error for one that is. Raises what Python's zipfile raises for a damaged zip.
    """
    if data.count(ENTRY_IN_DIRECTORY) > MAX_ZIP_ENTRIES:
        raise kind(f"{file}: more than {MAX_ZIP_ENTRIES} entries in the zip; refused")
    return zipfile.ZipFile(io.BytesIO(data))


def _checked_entries(archive: zipfile.ZipFile, size: int, file: str) -> set[str]:
    """torch.save stores without compression; an entry that is packed is a bomb, not weights."""
    infos = archive.infolist()
    names = {info.filename for info in infos}
    for ending, what in PROGRAMS.items():
        if any(f"/{name}".endswith(ending) for name in names):
            raise RefusedFile(f"{file}: {what}, which is a program; save the network's state_dict instead")
    if names and all(name.endswith(".npy") for name in names):
        raise CheckpointError(
            f"{file}: not a checkpoint, but arrays of numpy (.npz); if it holds latents, `--latents` takes "
            f"it, directions `netbend directions --of`"
        )
    if len(names) < len(infos):
        raise RefusedFile(f"{file}: repeated entries in the zip; refused")
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
        raise RefusedFile(f"{file}: compressed entries, which torch.save never writes; refused")
    if sum(info.file_size for info in infos) > size:
        raise RefusedFile(f"{file}: its entries claim more bytes than the file has; refused")
    return names


def is_legacy_torch(data: bytes) -> bool:
    """Whether the file starts with the pickled magic number of torch before 1.6."""
    return LEGACY_MAGIC.to_bytes(10, "little") in data[:20]


def read_legacy_torch(data: bytes, file: str) -> Any:
    """The tree in a stream of pickles that torch.save wrote before 1.6.

    Four pickles - magic number, protocol, system, the object - then the list of storage keys,
    then each storage: its length as int64, and its bytes.
    Raises CheckpointError, RefusedFile, or what pickletools raises for a damaged pickle.
    """
    stream = io.BytesIO(data)
    magic, protocol, system = (read_pickle(stream, file, no_name) for _ in range(3))
    if magic != LEGACY_MAGIC or protocol != LEGACY_PROTOCOL:
        raise CheckpointError(f"{file}: not a file of torch.save (magic number or protocol)")
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise CheckpointError(f"{file}: written on a big-endian machine; save it again on a usual one")
    raw = read_pickle(stream, file)
    keys = read_pickle(stream, file, no_name)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise CheckpointError(f"{file}: damaged, no list of storages")
    dtypes = _storage_dtypes(raw, file)
    stored: dict[str, Storage] = {}
    for key in keys:
        header = stream.read(8)
        dtype = dtypes.get(key)
        if len(header) < 8 or dtype is None:
            raise CheckpointError(f"{file}: truncated before storage {shown(key, 40)}")
        (count,) = struct.unpack("<q", header)
        if not 0 <= count * dtype.itemsize <= len(data) - stream.tell():
            raise CheckpointError(f"{file}: truncated, storage {shown(key, 40)} wants {count} numbers")
        stored[key] = _storage(stream.read(count * dtype.itemsize), dtype, count, file)

    def fetch(key: str, dtype: torch.dtype, count: int) -> Storage:
        storage = stored.get(key)
        if storage is None or storage.flat.dtype != dtype or len(storage.flat) < count:
            raise CheckpointError(f"{file}: storage {shown(key, 40)} is missing or of another size")
        return storage

    return Reviver(file, len(data), _Storages(fetch, file)).revive(raw)


def _storage_dtypes(raw: Any, file: str) -> dict[str, torch.dtype]:
    """The type of every storage that an object refers to, found without recursion."""
    dtypes: dict[str, torch.dtype] = {}
    pending, seen = [raw], set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, PersistentId):
            key, dtype, _ = parse_storage_id(node.value, file)
            dtypes[key] = dtype
        elif isinstance(node, Call):
            pending += [node.args, node.state, *node.items.values(), *node.appended]
        elif isinstance(node, dict):
            pending += node.values()
        elif isinstance(node, list | tuple):
            pending += node
    return dtypes


def parse_storage_id(value: Any, file: str) -> tuple[str, torch.dtype, int]:
    """Key, type and length out of ("storage", type, key, location, length).

    Older files add None, or a part of a larger storage, which nothing since torch 0.4 writes.
    """
    match value:
        case ("storage", Global() as kind, str() as key, _, int() as count, *rest) if rest in ([], [None]):
            dtype = DTYPE_OF_STORAGE.get(kind.name)
            if dtype is not None and count >= 0:
                return key, dtype, count
    raise RefusedFile(f"{file}: a storage of an unknown kind; refused")


class _Storages:
    """Persistent ids to storages, each read once."""

    def __init__(self, fetch: Callable[[str, torch.dtype, int], Storage], file: str):
        self.fetch = fetch
        self.file = file
        self.cache: dict[str, Storage] = {}

    def __call__(self, value: Any) -> Storage:
        key, dtype, count = parse_storage_id(value, self.file)
        if key not in self.cache:
            self.cache[key] = self.fetch(key, dtype, count)
        return self.cache[key]


def _storage(data: bytes, dtype: torch.dtype, count: int, file: str) -> Storage:
    if len(data) < count * dtype.itemsize:
        raise CheckpointError(f"{file}: truncated, a storage of {count} numbers has {len(data)} bytes")
    if count == 0:
        return Storage(torch.empty(0, dtype=dtype))
    flat: Tensor = torch.frombuffer(bytearray(data), dtype=dtype, count=count)
    return Storage(flat)
