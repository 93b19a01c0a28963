"""`netbend convert`: any readable checkpoint to netbend's own format."""

from pathlib import Path
from typing import Annotated

import typer

from netbend.cli.destination import refuse_other_ending
from netbend.cli.options import Overwrite
from netbend.cli.output import Quiet
from netbend.models import catalog
from netbend.render.files import refuse_existing


def convert(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint: .pkl, .pt or .safetensors.")],
    out: Annotated[Path, typer.Argument(help="File to write, .safetensors.")],
    half: Annotated[bool, typer.Option("--half", help="Store half precision: half the size.")] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Convert a checkpoint to .safetensors; nothing in it is executed."""
    refuse_existing([out], overwrite)
    refuse_other_ending(out, [".safetensors"], "a safetensors file")
    catalog.load_model(checkpoint, device="cpu").save(out, half=half, overwrite=overwrite)
    if not quiet:
        print(out)
