import math
from pathlib import Path

import librosa
import pytest
import torch

from netbend.sound.files import read_mono
from netbend.sound.griffin_lim import Phasing, griffin_lim
from netbend.sound.spectrum import Spectrum

SOUNDS = Path(__file__).parents[2] / "sounds"

SPECTRUM = Spectrum()


@pytest.fixture(scope="module")
def magnitudes() -> torch.Tensor:
    samples = read_mono(SOUNDS / "guit_e_fifths.flac", 44100)[: SPECTRUM.samples_in(200)]
    return SPECTRUM.analyse(torch.from_numpy(samples)).abs()


def inconsistency(spectra: torch.Tensor, magnitudes: torch.Tensor) -> float:
    """Spectral convergence in dB, away from the ends."""
    heard = SPECTRUM.analyse(SPECTRUM.synthesise(spectra))[4:-4].abs()
    wanted = magnitudes[4:-4]
    return 20 * math.log10(float((heard - wanted).norm() / wanted.norm()))


@pytest.mark.parametrize("iterations", [8, 32])
def test_converges_as_librosa_does(magnitudes: torch.Tensor, iterations: int):
    ours = inconsistency(griffin_lim(magnitudes, SPECTRUM, iterations=iterations), magnitudes)
    theirs = librosa.griffinlim(
        magnitudes.T.numpy(), n_iter=iterations, hop_length=256, n_fft=1024, center=False, init=None
    )
    spectra = SPECTRUM.analyse(torch.from_numpy(theirs))
    scale = (spectra.abs() * magnitudes).sum() / spectra.abs().square().sum()
    assert ours == pytest.approx(inconsistency(spectra * scale, magnitudes), abs=0.1)


def test_momentum_and_more_iterations_fit_better(magnitudes: torch.Tensor):
    plain = inconsistency(griffin_lim(magnitudes, SPECTRUM, momentum=0), magnitudes)
    fast = inconsistency(griffin_lim(magnitudes, SPECTRUM), magnitudes)
    short = inconsistency(griffin_lim(magnitudes, SPECTRUM, iterations=4), magnitudes)
    assert fast < plain - 1
    assert fast < short - 3


def test_magnitudes_stay_and_known_frames_too(magnitudes: torch.Tensor):
    known = torch.polar(magnitudes[:4], torch.rand(4, 513))
    spectra = griffin_lim(magnitudes, SPECTRUM, known=known, iterations=3)
    torch.testing.assert_close(spectra.abs(), magnitudes, rtol=1e-4, atol=1e-6)
    assert torch.equal(spectra[:4], known)


def test_parts_go_on_from_each_other(magnitudes: torch.Tensor):
    """Phased in parts it fits nearly as well as phased whole, and better than parts on their own."""
    phasing = Phasing(SPECTRUM)
    carried = torch.cat([phasing.push(part[None])[0] for part in magnitudes.split(50)])
    alone = torch.cat([Phasing(SPECTRUM).push(part[None])[0] for part in magnitudes.split(50)])
    assert inconsistency(carried, magnitudes) < inconsistency(alone, magnitudes)
    assert inconsistency(carried, magnitudes) < -15
