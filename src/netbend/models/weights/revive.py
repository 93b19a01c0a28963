"""From the records of an inert pickle to plain trees of dicts, lists, numbers and tensors."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from netbend.errors import CheckpointError, RefusedFile
from netbend.limits import MAX_TENSOR_DIMENSIONS, MAX_TENSOR_NUMBERS, MAX_TREE_DEPTH, MAX_TREE_ENTRIES
from netbend.models.weights.inertpickle import Call, Global, PersistentId
from netbend.models.weights.names import (
    ENCODE,
    LOAD_FROM_BYTES,
    MAPPINGS,
    NAMESPACE,
    PERSISTENT_OBJECT,
    REBUILD_PARAMETER,
    REBUILD_TENSOR,
    SETS,
)

SLACK_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Storage:
    """The numbers that tensors are views of, `(length,)`."""

    flat: Tensor


@dataclass(frozen=True)
class ModuleState:
    """A pickled module of a StyleGAN2 file: its class by name, its attributes; never its code."""

    class_name: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Unread:
    """Something in the file that weights do not need, by the name it asked for."""

    name: str


class Reviver:
    """Turns records into a plain tree, each record once; tensors are views within their storage.

    storage_of: gives the storage of a persistent id.
    load_bytes: reads a storage that was pickled as the bytes of a file of its own.
    """

    def __init__(
        self,
        file: str,
        file_size: int,
        storage_of: Callable[[Any], Storage] | None = None,
        load_bytes: Callable[[bytes], Storage] | None = None,
    ):
        self.file = file
        self.storage_of = storage_of
        self.load_bytes = load_bytes
        # Views may overlap, and entries be shared, but not to many times what the file holds.
        self.bytes_left = 4 * file_size + SLACK_BYTES
        self.entries_left = MAX_TREE_ENTRIES
        self.nested: dict[int, Storage] = {}
        self.done: dict[int, Any] = {}
        self.kept: list[Any] = []  # keeps ids in `done` from being used again
        self.open: set[int] = set()

    def revive(self, node: Any, depth: int = 0) -> Any:
        if depth > MAX_TREE_DEPTH:
            raise RefusedFile(f"{self.file}: nested deeper than {MAX_TREE_DEPTH} levels; refused")
        if node is None or isinstance(node, str | bytes | int | float | Tensor | Storage):
            return node
        if id(node) in self.done:
            return self.done[id(node)]
        if id(node) in self.open:
            raise RefusedFile(f"{self.file}: an object that holds itself; refused")
        self.open.add(id(node))
        result = self._revive(node, depth + 1)
        self.open.discard(id(node))
        self.done[id(node)] = result
        self.kept.append(node)
        return result

    def _spend(self, entries: int) -> None:
        self.entries_left -= entries
        if self.entries_left < 0:
            raise RefusedFile(f"{self.file}: unpacks to more than {MAX_TREE_ENTRIES} entries; refused")

    def _revive(self, node: Any, depth: int) -> Any:
        if isinstance(node, dict | list | tuple | set | frozenset):
            self._spend(len(node))
        if isinstance(node, dict):
            return {key: self.revive(value, depth) for key, value in node.items()}
        if isinstance(node, list | tuple | set | frozenset):
            return [self.revive(value, depth) for value in node]
        if isinstance(node, PersistentId):
            if self.storage_of is None:
                raise RefusedFile(f"{self.file}: refers to something outside itself; refused")
            return self.storage_of(node.value)
        if isinstance(node, Global):
            return Unread(str(node))
        if isinstance(node, Call):
            return self._revive_call(node, depth)
        raise RefusedFile(f"{self.file}: a {type(node).__name__} where weights were expected; refused")

    def _revive_call(self, call: Call, depth: int) -> Any:
        name = str(call.function)
        if name in MAPPINGS:
            return self._pairs(call, depth) | self.revive(call.items, depth)
        if name == NAMESPACE:
            return self.revive(call.state, depth)
        if name in SETS:
            return self.revive(call.args, depth)
        if name == ENCODE:
            return self._bytes(self.revive(call.args, depth))
        if name == PERSISTENT_OBJECT:
            return self._module(call, depth)
        if name in (REBUILD_TENSOR, REBUILD_PARAMETER, LOAD_FROM_BYTES):
            args = self.revive(call.args, depth)
            return self._tensor(name, args)
        return Unread(name)

    def _pairs(self, call: Call, depth: int) -> dict[Any, Any]:
        """Older files give OrderedDict its items as a list of pairs."""
        args = self.revive(call.args, depth)
        pairs = args[0] if args else []
        if not isinstance(pairs, dict | list):
            raise CheckpointError(f"{self.file}: damaged, a mapping without pairs")
        self._spend(len(pairs))
        if isinstance(pairs, list) and not all(map(_is_pair, pairs)):
            raise CheckpointError(f"{self.file}: damaged, a mapping without pairs")
        return dict(pairs)

    def _bytes(self, args: list[Any]) -> bytes:
        """Pickles of protocol 2 hold bytes as the text of their codes."""
        if len(args) != 2 or not isinstance(args[0], str) or args[1] != "latin1":
            raise RefusedFile(f"{self.file}: `{ENCODE}` with arguments that no weights have; refused")
        return args[0].encode("latin1")

    def _module(self, call: Call, depth: int) -> ModuleState:
        args = self.revive(call.args, depth)
        meta = args[0] if args and isinstance(args[0], dict) else {}
        state, class_name = meta.get("state"), meta.get("class_name")
        if not isinstance(state, dict) or not isinstance(class_name, str):
            raise CheckpointError(f"{self.file}: a module without state or class name")
        return ModuleState(class_name, state)

    def _tensor(self, name: str, args: list[Any]) -> Any:
        if name == REBUILD_PARAMETER and args and isinstance(args[0], Tensor):
            return args[0]
        if name == LOAD_FROM_BYTES and self.load_bytes is not None and args and isinstance(args[0], bytes):
            return self._load_once(self.load_bytes, args[0])
        if name == REBUILD_TENSOR and len(args) >= 4 and isinstance(args[0], Storage):
            return self._view(args[0].flat, args[1], args[2], args[3])
        raise RefusedFile(f"{self.file}: `{name}` with arguments that no weights have; refused")

    def _load_once(self, load_bytes: Callable[[bytes], Storage], data: bytes) -> Storage:
        """However often a file refers to the same bytes, they are unpacked once."""
        if id(data) not in self.nested:
            self.kept.append(data)
            self.nested[id(data)] = load_bytes(data)
        return self.nested[id(data)]

    def _view(self, flat: Tensor, offset: Any, size: Any, stride: Any) -> Tensor:
        """A view, once it is sure that it lies within its storage and holds no more numbers than that."""
        numbers = [offset, *size, *stride] if isinstance(size, list) and isinstance(stride, list) else [None]
        if not all(type(number) is int and 0 <= number < MAX_TENSOR_NUMBERS for number in numbers):
            raise RefusedFile(f"{self.file}: a tensor of an impossible shape; refused")
        if len(size) != len(stride) or len(size) > MAX_TENSOR_DIMENSIONS:
            raise RefusedFile(f"{self.file}: a tensor of {len(size)} dimensions; refused")
        count = prod(size)
        if count == 0 and prod(filter(None, size)) < MAX_TENSOR_NUMBERS:
            return flat.new_empty(size)
        last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
        if last >= len(flat) or count > len(flat) or count == 0:
            raise RefusedFile(
                f"{self.file}: a tensor of shape {tuple(size)} reaches beyond its {len(flat)} numbers; "
                f"refused"
            )
        self.bytes_left -= count * flat.element_size()
        if self.bytes_left < 0:
            raise RefusedFile(f"{self.file}: its tensors unpack to far more than the file; refused")
        return torch.as_strided(flat, size, stride, offset)


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)
