"""Spectra of a stream, and a stream from spectra: what comes out never depends on the size of blocks."""

import torch
from torch import Tensor

from netbend.sound.spectrum import Spectrum


class Analysis:
    """Samples `(C, n)` in, spectra `(C, frames, bins)` out.

    `window - hop` samples of silence come first, so that as many windows lie over the first sample
    as over any other.
    """

    def __init__(self, spectrum: Spectrum, channels: int):
        self._spectrum = spectrum
        self._waiting = torch.zeros(channels, spectrum.window - spectrum.hop)

    def push(self, samples: Tensor) -> Tensor:
        self._waiting = torch.cat([self._waiting, samples], dim=1)
        count = self._spectrum.frames_in(self._waiting.shape[1])
        used = count * self._spectrum.hop
        if count == 0:
            return self._waiting.new_zeros(len(samples), 0, self._spectrum.bins, dtype=torch.complex64)
        spectra = self._spectrum.analyse(self._waiting[:, : self._spectrum.samples_in(count)])
        self._waiting = self._waiting[:, used:]
        return spectra

    def flush(self) -> Tensor:
        """The rest, with silence after the last sample."""
        window, hop = self._spectrum.window, self._spectrum.hop
        count = max(0, -(-self._waiting.shape[1] // hop))
        missing = (count - 1) * hop + window - self._waiting.shape[1]
        return self.push(torch.zeros(len(self._waiting), missing))


class Synthesis:
    """Spectra `(C, frames, bins)` in, samples `(C, n)` out; the inverse of `Analysis`."""

    def __init__(self, spectrum: Spectrum, channels: int):
        self._spectrum = spectrum
        self._overlap = spectrum.window - spectrum.hop
        self._unfinished = torch.zeros(channels, self._overlap)
        self._lead = self._overlap  # of silence that the analysis put before the first sample

    def push(self, spectra: Tensor) -> Tensor:
        if spectra.shape[1] == 0:
            return self._unfinished[:, :0]
        samples = self._spectrum.synthesise(spectra)
        samples[:, : self._overlap] += self._unfinished
        finished, self._unfinished = samples[:, : -self._overlap], samples[:, -self._overlap :]
        skipped = min(self._lead, finished.shape[1])
        self._lead -= skipped
        return finished[:, skipped:]
