"""What all commands print alike: tables, JSON, progress."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from netbend.cli.terminal import own_stream
from netbend.printable import printable, printable_json

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps; auto takes a GPU if there is one.")]


def print_json(data: Any) -> None:
    print(printable_json(json.dumps(data, indent=2, ensure_ascii=False)))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A plain table; numbers are aligned to the right. Not folded when it goes into a pipe."""
    cells = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numeric = all(isinstance(row[index], int | float) for row in cells)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(printable(str(cell))) for cell in row))  # as text: `[red]` is no markup
    console = Console(file=own_stream(sys.stdout))
    if not console.is_terminal:
        console = Console(file=own_stream(sys.stdout), width=200)
    console.print(table)


class Description(TextColumn):
    """What a bar is about, which may hold the name of a file."""

    def __init__(self) -> None:
        super().__init__("", markup=False)

    def render(self, task: Task) -> Text:
        return Text(printable(task.description))


class Bar(Progress):
    """A bar that appears with its first visible task: what is refused before leaves no empty line."""

    def start(self) -> None:
        if any(task.visible for task in self.tasks):
            super().start()

    def add_task(self, *arguments: Any, **settings: Any) -> TaskID:
        task = super().add_task(*arguments, **settings)
        self.start()
        return task

    def update(self, *arguments: Any, **settings: Any) -> None:
        super().update(*arguments, **settings)
        self.start()

    def stop(self) -> None:
        if self.live.is_started:
            super().stop()


def progress_bar(*, visible: bool) -> Progress:
    """A bar on standard error, with the time left."""
    return Bar(
        Description(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=own_stream(sys.stderr)),
        disable=not visible,
    )
