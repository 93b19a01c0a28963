"""What is measured of a sound over time: its level, its onsets, the energy of a band."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netbend.sound.files import SoundReader

FRAMES_A_SECOND = 100
DECIBELS = 48.0  # below the loudest moment, what is counted as quiet
BANDS = {"bass": (20.0, 200.0), "mid": (200.0, 2000.0), "treble": (2000.0, 20000.0)}
ONSET_PERCENTILE = 99.0  # one crack must not make every other onset small

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    """Values of a sound at every hundredth of a second, 0 to 1."""

    values: Values

    def at(self, time: float) -> float:
        """Between the two nearest; 0 before the sound begins and after it ends."""
        place = time * FRAMES_A_SECOND
        return float(np.interp(place, np.arange(len(self.values)), self.values, left=0, right=0))


def measured(path: Path, of: str | tuple[float, float], smooth: float) -> Track:
    """Measure a sound file.

    of: `level`, in decibels below its loudest moment; `onset`, how much more there is in the spectrum
    than a moment before; `bass`, `mid`, `treble` or a band `(low, high)` in Hz, in decibels as the level.
    smooth: seconds in which a value falls to a third (1/e); it rises at once.
    Raises SoundError for a file that cannot be read.
    """
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    return _measured(path, changed, of, smooth)


@lru_cache(maxsize=64)
def _measured(path: Path, _changed: int, of: str | tuple[float, float], smooth: float) -> Track:
    energies, rate = _spectra(path, _changed)
    if of == "onset":
        values = _onsets(energies)
    else:
        low, high = (0.0, rate / 2) if of == "level" else BANDS[of] if isinstance(of, str) else of
        values = _decibels(energies[:, _bins(low, high, rate, energies.shape[1])].sum(axis=1))
    return Track(_falling(values, smooth))


@lru_cache(maxsize=2)
def _spectra(path: Path, _changed: int) -> tuple[NDArray[np.float32], int]:
    """Energies `(T, bins)` of windows of about 46 ms around each hundredth of a second."""
    with SoundReader(path) as reader:
        rate = reader.sample_rate
        window = 2 ** round(np.log2(rate * 0.046))
        mono = np.concatenate([np.zeros(window // 2), *(block.mean(axis=0) for block in reader.blocks())])
    spectra = [
        np.square(np.abs(np.fft.rfft(frames * np.hanning(window), axis=1))).astype(np.float32)
        for frames in _frames(np.pad(mono, (0, window)), window, rate, len(mono) - window // 2)
    ]
    return np.concatenate(spectra), rate


def _frames(samples: Values, window: int, rate: int, length: int) -> Iterator[Values]:
    """Windows `(at most 256, window)`, their middles a hundredth of a second apart."""
    count = length * FRAMES_A_SECOND // rate + 1
    starts = np.arange(count) * rate // FRAMES_A_SECOND
    for group in np.array_split(starts, max(1, count // 256)):
        yield samples[group[:, None] + np.arange(window)]


def _bins(low: float, high: float, rate: int, bins: int) -> slice:
    a_bin = rate / 2 / (bins - 1)
    first = min(bins - 1, int(low / a_bin))
    return slice(first, max(first + 1, int(high / a_bin) + 1))


def _decibels(energy: Values) -> Values:
    loudest = energy.max(initial=0.0)
    if loudest == 0:
        return np.zeros(len(energy))
    decibels = 10 * np.log10(np.maximum(energy / loudest, 1e-12))
    return np.clip(1 + decibels / DECIBELS, 0, 1).astype(np.float64)


def _onsets(energies: NDArray[np.float32]) -> Values:
    """The sum of what rises in the spectrum, compressed as the ear does."""
    levels = np.log1p(1000 * np.sqrt(energies / max(energies.max(initial=0.0), 1e-12)))
    # Over three frames: a window is longer than one, and an attack is spread over several.
    rising = np.maximum(levels[3:] - levels[:-3], 0).sum(axis=1)
    flux = np.concatenate([np.zeros(min(3, len(levels))), rising]).astype(np.float64)
    most = np.percentile(flux, ONSET_PERCENTILE) if len(flux) else 0.0
    return np.clip(flux / most, 0, 1) if most > 0 else np.zeros(len(flux))


def _falling(values: Values, smooth: float) -> Values:
    if smooth == 0:
        return values
    left = np.exp(-1 / (smooth * FRAMES_A_SECOND))
    fallen = values.copy()
    for frame in range(1, len(fallen)):
        fallen[frame] = max(fallen[frame], fallen[frame - 1] * left)
    return fallen
