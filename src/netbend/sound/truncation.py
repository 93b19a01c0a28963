"""Files that end too early: libsndfile reads what is left of some of them without a word."""

from pathlib import Path

from netbend.errors import SoundError

SIZE_UNKNOWN = 0xFFFFFFFF  # of a WAV that was streamed
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
        order = "big" if file.read(4) in (b"FORM", b"RIFX") else "little"
        place = 12
        while place + 8 <= length:
            file.seek(place)
            name, size = file.read(4), int.from_bytes(file.read(4), order)  # type: ignore[arg-type]
            if name in (b"data", b"SSND"):
                return size == SIZE_UNKNOWN or place + 8 + size <= length
            place += 8 + size + size % 2
    return False


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
