"""What is written: recipes, whole pictures, sheets that name the command that made them."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from netbend import __version__
from netbend.atomic import write_atomic
from netbend.engine.embedded import png_bytes
from netbend.engine.request import RenderRequest
from netbend.engine.still import Still
from netbend.errors import RenderError
from netbend.pictures import contact_sheet, thumbnail
from netbend.recipe import recipe_to_data, recipe_to_yaml
from netbend.recipe.paths import rebase_paths
from netbend.render.files import nothing_left_on_error, refuse_existing
from netbend.render.resume import already_made, differing, refuse_others
from netbend.variations.cells import (
    Cells,
    Track,
    all_pictures,
    digest,
    kept_cells,
    refuse_unfinished,
    shown_pictures,
)
from netbend.variations.grid import Grid

CHUNK = "netbend-command"  # of the PNG, as international text


@dataclass(frozen=True)
class Outcome:
    """One of many: a recipe on the latent that all share.

    label: under its picture. stem: of its files, None for what is only shown. picture: of the still, where it
    was made before, whole or as a sheet shows it.
    """

    label: str
    stem: str | None
    still: Still
    picture: Image.Image | None = None


@dataclass(frozen=True)
class Wanted:
    """What to write of outcomes, into a folder.

    recipes, pictures: of each, STEM.yaml, whose paths start at the folder, and STEM.png, with its
    request unless `command` is None.
    sheet: name of a contact sheet of all, with the command that made it.
    overwrite: replace what is there. resume: leave what is there and is the very thing wanted.
    made: grows by what is there of the pictures.
    """

    folder: Path
    recipes: bool = False
    pictures: bool = False
    sheet: str | None = None
    command: Sequence[str] | None = None
    overwrite: bool = False
    resume: bool = False
    made: list[int] = field(default_factory=list)

    @property
    def sheet_path(self) -> Path | None:
        return None if self.sheet is None else self.folder / self.sheet


def write_outcomes(outcomes: Sequence[Outcome], wanted: Wanted, track: Track = iter) -> list[Path]:
    """Write what is wanted of outcomes, each file as it is made; gives all of them.

    If that fails, none of them is left; if it is stopped, they are kept.
    track: passes the pictures on as they are rendered, for a progress bar. Raises RenderError, before
    anything is rendered for files that are there already, unless asked to overwrite or resume.
    """
    recipes = _recipes(outcomes, wanted) if wanted.recipes else {}
    pictures = _requests(outcomes, wanted) if wanted.pictures else {}
    there = _there(outcomes, wanted, recipes, pictures)
    new: list[Path] = []
    with nothing_left_on_error(new):
        for path, content in recipes.items():
            _write(path, content, wanted, there, new)
        if wanted.pictures:
            _write_pictures(outcomes, wanted, there, track, new)
        elif wanted.sheet_path is not None and wanted.sheet_path not in there:
            keep = wanted.command is not None
            with kept_cells(wanted.sheet_path, resume=wanted.resume, keep=keep, made=wanted.made) as cells:
                content = _sheet(outcomes, wanted, cells, track)
                _write(wanted.sheet_path, content, wanted, there, new)
    return _paths(outcomes, wanted)


def _there(
    outcomes: Sequence[Outcome],
    wanted: Wanted,
    recipes: Mapping[Path, bytes],
    pictures: Mapping[Path, RenderRequest],
) -> set[Path]:
    """What is there and stays. Raises RenderError for what is in the way."""
    if wanted.sheet_path is not None:
        refuse_unfinished(wanted.sheet_path, resume=wanted.resume, overwrite=wanted.overwrite)
    there: set[Path] = set()
    if wanted.resume:
        there = already_made(pictures) | {path for path, content in recipes.items() if _holds(path, content)}
        if wanted.sheet_path is not None and wanted.command is not None:
            about = made_with(wanted.command, _about(outcomes))
            there |= {wanted.sheet_path} if holds_command(wanted.sheet_path, about) else set()
        refuse_others(pictures, there, overwrite=wanted.overwrite)
        if wanted.sheet_path is not None and wanted.sheet_path not in there:
            _refuse_of_another_command(wanted.sheet_path, overwrite=wanted.overwrite)
    refuse_existing([path for path in _paths(outcomes, wanted) if path not in there], wanted.overwrite)
    return there


def _refuse_of_another_command(path: Path, *, overwrite: bool) -> None:
    if path.is_file() and not path.is_symlink() and not overwrite:
        raise RenderError(
            f"{path}: was not made by this very command; name another --out, or say --overwrite beside "
            f"--resume to make it anew"
        )


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and not path.is_symlink() and path.read_bytes() == content


def _write(path: Path, content: bytes, wanted: Wanted, there: set[Path], new: list[Path]) -> None:
    if path in there:
        return
    is_new = not path.exists()
    write_atomic(path, content, RenderError, overwrite=wanted.overwrite)
    new.extend([path] if is_new else [])


def _paths(outcomes: Sequence[Outcome], wanted: Wanted) -> list[Path]:
    endings = [ending for ending, asked in ((".yaml", wanted.recipes), (".png", wanted.pictures)) if asked]
    names = [f"{outcome.stem}{ending}" for outcome in outcomes if outcome.stem for ending in endings]
    return [wanted.folder / name for name in [*names, *([wanted.sheet] if wanted.sheet else [])]]


def _recipes(outcomes: Sequence[Outcome], wanted: Wanted) -> dict[Path, bytes]:
    return {
        wanted.folder / f"{outcome.stem}.yaml": recipe_to_yaml(
            rebase_paths(outcome.still.recipe, wanted.folder)
        ).encode()
        for outcome in outcomes
        if outcome.stem and outcome.still.recipe is not None
    }


def _requests(outcomes: Sequence[Outcome], wanted: Wanted) -> dict[Path, RenderRequest]:
    return {wanted.folder / f"{each.stem}.png": each.still.request() for each in outcomes if each.stem}


def _write_pictures(
    outcomes: Sequence[Outcome], wanted: Wanted, there: set[Path], track: Track, new: list[Path]
) -> None:
    """Whole pictures, each as it is made."""
    paths = {place: wanted.folder / f"{each.stem}.png" for place, each in enumerate(outcomes) if each.stem}
    missing = [place for place, path in paths.items() if path not in there]
    wanted.made[:] = [place for place in paths if place not in missing]
    stills = {place: outcomes[place].still for place in missing}
    for place, picture in track(all_pictures(stills, _at_hand(outcomes))):
        request = None if wanted.command is None else outcomes[place].still.request()
        _write(paths[place], png_bytes(picture, request), wanted, there, new)
        wanted.made.append(place)


def _sheet(outcomes: Sequence[Outcome], wanted: Wanted, cells: Cells | None, track: Track) -> bytes:
    stills = [outcome.still for outcome in outcomes]
    pictures = shown_pictures(stills, thumbnail, cells, track, _at_hand(outcomes))
    sheet = contact_sheet(pictures, [outcome.label for outcome in outcomes])
    return png_with_command(sheet, wanted.command, _about(outcomes))


def _at_hand(outcomes: Sequence[Outcome]) -> dict[int, Image.Image]:
    """Pictures that were made before, by the places of their outcomes."""
    return {place: each.picture for place, each in enumerate(outcomes) if each.picture is not None}


def _about(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What a sheet depends on besides its command."""
    recipes = [[o.label, recipe_to_data(o.still.recipe)] for o in outcomes if o.still.recipe is not None]
    pictures = digest(outcome.still for outcome in outcomes)
    return {"model_hash": outcomes[0].still.model.hash, "recipes": recipes, "pictures": pictures}


