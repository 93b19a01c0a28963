"""What a command prints is only ever shown by a terminal, never obeyed: the one place where it is held.

File names, names in recipes and records, and messages of libraries come from strangers and may hold
escape sequences. Whatever goes to standard output or error while a command runs passes through here.
"""

import functools
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from netbend.cli.app import Group
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
    print(f"netbend: {shortened(printable(str(message)), MAX_MESSAGE)}", file=sys.stderr)


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


def shield(command: Any) -> Any:
    """A command, and all below it, printing safely. Help and usage, which hold no strangers' text, do not."""
    if command.callback is not None:
        command.callback = _shielded(command.callback)
    for below in getattr(command, "commands", {}).values():
        shield(below)
    return command


def _shielded(callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def shielded(*args: Any, **kwargs: Any) -> Any:
        with printing_safely():
            return callback(*args, **kwargs)

    return shielded


class Commands(Group):
    """Commands whose usage errors show the words they complain about, which may be names of files."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _harmless_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        with _harmless_errors():
            return super().invoke(*args, **kwargs)


@contextmanager
def _harmless_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(message := getattr(error, "message", None), str):
            words = _in_our_words(printable(message))
            error.message = shortened(words, MAX_MESSAGE)  # type: ignore[attr-defined]
        raise


def _in_our_words(message: str) -> str:
    """A usage error without what Typer's checks call themselves."""
    return message.replace("Value error, ", "", 1).replace("Input should be", "must be", 1)
