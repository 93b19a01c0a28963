"""What captions say, as numbers with bounds, and tables of them in the documents that show the pictures.

A document has a place for each table, between `<!-- measured: NAME -->` and `<!-- end of NAME -->`, which the
script that makes or measures the picture fills.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@dataclass(frozen=True)
class Criterion:
    """What a caption says, as a number with a bound.

    says: in words. least, most: bounds of the number. spared: how many of those measured may miss them, as
    the caption says.
    """

    says: str
    least: float = -np.inf
    most: float = np.inf
    spared: int = 0
    digits: int = 2

    def met(self, value: float) -> bool:
        """Whether a number is within the bounds; NaN never is."""
        return self.least <= value <= self.most

    @property
    def bound(self) -> str:
        """The bounds, in words."""
        said = [f"at least {self.least:g}"] if self.least > -np.inf else []
        said += [f"at most {self.most:g}"] if self.most < np.inf else []
        return ", ".join(said)


@dataclass(frozen=True)
class Measured:
    """The numbers of one criterion, one for each seed or sound that its caption speaks of."""

    of: str
    criterion: Criterion
    values: Sequence[float]

    @property
    def holds(self) -> int:
        """For how many the caption is true."""
        return sum(map(self.criterion.met, self.values))

    @property
    def fails(self) -> bool:
        """Whether it is true for fewer than the caption says."""
        return self.holds < len(self.values) - self.criterion.spared

    @property
    def spread(self) -> Sequence[str]:
        """The lowest number, the middle one and the highest."""
        return [f"{value:.{self.criterion.digits}f}" for value in np.quantile(self.values, [0, 0.5, 1])]

    def __str__(self) -> str:
        low, middle, high = self.spread
        holds = f"{self.criterion.bound} in {self.holds} of {len(self.values)}"
        return f"{self.criterion.says}: {middle} ({low} to {high}), {holds}"


def table(found: Iterable[Measured], what: str = "recipe") -> list[str]:
    """A row for each."""
    lines = [f"| {what} | what is measured | lowest | middle | highest | bound | holds for |"]
    lines.append("|---|---|---|---|---|---|---|")
    for each in found:
        cells = (each.of, each.criterion.says, *each.spread, each.criterion.bound)
        lines.append(f"| {' | '.join(cells)} | {each.holds} of {len(each.values)} |")
    return lines


def in_a_sentence(found: Sequence[Measured], what: str, where: str) -> str:
    """How many bounds hold for all, for a page that shows a picture and not its table."""
    hold = sum(each.holds == len(each.values) for each in found)
    return f"*Measured on {what}: {hold} of {len(found)} bounds hold for every one ([the numbers]({where})).*"


def write_into(document: Path, name: str, lines: Sequence[str]) -> None:
    """Fill a place of a document; what was there goes. Exits where it has no such place, or several."""
    begin, end = f"<!-- measured: {name} -->", f"<!-- end of {name} -->"
    text = document.read_text(encoding="utf-8")
    filled, places = re.subn(
        f"{re.escape(begin)}.*?{re.escape(end)}",
        lambda _: "\n".join([begin, "", *lines, "", end]),
        text,
        flags=re.DOTALL,
    )
    if places != 1:
        sys.exit(f"{document}: {places} places between '{begin}' and '{end}'; one was expected")
    document.write_text(filled, encoding="utf-8")


def exit_if_false(found: Iterable[Measured]) -> None:
    """End with exit code 1 where a caption does not hold."""
    failures = [f"{each.of}: {each}" for each in found if each.fails]
    if failures:
        sys.exit("captions that do not hold:\n" + "\n".join(failures))