def png_with_command(picture: Image.Image, command: Sequence[str] | None, about: Mapping[str, Any]) -> bytes:
    """A picture of many as a PNG file that holds what it takes to make it again.

    command: as it was typed, word by word; None writes nothing into the file. about: what it depends
    on besides, such as recipes and hashes of models, as plain data.
    """
    chunks = PngImagePlugin.PngInfo()
    if command is not None:
        chunks.add_itxt(CHUNK, json.dumps(made_with(command, about), ensure_ascii=False), zip=True)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def made_with(command: Sequence[str], about: Mapping[str, Any]) -> dict[str, Any]:
    """What a picture of many keeps of the command that made it, but for whether it went on after a stop."""
    kept = [word for word in command if word not in ("--resume", "--overwrite")]
    return {"version": __version__, "command": kept, **about}


def holds_command(path: Path, about: Mapping[str, Any]) -> bool:
    """Whether a picture of many is there that decodes and keeps just this."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            picture.load()
            there = json.loads(getattr(picture, "text", {}).get(CHUNK, "{}"))
    except (OSError, SyntaxError, ValueError, RecursionError, Image.DecompressionBombError):
        return False
    return isinstance(there, dict) and not differing(there, about)


@dataclass(frozen=True)
class GridFile:
    """The file of a grid. command: that made it, None to keep none in it. For the rest see `Wanted`."""

    out: Path
    command: Sequence[str] | None = None
    overwrite: bool = False
    resume: bool = False
    made: list[int] = field(default_factory=list)

    def write(self, grid: Grid, about: Mapping[str, Any], track: Track = iter) -> None:
        """Render it, unless it is there; its pictures are kept until it is whole. Raises RenderError."""
        about = {**about, "pictures": digest(grid.stills)}
        if self.resume and self.command is not None:
            if holds_command(self.out, made_with(self.command, about)):
                return
            _refuse_of_another_command(self.out, overwrite=self.overwrite)
            refuse_existing([self.out], self.overwrite)
        refuse_unfinished(self.out, resume=self.resume, overwrite=self.overwrite)
        keep = self.command is not None
        with kept_cells(self.out, grid.size, resume=self.resume, keep=keep, made=self.made) as cells:
            content = png_with_command(grid.picture(track, cells), self.command, about)
            write_atomic(self.out, content, RenderError, overwrite=self.overwrite)
