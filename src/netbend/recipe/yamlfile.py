"""YAML from strangers: plain data only, within limits, with the position of every key and value.

Nothing is constructed by the YAML library: its tree of nodes is walked here, and whatever is
not a mapping, list, string, number, true, false or null is refused.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from netbend.errors import RecipeError
from netbend.limits import MAX_PROBLEM_TEXT, MAX_RECIPE_BYTES, MAX_YAML_DEPTH, MAX_YAML_DIGITS, MAX_YAML_NODES
from netbend.printable import shortened
from netbend.regular_file import read_regular

_HALVES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

KeyPath: TypeAlias = tuple[str | int, ...]
Position: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Source:
    """A file, and where in it each key and value stands (line and column, from 1)."""

    file: str
    folder: Path | None = None
    values: Mapping[KeyPath, Position] = field(default_factory=dict, repr=False)
    keys: Mapping[KeyPath, Position] = field(default_factory=dict, repr=False)

    def at(self, path: KeyPath, *, key: bool = False) -> str:
        """`file:line:column` of a value, or of its key; of what holds it where it is missing."""
        positions = self.keys if key else self.values
        while path and path not in positions:
            path, positions = path[:-1], self.values
        line, column = positions.get(path, (1, 1))
        return f"{self.file}:{line}:{column}"


def read_file(path: Path) -> str:
    """The text of a file of at most 1 MB. Raises RecipeError."""
    try:
        return read_regular(path, RecipeError, MAX_RECIPE_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def parse_yaml(text: str, file: str, folder: Path | None = None) -> tuple[Any, Source]:
    """Turn YAML 1.2 (or JSON) into plain data, and the positions in it. Raises RecipeError."""
    if len(text) > MAX_RECIPE_BYTES:
        raise RecipeError(f"{file}: {len(text)} characters; at most {MAX_RECIPE_BYTES} are read")
    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.Composer = _Composer
        root = yaml.compose(text)
    except RecipeError as error:
        raise RecipeError(f"{file}:{error}") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file}:{_place(mark)}" if mark else file
        problem = shortened(str(error.problem or error.context), MAX_PROBLEM_TEXT)
        raise RecipeError(f"{where}: not valid YAML: {_in_words(problem)}") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        raise RecipeError(
            f"{file}:{line}:{column}: not valid YAML: the character U+{ord(text[error.position]):04X}"
        ) from error
    except (KeyError, AssertionError) as error:
        raise RecipeError(
            f"{file}: not valid YAML: there is no such version of it; leave `%YAML` out"
        ) from error
    except (YAMLError, ValueError, OverflowError) as error:
        reason = _in_words(shortened(" ".join(str(error).split()), MAX_PROBLEM_TEXT))
        raise RecipeError(f"{file}: not valid YAML: {reason}") from error
    except RecursionError as error:
        raise RecipeError(f"{file}: nested deeper than {MAX_YAML_DEPTH} levels") from error
    if root is None:
        raise RecipeError(f"{file}: empty")
    walk = _Walk(file)
    data = walk.plain(root, ())
    return data, Source(file, folder, walk.values, walk.keys)


# How the parser calls what it meets, and what a reader of the message sees there.
_WORDS = {
    "'<stream end>'": "the end of the file",
    "('<stream end>',)": "the end of the file",
    "'<scalar>'": "a value",
    "'<block mapping start>'": "a key",
    "'<block sequence start>'": "a list",
    "'<document start>'": "`---`",
    "'<document end>'": "`...`",
    "the node content": "a value",
    "escape sequence of": "an escape of",
    "hexdecimal": "hexadecimal",
    "chr() arg not in range(0x110000)": "an escape that stands for no character",
    "Python int too large to convert to C int": "an escape that stands for no character",
    "but found another document": "another document begins here, of which one is read",
}
_INDENTED = "expected <block end>, but found"


def _in_words(problem: str) -> str:
    """What is wrong with YAML, as the parser has it, without its names for things."""
    for name, words in _WORDS.items():
        problem = problem.replace(name, words)
    if problem.startswith(_INDENTED):
        return f"{problem.removeprefix(_INDENTED).strip()} does not belong here; check the indentation"
    return problem


class _Composer(Composer):
    """Nodes within limits; an anchor may be set anew, as YAML allows, without a warning for each."""

    def __init__(self, loader: Any = None):
        super().__init__(loader=loader)
        self.warn_double_anchors = False
        self.nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.nodes += 1
        mark = self.parser.peek_event().start_mark
        if self.nodes > MAX_YAML_NODES:
            raise RecipeError(f"{_place(mark)}: more than {MAX_YAML_NODES} values")
        if self.depth > MAX_YAML_DEPTH:
            raise RecipeError(f"{_place(mark)}: nested deeper than {MAX_YAML_DEPTH} levels")
        return super().compose_node(parent, index)


def _place(mark: Any) -> str:
    return f"{mark.line + 1}:{mark.column + 1}"


class _Walk:
    """From nodes to plain data, counting."""

    def __init__(self, file: str):
        self.file = file
        self.nodes = 0
        self.values: dict[KeyPath, Position] = {}
        self.keys: dict[KeyPath, Position] = {}

    def plain(self, node: Node, path: KeyPath) -> Any:
        self.nodes += 1
        if self.nodes > MAX_YAML_NODES:
            raise self._error(node, f"more than {MAX_YAML_NODES} values, aliases included")
        if len(path) > MAX_YAML_DEPTH:
            raise self._error(node, f"nested deeper than {MAX_YAML_DEPTH} levels")
        self.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        tag = "seq" if isinstance(node, SequenceNode) else "map"
        if node.tag != f"tag:yaml.org,2002:{tag}":
            raise self._error(node, f"the tag {node.tag!s:.80} is not allowed; recipes are plain data")
        if not isinstance(node, MappingNode):
            return [self.plain(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str | int, Any]:
        data: dict[str | int, Any] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node) if isinstance(key_node, ScalarNode) else None
            if isinstance(key, bool) or not isinstance(key, str | int):
                raise self._error(key_node, "expected a word or a number as a key")
            if key in data:
                raise self._error(key_node, f"the key `{key!s:.80}` comes twice")
            self.keys[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            data[key] = self.plain(value_node, (*path, key))
        return data

    def _scalar(self, node: ScalarNode) -> str | int | float | bool | None:
        kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
        text: str = node.value
        try:
            match kind:
                case "str" | "timestamp":
                    self._check_text(node, text)
                    return text
                case "null":
                    return None
                case "bool":
                    return text.lower() == "true"
                case "int" if len(text) <= MAX_YAML_DIGITS:
                    return int(
                        text.replace("_", ""), 0 if text.lstrip("+-")[:2] in ("0x", "0o", "0b") else 10
                    )
                case "int":
                    raise self._error(node, "a number of too many digits")
                case "float":
                    return self._finite(node, text)
        except ValueError:
            return text
        if kind == "merge":
            raise self._error(node, "merge keys `<<` are not supported; repeat the items")
        raise self._error(node, f"the tag {node.tag!s:.80} is not allowed; recipes are plain data")

    def _check_text(self, node: Node, text: str) -> None:
        """Refuse what can be escaped in YAML, but is no text: it fits into no file, or no name of one."""
        if _HALVES.search(text):
            raise self._error(node, "half of a character (a surrogate); write the whole character")
        control = _CONTROLS.search(text)
        if control:
            raise self._error(node, f"the control character {control[0]!r} is not allowed")

    def _finite(self, node: ScalarNode, text: str) -> float:
        value = float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan").lower())
        if not math.isfinite(value):
            raise self._error(node, f"{text:.40}: NaN and infinity are not allowed")
        return value

    def _error(self, node: Node, message: str) -> RecipeError:
        return RecipeError(f"{self.file}:{_place(node.start_mark)}: {message}")
