"""Writing output: whole or not at all, and never over what is there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from netbend.errors import NetbendError, RenderError


def refuse_existing(paths: Sequence[Path], overwrite: bool) -> None:
    """Look before long work whether its files can be written.

    Raises RenderError if one of them is there already, unless asked to overwrite, or if nothing can be
    written where they are to lie.
    """
    for folder in {path.parent for path in paths}:
        _refuse_unwritable(folder)
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        others = f" (and {len(existing) - 1} more)" if len(existing) > 1 else ""
        raise RenderError(f"{existing[0]}{others} exists already; name another --out, or say --overwrite")


def _refuse_unwritable(folder: Path) -> None:
    """Try it: rights alone do not tell of read-only disks."""
    there = next(part for part in (folder, *folder.parents) if part.exists())
    if not there.is_dir():
        raise RenderError(f"{there} is a file; name a folder for --out")
    try:
        TemporaryFile(dir=there).close()
    except OSError as error:
        raise RenderError(f"cannot write in {there}: {error.strerror}; name another --out") from error


@contextmanager
def nothing_left_on_error(written: list[Path]) -> Iterator[None]:
    """Remove the files noted in `written` if the block ends in an error of netbend's.

    Those that took the place of older ones are not to be noted: something of that name was there.
    """
    try:
        yield
    except NetbendError:
        for path in written:
            path.unlink(missing_ok=True)
        raise
