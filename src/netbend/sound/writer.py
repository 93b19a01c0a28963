"""Writing sound files: whole or not at all, at a rate that the encoder takes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile
from numpy.typing import NDArray

from netbend.atomic import atomic_write
from netbend.errors import SoundError
from netbend.sound.formats import Samples, default_subtype, format_of, reason, refuse_channels, written_rate
from netbend.sound.resampling import Resampling

BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
MOST_BYTES = 2**32 - 2**16  # that fit into a WAV or AIFF file


class SoundWriter:
    """A sound file to write: by way of a temporary one beside it, so that it is there whole or not at all.

    sample_rate: Hz, of what is given to `write`; the file has it, too, or the rate that `written_rate` says.
    subtype: of its samples, such as PCM_16, PCM_24 or FLOAT; the format's usual if None or if the format
    has no such samples. frames: how many are to come, where that is known: too many are refused at once.
    comment: to keep in the file. overwrite: replace a file that is there. `clipped` counts the samples
    beyond full scale, which are cut in all but FLOAT.
    """

    def __init__(
        self,
        path: Path,
        sample_rate: int,
        channels: int,
        subtype: str | None = None,
        comment: str = "",
        frames: int = 0,
        *,
        overwrite: bool = True,
    ):
        self.path, self.clipped, self._overwrite = path, 0, overwrite
        format = format_of(path)
        refuse_channels(path, channels)
        if subtype is None or not soundfile.check_format(format, subtype):
            subtype = default_subtype(format)
        if path.suffix.lower() == ".opus":
            subtype = "OPUS"
        self._bits = BITS.get(subtype)
        bits = self._bits or (64 if subtype == "DOUBLE" else 32)
        if format in ("WAV", "AIFF") and frames * channels * bits // 8 > MOST_BYTES:
            raise SoundError(f"{path}: a result of more than 4 GB does not fit into {format}; choose .flac")
        self._bounded = subtype not in ("FLOAT", "DOUBLE")
        rate = written_rate(path, sample_rate)
        self._resampling = Resampling(sample_rate, rate, channels)
        self._open = partial(
            soundfile.SoundFile,
            mode="w",
            samplerate=rate,
            channels=channels,
            subtype=subtype,
            format=format,
        )
        self._comment = comment
        self._resources = ExitStack()

    def __enter__(self) -> "SoundWriter":
        with ExitStack() as resources:
            unfinished = resources.enter_context(
                atomic_write(self.path, SoundError, overwrite=self._overwrite)
            )
            with self._refusals():
                self._file = resources.enter_context(self._open(unfinished))
                if self._comment:
                    self._file.comment = self._comment
            resources.push(self._finish)
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._refusals():
            self._resources.__exit__(kind, error, trace)

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            return
        self._append(self._resampling.flush())
        if self._file.frames == 0 and self._file.format not in ("WAV", "AIFF"):  # libsndfile leaves no header
            raise SoundError(f"{self.path}: there are no samples to write; only .wav and .aiff can be empty")

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
            raise SoundError(
                f"cannot write {self.path}: {reason(error)}; .wav takes every rate and number of channels"
            ) from error

    def check(self) -> None:
        """Begin such a file and take it away again. Raises SoundError for what cannot be written."""

        class Tried(Exception):
            pass

        with suppress(Tried), self:
            raise Tried

    def write(self, samples: Samples) -> None:
        """Append samples `(channels, n)`."""
        self._append(self._resampling.push(samples))

    def _append(self, samples: Samples) -> None:
        if self._bounded:
            self.clipped += int((np.abs(samples) > 1).sum())
            samples = samples.clip(-1, 1)
        with self._refusals():
            self._file.write(samples.T if self._bits is None else whole_numbers(samples, self._bits).T)


def whole_numbers(samples: Samples, bits: int) -> NDArray[np.int32]:
    """Samples as whole numbers of so many bits, in the upper ones of 32: to the bit what was read.

    libsndfile itself scales by one less when it writes than when it reads.
    """
    full = 2 ** (bits - 1)
    rounded = np.rint(samples.astype(np.float64) * full).clip(-full, full - 1)
    return rounded.astype(np.int32) << (32 - bits)


def write_sound(path: Path, samples: Samples, sample_rate: int, subtype: str | None = None) -> None:
    """Write samples `(channels, frames)`."""
    with SoundWriter(path, sample_rate, len(samples), subtype) as writer:
        writer.write(samples)
