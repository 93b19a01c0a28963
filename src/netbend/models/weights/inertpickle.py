"""Pickles read as data: an interpreter of pickle's opcodes that calls nothing.

Where Python's unpickler would import a name, this one writes the name down; where it would
call it, it writes down the call. What comes out are records, which other code may look at.
No class is looked up, no function called, no attribute set on anything but our own records.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from netbend.errors import CheckpointError, RefusedFile
from netbend.limits import (
    MAX_PICKLE_BITS,
    MAX_PICKLE_KEY_BITS,
    MAX_PICKLE_MEMO,
    MAX_PICKLE_OPCODES,
    MAX_SHOWN_TEXT,
)
from netbend.models.weights.names import is_allowed, remedy, shown


@dataclass(frozen=True)
class Global:
    """A name that the pickle asks for: never imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class PersistentId:
    """A reference to something stored outside the pickle: a tensor's storage."""

    value: Any


@dataclass(eq=False)
class Call:
    """What the pickle would have had called, and then done to the result."""

    function: Global
    args: Any
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    appended: list[Any] = field(default_factory=list)


class _Mark:
    pass


_MARK = _Mark()


def read_pickle(stream: BinaryIO, file: str, allowed: Callable[[str], bool] = is_allowed) -> Any:
    """Read one pickle from a stream and leave the stream behind it.

    allowed: whether a name, as `module.name`, may appear in it.
    Raises RefusedFile for any other name, and for what would exhaust the machine; CheckpointError
    or whatever pickletools' decoders raise for a damaged pickle.
    """
    return _Interpreter(allowed, file).run(stream)


def no_name(_: str) -> bool:
    """For pickles of plain data."""
    return False


