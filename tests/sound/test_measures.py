from pathlib import Path

import numpy as np
import pyloudnorm
import pytest

from netbend.errors import SoundError
from netbend.sound.measures import measure_sound
from netbend.sound.writer import write_sound

RATE = 44100


def noise(seconds: float = 3.0, channels: int = 2, gain: float = 0.05) -> np.ndarray:
    return (gain * np.random.default_rng(0).standard_normal((channels, round(seconds * RATE)))).astype("f4")


def tone(frequency: float, rate: int = RATE, seconds: float = 2.0, phase: float = 0.0) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (frequency * time + phase)))[None].astype("f4")


def test_loudness_is_that_of_another_library(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", noise(), RATE, "FLOAT")
    expected = pyloudnorm.Meter(RATE).integrated_loudness(noise().T.astype("f8"))
    assert measure_sound(tmp_path / "a.wav").loudness == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_the_true_peak_lies_between_the_samples(tmp_path: Path, rate: int) -> None:
    """A tone of a quarter of the rate, each of whose samples is 3 dB below its peak."""
    write_sound(tmp_path / "a.wav", tone(rate / 4, rate, phase=1 / 8), rate, "FLOAT")
    measures = measure_sound(tmp_path / "a.wav")
    assert np.abs(tone(rate / 4, rate, phase=1 / 8)).max() == pytest.approx(0.5 / 2**0.5, abs=1e-3)
    assert measures.true_peak == pytest.approx(20 * np.log10(0.5), abs=0.3)


def test_the_share_above_16_khz_is_that_of_the_energy(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", 0.5 * tone(1000) + 0.25 * tone(18000), RATE, "FLOAT")
    assert measure_sound(tmp_path / "a.wav").above_16_khz == pytest.approx(0.2, abs=0.005)
    write_sound(tmp_path / "b.wav", tone(1000, 8000), 8000, "FLOAT")
    assert measure_sound(tmp_path / "b.wav").above_16_khz == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("decibels", [-6.0, -12.0])
def test_the_error_is_in_decibels(tmp_path: Path, decibels: float) -> None:
    """Noise that is above the floor in every bin, and softer by so much."""
    loud = 5 * noise()
    write_sound(tmp_path / "a.wav", loud, RATE, "FLOAT")
    write_sound(tmp_path / "b.wav", (loud * 10 ** (decibels / 20)).astype("f4"), RATE, "FLOAT")
    measures = measure_sound(tmp_path / "b.wav", tmp_path / "a.wav")
    assert measures.error == pytest.approx(-decibels, rel=0.02)
    assert measures.loudness is not None
    assert measures.source_loudness is not None
    assert measures.loudness - measures.source_loudness == pytest.approx(decibels, abs=0.01)
    assert measure_sound(tmp_path / "a.wav", tmp_path / "a.wav").error == 0


def test_silence_and_nothing_have_no_numbers(tmp_path: Path) -> None:
    for name, frames in (("silent.wav", RATE), ("empty.wav", 0), ("one.wav", 1)):
        write_sound(tmp_path / name, np.zeros((2, frames), np.float32), RATE)
        measures = measure_sound(tmp_path / name, tmp_path / name)
        assert (measures.loudness, measures.true_peak, measures.above_16_khz) == (None, None, None)


def test_other_channels_cannot_be_compared(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", noise(channels=1), RATE)
    write_sound(tmp_path / "b.wav", noise(channels=2), RATE)
    with pytest.raises(SoundError, match=r"b\.wav has 2 channels, .*a\.wav 1; expected the same"):
        measure_sound(tmp_path / "b.wav", tmp_path / "a.wav")
