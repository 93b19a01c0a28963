"""Every bound stands in one place, in docs/limits.md with its value, and nowhere else."""

import re
from pathlib import Path

import pytest

from netbend import limits

ROOT = Path(__file__).parent.parent
BOUNDS = {name: value for name, value in vars(limits).items() if name.startswith(("MAX_", "MIN_"))}
ROWS = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", (ROOT / "docs" / "limits.md").read_text(), re.M)


def number(text: str) -> float:
    """1,000 or 2^32 - 1 or 1e+100."""
    power, minus, one = text.replace(",", "").partition(" - ")
    base, raised, exponent = power.partition("^")
    value = int(base) ** int(exponent) if raised else float(base)
    return value - int(one) if minus else value


def test_the_table_has_every_bound_once_and_no_other() -> None:
    assert sorted(name for name, _ in ROWS) == sorted(BOUNDS)


@pytest.mark.parametrize(("name", "value"), ROWS)
def test_the_table_gives_the_value_in_the_code(name: str, value: str) -> None:
    assert number(value) == BOUNDS[name]
