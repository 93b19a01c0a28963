"""Samples to spectra and back, and their magnitudes as levels that a network knows."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

LOUDEST = 1.25  # level; bends may ask for hundreds of decibels


@dataclass(frozen=True)
class Spectrum:
    """How sound is analysed. Spectra are time x frequency: `(..., frames, bins)`.

    sample_rate: Hz. window, hop: of the Fourier transform, in samples.
    floor, ceiling: dB of a full-scale sine, known to networks as the levels 0 and 1.
    """

    sample_rate: int = 44100
    window: int = 1024
    hop: int = 256
    floor: float = -80.0
    ceiling: float = 0.0

    @property
    def bins(self) -> int:
        return self.window // 2 + 1

    @property
    def decibels(self) -> float:
        """Between the levels 0 and 1."""
        return self.ceiling - self.floor

    def bin_of(self, frequency: float) -> int:
        """The first bin at or above a frequency in Hz; `bins` if there is none."""
        return min(self.bins, math.ceil(frequency * self.window / self.sample_rate))

    def frames_in(self, samples: int) -> int:
        """Whole windows in so many samples."""
        return max(0, (samples - self.window) // self.hop + 1)

    def samples_in(self, frames: int) -> int:
        """That so many windows span."""
        return (frames - 1) * self.hop + self.window

    def analyse(self, samples: Tensor) -> Tensor:
        """Complex spectra of samples `(..., T)`; a full-scale sine has the magnitude 1."""
        hann = _hann(self.window, samples.device)
        frames = samples.unfold(-1, self.window, self.hop) * hann
        return torch.fft.rfft(frames) * (2 / hann.sum())

    def synthesise(self, spectra: Tensor) -> Tensor:
        """Add the windows of spectra `(..., F, bins)` up to samples `(..., T)`, the first and last
        `window - hop` of them incomplete: what comes before and after them is still to be added."""
        hann = _hann(self.window, spectra.device)
        frames = torch.fft.irfft(spectra * (hann.sum() / 2), n=self.window) * hann
        return overlap_add(frames, self.hop) / (hann.square().sum() / self.hop)

    def levels(self, spectra: Tensor) -> Tensor:
        """Magnitudes in decibels, floor to ceiling as 0 to 1; what is below the floor is 0."""
        decibels = 20 * spectra.abs().clamp(min=1e-9).log10()
        return ((decibels - self.floor) / self.decibels).clamp(min=0)

    def magnitudes(self, levels: Tensor) -> Tensor:
        """Levels back to magnitudes; 0 and below is silence, and nothing is louder than `LOUDEST`."""
        bounded = levels.clamp(max=LOUDEST)
        return torch.where(levels > 0, 10 ** ((self.floor + bounded * self.decibels) / 20), 0)


def overlap_add(frames: Tensor, hop: int) -> Tensor:
    """Sum frames `(..., F, W)`, each `hop` samples after the one before; W is a multiple of it."""
    *batch, count, width = frames.shape
    parts = width // hop
    total = frames.new_zeros(*batch, count + parts - 1, hop)
    pieces = frames.reshape(*batch, count, parts, hop)
    for part in range(parts):
        total[..., part : part + count, :] += pieces[..., part, :]
    return total.flatten(-2)


@lru_cache(maxsize=8)
def _hann(width: int, device: torch.device) -> Tensor:
    return torch.hann_window(width, periodic=True, device=device)
