"""The sound beneath a film, encoded along with its pictures."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from netbend.errors import RenderError, SoundError
from netbend.film.formats import Format
from netbend.sound.files import SoundReader
from netbend.sound.formats import Samples

LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")  # by the number of channels
TRIED = Fraction(1)  # seconds of a sound that are encoded to see whether it can be


def check_codecs(format: Format, *, with_sound: bool) -> None:
    """Raise RenderError if the FFmpeg that PyAV brings cannot encode such a film."""
    for codec in [format.codec, *([format.audio] if with_sound and format.audio else [])]:
        try:
            av.codec.Codec(codec, "w")
        except av.codec.codec.UnknownCodecError as error:
            raise RenderError(
                f"this FFmpeg has no encoder {codec}, which .{format.container} films need; the wheels of "
                f"PyAV have it: pip install --force-reinstall av"
            ) from error


def check_track(sound: Path, format: Format, length: Fraction) -> None:
    """Read a sound to the end of a film and encode its beginning: nothing of it may fail after the frames.

    length: seconds. Raises SoundError, or RenderError for what the format's encoder refuses.
    """
    with (
        SoundReader(sound) as reader,
        ffmpegs_errors(sound),
        av.open(io.BytesIO(), "w", format=format.container) as container,
    ):
        track = SoundTrack(container, format, reader, length)
        track.write_until(min(TRIED, length))
        track.finish()
        track.skip()


class SoundTrack:
    """A sound that is written along with the pictures, little ahead of them; more than two channels are
    mixed to two. length: seconds."""

    def __init__(self, container: Any, format: Format, reader: SoundReader, length: Fraction):
        if reader.channels > len(LAYOUTS):
            raise SoundError(
                f"{reader.path}: {reader.channels} channels; up to {len(LAYOUTS)} can go beneath a film, mix "
                f"it to two"
            )
        self._container = container
        self._rate, self._layout = reader.sample_rate, LAYOUTS[reader.channels - 1]
        layout, rate = LAYOUTS[min(reader.channels, 2) - 1], format.audio_rate or self._rate
        self._stream = container.add_stream(format.audio, rate=rate, layout=layout)
        kept_as = self._stream.codec_context.format.name
        self._resampler = av.AudioResampler(format=kept_as, layout=layout, rate=rate)
        self._blocks = reader.blocks(self._rate // 4)
        self._left = round(length * self._rate)
        self._written = 0

    def write_until(self, seconds: Fraction) -> None:
        while self._left and self._written < seconds * self._rate:
            block = next(self._blocks, None)
            if block is None:
                self._left = 0
                return
            self._write(block[:, : self._left])

    def _write(self, samples: Samples) -> None:
        interleaved = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=self._layout)
        frame.sample_rate, frame.pts = self._rate, self._written
        frame.time_base = Fraction(1, self._rate)
        self._written += samples.shape[1]
        self._left -= samples.shape[1]
        self._encode(frame)

    def _encode(self, frame: Any) -> None:
        for resampled in self._resampler.resample(frame):
            self._container.mux(self._stream.encode(resampled))

    def skip(self) -> None:
        """Read the rest, and nothing more."""
        while self._left > 0:
            block = next(self._blocks, None)
            self._left = 0 if block is None else self._left - block.shape[1]

    def finish(self) -> None:
        self._encode(None)
        self._container.mux(self._stream.encode())


@contextmanager
def ffmpegs_errors(out: Path) -> Iterator[None]:
    """FFmpeg's errors as ours; what the system refuses, such as a full disk, is an OSError among them."""
    try:
        yield
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise RenderError(f"cannot write {out}: {error.strerror or error}") from error
