"""True peaks, measured by others than what limits them, and what is left of a sound."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import resample_poly

from netbend.sound.limiter import Limiter

RATE = 44100
TIME = np.arange(RATE) / RATE

# Of the interpolating filter in table 1 of annex 2 of ITU-R BS.1770-4, phases 0 and 1; 2 and 3 mirror them.
STANDARD = np.fromstring(
    """
    0.0017089843750 0.0109863281250 -0.0196533203125 0.0332031250000 -0.0594482421875 0.1373291015625
    0.9721679687500 -0.1022949218750 0.0476074218750 -0.0266113281250 0.0148925781250 -0.0083007812500
    -0.0291748046875 0.0292968750000 -0.0517578125000 0.0891113281250 -0.1665039062500 0.4650878906250
    0.7797851562500 -0.2003173828125 0.1015625000000 -0.0582275390625 0.0330810546875 -0.0189208984375
    """,
    sep=" ",
).reshape(2, 12)


def standard_peak(sound: np.ndarray) -> float:
    """dBTP as the standard's own filter reads it."""
    phases = [*STANDARD, *STANDARD[::-1, ::-1]]
    return decibels(max(np.abs(np.convolve(row, taps)).max() for row in sound for taps in phases))


def peak(sound: np.ndarray) -> float:
    """dBTP by sixteen times the samples."""
    return decibels(
        np.abs(resample_poly(sound.astype(np.float64), 16, 1, axis=1, window=("kaiser", 12))).max()
    )


def decibels(amplitude: float) -> float:
    return 20 * np.log10(amplitude)


def limited(
    sound: np.ndarray, ceiling: float = -1.0, block: int | None = None, rate: int = RATE
) -> np.ndarray:
    limiter, block = Limiter(rate, len(sound), ceiling), block or sound.shape[1]
    parts = [limiter.push(sound[:, start : start + block]) for start in range(0, sound.shape[1], block)]
    return np.concatenate([*parts, limiter.flush()], axis=1)


def sine(frequency: float, amplitude: float = 1.0, phase: float = 0.0) -> np.ndarray:
    """Faded in and out, so that it does not begin or end with a click."""
    fade = np.minimum(1, np.minimum(TIME, TIME[::-1]) / 0.05)
    wave = amplitude * np.sin(2 * np.pi * frequency * TIME + phase) * fade
    return np.stack([wave, 0.5 * wave]).astype(np.float32)


def clicks(rng: np.random.Generator) -> np.ndarray:
    return ((rng.random((2, RATE)) < 0.001) * rng.normal(0, 3, (2, RATE))).astype(np.float32)


HARD: dict[str, Callable[[], np.ndarray]] = {
    "a quarter of the rate, samples at full scale, the wave 3 dB above": lambda: sine(
        RATE / 4, 2**0.5, np.pi / 4
    ),
    "19 kHz": lambda: sine(19_000, 1.4, 0.3),
    "50 Hz": lambda: sine(50, 4),
    "clicks": lambda: clicks(np.random.default_rng(0)),
    "square wave": lambda: np.sign(sine(441.7)),
    "at once from the first sample": lambda: np.full((1, 5000), 1.5, np.float32),
    "a single sample": lambda: np.full((1, 1), -2.0, np.float32),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("ceiling", [-1.0, -6.0])
def test_true_peaks_stay_below_the_ceiling(name: str, ceiling: float):
    sound = HARD[name]()
    result = limited(sound, ceiling)
    assert result.shape == sound.shape
    assert peak(sound) > ceiling + 1
    assert peak(result) == pytest.approx(ceiling, abs=0.15)
    assert ceiling - 0.3 < standard_peak(result) < ceiling + 0.15
    assert decibels(np.abs(result).max()) <= ceiling + 0.01


def test_white_noise_whose_peaks_no_two_meters_read_alike_is_within_a_third_of_a_db():
    noise = np.random.default_rng(0).normal(0, 0.5, (2, RATE)).astype(np.float32)
    result = limited(noise)
    assert standard_peak(result) < -0.67
    assert peak(result) < -0.67


@pytest.mark.parametrize("block", [1, 64, 1023, 30_000])
def test_blocks_do_not_matter(block: int):
    sound = clicks(np.random.default_rng(1))[:, : 3000 if block == 1 else None]
    np.testing.assert_allclose(limited(sound, block=block), limited(sound), rtol=1e-6)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_where_nothing_is_too_loud_the_gain_is_one(rate: int):
    """To the bit: until 5 ms before a burst, and from a bit more than a second after it."""
    sound = np.random.default_rng(2).uniform(-0.2, 0.2, (2, 4 * rate)).astype(np.float32)
    assert np.array_equal(limited(sound, rate=rate), sound)
    sound[0, 2 * rate : 2 * rate + rate // 10] += 1.5
    result = limited(sound, rate=rate)
    before, after = 2 * rate - rate // 200 - 50, 2 * rate + rate // 10 + round(1.2 * rate)
    assert np.array_equal(result[:, :before], sound[:, :before])
    assert np.array_equal(result[:, after:], sound[:, after:])
    middle = slice(2 * rate + 100, 2 * rate + rate // 20)
    assert (np.abs(result[:, middle]) < 0.75 * np.abs(sound[:, middle])).all()


def test_the_gain_moves_without_clicks_and_is_the_same_for_all_channels():
    carrier = np.full((2, RATE), 0.1, np.float32)
    carrier[1] = 0.05
    carrier[:, RATE // 2 : RATE // 2 + 2000] *= 20  # 2.0: by 7 dB too loud
    gain = limited(carrier) / carrier
    np.testing.assert_allclose(gain[0], gain[1], rtol=1e-6)
    assert gain.min() == pytest.approx(10 ** (-1 / 20) / 2, rel=0.12)
    steps = np.abs(np.diff(gain[0]))
    assert steps.max() < 2.1 * 0.6 / (0.005 * RATE)  # the steepest of a Hann window over 5 ms
    assert np.abs(np.diff(gain[0], 2)).max() < 4e-4
    rising = gain[0, RATE // 2 + 2300 :]
    assert (np.diff(rising) >= -1e-7).all()


def test_what_it_holds_does_not_grow():
    limiter = Limiter(RATE, 2)
    for _ in range(20):
        limiter.push(np.full((2, 5000), 1.2, np.float32))
    held = [
        limiter._waiting,
        *(part._kept for part in (limiter._reading, limiter._holding, limiter._falling)),
    ]
    assert sum(part.size for part in held) < 2000
