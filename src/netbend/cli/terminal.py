"""What a command prints is only ever shown by a terminal, never obeyed: the one place where it is held.

File names, names in recipes and records, and messages of libraries come from strangers and may hold
escape sequences. Whatever goes to standard output or error while a command runs passes through here.
"""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from netbend.cli.usage import option
from netbend.errors import NetbendError
from netbend.limits import MAX_MESSAGE
from netbend.printable import printable, shortened


class PrintableStream(io.TextIOBase):
    """A stream that shows what it is given. It is no terminal, so that libraries send it no colours."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(printable(text))
        return len(text)

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        self.stream.flush()

    def fileno(self) -> int:
        return self.stream.fileno()

    def isatty(self) -> bool:
        return False

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding


def own_stream(stream: TextIO) -> TextIO:
    """The stream itself, for those who send colours and bars of their own, and text through `printable`."""
    return stream.stream if isinstance(stream, PrintableStream) else stream


def complain(message: object) -> None:
    """One message to standard error: harmless, and not endless."""
    text = message.text(option) if isinstance(message, NetbendError) else str(message)
    print(f"netbend: {shortened(printable(text), MAX_MESSAGE)}", file=sys.stderr)


@contextmanager
def printing_safely() -> Iterator[None]:
    """Standard output and error pass through `printable`, and characters they lack are written out."""
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = map(PrintableStream, before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
