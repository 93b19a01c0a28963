"""`netbend inspect`: what is in a checkpoint, without running it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from netbend.cli.output import Json, print_json
from netbend.models.catalog import describe


def inspect(
    checkpoint: Annotated[Path, typer.Argument(help="Any file that may be a checkpoint.")],
    json: Json = False,
) -> None:
    """Say what is in a checkpoint, or why it is refused. Nothing in it is executed.

    Exit code 1 if netbend cannot use the file.
    """
    report = describe(checkpoint)
    if json:
        print_json(asdict(report))
    else:
        for label, value in report.lines():
            print(f"{label:<15}{value}")
    raise typer.Exit(0 if report.reason is None else 1)
