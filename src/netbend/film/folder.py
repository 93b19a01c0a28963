"""The folder in which the parts of a film lie until it is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

from netbend.errors import DataError, NetbendError, NonFiniteError, RenderError
from netbend.film.settings import FilmSettings

PARTS = {".mp4", ".webm", ".mkv", ".png"}  # endings of what an unfinished film leaves
GOES_ON = "what is finished lies in {}, and the same command goes on from there"


def refuse_another_film(folder: Path, settings: FilmSettings) -> None:
    """Parts of two films are never mixed, and nothing is deleted without being asked.

    Raises RenderError if the folder of unfinished parts is there and is another film's.
    """
    if not folder.exists():
        return
    kept = folder / "settings.json"
    try:
        changed = ", ".join(type(settings).load(kept).difference(settings))
    except (OSError, DataError) as error:
        raise RenderError(
            f"{folder}: is in the way and holds no film that this netbend can finish; name another --out"
        ) from error
    if changed:
        raise RenderError(
            f"{folder}: holds an unfinished film with other settings ({changed}); give the same to go "
            f"on with it, name another --out, or delete that folder"
        )


@contextmanager
def kept_or_removed(folder: Path) -> Iterator[None]:
    """If the block fails, the parts of a film are kept to go on from, and the message says so.

    Without any, or if a bend made NaN - the same would come again -, the folder is removed.
    """
    try:
        yield
    except BaseException as error:
        has_parts = folder.is_dir() and any(path.suffix in PARTS for path in folder.iterdir())
        if isinstance(error, NonFiniteError) or not has_parts:
            rmtree(folder, ignore_errors=True)
        elif isinstance(error, NetbendError):
            raise type(error)(f"{error}; {GOES_ON.format(folder)}") from error
        raise
