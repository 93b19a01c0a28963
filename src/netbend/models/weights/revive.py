"""From the records of an inert pickle to plain trees of dicts, lists, numbers and tensors."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from netbend.errors import CheckpointError, RefusedFile
from netbend.limits import (
    MAX_TENSOR_DIMENSIONS,
    MAX_TENSOR_NUMBERS,
    MAX_TENSOR_SLACK_BYTES,
    MAX_TENSORS,
    MAX_TREE_DEPTH,
    MAX_TREE_ENTRIES,
)
from netbend.models.weights import arrays
from netbend.models.weights.inertpickle import Call, Global, PersistentId
from netbend.models.weights.names import (
    ENCODE,
    LOAD_FROM_BYTES,
    MODULE_CLASS,
    NUMPY_ARRAY,
    NUMPY_BUFFER,
    NUMPY_DTYPE,
    NUMPY_SCALAR,
    PAIRS,
    PERSISTENT_OBJECT,
    REBUILD_PARAMETER,
    REBUILD_SUBCLASS,
    REBUILD_TENSOR,
    RECORD,
    SETS,
)


@dataclass(frozen=True)
class Storage:
    """The numbers that tensors are views of, `(length,)`."""

    flat: Tensor


@dataclass(frozen=True)
class ModuleState:
    """A pickled network or part of one: its class by name, its attributes; never its code."""

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
        self.bytes_left = 4 * file_size + MAX_TENSOR_SLACK_BYTES
        self.entries_left = MAX_TREE_ENTRIES
        self.tensors_left = MAX_TENSORS
        self.nested: dict[int, Storage] = {}
        self.encoded: dict[int, bytes] = {}
        self.done: dict[int, Any] = {}
        self.kept: list[Any] = []  # keeps ids in `done` from being used again
        self.open: set[int] = set()

    def revive(self, node: Any, depth: int = 0) -> Any:
        if depth > MAX_TREE_DEPTH:
            raise RefusedFile(f"{self.file}: nested deeper than {MAX_TREE_DEPTH} levels; refused")
        if node is None or isinstance(node, _FINISHED):
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

    def _spend_bytes(self, count: int) -> None:
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise RefusedFile(f"{self.file}: its tensors unpack to far more than the file; refused")

    def _spend_tensor(self, byte_count: int) -> None:
        self._spend_bytes(byte_count)
        self.tensors_left -= 1
        if self.tensors_left < 0:
            raise RefusedFile(f"{self.file}: more than {MAX_TENSORS} tensors; refused")

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
        if name in PAIRS:
            return self._pairs(call, depth) | self.revive(call.items, depth)
        if RECORD.fullmatch(name):
            return self._record(call, name, depth)
        if PERSISTENT_OBJECT.fullmatch(name):
            return self._persistent_module(call, depth)
        if MODULE_CLASS.fullmatch(name):
            return self._plain_module(call, depth)
        args = self.revive(call.args, depth)
        if name in SETS:
            return args[0] if args else []
        if name == ENCODE:
            return self._bytes(args)
        if name in NUMPY_ARRAY or name in NUMPY_BUFFER or name in NUMPY_SCALAR or name == NUMPY_DTYPE:
            return self._of_numpy(name, args, self.revive(call.state, depth))
        if name in REBUILD_TENSOR or name in REBUILD_PARAMETER or name in (REBUILD_SUBCLASS, LOAD_FROM_BYTES):
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
        self._once_encoded(args[0])
        return self.encoded[id(args[0])]

    def _once_encoded(self, text: str) -> None:
        """However often a file refers to the same text, it becomes bytes once."""
        if id(text) not in self.encoded:
            self._spend_bytes(len(text))
            self.kept.append(text)
            self.encoded[id(text)] = text.encode("latin1")

    def _record(self, call: Call, name: str, depth: int) -> Any:
        """Options and the like: a mapping where they are one, of items or of attributes."""
        if call.items:
            return self.revive(call.items, depth)
        state = self.revive(call.state, depth)
        return state if isinstance(state, dict) and state else Unread(name)

    def _plain_module(self, call: Call, depth: int) -> Any:
        """A network as Python pickles any object: a class, and the attributes of its object."""
        state = self.revive(call.state, depth)
        return (
            ModuleState(call.function.name, state) if isinstance(state, dict) else Unread(str(call.function))
        )

    def _of_numpy(self, name: str, args: list[Any], state: Any) -> Any:
        if name == NUMPY_DTYPE:
            return arrays.number_type(args, state) or Unread(name)
        if name in NUMPY_SCALAR:
            value = arrays.number(args)
            return Unread(name) if value is None else value
        match (args, state):
            case ([raw, kind, shape, order, *_], _) if name in NUMPY_BUFFER:
                columns_first = order == "F"
            case (_, [_, _, _, _, list() as objects]) if name in NUMPY_ARRAY:
                return objects[0] if len(objects) == 1 else objects
            case (_, [_, shape, kind, columns_first, raw]) if name in NUMPY_ARRAY:
                pass
            case _:
                return Unread(name)
        if isinstance(raw, bytes | bytearray | str):
            self._spend_tensor(8 * len(raw))  # small whole numbers become large ones
        made = arrays.array(kind, shape, raw, bool(columns_first))
        return Unread(name) if made is None else made

    def _persistent_module(self, call: Call, depth: int) -> ModuleState:
        args = self.revive(call.args, depth)
        meta = args[0] if args and isinstance(args[0], dict) else {}
        state, class_name = meta.get("state"), meta.get("class_name")
        if not isinstance(state, dict) or not isinstance(class_name, str):
            raise CheckpointError(f"{self.file}: a module without state or class name")
        return ModuleState(class_name, state)

    def _tensor(self, name: str, args: list[Any]) -> Any:
        if name in REBUILD_PARAMETER and args and isinstance(args[0], Tensor):
            return args[0]
        if name == REBUILD_SUBCLASS:
            return self._subclass(args)
        if name == LOAD_FROM_BYTES and self.load_bytes is not None and args and isinstance(args[0], bytes):
            return self._load_once(self.load_bytes, args[0])
        if name in REBUILD_TENSOR and len(args) >= 4 and isinstance(args[0], Storage):
            return self._view(args[0].flat, args[1], args[2], args[3])
        raise RefusedFile(f"{self.file}: `{name}` with arguments that no weights have; refused")

    def _subclass(self, args: list[Any]) -> Any:
        """A tensor with attributes: which function would rebuild it, its class, and what it is made of."""
        match args:
            case [Unread(function), _, [*parts], *_] if function in REBUILD_TENSOR | REBUILD_PARAMETER:
                return self._tensor(function, parts)
        raise RefusedFile(f"{self.file}: `{REBUILD_SUBCLASS}` with arguments that no weights have; refused")

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
            self._spend_tensor(0)
            return flat.new_empty(size)
        last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
        if last >= len(flat) or count > len(flat) or count == 0:
            raise RefusedFile(
                f"{self.file}: a tensor of {tuple(size)} numbers reaches beyond its {len(flat)}; refused"
            )
        self._spend_tensor(count * flat.element_size())
        return torch.as_strided(flat, size, stride, offset)


_FINISHED = str | bytes | bytearray | int | float | Tensor | Storage | arrays.NumberType


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)
