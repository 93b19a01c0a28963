"""Streams of samples at another rate."""

import numpy as np
import soxr

from netbend.sound.formats import Samples


class Resampling:
    """A stream of samples at one rate to the same sound at another; nothing is done if they are equal."""

    def __init__(self, source: int, target: int, channels: int):
        self._channels = channels
        equal = source == target
        self._stream = None if equal else soxr.ResampleStream(source, target, channels, dtype="float32")

    def push(self, samples: Samples) -> Samples:
        """Samples `(channels, n)` in, what is ready of the result out."""
        return samples if self._stream is None else self._pushed(samples, last=False)

    def flush(self) -> Samples:
        """The rest, when nothing more comes."""
        nothing = np.zeros((self._channels, 0), np.float32)
        return nothing if self._stream is None else self._pushed(nothing, last=True)

    def _pushed(self, samples: Samples, *, last: bool) -> Samples:
        assert self._stream is not None
        resampled = self._stream.resample_chunk(np.ascontiguousarray(samples.T), last=last)
        return np.ascontiguousarray(resampled.reshape(-1, self._channels).T)
