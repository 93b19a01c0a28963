"""Files that are there whole or not at all, and that take another's place only if asked to."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netbend.errors import NetbendError
from netbend.regular_file import kind_of

UNFINISHED = ".unfinished-"  # how the names of files begin that are not whole yet
# What file systems say that know no second name for a file.
NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EINVAL}


@contextmanager
def atomic_write(path: Path, kind: type[NetbendError], *, overwrite: bool) -> Iterator[Path]:
    """Give the name of a file to write, which gets the name `path` when the block is done.

    If the block fails or is interrupted, nothing is left of it. Whether `path` is free is decided at the
    moment in which it is given, so that of two commands only one believes that it made the file.

    Args:
        path: The file to make; its folder is made too.
        kind: The error to raise.
        overwrite: Whether to replace a file that is there. A link is then replaced itself, not followed.

    Raises:
        NetbendError: Of the kind asked for, for what the system refuses, and for a file or link that is
            there and not to be replaced.
    """
    with folder_of(path, kind):
        unfinished = path.parent / f"{UNFINISHED}{secrets.token_hex(8)}"
        try:
            os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            yield unfinished
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            if overwrite:
                refuse_special_place(path, kind)
                os.replace(unfinished, path)
            else:
                give_name(unfinished, path)
        except FileExistsError as error:
            raise kind(exists_already(path)) from error
        except OSError as error:
            raise kind(f"cannot write {path}: {error.strerror or error}") from error
        finally:
            with suppress(OSError):  # the folder may be gone, or never have been one
                unfinished.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes, kind: type[NetbendError], *, overwrite: bool) -> None:
    """Write a file with this content; see `atomic_write`."""
    with atomic_write(path, kind, overwrite=overwrite) as unfinished:
        unfinished.write_bytes(data)


def refuse_special_place(path: Path, kind: type[NetbendError]) -> None:
    """Raise `kind` where a pipe, socket or device is: as root, a file would take the place of /dev/null."""
    with suppress(OSError):
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)):
            raise kind(f"{path}: is a {kind_of(mode)}, which is not replaced; name another --out")


def give_name(file: Path, path: Path) -> None:
    """Give a file another name, which must be free; the old one may stay.

    Raises:
        FileExistsError: If something of that name is there, also a link that leads nowhere.
    """
    try:
        os.link(file, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            os.replace(file, path)
        except BaseException:
            path.unlink()
            raise


def exists_already(path: Path, more: int = 0) -> str:
    """What to say of a file that is in the way, and of so many more."""
    others = f" (and {more} more)" if more else ""
    return f"{path}{others} exists already; name another --out, or say --overwrite"


def is_there(path: Path, kind: type[NetbendError]) -> bool:
    """Whether there is anything of that name, links that lead nowhere included.

    Raises:
        NetbendError: Of the kind asked for, if no file can have that name or it cannot be looked up.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except ValueError as error:  # a NUL in its name
        raise kind(f"{str(path)!r}: not a name that a file can have ({error})") from error
    except OSError as error:
        raise kind(f"{path}: {error.strerror}; name another --out") from error
    return True


@contextmanager
def folder_of(path: Path, kind: type[NetbendError]) -> Iterator[None]:
    """Make the folder that a file is to lie in; take it away again if the block fails and left it empty."""
    made = [folder for folder in path.parents if not os.path.lexists(folder)]
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise kind(f"cannot write {path}: {error.strerror}") from error
        yield
    except BaseException:
        with suppress(OSError):
            for folder in made:
                folder.rmdir()
        raise
