"""`netbend directions`: along which directions of w a model varies most, as a file and a sheet."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netbend.cli.options import Overwrite
from netbend.cli.output import Device, Json, Quiet, print_json, print_table, progress_bar
from netbend.errors import LatentError, RenderError

if TYPE_CHECKING:
    from netbend.latents.directions import Directions
    from netbend.models.base import Model


def directions(
    model: Annotated[str, typer.Argument(help="Name or checkpoint file.")] = "faces",
    count: Annotated[int, typer.Option(help="How many, from that of the largest variance.", min=1)] = 16,
    seeds: Annotated[str, typer.Option(help="Seeds of the latents on the sheet, such as 0-3.")] = "0-3",
    reach: Annotated[
        float, typer.Option("--range", help="Standard deviations to either side on the sheet.")
    ] = 2.0,
    layers: Annotated[
        str, typer.Option(help="Move these styles alone on the sheet, such as 0-3; default: all.")
    ] = "",
    samples: Annotated[int, typer.Option(help="Latents to find them in.", min=2, max=1_000_000)] = 10_000,
    truncation: Annotated[float, typer.Option("--truncation", "-t", help="psi of the pictures.")] = 0.7,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for file and sheet.")] = Path(
        "out/directions"
    ),
    overwrite: Overwrite = False,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the principal directions of a model's w (GANSpace), and show what each one does.

    Recipes go along them: latent: {seed: 3, direction: 0, from: -2, to: 2}.
    """
    from netbend.latents.directions import find_directions
    from netbend.latents.seeds import parse_seeds
    from netbend.models.catalog import load_model
    from netbend.render.files import refuse_existing

    if not 0 < reach < float("inf"):
        raise RenderError(f"--range {reach:g}: expected standard deviations above 0, such as 2")
    shown, styles = parse_seeds(seeds), _styles(layers)
    loaded = load_model(model, device)
    stem = loaded.name.rpartition("/")[2].partition(".")[0]
    file, sheet = out / f"{stem}-directions.npz", out / f"{stem}-directions.png"
    refuse_existing([file, sheet], overwrite)
    found = find_directions(loaded, count, samples)
    _write(loaded, found, shown, reach, styles, truncation, file, sheet, overwrite, quiet or json)
    rows = [
        (number, f"{share:.1%}", f"{total:.1%}", f"{deviation:.3g}")
        for number, (share, total, deviation) in enumerate(
            zip(
                found.shares.tolist(), found.shares.cumsum(0).tolist(), found.deviations.tolist(), strict=True
            )
        )
    ]
    if json:
        about = {"file": str(file), "sheet": str(sheet), "samples": found.samples}
        print_json({**about, "shares": found.shares.tolist(), "deviations": found.deviations.tolist()})
    elif not quiet:
        print_table(["direction", "of the variance", "so far", "deviation"], rows)
        print(f"{file}\n{sheet}")


def _styles(layers: str) -> tuple[int, ...] | None:
    from netbend.latents.seeds import parse_seeds

    if not layers:
        return None
    try:
        return tuple(parse_seeds(layers))
    except LatentError as error:
        raise LatentError(f"--layers {layers}: expected styles such as 0-3") from error


def _write(
    model: "Model",
    found: "Directions",
    seeds: list[int],
    reach: float,
    styles: tuple[int, ...] | None,
    truncation: float,
    file: Path,
    sheet: Path,
    overwrite: bool,
    silent: bool,
) -> None:
    """Both files or neither; the sheet has a row for each direction, with a strip for each seed."""
    from netbend.atomic import write_atomic
    from netbend.latents.direction_pictures import PLACES, direction_pictures
    from netbend.models.base import Play
    from netbend.pictures import contact_sheet
    from netbend.render.files import nothing_left_on_error
    from netbend.render.record import png_bytes

    made = direction_pictures(model, found, seeds, reach, styles, Play(truncation))
    with progress_bar(visible=not silent) as bar:
        total = len(found) * len(seeds) * len(PLACES)
        labels, pictures = zip(*bar.track(made, total, description="Rendering the sheet"), strict=True)
    image = contact_sheet(pictures, labels, columns=len(seeds) * len(PLACES))
    with nothing_left_on_error([] if file.exists() else [file]):
        found.save(file, overwrite=overwrite)
        write_atomic(sheet, png_bytes(image, None), RenderError, overwrite=overwrite)
