"""What is measured of sounds that were made to be measured."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from netbend.errors import SoundError
from netbend.motion import Follow
from netbend.motion.measure import DECIBELS, Track, measured

RATE = 22050


def sound(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    """Samples `(frames,)` or `(frames, channels)` as a file of 32-bit floats."""
    soundfile.write(path, samples.astype(np.float32), rate, subtype="FLOAT")
    return path


def sine(frequency: float, seconds: float, rate: int = RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def values(path: Path, of: str | tuple[float, float], smooth: float = 0) -> np.ndarray:
    return measured(path, of, smooth).values


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_onsets_of_clicks_are_within_20_ms(tmp_path: Path, rate: int) -> None:
    times = [0.4, 0.95, 1.3, 2.0, 2.777]
    samples = np.zeros(3 * rate)
    burst = np.random.default_rng(0).standard_normal(rate // 100)
    for time in times:
        samples[round(time * rate) :][: len(burst)] += burst
    onsets = values(sound(tmp_path / "clicks.wav", samples, rate), "onset")
    above = np.flatnonzero((onsets > 0.5) & (np.pad(onsets, (1, 0))[:-1] <= 0.5)) / 100
    assert above == pytest.approx(times, abs=0.02 + 1e-9)
    between = [index for index in range(len(onsets)) if min(abs(index / 100 - time) for time in times) > 0.06]
    assert onsets[between].max() < 0.1


def test_a_blow_at_the_very_beginning_is_an_onset(tmp_path: Path) -> None:
    decay = np.exp(-np.arange(RATE) / 2000)
    onsets = values(sound(tmp_path / "blow.wav", sine(200, 1) * decay), "onset")
    assert onsets[:3].max() == 1
    assert onsets[20:].max() < 0.1


def test_one_crack_does_not_make_the_other_onsets_small(tmp_path: Path) -> None:
    samples = np.zeros(10 * RATE)
    noise = np.random.default_rng(0).standard_normal(200)
    for blow in range(1, 20):
        samples[blow * RATE // 2 :][:200] += noise * (20 if blow == 7 else 0.3)
    onsets = values(sound(tmp_path / "crack.wav", samples), "onset")
    assert (onsets[[blow * 50 for blow in range(1, 20)]] > 0.35).all()


def test_the_level_of_a_fading_sine_falls_as_its_decibels(tmp_path: Path) -> None:
    fade = 10 ** (-12 * np.arange(4 * RATE) / RATE / 20)  # 12 dB a second
    level = values(sound(tmp_path / "fade.wav", sine(440, 4) * fade), "level")
    inner = np.arange(10, 380)
    slope = np.polyfit(inner / 100, level[inner], 1)[0]
    assert slope * DECIBELS == pytest.approx(-12, abs=0.1)
    assert level[5] == pytest.approx(1, abs=0.03)
    assert level.max() == 1


def test_bands_tell_two_sines_apart(tmp_path: Path) -> None:
    bass_then_treble = np.concatenate([sine(80, 1), sine(5000, 1)])
    path = sound(tmp_path / "two.wav", bass_then_treble)
    for of, first, second in [
        *(("bass", 1, 0), ("treble", 0, 1), ((40.0, 160.0), 1, 0), ((4000.0, 6000.0), 0, 1)),
        ("level", 1, 1),
    ]:
        found = values(path, of)
        assert found[10:90].mean() == pytest.approx(first, abs=0.05), of
        assert found[110:190].mean() == pytest.approx(second, abs=0.05), of


def test_what_is_hardly_there_is_not_made_to_look_loud(tmp_path: Path) -> None:
    """A band is measured against its own loudest moment, but not against mere rounding and hiss."""
    hiss = 1e-5 * np.random.default_rng(0).standard_normal(2 * RATE)
    path = sound(tmp_path / "treble.wav", sine(5000, 2) * np.hanning(2 * RATE) + hiss)
    assert values(path, "bass").max() < 0.2
    steady = sound(tmp_path / "steady.wav", sine(441, 10, 8000), 8000)
    assert values(steady, "onset")[10:980].max() < 0.01


def test_silence_is_0(tmp_path: Path) -> None:
    silent = sound(tmp_path / "silent.wav", np.zeros(RATE))
    for of in ("level", "onset", "bass", (100.0, 200.0)):
        assert not values(silent, of, 0.1).any()
    assert len(values(silent, "level")) == 101


def test_no_sound_at_all_and_the_times_around_a_sound_are_0(tmp_path: Path) -> None:
    empty = sound(tmp_path / "empty.wav", np.zeros(0))
    for of in ("level", "onset"):
        assert measured(empty, of, 0.1).at(0) == 0
    tone = measured(sound(tmp_path / "tone.wav", sine(440, 1)), "level", 0.1)
    assert tone.at(0.5) == pytest.approx(1, abs=0.01)
    assert [tone.at(time) for time in (-0.01, 1.02, 100)] == [0, 0, 0]


def test_between_two_hundredths_lies_what_is_between() -> None:
    track = Track(np.array([0, 1, 0.5]))
    assert [track.at(time) for time in (0, 0.005, 0.01, 0.015, 0.02, 0.021)] == pytest.approx(
        [0, 0.5, 1, 0.75, 0.5, 0]
    )


def test_smoothing_rises_at_once_and_falls_to_a_third(tmp_path: Path) -> None:
    samples = np.concatenate([np.zeros(RATE), sine(440, 0.5), np.zeros(2 * RATE)])
    path = sound(tmp_path / "burst.wav", samples)
    plain, smooth = values(path, "level"), values(path, "level", 0.4)
    assert np.array_equal(plain[:140], smooth[:140])
    end = int(np.flatnonzero(plain)[-1])
    assert smooth[end + 40] == pytest.approx(smooth[end] * np.exp(-1), abs=1e-9)
    assert (smooth >= plain).all()
    assert plain[end + 40] == 0


def test_channels_count_together_and_rates_do_not_matter(tmp_path: Path) -> None:
    left_only = np.stack([np.concatenate([sine(300, 1), np.zeros(RATE)]), np.zeros(2 * RATE)], axis=1)
    level = values(sound(tmp_path / "left.wav", left_only), "level")
    assert level[50] == pytest.approx(1, abs=0.01)
    assert level[150] == 0
    tracks = [
        values(sound(tmp_path / f"{rate}.wav", sine(300, 1, rate) * np.linspace(0, 1, rate), rate), "level")
        for rate in (16000, 44100)
    ]
    assert np.abs(tracks[0] - tracks[1])[5:95].max() < 0.02


def test_long_sounds_are_measured_as_short_ones(tmp_path: Path) -> None:
    """Read in blocks; the seams are not to be found in the values."""
    tone = sine(441, 20, 8000)
    level = values(sound(tmp_path / "long.wav", tone, 8000), "level")
    assert len(level) == 2001
    assert np.ptp(level[10:1990]) < 0.002
    assert values(tmp_path / "long.wav", "onset")[10:1990].max() < 0.01


def test_a_band_that_a_sound_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = sound(tmp_path / "dull.wav", sine(100, 0.2, 8000), 8000)
    with pytest.raises(SoundError, match=r"dull\.wav: holds nothing above 4000 Hz; 5000 to 6000 is followed"):
        measured(path, (5000.0, 6000.0), 0.1)
    assert measured(path, (3900.0, 60000.0), 0.1).at(0.1) >= 0


def test_a_file_that_changes_is_measured_again(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", sine(100, 1))
    assert measured(path, "bass", 0).at(0.5) > 0.9
    sound(path, np.zeros(RATE))
    assert measured(path, "bass", 0).at(0.5) == 0
    path.unlink()
    with pytest.raises(SoundError, match="no such file"):
        measured(path, "bass", 0)


def test_what_follows_goes_from_the_quietest_to_the_loudest(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", np.concatenate([np.zeros(RATE), sine(440, 1)]))
    follow = Follow("a.wav", "level", 30, -10, 0, path)
    assert follow.at(0.5) == 30
    assert follow.at(1.5) == pytest.approx(-10, abs=0.1)
    assert follow.bounds == (-10, 30)