class _Interpreter:
    def __init__(self, allowed: Callable[[str], bool], file: str):
        self.allowed = allowed
        self.file = file
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, stream: BinaryIO) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count > MAX_PICKLE_OPCODES:
                raise RefusedFile(f"{self.file}: more than {MAX_PICKLE_OPCODES} pickle operations; refused")
            if opcode.name == "STOP":
                return self._pop()
            if opcode.name in _LITERALS:
                self.stack.append(self._literal(argument))
            else:
                operation = _OPERATIONS.get(opcode.name)
                if operation is None:
                    raise RefusedFile(f"{self.file}: the pickle operation {opcode.name} is not read; refused")
                operation(self, argument)
        raise CheckpointError(f"{self.file}: the pickle does not end")

    def _literal(self, value: Any) -> Any:
        """Hashing, multiplying or printing numbers of megabytes would take hours."""
        if isinstance(value, int) and value.bit_length() > MAX_PICKLE_BITS:
            raise RefusedFile(f"{self.file}: a whole number of {value.bit_length()} bits; refused")
        return value

    def _pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise CheckpointError(f"{self.file}: damaged pickle, its stack is empty")
        return self.stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while True:
            if not self.stack:
                raise CheckpointError(f"{self.file}: damaged pickle, a mark is missing")
            item = self.stack.pop()
            if item is _MARK:
                return items[::-1]
            items.append(item)

    def _top(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise CheckpointError(f"{self.file}: damaged pickle, its stack is empty")
        return self.stack[-1]

    def _named(self, module: Any, name: Any) -> Global:
        if not isinstance(module, str) or not isinstance(name, str):
            raise RefusedFile(f"{self.file}: asks for something by a {type(name).__name__}; refused")
        wanted = f"{module[:MAX_SHOWN_TEXT]}.{name[:MAX_SHOWN_TEXT]}"
        if len(wanted) > MAX_SHOWN_TEXT or not self.allowed(wanted):
            raise RefusedFile(
                f"{self.file}: asks for `{shown(wanted)}`; refused, nothing was run ({remedy(wanted)})"
            )
        return Global(module, name)

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise CheckpointError(f"{self.file}: damaged pickle, it refers to something it does not hold")
        self.stack.append(self.memo[index])

    def put(self, index: int) -> None:
        if not 0 <= index <= MAX_PICKLE_MEMO:
            raise RefusedFile(f"{self.file}: damaged pickle, it remembers something as number {index}")
        self.memo[index] = self._top()

    def stack_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        self.stack.append(self._named(module, name))

    def call(self, _: Any) -> None:
        args, function = self._pop(), self._pop()
        self.stack.append(self._called(function, args))

    def call_with_keywords(self, _: Any) -> None:
        keywords, args, function = self._pop(), self._pop(), self._pop()
        self.stack.append(self._called(function, (args, keywords)))

    def _called(self, function: Any, args: Any) -> Call:
        if not isinstance(function, Global):
            raise RefusedFile(f"{self.file}: calls something that is not a name; refused, nothing was run")
        if not isinstance(args, tuple):
            raise RefusedFile(f"{self.file}: calls `{function}` with a {type(args).__name__}; refused")
        return Call(function, args)

    def build(self, _: Any) -> None:
        state, target = self._pop(), self._top()
        if not isinstance(target, Call):
            raise RefusedFile(f"{self.file}: sets the state of a {type(target).__name__}; refused")
        target.state = state

    def append(self, items: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Call):
            target.appended.extend(items)
        elif isinstance(target, list):
            target.extend(items)
        else:
            raise CheckpointError(f"{self.file}: damaged pickle, it appends to a {type(target).__name__}")

    def set_items(self, flat: list[Any]) -> None:
        target = self._top()
        mapping = target.items if isinstance(target, Call) else target
        if not isinstance(mapping, dict) or len(flat) % 2:
            raise CheckpointError(f"{self.file}: damaged pickle, it sets items of a {type(target).__name__}")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            mapping[self.plain(key)] = value

    def plain(self, key: Any) -> Any:
        """Only flat keys: hashing a tuple nested a million deep would overflow Python's own stack.

        Only short ones: numbers of more bits than a hash has could all have the same.
        """
        if isinstance(key, int) and key.bit_length() > MAX_PICKLE_KEY_BITS:
            raise RefusedFile(f"{self.file}: a whole number of {key.bit_length()} bits as a key; refused")
        if key is None or isinstance(key, str | int | float | bytes):
            return key
        if isinstance(key, Global):  # training frameworks keep the state of their parts by class
            return str(key)
        raise RefusedFile(f"{self.file}: a {type(key).__name__} as a key; refused")

    def add_to_set(self, _: Any) -> None:
        items, target = self._pop_to_mark(), self._top()
        if not isinstance(target, set):
            raise CheckpointError(f"{self.file}: damaged pickle, it adds to a {type(target).__name__}")
        target.update(self.plain(item) for item in items)

    def from_global_text(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(self._named(module, name))


def _push(make: Callable[[_Interpreter], Any]) -> Callable[[_Interpreter, Any], None]:
    return lambda machine, _: machine.stack.append(make(machine))


def _dict_of(machine: _Interpreter) -> dict[Any, Any]:
    flat = machine._pop_to_mark()
    return {machine.plain(key): value for key, value in zip(flat[::2], flat[1::2], strict=True)}


# fmt: off
_LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}
# fmt: on

_OPERATIONS: dict[str, Callable[[_Interpreter, Any], Any]] = {
    "PROTO": lambda _machine, _: None,
    "FRAME": lambda _machine, _: None,
    "NONE": _push(lambda _: None),
    "NEWTRUE": _push(lambda _: True),
    "NEWFALSE": _push(lambda _: False),
    "MARK": _push(lambda _: _MARK),
    "EMPTY_LIST": _push(lambda _: []),
    "EMPTY_TUPLE": _push(lambda _: ()),
    "EMPTY_DICT": _push(lambda _: {}),
    "EMPTY_SET": _push(lambda _: set()),
    "LIST": _push(lambda machine: machine._pop_to_mark()),
    "TUPLE": _push(lambda machine: tuple(machine._pop_to_mark())),
    "DICT": _push(_dict_of),
    "FROZENSET": _push(lambda machine: frozenset(map(machine.plain, machine._pop_to_mark()))),
    "TUPLE1": _push(lambda machine: (machine._pop(),)),
    "TUPLE2": _push(lambda machine: (machine._pop(), machine._pop())[::-1]),
    "TUPLE3": _push(lambda machine: (machine._pop(), machine._pop(), machine._pop())[::-1]),
    "POP": lambda machine, _: machine.stack.pop(),
    "POP_MARK": lambda machine, _: machine._pop_to_mark(),
    "DUP": _push(lambda machine: machine._top()),
    "APPEND": lambda machine, _: machine.append([machine._pop()]),
    "APPENDS": lambda machine, _: machine.append(machine._pop_to_mark()),
    "SETITEM": lambda machine, _: machine.set_items([machine._pop(), machine._pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.set_items(machine._pop_to_mark()),
    "ADDITEMS": _Interpreter.add_to_set,
    "GET": _Interpreter.get,
    "BINGET": _Interpreter.get,
    "LONG_BINGET": _Interpreter.get,
    "PUT": _Interpreter.put,
    "BINPUT": _Interpreter.put,
    "LONG_BINPUT": _Interpreter.put,
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memo)),
    "GLOBAL": _Interpreter.from_global_text,
    "STACK_GLOBAL": _Interpreter.stack_global,
    "REDUCE": _Interpreter.call,
    "NEWOBJ": _Interpreter.call,
    "NEWOBJ_EX": _Interpreter.call_with_keywords,
    "BUILD": _Interpreter.build,
    "BINPERSID": _push(lambda machine: PersistentId(machine._pop())),
}
