"""Sound through pipes: `-` in place of a file is standard input, or standard output."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from netbend.cli.terminal import own_stream
from netbend.cli.usage import UsageError
from netbend.errors import RenderError, SoundError
from netbend.limits import MAX_PIPED_BYTES

PIPE = Path("-")
COPIED_AT_ONCE = 1 << 20  # bytes


@contextmanager
def from_standard_input(sources: Sequence[Path]) -> Iterator[list[Path]]:
    """The sources with a file in place of `-`, which has what comes in, for as long as the block lasts.

    Raises SoundError if nothing comes, or more than `MAX_PIPED_BYTES`.
    """
    if PIPE not in sources:
        yield list(sources)
        return
    if sources.count(PIPE) > 1:
        raise UsageError("- comes twice, and there is one standard input")
    if sys.stdin is None or sys.stdin.isatty():
        raise RenderError("- is a sound from standard input, which is a terminal; pipe a file into it")
    with tempfile.TemporaryDirectory(prefix="netbend-") as folder:
        piped = Path(folder) / "stdin"
        _take(sys.stdin.buffer, piped)
        try:
            yield [piped if source == PIPE else source for source in sources]
        except SoundError as error:
            raise SoundError(str(error).replace(str(piped), "standard input")) from error


def _take(stream: BinaryIO, file: Path) -> None:
    taken = 0
    try:
        with file.open("wb") as kept:
            while part := stream.read(COPIED_AT_ONCE):
                taken += len(part)
                if taken > MAX_PIPED_BYTES:
                    raise SoundError(f"standard input: more than {MAX_PIPED_BYTES} bytes; name a file")
                kept.write(part)
    except OSError as error:
        raise SoundError(
            f"standard input: cannot be kept in {file.parent}: {error.strerror}; set TMPDIR to a folder with "
            f"room"
        ) from error
    if taken == 0:
        raise SoundError("standard input: nothing came; pipe a sound file into it")


@contextmanager
def to_standard_output(out: Path) -> Iterator[Path]:
    """The place to write to: for `-` a WAV file that goes to standard output when the block is done."""
    if out != PIPE:
        yield out
        return
    stream = own_stream(sys.stdout)
    if stream.isatty():
        raise UsageError("--out - writes sound to standard output, which is a terminal; pipe it on")
    with tempfile.TemporaryDirectory(prefix="netbend-") as folder:
        made = Path(folder) / "stdout.wav"
        yield made
        with made.open("rb") as file:
            shutil.copyfileobj(file, stream.buffer, COPIED_AT_ONCE)
        stream.buffer.flush()
