"""Files that are there whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netbend.errors import NetbendError


@contextmanager
def whole_file(path: Path, kind: type[NetbendError]) -> Iterator[Path]:
    """Gives the name of a file to write, which takes the place of `path` when the block is done.

    If the block fails, nothing is left of it. Raises `kind` for what the system refuses.
    """
    with folder_of(path, kind):
        try:
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".unfinished-")
        except OSError as error:
            raise kind(f"cannot write {path}: {error.strerror}") from error
        os.close(handle)
        unfinished = Path(name)
        try:
            yield unfinished
            umask = os.umask(0)
            os.umask(umask)
            unfinished.chmod(0o666 & ~umask)
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except OSError as error:
            raise kind(f"cannot write {path}: {error.strerror}") from error
        finally:
            unfinished.unlink(missing_ok=True)


@contextmanager
def folder_of(path: Path, kind: type[NetbendError]) -> Iterator[None]:
    """Make the folder that a file is to lie in; take it away again if the block fails and left it empty."""
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise kind(f"cannot write {path}: {error.strerror}") from error
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for folder in made:
                folder.rmdir()
        raise


def write_whole(path: Path, data: bytes, kind: type[NetbendError]) -> None:
    """Write a file with this content. Raises `kind` for what the system refuses."""
    with whole_file(path, kind) as unfinished:
        unfinished.write_bytes(data)
