"""From the records of an inert pickle to plain trees of dicts, lists, numbers and tensors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from netbend.errors import CheckpointError, RefusedFile
from netbend.models.weights.inertpickle import Call, Global, PersistentId
from netbend.models.weights.names import (
    LOAD_FROM_BYTES,
    MAPPINGS,
    NAMESPACE,
    PERSISTENT_OBJECT,
    REBUILD_PARAMETER,
    REBUILD_TENSOR,
    SETS,
)

MOST_DEPTH = 100
MOST_DIMENSIONS = 8
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
    """Turns records into a plain tree, each record once; tensors are bounds-checked copies.

    storage_of: gives the storage of a persistent id.
    load_bytes: reads a storage that was pickled as the bytes of a file of its own.
    """

    def __init__(
        self,
        file: str,
        file_size: int,
        storage_of: Callable[[Any], Storage] | None = None,
        load_bytes: Callable[[bytes], Any] | None = None,
    ):
        self.file = file
        self.storage_of = storage_of
        self.load_bytes = load_bytes
        # Views may overlap, but copies of all of them cannot sensibly exceed the file many times.
        self.bytes_left = 4 * file_size + SLACK_BYTES
        self.done: dict[int, Any] = {}
        self.kept: list[Any] = []  # keeps ids in `done` from being used again
        self.open: set[int] = set()

    def revive(self, node: Any, depth: int = 0) -> Any:
        if depth > MOST_DEPTH:
            raise RefusedFile(f"{self.file}: nested deeper than {MOST_DEPTH} levels; refused")
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

    def _revive(self, node: Any, depth: int) -> Any:
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
            pairs = self._pairs(call, depth)
            state = self.revive(call.state, depth)
            extra = state if isinstance(state, dict) and name != "collections.OrderedDict" else {}
            return {**pairs, **{key: self.revive(v, depth) for key, v in call.items.items()}, **extra}
        if name == NAMESPACE:
            return self.revive(call.state, depth)
        if name in SETS:
            return self.revive(list(call.args), depth)
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
        if isinstance(pairs, dict):
            return pairs
        if not all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs):
            raise CheckpointError(f"{self.file}: damaged, a mapping without pairs")
        return dict(pairs)

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
            return self.load_bytes(args[0])
        if name == REBUILD_TENSOR and len(args) >= 4 and isinstance(args[0], Storage):
            return self._view(args[0].flat, args[1], args[2], args[3])
        raise RefusedFile(f"{self.file}: `{name}` with arguments that no weights have; refused")

    def _view(self, flat: Tensor, offset: Any, size: Any, stride: Any) -> Tensor:
        """A copy of a view, once it is sure that the view lies within its storage."""
        numbers = [offset, *size, *stride] if isinstance(size, list) and isinstance(stride, list) else [None]
        if not all(type(number) is int and number >= 0 for number in numbers) or len(size) != len(stride):
            raise RefusedFile(f"{self.file}: a tensor whose shape is not made of whole numbers; refused")
        if len(size) > MOST_DIMENSIONS:
            raise RefusedFile(f"{self.file}: a tensor of {len(size)} dimensions; refused")
        count = 1
        for length in size:
            count *= length
        last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
        if count and (last >= len(flat) or count > len(flat)):
            raise RefusedFile(
                f"{self.file}: a tensor of shape {tuple(size)!s:.80} reaches beyond "
                f"its {len(flat)} numbers; refused"
            )
        self.bytes_left -= count * flat.element_size()
        if self.bytes_left < 0:
            raise RefusedFile(f"{self.file}: its tensors unpack to far more than the file; refused")
        return torch.as_strided(flat, size, stride, offset).clone() if count else flat.new_empty(size)
