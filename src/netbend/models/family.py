"""What a family of models is: it knows its files, and makes models of them.

A package registers its own by an entry point of the group `netbend.families`; see docs/models.md.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from netbend.errors import CheckpointError
from netbend.models.base import Model
from netbend.models.checkpoint import Checkpoint


class Report(Protocol):
    """What is found in a checkpoint; a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def reason(self) -> str | None:
        """Why it cannot be used, None if it can."""

    def lines(self) -> list[tuple[str, str]]:
        """Labels and values to show."""


class Family(ABC):
    """Models of one kind of network. `name` and `expects` may be plain attributes of the class."""

    @property
    @abstractmethod
    def name(self) -> str:
        """As messages call it."""

    @property
    @abstractmethod
    def expects(self) -> str:
        """What its files have, as in "expected tensors named as by my trainer"."""

    @abstractmethod
    def sniff(self, checkpoint: Checkpoint) -> bool:
        """Whether a file is one of its own, by its kind or the names of its tensors. Builds nothing."""

    @abstractmethod
    def load(self, checkpoint: Checkpoint) -> Model:
        """The model in a file that `sniff` accepted. Raises CheckpointError for what cannot be used."""

    def describe(self, checkpoint: Checkpoint) -> Report:
        """What is in a file that `sniff` accepted, also where it cannot be used."""
        try:
            model = self.load(checkpoint)
        except CheckpointError as error:
            return FamilyReport(checkpoint.file, self.name, reason=reason_of(error, checkpoint.file))
        weights = sum(tensor.numel() for tensor in model.network.state_dict().values())
        output = f"{model.output.what}, {model.output}"
        return FamilyReport(checkpoint.file, self.name, output, len(model.layers), weights)


@dataclass(frozen=True)
class FamilyReport:
    """What a family without a report of its own finds. reason: why it cannot be used, None if it can."""

    file: str
    family: str
    output: str | None = None
    layers: int | None = None
    parameters: int | None = None
    reason: str | None = None

    def lines(self) -> list[tuple[str, str]]:
        """Labels and values to show."""
        listed = [("file", self.file), ("family", self.family)]
        if self.output is not None:
            listed += [
                ("output", self.output),
                ("layers", f"{self.layers}"),
                ("weights", f"{self.parameters:,}"),
            ]
        return [*listed, ("verdict", verdict(self.reason))]


def reason_of(error: CheckpointError, file: str) -> str:
    """What an error says of a file, without the file's name."""
    return str(error).removeprefix(f"{file}: ")


def verdict(reason: str | None) -> str:
    """Whether a file can be used, in words."""
    return "can be used" if reason is None else f"cannot be used: {reason}"
