"""What can be said of a sound in numbers: how loud it is, how it peaks, how near it is to another."""

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import zip_longest
from math import log10, sqrt
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from netbend.errors import SoundError
from netbend.sound.files import SoundReader
from netbend.sound.formats import Samples
from netbend.sound.loudness import SILENT, LoudnessMeter
from netbend.sound.resampling import Resampling
from netbend.sound.spectrum import Spectrum
from netbend.sound.streaming import Analysis

PEAK_RATE = 176_400  # Hz that samples are interpolated to at least, four times 44.1 kHz (BS.1770, annex 2)
ULTRASOUND = 16_000.0  # Hz, above which few people hear much


@dataclass(frozen=True)
class SoundMeasures:
    """Numbers about a sound, some beside the one it was made from; None where there is no number.

    loudness: LUFS, integrated (ITU-R BS.1770). true_peak: dBTP, of the interpolated sound.
    above_16_khz: share of the energy. error: dB, root mean square of the difference of levels between
    -80 and 0 dB in windows of 23 ms; source_loudness: LUFS; both None without a source.
    """

    loudness: float | None
    true_peak: float | None
    above_16_khz: float | None
    source_loudness: float | None = None
    error: float | None = None


def measure_sound(path: Path, source: Path | None = None) -> SoundMeasures:
    """Measure a sound file, of any length in the same memory.

    Args:
        path: The sound.
        source: What it was made from, to compare it with.

    Raises:
        SoundError: For files that cannot be read, and for a source with other channels.
    """
    with ExitStack() as files:
        reader = files.enter_context(SoundReader(path))
        meter = _Meter(reader)
        if source is None:
            for block in reader.blocks():
                meter.push(block)
            meter.flush()
            return SoundMeasures(meter.loudness, meter.true_peak, meter.above_16_khz)
        original = files.enter_context(SoundReader(source))
        if original.channels != reader.channels:
            raise SoundError(
                f"{path} has {reader.channels} channels, {source} {original.channels}; expected the same"
            )
        before, error = _Meter(original), _Difference(reader.channels)
        for samples, unbent in zip_longest(reader.blocks(), original.blocks()):
            meter.push(samples)
            before.push(unbent)
            error.push(meter.levels(), before.levels())
        meter.flush()
        before.flush()
        error.push(meter.levels(), before.levels())
    return SoundMeasures(
        meter.loudness, meter.true_peak, meter.above_16_khz, before.loudness, error.root_mean_square
    )


class _Meter:
    """Of one stream."""

    def __init__(self, reader: SoundReader) -> None:
        rate, channels = reader.sample_rate, reader.channels
        self._spectrum, self._channels = Spectrum(), channels
        self._loudness = LoudnessMeter(rate, channels)
        self._resampling = Resampling(rate, self._spectrum.sample_rate, channels)
        self._analysis = Analysis(self._spectrum, channels)
        self._finer = Resampling(rate, rate * -(-PEAK_RATE // rate), channels)
        self._energy = self._above = self._peak = 0.0
        self._levels: list[Tensor] = []

    def push(self, samples: Samples | None) -> None:
        """Samples `(channels, n)`; None where there are no more."""
        if samples is None:
            return
        self._loudness.push(samples, samples)
        self._look(self._analysis.push(torch.from_numpy(self._resampling.push(samples))))
        self._peak = max(self._peak, _highest(samples), _highest(self._finer.push(samples)))

    def flush(self) -> None:
        """Nothing more comes."""
        self._loudness.flush()
        rest = self._analysis.push(torch.from_numpy(self._resampling.flush()))
        self._look(torch.cat([rest, self._analysis.flush()], dim=1))
        self._peak = max(self._peak, _highest(self._finer.flush()))

    def _look(self, spectra: Tensor) -> None:
        energies = spectra.abs().double().square().sum(dim=(0, 1))
        first = round(ULTRASOUND * self._spectrum.window / self._spectrum.sample_rate)
        self._energy += float(energies.sum())
        self._above += float(energies[first:].sum())
        self._levels.append(self._spectrum.levels(spectra).clamp(max=1))

    def levels(self) -> Tensor:
        """Those `(channels, frames, bins)` that came since the last call."""
        none = torch.zeros(self._channels, 0, self._spectrum.bins)
        levels, self._levels = torch.cat([none, *self._levels], dim=1), []
        return levels

    @property
    def loudness(self) -> float | None:
        loudness = self._loudness.loudness()
        return None if loudness == SILENT else loudness

    @property
    def true_peak(self) -> float | None:
        return 20 * log10(self._peak) if self._peak > 0 else None

    @property
    def above_16_khz(self) -> float | None:
        return self._above / self._energy if self._energy > 0 else None


class _Difference:
    """Of two streams of levels, either of which may be ahead."""

    def __init__(self, channels: int) -> None:
        self._waiting = [torch.zeros(channels, 0, Spectrum().bins)] * 2
        self._squares, self._count = 0.0, 0

    def push(self, *levels: Tensor) -> None:
        streams = [torch.cat(pair, dim=1) for pair in zip(self._waiting, levels, strict=True)]
        count = min(stream.shape[1] for stream in streams)
        one, other = (stream[:, :count] for stream in streams)
        self._squares += float(((one - other).double() * Spectrum().decibels).square().sum())
        self._count += one.numel()
        self._waiting = [stream[:, count:] for stream in streams]

    @property
    def root_mean_square(self) -> float | None:
        return sqrt(self._squares / self._count) if self._count else None


def _highest(samples: Samples) -> float:
    return float(np.abs(samples).max(initial=0.0))
