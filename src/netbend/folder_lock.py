"""Folders that one process at a time works in; the system frees them if it is killed."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netbend.errors import NetbendError

LOCK = "lock"  # the file's name; it is there while somebody works
BUSY = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}


@contextmanager
def locked(folder: Path, kind: type[NetbendError]) -> Iterator[None]:
    """Hold a folder for the block. Where the file system knows no locks, nothing is held.

    Raises:
        NetbendError: Of the kind asked for, if another process holds it or no file can be made in it.
    """
    path = folder / LOCK
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except OSError as error:
        raise kind(f"cannot write in {folder}: {error.strerror}; name another --out") from error
    try:
        if not _is_held(descriptor, path):
            raise kind(f"{folder}: another netbend is at work in it; wait for it, or name another --out")
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()
    finally:
        os.close(descriptor)


def _is_held(descriptor: int, path: Path) -> bool:
    """Whether the lock could be had, and is that of the file that is there now."""
    try:
        import fcntl
    except ModuleNotFoundError:  # on Windows
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in BUSY
    try:
        # Whoever held it may have removed the file since it was opened here.
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
