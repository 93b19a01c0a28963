"""The tensors of a file's tree by their paths, such as `state_dict.decoder.input.input`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from netbend.errors import RefusedFile
from netbend.limits import MAX_GENERATORS, MAX_MODULE_PATH, MAX_MODULES, MAX_TENSORS
from netbend.models.weights.revive import ModuleState


@dataclass(frozen=True)
class Entry:
    """A tensor at its path. container: path of the dictionary or network that it is directly in.

    top: the name at the top of the file below which it lies.
    """

    path: str
    tensor: Tensor
    container: str
    top: str


def entries(tree: Any, modules: dict[str, ModuleState], file: str) -> Iterator[Entry]:
    """All tensors; modules: gets the pickled networks that are met, by their paths."""
    pending: list[tuple[str, Any, str, str]] = [("", tree, "", "")]
    tensors = visited = 0
    while pending:
        path, node, container, top = pending.pop()
        visited += 1
        if isinstance(node, Tensor):
            tensors += 1
            yield Entry(path, node, container, top)
        elif isinstance(node, ModuleState):
            inside = container if container in modules else path
            if len(modules) >= MAX_MODULES * MAX_GENERATORS:
                raise RefusedFile(f"{file}: more modules than any network has; refused")
            modules[path] = node
            for kind in ("_parameters", "_buffers", "_modules"):
                held = node.attributes.get(kind)
                if isinstance(held, dict):
                    pending += _below(path, held, inside, top)
        elif isinstance(node, dict):
            pending += _below(path, node, path, top)
        elif isinstance(node, list) and len(node) <= MAX_GENERATORS:
            pending += _below(path, dict(enumerate(node)), path, top)
        if tensors > MAX_TENSORS or visited + len(pending) > 4 * MAX_TENSORS:
            raise RefusedFile(f"{file}: more entries than any file of weights has; refused")


def _below(
    path: str, held: Mapping[Any, Any], container: str, top: str
) -> Iterator[tuple[str, Any, str, str]]:
    for name, value in held.items():
        if isinstance(value, Tensor | ModuleState | dict | list) and len(str(name)) <= MAX_MODULE_PATH:
            below = f"{path}.{name}" if path else str(name)
            if len(below) <= 4 * MAX_MODULE_PATH:
                yield below, value, container, top or str(name)
