"""Writing output: whole or not at all, and never over what is there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from netbend.errors import NetbendError, RenderError


def refuse_existing(paths: Sequence[Path], overwrite: bool) -> None:
    """Raise RenderError if one of the files to write is there already, unless asked to overwrite."""
    for folder in paths[0].parents:
        if folder.exists() and not folder.is_dir():
            raise RenderError(f"{folder} is a file; name a folder for --out")
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        others = f" (and {len(existing) - 1} more)" if len(existing) > 1 else ""
        raise RenderError(f"{existing[0]}{others} exists already; name another --out, or say --overwrite")


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
