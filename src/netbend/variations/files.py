"""What is written: recipes, whole pictures, sheets that name the command that made them."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from netbend import __version__
from netbend.atomic import write_atomic
from netbend.errors import RenderError
from netbend.pictures import contact_sheet, thumbnail
from netbend.recipe import recipe_to_data, recipe_to_yaml
from netbend.render.files import nothing_left_on_error, refuse_existing
from netbend.render.job import Job
from netbend.render.record import png_bytes
from netbend.render.together import Rendered, pictures_together
from netbend.variations.moved import moved

CHUNK = "netbend-command"  # of the PNG, as international text


@dataclass(frozen=True)
class Outcome:
    """One of many: a recipe on the latent that all share.

    label: under its picture. stem: of its files, None for what is only shown.
    """

    label: str
    stem: str | None
    job: Job


@dataclass(frozen=True)
class Wanted:
    """What to write of outcomes, into a folder.

    recipes, pictures: of each, STEM.yaml, whose paths start at the folder, and STEM.png, with its
    record unless `command` is None.
    sheet: name of a contact sheet of all, with the command that made it.
    """

    folder: Path
    recipes: bool = False
    pictures: bool = False
    sheet: str | None = None
    command: Sequence[str] | None = None
    overwrite: bool = False


def write_outcomes(
    outcomes: Sequence[Outcome], wanted: Wanted, track: Callable[[Rendered], Rendered] = iter
) -> list[Path]:
    """Render what is needed, then write all files, or none if one cannot be written.

    track: passes the pictures on as they are rendered, for a progress bar. Raises RenderError, before
    anything is rendered for files that are there already, unless asked to overwrite.
    """
    paths = _paths(outcomes, wanted)
    refuse_existing(paths, wanted.overwrite)
    files = _recipes(outcomes, wanted) if wanted.recipes else {}
    if wanted.pictures or wanted.sheet:
        files |= _pictures(outcomes, wanted, track)
    write_together(files, wanted.overwrite)
    return paths


def _paths(outcomes: Sequence[Outcome], wanted: Wanted) -> list[Path]:
    endings = [ending for ending, asked in ((".yaml", wanted.recipes), (".png", wanted.pictures)) if asked]
    names = [f"{outcome.stem}{ending}" for outcome in outcomes if outcome.stem for ending in endings]
    return [wanted.folder / name for name in [*names, *([wanted.sheet] if wanted.sheet else [])]]


def _recipes(outcomes: Sequence[Outcome], wanted: Wanted) -> dict[Path, bytes]:
    return {
        wanted.folder / f"{outcome.stem}.yaml": recipe_to_yaml(
            moved(outcome.job.recipe, wanted.folder)
        ).encode()
        for outcome in outcomes
        if outcome.stem and outcome.job.recipe is not None
    }


def _pictures(
    outcomes: Sequence[Outcome], wanted: Wanted, track: Callable[[Rendered], Rendered]
) -> dict[Path, bytes]:
    files, thumbnails = {}, {}
    for place, picture in track(pictures_together([outcome.job for outcome in outcomes])):
        outcome = outcomes[place]
        if wanted.pictures and outcome.stem:
            record = None if wanted.command is None else outcome.job.record()
            files[wanted.folder / f"{outcome.stem}.png"] = png_bytes(picture, record)
        if wanted.sheet:
            thumbnails[place] = thumbnail(picture)
    if wanted.sheet:
        in_order = [thumbnails[place] for place in range(len(outcomes))]
        sheet = contact_sheet(in_order, [outcome.label for outcome in outcomes])
        files[wanted.folder / wanted.sheet] = png_with_command(sheet, wanted.command, _about(outcomes))
    return files


def _about(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What a sheet depends on besides its command."""
    recipes = [[o.label, recipe_to_data(o.job.recipe)] for o in outcomes if o.job.recipe is not None]
    return {"model_hash": outcomes[0].job.model.hash, "recipes": recipes}


def png_with_command(picture: Image.Image, command: Sequence[str] | None, about: Mapping[str, Any]) -> bytes:
    """A picture of many as a PNG file that holds what it takes to make it again.

    command: as it was typed, word by word; None writes nothing into the file. about: what it depends
    on besides, such as recipes and hashes of models, as plain data.
    """
    chunks = PngImagePlugin.PngInfo()
    if command is not None:
        data = {"version": __version__, "command": list(command), **about}
        chunks.add_itxt(CHUNK, json.dumps(data, ensure_ascii=False), zip=True)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def write_together(files: Mapping[Path, bytes], overwrite: bool) -> None:
    """Write all files, or none if one cannot be written. Raises RenderError, also for those that are
    there already, unless asked to overwrite."""
    refuse_existing(list(files), overwrite)
    new: list[Path] = []
    with nothing_left_on_error(new):
        for path, content in files.items():
            replaced = path.exists()
            write_atomic(path, content, RenderError, overwrite=overwrite)
            if not replaced:
                new.append(path)
