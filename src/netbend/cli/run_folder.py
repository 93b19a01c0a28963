"""Folders that a long run keeps its work in, to go on from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netbend.atomic import UNFINISHED, folder_of
from netbend.errors import DataError, NetbendError
from netbend.folder_lock import LOCK, locked
from netbend.models.run_settings import RunSettings, refuse_special_in


def check_folder(
    out: Path, settings: RunSettings, may_change: tuple[str, ...] = (), called: str = "--out"
) -> None:
    """Refuse a folder with anything in it but this same run.

    may_change: settings that do not matter. called: the option that names the folder.
    Raises DataError.
    """
    try:
        if not out.exists() or not any(map(_counts, out.iterdir())):
            return
    except OSError as error:
        raise DataError(f"{out}: not a folder that can be written ({error.strerror})") from error
    refuse_special_in(out)
    if not (out / "settings.json").exists():
        raise DataError(f"{out}: not empty, and not an unfinished run; name another {called}")
    changed = type(settings).load(out / "settings.json").difference(settings)
    lasting = [name for name in changed if name not in may_change]
    if lasting:
        options = ", ".join(dict.fromkeys(settings.option(name) for name in lasting))
        raise DataError(
            f"{out}: holds a run with other settings ({options}); give the same, or another {called}"
        )


@contextmanager
def held_folder(out: Path, kind: type[NetbendError] = DataError) -> Iterator[None]:
    """Make a run's folder and hold it, so that no two commands work in it. Raises an error of that kind."""
    with folder_of(out / LOCK, kind), locked(out, kind):
        yield


def _counts(path: Path) -> bool:
    """Not what a run leaves that is killed before it has noted its settings."""
    return path.name != LOCK and not path.name.startswith(UNFINISHED)
