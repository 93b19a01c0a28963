"""A folder that is there whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netbend.atomic import folder_of
from netbend.errors import RenderError

INDEX = "index.html"
MARK = '<meta name="generator" content="netbend atlas">'
PARTS = {INDEX, "images", "sheets", "sounds"}  # of an atlas


def refuse_folder(out: Path, *, overwrite: bool) -> None:
    """Raise RenderError if a folder holds something, unless that is an atlas that may be replaced."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not out.is_dir():
        raise RenderError(f"{out} is a file; name a folder for --out")
    if not overwrite:
        raise RenderError(f"{out} holds something already; name another --out, or say --overwrite")
    others = sorted(entry.name for entry in out.iterdir() if entry.name not in PARTS)
    if not _is_atlas(out) or others:
        found = f" but has {others[0]} in it" if others else ""
        raise RenderError(f"{out} is not an atlas{found}: it is left alone; name another --out")


def _is_atlas(folder: Path) -> bool:
    index = folder / INDEX
    return index.is_file() and MARK.encode() in index.read_bytes()[:2000]


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Gives a folder to fill, which takes the place of `out` when the block is done.

    If the block fails, nothing is left of it. Raises RenderError for what the system refuses.
    """
    out = out.resolve()
    with folder_of(out, RenderError):
        try:
            with tempfile.TemporaryDirectory(dir=out.parent, prefix=".unfinished-") as scratch:
                fresh, old = Path(scratch, "new"), Path(scratch, "old")
                fresh.mkdir()
                yield fresh
                _replace(out, fresh, old)
        except OSError as error:
            raise RenderError(f"cannot write {out}: {error.strerror or error}") from error


def _replace(out: Path, fresh: Path, old: Path) -> None:
    if not out.exists():
        os.replace(fresh, out)
        return
    try:
        os.replace(out, old)
        os.replace(fresh, out)
    except BaseException:  # also Ctrl-C, between any two of these lines
        if old.exists() and not out.exists():
            os.replace(old, out)
        raise
