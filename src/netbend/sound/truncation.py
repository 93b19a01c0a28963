"""Files that end too early: libsndfile reads what is left of some of them without a word."""

from pathlib import Path
from typing import Literal

from netbend.errors import SoundError

# Sizes that programs write into the header of what goes into a pipe, as they cannot come back to it: ffmpeg;
# sox for WAV and for AIFF; arecord; and those next to them, for the header or the size of a sample.
SIZES_UNKNOWN = (0xFFFFFFFF, 0x7FFFF000, 0x7F000000, 0x80000000, 0x7FFFFFFF)
NEXT_TO = 1024  # bytes
OGG_PAGE_HEADER = 27
LONGEST_OGG_PAGE = 65307


def refuse_truncated(path: Path, format: str) -> None:
    """Raise SoundError if a WAV, AIFF or OGG file is shorter than it says; others tell while read."""
    check = {"WAV": _chunks_end, "WAVEX": _chunks_end, "AIFF": _chunks_end, "OGG": _last_page_ends}.get(
        format
    )
    if check is not None and not check(path):
        raise SoundError(
            f"{path}: cut off, it is shorter than it says itself; take a whole copy of it, or save what is "
            f"left as a new file"
        )


def _chunks_end(path: Path) -> bool:
    """Whether the samples of a RIFF or AIFF file lie within it."""
    length = path.stat().st_size
    with path.open("rb") as file:
        order: Literal["little", "big"] = "big" if file.read(4) in (b"FORM", b"RIFX") else "little"
        place = 12
        while place + 8 <= length:
            file.seek(place)
            name, size = file.read(4), int.from_bytes(file.read(4), order)
            if name in (b"data", b"SSND"):
                return is_no_size(size) or place + 8 + size <= length
            place += 8 + size + size % 2
    return False


def is_no_size(size: int) -> bool:
    """Whether a size stands for one that was not known when it was written."""
    return any(abs(unknown - size) < NEXT_TO for unknown in SIZES_UNKNOWN)


def has_no_length(path: Path) -> bool:
    """Whether a WAV says that it holds nothing, and samples follow: what a pipe leaves of some programs."""
    length = path.stat().st_size
    with path.open("rb") as file:
        order: Literal["little", "big"] = "big" if file.read(4) == b"RIFX" else "little"
        place = 12
        while place + 8 <= length:
            file.seek(place)
            name, size = file.read(4), int.from_bytes(file.read(4), order)
            place += 8
            if name == b"data":
                return size == 0 and place < length and not _is_chunk(file.read(8), order, length - place)
            place += size + size % 2
    return False


def _is_chunk(head: bytes, order: Literal["little", "big"], left: int) -> bool:
    """Whether a chunk begins there, such as the tags that follow the samples of an empty sound."""
    name, size = head[:4], int.from_bytes(head[4:8], order)
    return len(head) == 8 and name.isascii() and name.decode().isprintable() and 8 + size <= left


def _last_page_ends(path: Path) -> bool:
    """Whether the last page of an Ogg file is whole, and says that it is the last."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LONGEST_OGG_PAGE - OGG_PAGE_HEADER))
        tail = file.read()
    start = tail.rfind(b"OggS")
    if start < 0 or start + OGG_PAGE_HEADER > len(tail):
        return False
    flags, segments = tail[start + 5], tail[start + 26]
    lengths = tail[start + OGG_PAGE_HEADER : start + OGG_PAGE_HEADER + segments]
    return bool(flags & 4) and start + OGG_PAGE_HEADER + segments + sum(lengths) <= len(tail)
