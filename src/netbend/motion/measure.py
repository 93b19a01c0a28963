"""What is measured of a sound over time: its level, its onsets, the energy of a band."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netbend.errors import SoundError
from netbend.regular_file import refuse_special
from netbend.sound.files import SoundReader

FRAMES_A_SECOND = 100
DECIBELS = 48.0  # below the loudest moment, what is counted as quiet
FAINT = 1e-6  # of the loudest moment's energy: a band that holds no more is not made to look loud
BANDS = {"bass": (20.0, 200.0), "mid": (200.0, 2000.0), "treble": (2000.0, 20000.0)}
ONSET_PERCENTILE = 99.0  # one crack must not make every other onset small
LEAST_ONSET = 0.15  # of the fullest spectrum, what counts as 1: a steady tone has no onsets to be found
ATTACK = 3  # frames over which a rise is looked for: a window is longer than one, and an attack spread

Values = NDArray[np.float64]
Energies = NDArray[np.float32]


@dataclass(frozen=True)
class Track:
    """Values of a sound at every hundredth of a second, 0 to 1."""

    values: Values

    def at(self, time: float) -> float:
        """Between the two nearest; 0 before the sound begins and after it ends."""
        place = time * FRAMES_A_SECOND
        if not 0 <= place <= len(self.values) - 1:
            return 0.0
        before, share = divmod(place, 1)
        first, second = self.values[int(before)], self.values[min(int(before) + 1, len(self.values) - 1)]
        return float(first + share * (second - first))


def measured(path: Path, of: str | tuple[float, float], smooth: float) -> Track:
    """Measure a sound file, of any length in the same memory.

    of: `level`, in decibels below its loudest moment; `onset`, how much more there is in the spectrum
    than a moment before (spectral flux, Bello et al. 2005); `bass`, `mid`, `treble` or a band
    `(low, high)` in Hz, in decibels as the level.
    smooth: seconds in which a value falls to a third (1/e); it rises at once.
    Raises SoundError for a file that cannot be read, and for a band above all that it can hold.
    """
    refuse_special(path, SoundError)
    changed = path.stat().st_mtime_ns
    return _measured(path, changed, of, smooth)


@lru_cache(maxsize=64)
def _measured(path: Path, _changed: int, of: str | tuple[float, float], smooth: float) -> Track:
    values = _onsets(path) if of == "onset" else _decibels(path, of)
    return Track(_falling(values, smooth))


def _decibels(path: Path, of: str | tuple[float, float]) -> Values:
    with SoundReader(path) as reader:
        bins = _bins(reader, of)
        sums = [(energies[:, bins].sum(axis=1), energies.sum(axis=1)) for energies in _spectra(reader)]
    energy, whole = (np.concatenate(parts).astype(np.float64) for parts in zip(*sums, strict=True))
    loudest = max(energy.max(), FAINT * whole.max())
    if loudest == 0:
        return np.zeros(len(energy))
    decibels = 10 * np.log10(np.maximum(energy / loudest, 1e-12))
    return np.clip(1 + decibels / DECIBELS, 0, 1)


def _bins(reader: SoundReader, of: str | tuple[float, float]) -> slice:
    if of == "level":
        return slice(None)
    low, high = BANDS[of] if isinstance(of, str) else of
    highest = reader.sample_rate / 2
    if low >= highest:
        raise SoundError(
            f"{reader.path}: holds nothing above {highest:g} Hz; {low:g} to {high:g} is followed"
        )
    a_bin = reader.sample_rate / _window(reader.sample_rate)
    return slice(int(low / a_bin), int(high / a_bin) + 1)


def _onsets(path: Path) -> Values:
    """The sum of what rises in the spectrum, compressed as the ear does."""
    with SoundReader(path) as reader:
        loudest = max(float(energies.max()) for energies in _spectra(reader)) or 1.0
    rises, fullest = [], 0.0
    before: Energies | None = None  # silence: a loop that begins with a blow begins with an onset
    with SoundReader(path) as reader:
        for energies in _spectra(reader):
            levels = np.log1p(1000 * np.sqrt(energies / loudest))
            fullest = max(fullest, float(levels.sum(axis=1).max()))
            before = np.zeros_like(levels[:1]).repeat(ATTACK, axis=0) if before is None else before
            levels = np.concatenate([before, levels])
            rises.append(np.maximum(levels[ATTACK:] - levels[:-ATTACK], 0).sum(axis=1))
            before = levels[-ATTACK:]
    flux = np.concatenate(rises).astype(np.float64)
    most = max(float(np.percentile(flux, ONSET_PERCENTILE)), LEAST_ONSET * fullest)
    return np.clip(flux / most, 0, 1) if most > 0 else np.zeros(len(flux))


def _spectra(reader: SoundReader) -> Iterator[Energies]:
    """Energies `(n, bins)` of windows of about 46 ms around each hundredth of a second, in order."""
    window = _window(reader.sample_rate)
    for frames in _frames(reader, window):
        yield np.square(np.abs(np.fft.rfft(frames * np.hanning(window), axis=1))).astype(np.float32)


def _window(sample_rate: int) -> int:
    return int(2 ** round(np.log2(sample_rate * 0.046)))


def _frames(reader: SoundReader, window: int) -> Iterator[Values]:
    """Windows `(n, window)` of all channels together, their middles a hundredth of a second apart."""
    rate = reader.sample_rate
    held, first, given, length = np.zeros(window // 2), 0, 0, 0  # first: where in time `held` begins

    def ready(count: int) -> Values:
        starts = np.arange(given, count) * rate // FRAMES_A_SECOND - first
        windows: Values = held[starts[:, None] + np.arange(window)]
        return windows

    for block in reader.blocks():
        held = np.concatenate([held, block.mean(axis=0)])
        length += block.shape[1]
        count = -(-(first + len(held) - window + 1) * FRAMES_A_SECOND // rate)
        if count > given:
            yield ready(count)
            given = count
            start = given * rate // FRAMES_A_SECOND
            held, first = held[start - first :], start
    held = np.pad(held, (0, window))
    yield ready(length * FRAMES_A_SECOND // rate + 1)


def _falling(values: Values, smooth: float) -> Values:
    if smooth == 0:
        return values
    left = np.exp(-1 / (smooth * FRAMES_A_SECOND))
    fallen = values.copy()
    for frame in range(1, len(fallen)):
        fallen[frame] = max(fallen[frame], fallen[frame - 1] * left)
    return fallen
