"""Writing output: whole or not at all, and never over what is there."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile

from netbend.atomic import UNFINISHED, exists_already, is_there, refuse_special_place
from netbend.errors import NetbendError, RenderError


def refuse_existing(paths: Sequence[Path], overwrite: bool) -> None:
    """Look before long work whether its files can be written.

    Raises RenderError if one of them is there already, unless asked to overwrite, if it is a link or
    folder, which are never replaced, or if nothing can be written where they are to lie.
    """
    for folder in {path.parent for path in paths}:
        refuse_unwritable(folder, [path.name for path in paths if path.parent == folder])
    existing = [path for path in paths if is_there(path, RenderError)]
    if existing and not overwrite:
        raise RenderError(exists_already(existing[0], len(existing) - 1))
    for path in existing:
        if path.is_symlink():
            raise RenderError(f"{path}: is a link, which is not replaced; remove it, or name another --out")
        if path.is_dir():
            raise RenderError(f"{path}: is a folder; name another --out")
        refuse_special_place(path, RenderError)


def refuse_unwritable(folder: Path, names: Sequence[str] = (), remedy: str = "name another --out") -> None:
    """Raise RenderError if files of these names cannot be written there.

    It is tried: rights alone do not tell of read-only disks, nor of those that take `A` for `a`.
    """
    there = next(part for part in (folder, *folder.parents) if is_there(part, RenderError))
    if not there.is_dir():
        raise RenderError(f"{there} is a file; name a folder for --out")
    try:
        TemporaryFile(dir=there).close()
        same = [name for name, count in Counter(map(str.casefold, names)).items() if count > 1]
        if same and _takes_capitals_for_small(there):
            raise RenderError(f"{folder / same[0]}: two results of this name but for capitals, one file here")
    except OSError as error:
        raise RenderError(f"cannot write in {there}: {error.strerror}; {remedy}") from error


def _takes_capitals_for_small(folder: Path) -> bool:
    with NamedTemporaryFile(dir=folder, prefix=f"{UNFINISHED}a") as file:
        return Path(file.name.replace(f"{UNFINISHED}a", f"{UNFINISHED}A")).exists()


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
