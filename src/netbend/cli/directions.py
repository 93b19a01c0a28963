"""`netbend directions`: along which directions of w a model varies most, as a file and a sheet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from netbend.atomic import write_atomic
from netbend.choices import Precision
from netbend.cli.destination import refuse_file_name, refuse_unwritable
from netbend.cli.inputs import check_directions
from netbend.cli.lists import parse_style_layers
from netbend.cli.loading import load
from netbend.cli.options import InPrecision, Overwrite
from netbend.cli.output import Device, Json, Quiet, print_json, print_table, progress_bar
from netbend.cli.usage import UsageError
from netbend.engine.embedded import png_bytes
from netbend.errors import RenderError
from netbend.latents.direction_pictures import (
    DirectionStrip,
    direction_strips,
    refuse_large_sheet,
    told_apart,
)
from netbend.latents.directions import Directions, find_directions, load_directions
from netbend.latents.seeds import parse_seeds
from netbend.limits import MAX_DEVIATIONS
from netbend.models.base import SynthesisOptions
from netbend.pictures import contact_sheet
from netbend.render.files import nothing_left_on_error, refuse_existing


def directions(
    model: Annotated[str, typer.Argument(help="Name or checkpoint file.")] = "faces",
    count: Annotated[
        int, typer.Option(help="How many results: directions, from that of the largest variance.", min=1)
    ] = 16,
    seeds: Annotated[str, typer.Option(help="Seeds of the latents on the sheet, such as 0-3.")] = "0-3",
    reach: Annotated[
        float, typer.Option("--range", help="Standard deviations to either side on the sheet.")
    ] = 2.0,
    style_layers: Annotated[
        str | None,
        typer.Option(
            help="At these layers: move their styles alone on the sheet, such as 0-3; default: all."
        ),
    ] = None,
    of: Annotated[
        Path | None,
        typer.Option(help="Take those of a file instead: of GANSpace, SeFa, boundaries, or netbend's own."),
    ] = None,
    samples: Annotated[
        int, typer.Option(help="How many samples: latents to find them in.", min=2, max=1_000_000)
    ] = 10_000,
    truncation: Annotated[
        float, typer.Option("--truncation", "-t", help="psi of the pictures: 1 varied, 0 the mean.")
    ] = 0.7,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for file and sheet.")] = Path(
        "out/directions"
    ),
    overwrite: Overwrite = False,
    precision: InPrecision = Precision.FLOAT32,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the principal directions of a model's w (GANSpace), and show what each one does.

    With --of: those of a file, kept with how far w reaches along them.
    Recipes go along them: latent: {seed: 3, direction: 0, from: -2, to: 2}.
    """
    if not 0 < reach <= MAX_DEVIATIONS:
        raise UsageError(
            f"--range {reach:g}: expected standard deviations above 0, such as 2, and at most "
            f"{MAX_DEVIATIONS:g}"
        )
    refuse_file_name(out, "a file of directions and a sheet")
    refuse_unwritable(out)
    shown, options = parse_seeds(seeds), SynthesisOptions(truncation)
    styles = None if style_layers is None else tuple(parse_style_layers(style_layers))
    stem = Path(model).name.partition(".")[0]
    file, sheet = out / f"{stem}-directions.npz", out / f"{stem}-directions.png"
    refuse_existing([file, sheet], overwrite)
    if of is not None:
        check_directions(of)
    loaded = load(model, device, precision)
    found = (
        find_directions(loaded, count, samples) if of is None else load_directions(of, loaded).first(count)
    )
    refuse_large_sheet(len(found), len(shown))
    with progress_bar(visible=not (quiet or json)) as bar:
        strips = direction_strips(
            loaded,
            found,
            shown,
            reach,
            styles,
            options,
            lambda numbers: bar.track(numbers, len(found), description="Rendering the sheet"),
        )
    on_the_sheet = told_apart(strips)
    _write(found, on_the_sheet, file, sheet, overwrite)
    changes = [round(strip.change, 1) for strip in strips]
    if json:
        about = {"file": str(file), "sheet": str(sheet), "samples": found.samples, "changes": changes}
        on_it = {"on_the_sheet": [strip.direction for strip in on_the_sheet]}
        print_json(
            {**about, **on_it, "shares": found.shares.tolist(), "deviations": found.deviations.tolist()}
        )
    elif not quiet:
        columns = (found.shares.tolist(), found.shares.cumsum(0).tolist(), found.deviations.tolist(), changes)
        rows = [
            (number, f"{share:.1%}", f"{total:.1%}", f"{deviation:.3g}", change)
            for number, (share, total, deviation, change) in enumerate(zip(*columns, strict=True))
        ]
        print_table(["direction", "of the variance", "so far", "deviation", "change of pictures"], rows)
        _say_what_is_left_out(strips, on_the_sheet)
        print(f"{file}\n{sheet}")


def _say_what_is_left_out(strips: Sequence[DirectionStrip], on_the_sheet: Sequence[DirectionStrip]) -> None:
    left_out = [str(strip.direction) for strip in strips if strip not in on_the_sheet]
    if left_out:
        most = max(strips, key=lambda strip: strip.change).direction
        print(f"Not on the sheet, changing less than half as much as {most}: {', '.join(left_out)}")


def _write(
    found: Directions, strips: Sequence[DirectionStrip], file: Path, sheet: Path, overwrite: bool
) -> None:
    """Both files or neither; the sheet has a row for each direction, with a strip for each seed."""
    pictures = [picture for strip in strips for picture in strip.pictures]
    labels = [label for strip in strips for label in strip.labels]
    image = contact_sheet(pictures, labels, columns=len(strips[0].labels))
    with nothing_left_on_error([] if file.exists() else [file]):
        found.save(file, overwrite=overwrite)
        write_atomic(sheet, png_bytes(image, None), RenderError, overwrite=overwrite)
