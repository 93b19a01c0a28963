"""How like its source a sound is, in numbers that people who work with sound know."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from netbend.sound.loudness import SILENT, LoudnessMeter
from netbend.sound.spectrum import Spectrum
from netbend.sound.streaming import Analysis

BANDS = {
    "20-200 Hz": (20, 200),
    "0.2-2 kHz": (200, 2000),
    "2-8 kHz": (2000, 8000),
    "8-16 kHz": (8000, 16_000),
}
CHROMA_WINDOW, CHROMA_RANGE = 8192, (100, 5000)  # samples, Hz

Sound = np.ndarray
"""Samples (channels, n), float32, at `SPECTRUM.sample_rate`."""
SPECTRUM = Spectrum()
RATE = SPECTRUM.sample_rate


@dataclass(frozen=True)
class Likeness:
    """onsets: correlation of the rises of level from frame to frame. chroma: cosine of the energies of the
    twelve pitch classes. centroid: octaves by which the spectrum's centre of gravity is higher. si_sdr:
    scale-invariant signal-to-distortion ratio, dB. bands: LU by which each of `BANDS` is louder; NaN where
    either is silent, below -70 LUFS.
    """

    onsets: float
    chroma: float
    centroid: float
    si_sdr: float
    bands: tuple[float, ...]


def likeness(source: Sound, result: Sound) -> Likeness:
    return Likeness(
        onset_correlation(source, result),
        chroma_likeness(source, result),
        float(np.log2(centroid(result) / centroid(source))),
        si_sdr(source, result),
        tuple(loudness(result, band) - loudness(source, band) for band in BANDS.values()),
    )


def levels(sound: Sound) -> Tensor:
    """Levels `(channels, frames, bins)`, 0 to 1 for -80 to 0 dB."""
    analysis = Analysis(SPECTRUM, len(sound))
    spectra = [analysis.push(torch.from_numpy(np.ascontiguousarray(sound))), analysis.flush()]
    return SPECTRUM.levels(torch.cat(spectra, dim=1)).clamp(max=1)


def error(one: Tensor, other: Tensor) -> float:
    """Root mean square of the difference of levels, dB."""
    return float((one - other).square().mean().sqrt()) * SPECTRUM.decibels


def onset_correlation(one: Sound, other: Sound) -> float:
    rises = [levels(sound).diff(dim=1).clamp(min=0).mean(dim=(0, 2)).numpy() for sound in (one, other)]
    return float(np.corrcoef(*rises)[0, 1])


def chroma_likeness(one: Sound, other: Sound) -> float:
    """Of each frame, weighed by the energy of the first sound."""
    first, second = (_chroma(sound.mean(axis=0)) for sound in (one, other))
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines = (first * second).sum(axis=1) / np.maximum(norms, 1e-12)
    return float(np.average(cosines, weights=first.sum(axis=1)))


def _chroma(sound: Sound) -> np.ndarray:
    """Energies `(frames, 12)`."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, CHROMA_WINDOW)[:: CHROMA_WINDOW // 4]
    energy = np.abs(np.fft.rfft(windows * np.hanning(CHROMA_WINDOW))) ** 2
    frequencies = np.fft.rfftfreq(CHROMA_WINDOW, 1 / RATE)
    inside = (frequencies > CHROMA_RANGE[0]) & (frequencies < CHROMA_RANGE[1])
    classes = np.round(12 * np.log2(frequencies[inside] / 440)).astype(int) % 12
    return np.stack([energy[:, inside][:, classes == each].sum(axis=1) for each in range(12)], axis=1)


def centroid(sound: Sound) -> float:
    """Hz."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequencies = np.fft.rfftfreq(sound.shape[1], 1 / RATE)
    return float((power * frequencies).sum() / power.sum())


def si_sdr(source: Sound, result: Sound) -> float:
    one, other = source.astype(np.float64).ravel(), result.astype(np.float64).ravel()
    target = (one @ other) / (one @ one) * one
    return float(10 * np.log10((target @ target) / ((other - target) @ (other - target))))


def loudness(sound: Sound, band: tuple[float, float]) -> float:
    """LUFS; NaN for silence."""
    meter = LoudnessMeter(RATE, len(sound), band)
    meter.push(sound, sound)
    meter.flush()
    found = meter.loudness()
    return float("nan") if found == SILENT else found
