"""Which files of a folder or a zip are training data: by their endings, without what systems leave there.

Everything else is counted by kind, so that one line can say what was left out.
"""

import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from netbend.errors import DataError
from netbend.limits import MAX_LISTED_FILES, MAX_ZIP_DIRECTORY
from netbend.regular_file import kind_of, open_regular

HIDDEN = "hidden or of the system"
SYSTEM_NAMES = frozenset(
    {
        *("__macosx", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin"),
        *("system volume information", "lost+found", "@eadir", "#recycle", "#snapshot"),  # the last of a NAS
    }
)
MAX_KINDS = 8  # of what was left out, in one line
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others take up to 4 GB of memory


@dataclass
class LeftOut:
    """Counts of what is no training data, by kind, such as `.txt`."""

    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """In one line, the most frequent first; empty if nothing was left out."""
        kinds = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        parts = [f"{kind} ({count})" for kind, count in kinds[:MAX_KINDS]]
        if len(kinds) > MAX_KINDS:
            parts.append(f"others ({sum(count for _, count in kinds[MAX_KINDS:])})")
        return ", ".join(parts)


def files_below(
    folder: Path, endings: Collection[str], run: Path | None = None
) -> tuple[list[Path], LeftOut]:
    """All files below a folder with one of the endings, by name.

    Args:
        folder: Links in it are followed if they lead to files.
        endings: Such as `.png`, in lower case; capitals in names are the same.
        run: A folder that may lie in it, whose files are neither taken nor counted.

    Returns:
        The files, and what was left out. Nothing is opened.
    """
    found, left_out = [], LeftOut()
    apart = None if run is None else run.resolve()

    def unreadable(_: OSError) -> None:
        left_out.counts["folders that may not be read"] += 1

    for place, folders, names in os.walk(folder, onerror=unreadable):
        kept = []
        for name in folders:
            if apart is not None and Path(place, name).resolve() == apart:
                continue
            if _is_hidden(name):
                left_out.counts[HIDDEN] += 1
            elif Path(place, name).is_symlink():
                left_out.counts["links to folders"] += 1
            else:
                kept.append(name)
        folders[:] = kept
        for name in names:
            kind = _kind_left_out(name, endings) or _kind_of_special(Path(place, name))
            if kind is None:
                found.append(Path(place, name))
            else:
                left_out.counts[kind] += 1
    return sorted(found), left_out


def members(archive: zipfile.ZipFile, endings: Collection[str]) -> tuple[list[zipfile.ZipInfo], LeftOut]:
    """All files in a zip with one of the endings, by name, and what was left out; see `files_below`.

    Of several of one name the last is taken, as unpacking would leave it. Nothing is unpacked.
    Raises DataError if the zip is encrypted.
    """
    found: dict[str, zipfile.ZipInfo] = {}
    left_out = LeftOut()
    for info in archive.infolist():
        if info.is_dir():
            continue
        parts = [part for part in re.split(r"[\\/]", info.filename) if part not in ("", ".", "..")]
        kind = HIDDEN if any(map(_is_hidden, parts)) else _kind_left_out(info.filename, endings)
        if kind is None and stat.S_ISLNK(info.external_attr >> 16):
            kind = "links"
        if kind is None and info.filename in found:
            left_out.counts["replaced by later ones of the same name"] += 1
        if kind is not None:
            left_out.counts[kind] += 1
            continue
        if info.flag_bits & 1:
            raise DataError(f"{archive.filename}: encrypted; unpack it, and name the folder")
        found[info.filename] = info
    return [found[name] for name in sorted(found)], left_out


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip of training data. Raises DataError if it is none, or its list of files is too long."""
    if not path.exists():
        raise DataError(f"{path}: expected a folder or a zip of training data; no such file")
    with open_regular(path, DataError) as file:
        if not zipfile.is_zipfile(file):
            raise DataError(f"{path}: expected a folder or a zip")
        file.seek(0)
        try:
            archive = zipfile.ZipFile(_Bounded(file, path))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
            raise DataError(f"{path}: not a zip that can be read ({error}); make it again") from error
        archive.filename = str(path)
        with archive:
            yield archive


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """The content of a file in a zip. Raises DataError, led by its name, if it is damaged or too large."""
    name = info.filename
    if info.compress_type not in COMPRESSIONS:
        raise DataError(f"{name}: packed in a way other than deflate; make the zip again")
    if info.file_size > max_bytes:
        raise DataError(f"{name}: {info.file_size} bytes; at most {max_bytes} are read")
    try:
        with archive.open(info) as file:
            data = file.read(max_bytes + 1)
    except Exception as error:  # what the zip's fields lead to: zlib.error, BadZipFile, struct.error ...
        raise DataError(f"{name}: damaged in the zip ({type(error).__name__}: {error})") from error
    if len(data) > max_bytes:
        raise DataError(f"{name}: more bytes than it says; at most {max_bytes} are read")
    return data


def refuse_broken(source: Path, broken: list[str], among: int, what: str) -> None:
    """Raise DataError with the messages of all files that cannot be used, if there are any."""
    if not broken:
        return
    lines = broken[:MAX_LISTED_FILES]
    if len(broken) > len(lines):
        lines = [*lines, f"and {len(broken) - len(lines)} more"]
    raise DataError(
        "\n  ".join([f"{source}: {len(broken)} of {among} {what} cannot be used:", *lines])
        + "\nrepair them or take them out"
    )


class _Bounded:
    """A file that does not hand out more at once than a zip's directory may have: zipfile reads it whole."""

    def __init__(self, file: IO[bytes], path: Path):
        self._file, self._path = file, path

    def read(self, count: int = -1) -> bytes:
        data = self._file.read(MAX_ZIP_DIRECTORY + 1 if count < 0 else min(count, MAX_ZIP_DIRECTORY + 1))
        if len(data) > MAX_ZIP_DIRECTORY:
            raise DataError(
                f"{self._path}: the list of its files has more than {MAX_ZIP_DIRECTORY} bytes; "
                f"unpack it, and name the folder"
            )
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def _kind_left_out(name: str, endings: Collection[str]) -> str | None:
    """What a file is counted as by its name; None if it is to be read."""
    base = re.split(r"[\\/]", name)[-1]
    if _is_hidden(base):
        return HIDDEN
    ending = PurePosixPath(base).suffix.lower()
    if ending in endings:
        return None
    return ending if re.fullmatch(r"\.[a-z0-9]{1,8}", ending) else "of other endings"


def _kind_of_special(path: Path) -> str | None:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return "links to nowhere"
    return None if stat.S_ISREG(mode) else f"{kind_of(mode)}s"
