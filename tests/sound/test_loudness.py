from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile

from netbend.sound.loudness import HEARD, SILENT, LoudnessMeter

SOUNDS = Path(__file__).parents[2] / "sounds"


def measured(samples: np.ndarray, sample_rate: int, block: int = 10000) -> LoudnessMeter:
    meter = LoudnessMeter(sample_rate, len(samples))
    for start in range(0, samples.shape[1], block):
        part = samples[:, start : start + block]
        meter.push(part, 0.5 * part)
    meter.flush()
    return meter


@pytest.mark.parametrize("name", ["loop_tabla", "loop_compus", "guit_e_fifths"])
def test_reads_as_pyloudnorm_does(name: str):
    samples, sample_rate = soundfile.read(SOUNDS / f"{name}.flac", dtype="float32")
    expected = pyloudnorm.Meter(sample_rate).integrated_loudness(samples)
    meter = measured(samples.T, sample_rate)
    assert meter.loudness(1, 0) == pytest.approx(expected, abs=0.1)
    assert meter.loudness(0, 1) == pytest.approx(expected - 6.02, abs=0.1)
    assert meter.loudness(0.5, 1) == pytest.approx(expected, abs=0.1)  # equal sounds add up


def test_a_full_scale_sine_of_997_hz_reads_minus_3():
    """The reference of the standard."""
    sine = np.sin(2 * np.pi * 997 * np.arange(96000) / 48000)[None].astype(np.float32)
    assert measured(sine, 48000).loudness(1, 0) == pytest.approx(-3.01, abs=0.02)


def test_silence_and_short_sounds():
    assert measured(np.zeros((2, 44100), np.float32), 44100).loudness() == SILENT
    assert LoudnessMeter(44100, 1).loudness() == SILENT
    assert measured(np.ones((1, 100), np.float32), 44100).loudness() > SILENT


def test_only_what_is_in_the_band_counts():
    """A tone at 1 kHz with one of 18 kHz that is 20 dB louder reads as it does alone."""
    time = np.arange(96000) / 48000
    tone = 0.05 * np.sin(2 * np.pi * 1000 * time)[None].astype(np.float32)
    hiss = 0.5 * np.sin(2 * np.pi * 18_000 * time)[None].astype(np.float32)
    banded = LoudnessMeter(48000, 1, HEARD)
    banded.push(tone, tone + hiss)
    assert banded.loudness(0, 1) == pytest.approx(banded.loudness(1, 0), abs=0.01)
    assert measured(tone + hiss, 48000).loudness(1, 0) > measured(tone, 48000).loudness(1, 0) + 20
