"""Loudness after ITU-R BS.1770: K-weighted level, quiet passages left out.

The weighting is done on the spectrum of each 400 ms instead of in time, so that no filter library is
needed: steady sounds read the same.
"""

from functools import lru_cache
from math import log10

import numpy as np
from numpy.typing import NDArray

from netbend.sound.formats import Samples

BLOCK_SECONDS = 0.4
STEP_SECONDS = 0.1
ABSOLUTE_GATE = -70.0  # LUFS
RELATIVE_GATE = -10.0  # LU
OFFSET = -0.691
SILENT = float("-inf")
EVERYTHING = (0.0, float("inf"))
HEARD = (20.0, 16_000.0)  # Hz, by most people


class LoudnessMeter:
    """Of one stream, or of any mixture of two that run side by side: source and result.

    band: Hz from and to which frequencies count; the standard counts all of them.
    """

    def __init__(self, sample_rate: int, channels: int, band: tuple[float, float] = EVERYTHING):
        self._block = round(BLOCK_SECONDS * sample_rate)
        self._step = round(STEP_SECONDS * sample_rate)
        self._weights = k_weights(sample_rate, self._block, band)
        self._waiting = np.zeros((2, channels, 0), np.float32)
        self._powers: list[NDArray[np.float64]] = []

    def push(self, source: Samples, result: Samples) -> None:
        """Samples `(channels, n)` of both."""
        self._waiting = np.concatenate([self._waiting, np.stack([source, result])], axis=2)
        while self._waiting.shape[2] >= self._block:
            self._measure(self._waiting[:, :, : self._block])
            self._waiting = self._waiting[:, :, self._step :]

    def flush(self) -> None:
        """Nothing more comes: measure also a sound that is shorter than a block."""
        if not self._powers and self._waiting.shape[2]:
            missing = self._block - self._waiting.shape[2]
            self._measure(np.pad(self._waiting, ((0, 0), (0, 0), (0, missing))))

    def _measure(self, block: NDArray[np.float32]) -> None:
        source, result = np.fft.rfft(block)
        power = [
            float(((first * second.conj()).real * self._weights).sum())
            for first, second in ((source, source), (result, result), (source, result))
        ]
        self._powers.append(np.array(power))

    def loudness(self, source: float = 0.0, result: float = 1.0) -> float:
        """LUFS of `source` times the one plus `result` times the other; -inf for silence."""
        if not self._powers:
            return SILENT
        powers = np.stack(self._powers) @ np.array([source**2, result**2, 2 * source * result])
        heard = powers[powers > _power(ABSOLUTE_GATE)]
        if len(heard) == 0:
            return SILENT
        heard = heard[heard > heard.mean() * 10 ** (RELATIVE_GATE / 10)]
        return OFFSET + 10 * log10(float(heard.mean()))


def _power(loudness: float) -> float:
    return 10 ** ((loudness - OFFSET) / 10)


@lru_cache(maxsize=8)
def k_weights(sample_rate: int, length: int, band: tuple[float, float] = EVERYTHING) -> NDArray[np.float64]:
    """What each bin of a spectrum of `length` samples adds to the K-weighted mean square."""
    frequencies = np.fft.rfftfreq(length, 1 / sample_rate)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(length))
    response = _shelf(sample_rate, turn) * _high_pass(sample_rate, turn)
    both_sides = np.full(len(turn), 2.0)
    both_sides[0] = 1.0
    if length % 2 == 0:
        both_sides[-1] = 1.0
    inside = (band[0] <= frequencies) & (frequencies <= band[1])
    weights: NDArray[np.float64] = np.abs(response) ** 2 * both_sides * inside / length**2
    return weights


def _shelf(sample_rate: int, turn: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The effect of a head: 4 dB more treble. The analogue filter whose digital form at 48 kHz is tabled."""
    gain, quality, frequency = 3.999843853973347, 0.7071752369554196, 1681.974450955533
    k = np.tan(np.pi * frequency / sample_rate)
    high = 10 ** (gain / 20)
    middle = high**0.4996667741545416
    numerator = (
        high + middle * k / quality + k * k,
        2 * (k * k - high),
        high - middle * k / quality + k * k,
    )
    return _biquad(numerator, (1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k), turn)


def _high_pass(sample_rate: int, turn: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """What is too low to be heard as loud."""
    quality, frequency = 0.5003270373238773, 38.13547087602444
    k = np.tan(np.pi * frequency / sample_rate)
    first = 1 + k / quality + k * k
    denominator = (first, 2 * (k * k - 1), 1 - k / quality + k * k)
    return _biquad((first, -2 * first, first), denominator, turn)


def _biquad(
    numerator: tuple[float, float, float],
    denominator: tuple[float, float, float],
    turn: NDArray[np.complex128],
) -> NDArray[np.complex128]:
    result: NDArray[np.complex128] = np.polyval(numerator[::-1], turn) / np.polyval(denominator[::-1], turn)
    return result
