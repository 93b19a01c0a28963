"""Files of users, opened only if they are files.

A pipe would wait for ever, a device may never end, and opening a socket or a tape does things.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from netbend.errors import NetbendError


@contextmanager
def open_regular(path: Path, kind: type[NetbendError], max_bytes: int | None = None) -> Iterator[BinaryIO]:
    """Open a file for reading, in binary; whatever is read of it, hash and content, is of this one handle.

    Args:
        path: The file; links are followed.
        kind: The error to raise.
        max_bytes: The largest size that is opened.

    Raises:
        NetbendError: Of the kind asked for, if there is no such file, it is a folder, pipe, socket or
            device, the system refuses it, or it is larger than `max_bytes`.
    """
    try:
        # Without waiting: a file may have become a pipe since it was looked at.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError as error:
        raise kind(f"{path}: no such file") from error
    except ValueError as error:  # a NUL in its name
        raise kind(f"{str(path)!r}: not a name that a file can have ({error})") from error
    except OSError as error:
        raise kind(f"{path}: cannot be read ({error.strerror}){_what(path)}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise kind(f"{path}: not a file, but a {kind_of(status.st_mode)}; name a file")
        if max_bytes is not None and status.st_size > max_bytes:
            raise kind(f"{path}: {status.st_size} bytes; at most {max_bytes} are read")
    except BaseException:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_regular(path: Path, kind: type[NetbendError], max_bytes: int | None = None) -> bytes:
    """The content of a file; see `open_regular`."""
    with open_regular(path, kind, max_bytes) as file:
        try:
            # One more than there is, as a file may grow; no more, as room is made for all that is asked for.
            data = file.read() if max_bytes is None else file.read(os.fstat(file.fileno()).st_size + 1)
        except OSError as error:
            raise kind(f"{path}: cannot be read ({error.strerror})") from error
    if max_bytes is not None and len(data) > max_bytes:
        raise kind(f"{path}: more than {max_bytes} bytes; at most {max_bytes} are read")
    return data


def refuse_special(path: Path, kind: type[NetbendError]) -> None:
    """Raise `kind` for what is there and no file, before a library that takes names alone opens it."""
    with open_regular(path, kind):
        pass


def kind_of(mode: int) -> str:
    """What an entry of a file system is, in a word."""
    kinds = {
        stat.S_ISDIR: "folder",
        stat.S_ISFIFO: "pipe",
        stat.S_ISSOCK: "socket",
        stat.S_ISCHR: "device",
        stat.S_ISBLK: "device",
    }
    return next((name for is_it, name in kinds.items() if is_it(mode)), "special file")


def _what(path: Path) -> str:
    """Opening a socket fails before it can be asked what it is."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return ""
    return "" if stat.S_ISREG(mode) else f"; it is a {kind_of(mode)}, not a file"
