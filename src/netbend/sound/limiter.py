"""True peaks kept below a ceiling, without clicks (ITU-R BS.1770-4, annex 2, says what a true peak is).

Samples may miss the peaks of the wave that a converter draws through them: those of a sine at a quarter of
the sample rate by 3 dB. Peaks are therefore read between samples, too.
"""

from math import ceil, exp
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from netbend.sound.formats import Samples

CEILING = -1.0  # dB true peak, as streaming services and broadcasters ask for
OVERSAMPLING = 8  # twice the least of the standard
TAPS = 48  # of the interpolation: right within 0.01 dB up to 0.45 of the sample rate
BETA = 6.0  # of its Kaiser window
AHEAD = 0.005  # seconds in which the gain falls before a peak
RELEASE = 0.1  # seconds in which a reduction goes back to 1/e
LEAST = 1e-5  # of a reduction, 0.0001 dB; what is less is none

Array = NDArray[np.float64]
Real = TypeVar("Real", np.float32, np.float64)


class Limiter:
    """A stream of samples whose true peaks are kept below a ceiling, in dB.

    All channels get the same gain, so that nothing moves from side to side. It is exactly 1 until 5 ms
    before a peak that is too high, and again some time after it. What comes out is `delay` samples late,
    and does not depend on how the samples were parted into blocks.
    """

    def __init__(self, sample_rate: int, channels: int, ceiling: float = CEILING):
        self._channels = channels
        self._ceiling = 10 ** (ceiling / 20)
        ahead = max(2, ceil(AHEAD * sample_rate))
        self.delay = ahead - 1 + TAPS // 2
        hann = np.hanning(ahead + 2)[1:-1]
        self._fall = hann / hann.sum()
        self._decay = exp(-1 / (RELEASE * sample_rate))
        # What leads in is silence, and begins so early that the gain can fall before the first sample.
        self._reading = _Windows(TAPS, np.zeros((channels, TAPS // 2), np.float32))
        self._holding = _Windows(ahead + 1, np.zeros((1, ahead - 1)))
        self._falling = _Windows(ahead, np.zeros((1, 0)))
        self._released = 0.0
        self._waiting: Samples = np.zeros((channels, 0), np.float32)

    def push(self, samples: Samples) -> Samples:
        """Samples `(channels, n)` in, as many out as are settled."""
        self._waiting = np.concatenate([self._waiting, samples], axis=1)
        reduction = self._smooth(self._release(self._hold(self._wanted(samples))))
        ready, self._waiting = np.split(self._waiting, [len(reduction)], axis=1)
        limited: Samples = (ready * (1 - reduction)).astype(np.float32)
        return limited

    def flush(self) -> Samples:
        """The rest, when nothing more comes."""
        return self.push(np.zeros((self._channels, self.delay), np.float32))

    def _wanted(self, samples: Samples) -> Array:
        """How much of each sample has to go, 0 to 1, for the wave from it to the next."""
        peaks = true_peaks(torch.from_numpy(self._reading.push(samples))).amax(dim=0).double()
        wanted: Array = (1 - self._ceiling / peaks.clamp(min=1e-9)).clamp(min=0).numpy()
        return wanted

    def _hold(self, reduction: Array) -> Array:
        """The most that is wanted from a sample before on to `AHEAD`."""
        wide = self._holding.push(reduction[None])
        if not wide.any():
            return wide[0, : max(0, wide.shape[1] - self._holding.width + 1)]
        held: Array = F.max_pool1d(torch.from_numpy(wide), self._holding.width, stride=1)[0].numpy()
        return held

    def _release(self, reduction: Array) -> Array:
        """Let it go back slowly: the largest of what is wanted and what is left of what was."""
        if len(reduction) == 0 or not (self._released or reduction.any()):
            return reduction
        steps = np.arange(1, len(reduction) + 1) * -np.log(self._decay)
        with np.errstate(divide="ignore"):
            grown = np.log(reduction) + steps
            grown[0] = max(grown[0], np.log(self._released) + steps[0])
        released: Array = np.exp(np.maximum.accumulate(grown) - steps)
        released[released < LEAST] = 0
        self._released = float(released[-1] * self._decay)
        return released

    def _smooth(self, reduction: Array) -> Array:
        """No corners: mean over `AHEAD`, in which what was held is already there before its peak."""
        (wide,) = self._falling.push(reduction[None])
        if not wide.any():
            return wide[: max(0, len(wide) - self._falling.width + 1)]
        return np.convolve(wide, self._fall, mode="valid")


class _Windows(Generic[Real]):
    """What is new of a stream, after as much of the old as windows over the first of it need."""

    def __init__(self, width: int, lead: NDArray[Real]):
        self.width = width
        self._kept: NDArray[Real] = lead

    def push(self, new: NDArray[Real]) -> NDArray[Real]:
        joined = np.concatenate([self._kept, new], axis=1)
        if joined.shape[1] < self.width:
            self._kept = joined
            return joined[:, :0]
        self._kept = joined[:, joined.shape[1] - self.width + 1 :]
        return joined


def true_peaks(samples: Tensor) -> Tensor:
    """The most that a wave reaches between each of `(C, n)` samples and the next.

    Of the samples the first `TAPS / 2 - 1` and the last `TAPS / 2` only lead in and out.
    """
    if samples.shape[1] < TAPS:
        return samples[:, :0]
    return F.conv1d(samples[:, None], _KERNELS[:, None]).abs().amax(dim=1)


def _kernels() -> Tensor:
    """Of each eighth of the way from a sample to the next, a windowed sinc `(OVERSAMPLING, TAPS)`."""
    distance = np.arange(TAPS) - (TAPS // 2 - 1) - np.arange(OVERSAMPLING)[:, None] / OVERSAMPLING
    window = np.i0(BETA * np.sqrt((1 - (distance / (TAPS / 2)) ** 2).clip(0))) / np.i0(BETA)
    return torch.from_numpy(np.sinc(distance) * window).float()


_KERNELS = _kernels()
