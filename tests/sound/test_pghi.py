"""Phases from magnitudes alone, where the true ones are known."""

import math

import numpy as np
import pytest
import torch

from netbend.sound import pghi
from netbend.sound.pghi import gradients, integrated_phases
from netbend.sound.spectrum import Spectrum

SPECTRUM = Spectrum()
RATE, HOP, WINDOW = SPECTRUM.sample_rate, SPECTRUM.hop, SPECTRUM.window


def logarithms(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    spectra = SPECTRUM.analyse(torch.from_numpy(sound)).numpy()
    return np.log(np.maximum(np.abs(spectra), 1e-9)), spectra


@pytest.mark.parametrize("frequency", [440.0, 3000.0, 9876.5])
def test_a_tone_turns_by_its_frequency_from_frame_to_frame(frequency: float):
    tone = np.sin(2 * np.pi * frequency / RATE * np.arange(20_000))
    logs, _ = logarithms(tone)
    peak = round(frequency * WINDOW / RATE)
    over_time, _ = gradients(logs, SPECTRUM)
    expected = 2 * np.pi * frequency / RATE * HOP
    assert over_time[5, peak] == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("place", [400, 512, 600])
def test_a_click_turns_from_bin_to_bin_by_where_it_is_in_the_window(place: int):
    click = np.zeros(WINDOW + 4 * HOP)
    click[2 * HOP + place] = 1
    logs, _ = logarithms(click)
    _, over_bins = gradients(logs, SPECTRUM)
    assert over_bins[2, 100:400] == pytest.approx(np.full(300, -2 * np.pi * place / WINDOW), abs=0.12)


def test_a_chirp_comes_back_without_any_iteration():
    """From its magnitudes alone, to more than 25 dB of spectral convergence."""
    time = np.arange(2 * RATE) / RATE
    chirp = 0.5 * np.sin(2 * np.pi * (500 * time + 1500 * time**2))
    spectra = SPECTRUM.analyse(torch.from_numpy(chirp).float())[None]
    wanted = spectra.abs()
    turns = 2 * torch.pi * torch.rand(wanted.shape, generator=torch.Generator().manual_seed(0))
    phases = integrated_phases(wanted, SPECTRUM, torch.zeros(1, 0, SPECTRUM.bins), turns)
    heard = SPECTRUM.analyse(SPECTRUM.synthesise(torch.polar(wanted, phases))).abs()
    inside = slice(4, -4)
    error = (heard - wanted)[:, inside].norm() / wanted[:, inside].norm()
    assert 20 * math.log10(error) < -25


def test_known_phases_stay_and_are_gone_on_from():
    """With the true phases of a few frames the rest are those of the source, too."""
    tone = torch.sin(2 * torch.pi * 1000 / RATE * torch.arange(20_000, dtype=torch.float64)).float()
    spectra = SPECTRUM.analyse(tone)[None]
    peak = round(1000 * WINDOW / RATE)
    known = spectra[:, :4].angle()
    random = torch.zeros(1, spectra.shape[1] - 4, SPECTRUM.bins)
    phases = integrated_phases(spectra.abs(), SPECTRUM, known, random)
    assert torch.equal(phases[:, :4], known)
    off = torch.polar(torch.ones(1), phases[0, 4:14, peak] - spectra.angle()[0, 4:14, peak]).angle()
    assert off.abs().max() < 0.5  # after ten frames; a random phase is off by 1.6 in the mean


def test_it_is_the_same_without_numba(monkeypatch: pytest.MonkeyPatch):
    generator = torch.Generator().manual_seed(3)
    loud = torch.rand(2, 20, SPECTRUM.bins, generator=generator) ** 8
    known, random = (torch.rand(2, n, SPECTRUM.bins, generator=generator) for n in (3, 17))
    compiled = integrated_phases(loud, SPECTRUM, known, random)
    monkeypatch.setattr(pghi, "_compiled", lambda: pghi._integrate)
    assert torch.equal(integrated_phases(loud, SPECTRUM, known, random), compiled)


def test_silence_keeps_its_random_phases():
    random = torch.rand(1, 6, SPECTRUM.bins, generator=torch.Generator().manual_seed(4))
    silent = torch.zeros(1, 6, SPECTRUM.bins)
    assert torch.equal(integrated_phases(silent, SPECTRUM, silent[:, :0], random), random)
