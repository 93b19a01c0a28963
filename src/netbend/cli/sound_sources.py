"""The sounds that `netbend sound` is given: files, folders of them, standard input."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netbend.cli.terminal import complain
from netbend.errors import RenderError, SoundError


@dataclass(frozen=True)
class Source:
    """A sound to bend. place: its path below the folder that was named; None if it was itself named."""

    path: Path
    seconds: float
    sample_rate: int
    place: Path | None = None


@dataclass(frozen=True)
class Sources:
    """Sounds to bend. unread: what is wrong with those of folders that cannot be read; it has been told."""

    sounds: Sequence[Source]
    unread: Sequence[str] = ()


def find_sources(given: Sequence[Path], out: Path) -> Sources:
    """Look at all sounds before any is bent.

    One that is named and cannot be read ends it; of a folder it is told, and the rest goes on.

    Args:
        given: Files and folders; of a folder all sounds and films below it are meant.
        out: A folder that may lie in one of them, whose sounds are not taken.

    Raises:
        SoundError: For a file that is named and cannot be read.
        RenderError: For a folder without a sound, and for a file that comes twice.
    """
    found: list[Source] = []
    unread: list[str] = []
    for path in given:
        if not path.is_dir():
            found.append(_source(path))
            continue
        for below in _sounds_below(path, out):
            try:
                found.append(_source(below, below.relative_to(path)))
            except SoundError as error:
                leave_out(error, unread)
    seen: set[Path] = set()
    for source in found:
        if (whole := source.path.resolve()) in seen:
            raise RenderError(f"{source.path} comes twice")
        seen.add(whole)
    return Sources(found, unread)


def leave_out(error: SoundError, left_out: list[str]) -> None:
    """Tell of a sound that a folder's others go on without, and note it."""
    complain(f"warning: {error}; left out")
    left_out.append(str(error))


def _source(path: Path, place: Path | None = None) -> Source:
    from netbend.sound.files import SoundReader

    with SoundReader(path) as reader:
        if reader.frames == 0:
            raise SoundError(f"{path}: an empty sound, without a sample; name one that has some")
        return Source(path, reader.seconds, reader.sample_rate, place)


def _sounds_below(folder: Path, out: Path) -> list[Path]:
    from netbend.media.dataset import files_below
    from netbend.sound.formats import FILMS, SOUNDS

    found, left_out = files_below(folder, SOUNDS | FILMS, out if out.resolve() != folder.resolve() else None)
    if not found:
        said = f"left out: {left_out}" if left_out.counts else "it is empty"
        raise RenderError(f"{folder}: no sounds in this folder; {said}")
    return found
