"""What is told of clustering while it goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Report:
    """stage: what is being done. done, total: how far it is. detail: a figure, or nothing."""

    stage: str
    done: int
    total: int
    detail: str = ""


Tell: TypeAlias = Callable[[Report], None]


def silent(_: Report) -> None:
    """Tell nobody."""
