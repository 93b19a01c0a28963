"""A part of a sound, as a file of its own, so that whatever reads it knows nothing but the part."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import soundfile

from netbend.errors import SoundError
from netbend.sound.files import SoundReader
from netbend.sound.formats import reason
from netbend.sound.writer import BITS, whole_numbers

LASTING = {"WAV": "RF64", "FLAC": "FLAC", "AIFF": "AIFF"}  # formats that keep every bit; RF64 has no bound
OTHERWISE = ("W64", "FLOAT")  # of what a lossy file is decoded to


@contextmanager
def excerpt(path: Path, start: float = 0.0, end: float | None = None) -> Iterator[Path]:
    """Give a file with what a sound has from `start` to `end`, for as long as the block lasts.

    It has the sample rate, channels and kind of samples of the whole, and its name; without `start` and
    `end` it is the file itself.

    Args:
        path: The sound.
        start: Seconds; samples before it are left out.
        end: Seconds; samples from it on are left out. None or beyond the end for all that there are.

    Raises:
        SoundError: For a sound that cannot be read, or that has nothing there.
    """
    if start == 0 and end is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="netbend-") as folder:
        part = Path(folder) / path.name
        with SoundReader(path) as reader:
            _check(reader, start, end)
            _write(reader, part, start, end)
        yield part


def _check(reader: SoundReader, start: float, end: float | None) -> None:
    if not start >= 0 or (end is not None and not end > start):
        raise SoundError(
            f"from {start:g} to {end:g} s: expected a start of 0 or more, and an end after it"
            if end is not None
            else f"from {start:g} s: expected a start of 0 or more"
        )
    if start >= reader.seconds:
        raise SoundError(
            f"{reader.path}: has {reader.seconds:.2f} s, and nothing from {start:g} s on; start earlier"
        )


def _write(reader: SoundReader, part: Path, start: float, end: float | None) -> None:
    rate = reader.sample_rate
    format = LASTING.get(reader.format)
    if format is not None and soundfile.check_format(format, reader.subtype):
        subtype = reader.subtype
    else:
        format, subtype = OTHERWISE
    bits = BITS.get(subtype)
    first, last = round(start * rate), None if end is None else round(end * rate)
    place = 0
    try:
        with soundfile.SoundFile(part, "w", rate, reader.channels, subtype, format=format) as file:
            for block in reader.blocks():
                wanted = block[:, max(0, first - place) : None if last is None else max(0, last - place)]
                file.write(wanted.T if bits is None else whole_numbers(wanted, bits).T)
                place += block.shape[1]
                if last is not None and place >= last:
                    break
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        raise SoundError(
            f"cannot write a part of {reader.path} in {part.parent}: {reason(error)}; set TMPDIR to a folder "
            f"with room"
        ) from error
