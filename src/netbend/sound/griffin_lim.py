"""Phases for magnitudes that have none.

After Griffin and Lim (Signal estimation from modified short-time Fourier transform, 1984), faster with
momentum after Perraudin, Balazs and Søndergaard (A fast Griffin-Lim algorithm, 2013).
"""

import torch
from torch import Tensor

from netbend.sound.pghi import integrated_phases
from netbend.sound.spectrum import Spectrum, overlap_add

ITERATIONS = 32
MOMENTUM = 0.99
KEPT = 4  # frames of the past that go on into what follows


def griffin_lim(
    magnitudes: Tensor,
    spectrum: Spectrum,
    *,
    start: Tensor | None = None,
    known: Tensor | None = None,
    iterations: int = ITERATIONS,
    momentum: float = MOMENTUM,
) -> Tensor:
    """Complex spectra of given magnitudes `(..., F, bins)` that nearly belong to one sound.

    start: phases to begin with, as complex numbers of magnitude 1; all zero if None.
    known: the first K frames, complex, that are settled and stay what they are.
    """
    spectra = magnitudes.to(torch.complex64) if start is None else magnitudes * start
    settled = 0 if known is None else known.shape[-2]
    weight = _window_weight(spectrum, magnitudes.shape[-2], magnitudes.device)
    previous = torch.zeros_like(spectra)
    for _ in range(iterations):
        if known is not None:
            spectra[..., :settled, :] = known
        consistent = spectrum.analyse(spectrum.synthesise(spectra) / weight)
        moved = consistent + momentum * (consistent - previous)
        spectra = magnitudes * torch.sgn(moved)
        previous = consistent
    if known is not None:
        spectra[..., :settled, :] = known
    return spectra


def _window_weight(spectrum: Spectrum, frames: int, device: torch.device) -> Tensor:
    """How much of each sample lies under windows, where in the middle of a sound it is 1."""
    hann = torch.hann_window(spectrum.window, device=device).square()
    total = overlap_add(hann.expand(frames, -1), spectrum.hop)
    return (total / (hann.sum() / spectrum.hop)).clamp(min=1e-4)


class Phasing:
    """Magnitudes `(C, n, bins)` in, spectra of the same frames out, each part going on from the one before.

    What comes out depends on how the magnitudes are parted. The last frames of a part are held back
    until what follows them is known: `delay` of them. Starts from phases that fit the slopes of the
    magnitudes (see `pghi`), which are worth more than twice as many iterations from random ones.
    """

    delay = 8

    def __init__(self, spectrum: Spectrum, iterations: int = ITERATIONS):
        self._spectrum, self._iterations = spectrum, iterations
        self._random = torch.Generator().manual_seed(0)
        self._settled: Tensor | None = None
        self._provisional: Tensor | None = None

    def push(self, magnitudes: Tensor) -> Tensor:
        """Spectra of what is settled by now."""
        if magnitudes.shape[1] == 0:
            return magnitudes.to(torch.complex64)
        nothing = magnitudes.new_zeros(len(magnitudes), 0, magnitudes.shape[2]).to(torch.complex64)
        parts = [part for part in (self._settled, self._provisional) if part is not None]
        before = torch.cat([nothing, *parts], dim=1)
        whole = torch.cat([before.abs(), magnitudes], dim=1)
        random = 2 * torch.pi * torch.rand(magnitudes.shape, generator=self._random)
        phases = integrated_phases(whole, self._spectrum, before.angle(), random)
        spectra = griffin_lim(
            whole,
            self._spectrum,
            start=torch.polar(torch.ones_like(phases), phases),
            known=self._settled,
            iterations=self._iterations,
        )
        new = spectra if self._settled is None else spectra[:, self._settled.shape[1] :]
        ready, self._provisional = new[:, : -self.delay], new[:, -self.delay :]
        if ready.shape[1]:
            self._settled = ready[:, -KEPT:]
        return ready

    def flush(self) -> Tensor | None:
        """The rest, when nothing more comes; None if nothing ever came."""
        return self._provisional
