"""A file of weights as families are offered it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from torch import Tensor

from netbend.limits import MAX_LISTED_ENTRIES
from netbend.models.native import kind_of
from netbend.models.weights import ModuleState, WeightsFile, entries, parse_weights, read_content, shown


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds, read safely: nothing in it was executed, and no name in it imported.

    Attributes:
        file: As messages call it.
        name: Of the model that is made of it.
        hash: SHA-256 of the file, which names the model in records.
        weights: Its format, tree and header.
    """

    file: str
    name: str
    hash: str
    weights: WeightsFile

    @classmethod
    def read(cls, path: Path | str) -> "Checkpoint":
        """Read a file. Raises CheckpointError, or RefusedFile if it asks for anything but weights."""
        data = read_content(path)
        hash = hashlib.sha256(data).hexdigest()
        return cls(str(path), Path(path).name, hash, parse_weights(data, str(path)))

    @property
    def kind(self) -> str | None:
        """The kind of network in a file that netbend wrote, None for any other file."""
        return kind_of(self.weights)

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """All tensors by their paths, such as `state_dict.encoder.0.weight`."""
        return {entry.path: entry.tensor for entry in entries(self.weights.tree, {}, self.file)}

    @property
    def entries(self) -> tuple[str, ...]:
        """The names at the top of the file, as they are."""
        tree = self.weights.tree
        return tuple(map(str, islice(tree, MAX_LISTED_ENTRIES))) if isinstance(tree, dict) else ()

    def summary(self) -> str:
        """What is at the top of the file, as the end of a message."""
        tree = self.weights.tree
        if isinstance(tree, dict) and tree:
            more = f" and {len(tree) - 8} more" if len(tree) > 8 else ""
            return ", ".join(shown(name, 40) for name in self.entries[:8]) + more
        if isinstance(tree, ModuleState):
            return f"a `{shown(tree.class_name, 60)}`"
        return f"a {type(tree).__name__}"
