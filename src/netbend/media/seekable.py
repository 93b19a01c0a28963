"""Files that FFmpeg reads by way of Python."""

from typing import BinaryIO


class SeekableFile:
    """A file for `av.open`. FFmpeg asks damaged files for places that none has, and takes -1 for no.

    PyAV would print the exception, and pass it over.
    """

    def __init__(self, file: BinaryIO):
        self.read, self.tell = file.read, file.tell
        self._file = file

    def seek(self, offset: int, whence: int = 0) -> int:
        """The place that was found, -1 if there is none."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1
