"""The families that there are, and which of them a file belongs to.

Each is asked in turn: netbend's own first, then those of other packages in the order of their names. Nothing
in a file decides what is imported.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar, cast

from netbend.errors import CheckpointError, RefusedFile
from netbend.models.base import Model
from netbend.models.checkpoint import Checkpoint
from netbend.models.family import Family, Report, reason_of, verdict
from netbend.models.other_networks import other_network
from netbend.models.stored import StoredFamily
from netbend.models.weights import shown

GROUP = "netbend.families"
# Entry points of netbend's package, too; named here, they are found where it is run without being installed.
OURS = {
    name: EntryPoint(name, f"netbend.models.{name}:FAMILY", GROUP)
    for name in ("stylegan2", "mobilestylegan", "dcgan", "spectrogram_vae")
}
Answer = TypeVar("Answer")


class BrokenFamily(CheckpointError):
    """A family that raised what it should not."""


class UnusableFile(CheckpointError):
    """A file that a family describes, but cannot use."""

    def __init__(self, report: Report):
        super().__init__(str(report.reason))
        self.report = report


def our_family(name: str) -> StoredFamily:
    """One of netbend's own families, by its name."""
    return cast(StoredFamily, OURS[name].load())


def load_by_family(checkpoint: Checkpoint) -> Model:
    """The model in a file, made by the first family that can.

    Raises:
        CheckpointError: If none can; it says what was tried, and why each declined.
    """
    return _first_answer(checkpoint, lambda family: family.load(checkpoint))


def describe_by_family(checkpoint: Checkpoint) -> Report:
    """What is in a file, by the first family that can use it, or else that knows it."""

    def described(family: Family) -> Report:
        report = family.describe(checkpoint)
        if report.reason is not None:
            raise UnusableFile(report)
        return report

    try:
        return _first_answer(checkpoint, described)
    except UnusableFile as error:
        return error.report
    except CheckpointError as error:
        return FileReport.of(error, checkpoint.file, checkpoint.weights.format, checkpoint.entries)


@dataclass(frozen=True)
class FileReport:
    """What is known of a file that no family reads.

    layout: the format of the file, None if it is none of weights. reason: why it cannot be used.
    refused: it asks for more than weights. entries: names at the top of the file.
    """

    file: str
    layout: str | None
    reason: str
    refused: bool = False
    entries: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, error: CheckpointError, file: str, layout: str | None = None, entries: tuple[str, ...] = ()
    ) -> "FileReport":
        """By the error that reading the file raises."""
        refused = isinstance(error, RefusedFile)
        return cls(file, layout, reason_of(error, file), refused, tuple(shown(name, 60) for name in entries))

    def lines(self) -> list[tuple[str, str]]:
        """Labels and values to show."""
        listed = [("file", self.file), ("layout", self.layout or "unknown")]
        if self.entries:
            more = f" and {len(self.entries) - 12} more" if len(self.entries) > 12 else ""
            listed.append(("entries", ", ".join(self.entries[:12]) + more))
        return [*listed, ("verdict", verdict(self.reason))]


def _first_answer(checkpoint: Checkpoint, question: Callable[[Family], Answer]) -> Answer:
    """What the first of the families that take a file answers. Raises CheckpointError if none can."""
    _ = checkpoint.tensors  # what is wrong with the file itself is no family's fault
    tried: dict[str, str] = {}
    broken: list[BrokenFamily] = []
    failures: list[CheckpointError] = []
    for name, entry in _registered():
        try:
            family = _loaded(name, entry)
            taken = _asked(name, partial(family.sniff, checkpoint))
        except BrokenFamily as error:
            broken.append(error)
            continue
        tried[name] = f"expected {family.expects}"
        if not taken:
            continue
        try:
            answer = _asked(name, partial(question, family), f"{checkpoint.file}: ")
        except CheckpointError as error:
            tried[name] = reason_of(error, checkpoint.file)
            failures.append(error)
            continue
        for each in broken:
            warnings.warn(str(each), stacklevel=4)
        return answer
    if len(failures) == 1:
        raise failures[0]
    unknown = "several families know it, none can use it" if failures else _what_else(checkpoint)
    listed = ", ".join(_by_reason(tried))
    raise CheckpointError("; ".join([f"{checkpoint.file}: {unknown}", f"tried {listed}", *map(str, broken)]))


def _registered() -> Iterator[tuple[str, EntryPoint]]:
    """All entry points, with the names that messages call them by."""
    yield from OURS.items()
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        if entry not in OURS.values():
            package = "" if entry.dist is None else f" of the package {shown(entry.dist.name, 60)}"
            yield f"{shown(entry.name, 60)}{package}", entry


def _loaded(name: str, entry: EntryPoint) -> Family:
    family = _asked(name, entry.load)
    if not isinstance(family, Family):
        raise BrokenFamily(f"the family {name} is broken: {shown(entry.value, 80)} is no instance of Family")
    return family


def _asked(name: str, question: Callable[[], Answer], file: str = "") -> Answer:
    """A family's answer. Raises BrokenFamily for all that families should not raise; file: leads it."""
    try:
        return question()
    except CheckpointError:
        raise
    except (Exception, SystemExit) as error:
        reason = shown(f"{type(error).__name__}: {error}")
        raise BrokenFamily(f"{file}the family {name} is broken: {reason}") from error


def _what_else(checkpoint: Checkpoint) -> str:
    """What a file that no family takes is."""
    known = other_network(checkpoint.weights.tree)
    if known is not None:
        return known
    if checkpoint.kind is not None:
        return f"netbend wrote it, but as a `{shown(checkpoint.kind, 40)}`, of which it knows no models"
    return f"no network that netbend knows, found {checkpoint.summary()}"


def _by_reason(reasons: dict[str, str]) -> Iterator[str]:
    """Names with the reasons in brackets, those with the same reason together."""
    together: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        together.setdefault(reason, []).append(name)
    for reason, names in together.items():
        *others, last = names
        listed = f"{', '.join(others)} and {last}" if others else last
        yield f"{listed} ({reason})"
