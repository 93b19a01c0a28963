"""Finished films brought to their place, at one stroke, or frame by frame beside what else is there."""

import os
import re
import secrets
import shutil
from pathlib import Path

from PIL import Image, PngImagePlugin

from netbend.atomic import NO_LINKS, UNFINISHED, exists_already, give_name
from netbend.errors import RenderError
from netbend.film.folder import SETTINGS, is_free, remove
from netbend.folder_lock import LOCK

FRAME = re.compile(r"frame-(\d{6,})\.png")
MARK = ("Software", "netbend film")  # in each frame: only what has it is ever replaced or removed


def frame_name(number: int) -> str:
    """Name of a frame's file in a folder of frames."""
    return f"frame-{number:06d}.png"


def write_frame(picture: Image.Image, path: Path) -> None:
    """A frame as a PNG file that says whose it is."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text(*MARK)
    picture.save(path, "PNG", pnginfo=chunks)


def place_file(whole: Path, out: Path, *, overwrite: bool) -> None:
    """Give a finished film its name; `whole` stays, so that it can be told that the two are one.

    Raises RenderError if something is there that is not to be replaced.
    """
    if not overwrite:
        try:
            give_name(whole, out)
        except FileExistsError as error:
            raise RenderError(exists_already(out)) from error
        return
    second = whole.with_name(f"{UNFINISHED}{secrets.token_hex(8)}")
    try:
        os.link(whole, second)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        second = whole
    os.replace(second, out)


def refuse_others_frames(out: Path, length: int) -> None:
    """Raise RenderError for a file that bears a frame's name and is none of netbend's."""
    for number, path in _frames(out):
        if number < length and not _is_own(path):
            raise RenderError(
                f"{path}: is no frame that netbend wrote, and is not replaced; move it, or name another --out"
            )


def place_frames(folder: Path, out: Path, length: int, *, overwrite: bool) -> None:
    """Bring a film's frames to their folder. Others of netbend's there are removed, all else is kept."""
    for number, path in _frames(folder):
        if number >= length:  # of the same film when it was longer
            path.unlink()
    if is_free(out):
        folder.replace(out)  # at one stroke: what is killed now leaves no half of a film
        (out / LOCK).unlink(missing_ok=True)
        (out / SETTINGS).unlink(missing_ok=True)
        return
    if not overwrite:
        raise RenderError(exists_already(out))
    refuse_others_frames(out, length)
    for _, path in _frames(folder):
        _replace(path, out / path.name)
    for number, path in _frames(out):
        if number >= length and _is_own(path):
            path.unlink()
    remove(folder)


def _replace(frame: Path, place: Path) -> None:
    """Put a frame into its place; it stays where it is, too, so that what is killed can be done again."""
    name = f"{UNFINISHED}{secrets.token_hex(8)}"
    second = frame.with_name(name)
    try:
        try:
            os.link(frame, second)
            os.replace(second, place)
        except OSError:  # no second names here, or the place is on another disk
            second.unlink(missing_ok=True)
            second = place.with_name(name)
            shutil.copyfile(frame, second)
            os.replace(second, place)
    finally:
        second.unlink(missing_ok=True)  # where the two were one file already, nothing was renamed


def _frames(folder: Path) -> list[tuple[int, Path]]:
    named = [(FRAME.fullmatch(path.name), path) for path in sorted(folder.iterdir())]
    return [(int(match[1]), path) for match, path in named if match]


def _is_own(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            return bool(picture.info.get(MARK[0]) == MARK[1])
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
