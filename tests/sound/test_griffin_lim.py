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


def at_frames(spectra: torch.Tensor, magnitudes: torch.Tensor, frames: list[int]) -> float:
    heard = SPECTRUM.analyse(SPECTRUM.synthesise(spectra)).abs()
    return 20 * math.log10(float((heard - magnitudes)[frames].norm() / magnitudes[frames].norm()))


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
    """Where parts meet, the sound fits nearly as well as phased whole, and better than parts on their own."""

    def parted(phasings: list[Phasing]) -> torch.Tensor:
        parts = magnitudes[None].split(50, dim=1)
        heard = [phasing.push(part) for phasing, part in zip(phasings, parts, strict=True)]
        return torch.cat([*heard, *(phasing.flush() for phasing in phasings[-1:])], dim=1)[0]

    one = Phasing(SPECTRUM)
    carried = parted([one] * 4)
    assert carried.shape == magnitudes.shape
    alone = torch.cat(
        [
            torch.cat([(p := Phasing(SPECTRUM)).push(part[None]), p.flush()], dim=1)[0]
            for part in magnitudes.split(50)
        ]
    )
    random = torch.polar(
        torch.ones(200, 513), 6.28 * torch.rand(200, 513, generator=torch.Generator().manual_seed(1))
    )
    whole = griffin_lim(magnitudes, SPECTRUM, start=random)
    seams = [frame for seam in (50, 100, 150) for frame in range(seam - 4, seam + 4)]
    fits = [at_frames(spectra, magnitudes, seams) for spectra in (whole, carried, alone)]
    assert fits[1] < fits[2] - 3
    assert fits[1] < fits[0] + 5


@pytest.mark.parametrize("name", ["guit_e_fifths", "loop_garzul", "choir_phrase"])
@pytest.mark.parametrize("frames", [24, 96])
def test_phases_along_the_slopes_are_worth_more_than_twice_the_iterations(name: str, frames: int):
    """Of the true magnitudes, in parts as a stream has them; random phases are where others begin."""
    samples = read_mono(SOUNDS / f"{name}.flac", 44100)[44100 // 4 :][: SPECTRUM.samples_in(400)]
    magnitudes = SPECTRUM.analyse(torch.from_numpy(samples)).abs()

    def parted(iterations: int) -> torch.Tensor:
        phasing = Phasing(SPECTRUM, iterations)
        ready = [phasing.push(part[None]) for part in magnitudes.split(frames, dim=0)]
        return torch.cat([*ready, phasing.flush()], dim=1)[0]

    turns = torch.rand(magnitudes.shape, generator=torch.Generator().manual_seed(1))
    random = torch.polar(torch.ones_like(turns), 2 * torch.pi * turns)
    from_random = inconsistency(griffin_lim(magnitudes, SPECTRUM, start=random, iterations=32), magnitudes)
    assert inconsistency(parted(14), magnitudes) < from_random
    assert inconsistency(parted(32), magnitudes) < from_random - 1.5
