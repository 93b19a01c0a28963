"""The folder in which the parts of a film lie until it is whole, whenever it was cut off."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netbend.atomic import UNFINISHED, exists_already, is_there, write_atomic
from netbend.errors import DataError, NetbendError, NonFiniteError, RenderError
from netbend.film.formats import format_of
from netbend.film.settings import FilmSettings
from netbend.folder_lock import LOCK, locked
from netbend.models.run_settings import RunSettings
from netbend.render.files import refuse_existing

SETTINGS, WHOLE = "settings.json", "whole"
PART = re.compile(r"\d{8}(\+\d+)?\.(mkv|mp4|webm)|frame-\d{6,}\.png")
GOES_ON = "what is finished lies in {}, and the same command goes on from there"


def unfinished(out: Path) -> Path:
    """The folder of a film's parts."""
    return out.with_name(f"{out.name}.unfinished")


def refuse_out(out: Path, *, overwrite: bool) -> None:
    """Raise RenderError if a film cannot be put there, unless it is there and only has to be tidied up."""
    folder = out.is_dir() and format_of(out) is None
    if is_left_over(out) or (folder and overwrite):
        return
    if folder and any(out.iterdir()):
        raise RenderError(exists_already(out))
    refuse_existing([] if folder else [out], overwrite)


def is_left_over(out: Path) -> bool:
    """Whether a film is at its place, but the command was killed before it had tidied up."""
    if format_of(out) is None:
        return (out / SETTINGS).is_file() and (out / "frame-000000.png").is_file()
    with suppress(OSError):
        return any(whole.samefile(out) for whole in unfinished(out).glob(f"{WHOLE}.*"))
    return False


def tidied_up(out: Path, settings: FilmSettings) -> bool:
    """If this very film is at its place, remove what is left besides and say True."""
    if not is_left_over(out):
        return False
    folder = out if format_of(out) is None else unfinished(out)
    if _changed(folder, settings) != []:
        return False
    with locked(folder, RenderError):
        if folder == out:
            (folder / SETTINGS).unlink()
        else:
            remove(folder)
    return True


def _changed(folder: Path, settings: FilmSettings) -> list[str] | None:
    """The settings in which the film in a folder is another; None if there is none that can be read."""
    try:
        return FilmSettings.load(folder / SETTINGS).difference(settings)
    except (OSError, DataError):
        return None


@contextmanager
def working_in(folder: Path, settings: FilmSettings, *, begin_anew: bool) -> Iterator[None]:
    """Hold a folder for the parts of a film, those of this film that are there included.

    begin_anew: remove parts of another film. If the block fails, its parts are kept to go on from, and
    the message says so; without any, or if a bend made NaN - the same would come again -, they are
    removed. Raises RenderError for a folder with anything else in it.
    """
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise RenderError(f"{folder}: is in the way; name another --out") from error
    except OSError as error:
        raise RenderError(f"cannot write {folder}: {error.strerror}; name another --out") from error
    with locked(folder, RenderError):
        _refuse_another_film(folder, settings, begin_anew=begin_anew)
        with _kept_or_removed(folder):
            write_atomic(folder / SETTINGS, settings.content(), RenderError, overwrite=True)
            yield


# Settings that no option is called after.
_WORDS = {
    "netbend": "version of netbend",
    "bf16": "--precision",
    "recipe": "recipe, latents or sound",
    "parts": "kind of file",
}


def _refuse_another_film(folder: Path, settings: FilmSettings, *, begin_anew: bool) -> None:
    """Parts of two films are never mixed, and nothing is deleted without being asked."""
    for path in folder.glob(f"{UNFINISHED}*"):  # of a process that was killed: nobody else is at work
        path.unlink()
    there = {path.name for path in folder.iterdir()} - {LOCK}
    others = sorted(name for name in there if not _is_own(name))
    changed = _changed(folder, settings)
    if not there or changed == []:
        return
    if changed is None:
        problem = "is in the way and holds no film that this netbend can finish"
        remedy = "name another --out, or say --overwrite to begin anew"
    else:
        options = ", ".join(_WORDS.get(name, RunSettings.option(name)) for name in changed)
        problem = f"holds an unfinished film with other settings ({options})"
        remedy = "give the same to go on with it, name another --out, or say --overwrite to begin anew"
    if others:
        raise RenderError(f"{folder}: {problem}, but also {others[0]}, which stays; name another --out")
    if not begin_anew:
        raise RenderError(f"{folder}: {problem}; {remedy}")
    remove(folder, but=LOCK)


@contextmanager
def _kept_or_removed(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        has_parts = folder.is_dir() and any(PART.fullmatch(path.name) for path in folder.iterdir())
        if isinstance(error, NonFiniteError) or not has_parts:
            with suppress(OSError):
                remove(folder)
        elif isinstance(error, NetbendError):
            raise type(error)(f"{error}; {GOES_ON.format(folder)}") from error
        raise


def remove(folder: Path, but: str | None = None) -> None:
    """Remove what a film left in its folder, and the folder unless something else is in it.

    In an order that tells at any moment what the rest is: the settings last.
    """
    rank = {WHOLE: 1, SETTINGS: 2, LOCK: 3}
    own = [path for path in folder.iterdir() if _is_own(path.name) and path.name != but]
    for path in sorted(
        own, key=lambda path: (rank.get(path.name if path.name in rank else path.stem, 0), path.name)
    ):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _is_own(name: str) -> bool:
    parts = PART.fullmatch(name) or name.startswith((UNFINISHED, f"{WHOLE}."))
    return bool(parts) or name in (SETTINGS, LOCK)


def is_free(out: Path) -> bool:
    """Whether a folder can be put there as it is: nothing is there, or an empty folder."""
    if not is_there(out, RenderError):
        return True
    return not out.is_symlink() and out.is_dir() and not any(out.iterdir())
