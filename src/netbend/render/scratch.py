"""Samples that wait: for a stream that is late, and on disk for a gain that is known in the end."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from netbend.atomic import folder_of
from netbend.errors import SoundError
from netbend.sound.formats import Samples


class Beside:
    """Two streams of equal length in the end, the second one late: gives what has come of both."""

    def __init__(self, channels: int):
        self._first = self._second = np.zeros((channels, 0), np.float32)

    def push(self, first: Samples, second: Samples) -> tuple[Samples, Samples]:
        self._first = np.concatenate([self._first, first], axis=1)
        self._second = np.concatenate([self._second, second], axis=1)
        count = min(self._first.shape[1], self._second.shape[1])
        pair = self._first[:, :count], self._second[:, :count]
        self._first, self._second = self._first[:, count:], self._second[:, count:]
        return pair

    def finish(self, second: Samples) -> tuple[Samples, Samples]:
        """The rest of the first; resampling may have made a sample more or less of the second."""
        self._second = np.concatenate([self._second, second], axis=1)
        length = self._first.shape[1]
        missing = max(0, length - self._second.shape[1])
        return self._first, np.pad(self._second, ((0, 0), (0, missing)))[:, :length]


class Scratch:
    """Samples of an unfinished result, on disk: an hour of them need not fit into memory."""

    def __init__(self, file: IO[bytes], channels: int, wanted_for: Path):
        self._file, self._channels, self._wanted_for = file, channels, wanted_for
        self._reading = False

    def write(self, samples: Samples) -> None:
        try:
            self._file.write(np.ascontiguousarray(samples.T, np.float32).tobytes())
        except OSError as error:
            raise SoundError(f"cannot write {self._wanted_for}: {error.strerror}") from error

    def read(self, count: int) -> Samples:
        """The next samples `(channels, count)`, from the first on."""
        if not self._reading:
            self._file.flush()
            self._file.seek(0)
            self._reading = True
        raw = self._file.read(count * self._channels * 4)
        return np.frombuffer(raw, np.float32).reshape(-1, self._channels).T


@contextmanager
def scratch(out: Path, channels: int) -> Iterator[Scratch]:
    """Room for samples beside a file that is to be written. Raises SoundError where there is none."""
    with folder_of(out, SoundError), ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile(dir=out.parent))
        except OSError as error:
            raise SoundError(f"cannot write {out}: {error.strerror}") from error
        yield Scratch(file, channels, out)
