"""Sound through a model while it is played: the network in a thread of its own, beside the audio callback.

A callback has a few milliseconds for each block. A chunk takes the network longer than that, and comes once
in many blocks: `SoundStream.push` within the callback would make it miss its time at every chunk.
"""

import threading
from queue import SimpleQueue
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from netbend.errors import RenderError
from netbend.render.stream import SoundStream
from netbend.sound.formats import Samples


class LiveStream:
    """A SoundStream to be called from an audio callback, which it never keeps waiting.

        with LiveStream(SoundStream(model, plan, channels=2), seconds=0.4) as live:
            def callback(incoming, outgoing, frames, time, status):     # of the library sounddevice
                outgoing[:] = live.process(incoming.T).T

    What comes out is what went in, bent, and `seconds` late. That must be more than the latency of the
    stream, by what the network takes to compute; where it is not enough, silence is heard, `missed` counts
    its samples, and what comes too late is left out, so that the delay stays the same.

    Args:
        stream: Fresh, with as many channels as the blocks have.
        seconds: From a sample that goes in to the same sample coming out.

    Raises:
        RenderError: If that is less than the stream's own latency.
    """

    def __init__(self, stream: SoundStream, seconds: float):
        delay = round(seconds * stream.sample_rate)
        if not delay >= stream.latency:
            own = stream.latency / stream.sample_rate
            raise RenderError(
                f"{seconds:g} s: the stream alone is {own:.3f} s late; expected more, to compute in"
            )
        stream.warm_up()
        self.missed = 0
        self._channels = stream.channels
        self._ring = _Ring(stream.channels, delay)
        self._stream = stream
        self._incoming: SimpleQueue[Samples | None] = SimpleQueue()
        self._failed: Exception | None = None
        self._too_late = 0  # samples to leave out, as silence was heard in their place
        self._worker = threading.Thread(target=self._work, name="netbend-live", daemon=True)
        self._worker.start()

    def process(self, samples: Samples) -> Samples:
        """A block `(channels, n)` in, as many samples out, at once.

        Raises RenderError for a block of another shape, and whatever ended the work beside it.
        """
        if self._failed is not None:
            raise self._failed
        if samples.ndim != 2 or len(samples) != self._channels:
            raise RenderError(f"a block {samples.shape}: this stream takes ({self._channels}, samples)")
        self._incoming.put(np.array(samples, np.float32))  # the caller may use its memory again
        ready = self._ring.take(samples.shape[1])
        missing = samples.shape[1] - ready.shape[1]
        self.missed += missing
        self._too_late += missing
        return np.pad(ready, ((0, 0), (0, missing)))

    def close(self) -> None:
        """End the work; what has not come out is lost."""
        self._incoming.put(None)
        self._worker.join()

    def __enter__(self) -> "LiveStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _work(self) -> None:
        left_out = 0
        try:
            while (block := self._incoming.get()) is not None:
                made = self._stream.push(block)
                skipped = min(made.shape[1], self._too_late - left_out)
                left_out += skipped
                self._ring.put(made[:, skipped:])
        except Exception as error:  # shown where it is looked at: in the callback's thread
            self._failed = error


class _Ring:
    """Samples from one thread to another, in memory that stays: neither waits for the other.

    One thread only puts, one only takes. It begins with `delay` samples of silence; as never more come than
    are asked for, a block more than that is room enough.
    """

    SPARE = 1 << 16  # samples

    def __init__(self, channels: int, delay: int):
        self._samples = np.zeros((channels, delay + self.SPARE), np.float32)
        self._put, self._taken = delay, 0  # in all; each is written by one thread alone

    def put(self, samples: Samples) -> None:
        self._samples[:, self._places(self._put, samples.shape[1])] = samples
        self._put += samples.shape[1]  # last: only now they may be taken

    def take(self, count: int) -> Samples:
        """The next samples, as many as there are up to `count`."""
        ready = min(count, self._put - self._taken)
        samples: Samples = self._samples[:, self._places(self._taken, ready)]
        self._taken += ready
        return samples

    def _places(self, start: int, count: int) -> NDArray[np.intp]:
        return np.arange(start, start + count) % self._samples.shape[1]
