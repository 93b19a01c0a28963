"""Values over time: exact where they are told to be, closing where they come back."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netbend.motion import Curve, Follow, Key, Keys, Noise, Ramp, Wave, bind_number, bounds_of, value_at
from netbend.motion.curves import EASINGS, WAVES

RATES = [24.0, 25.0, 30.0, 60.0]


@pytest.mark.parametrize("easing", EASINGS)
def test_every_easing_rises_from_0_to_1(easing: str) -> None:
    ease = EASINGS[easing]
    steps = [ease(step / 1000) for step in range(1001)]
    assert (steps[0], steps[-1]) == (0, 1)
    assert all(before <= after for before, after in pairwise(steps))


def test_easings_are_slow_where_they_say() -> None:
    middle = {name: ease(0.5) for name, ease in EASINGS.items()}
    assert middle == {"linear": 0.5, "ease-in": 0.125, "ease-out": 0.875, "ease-in-out": 0.5, "hold": 0}
    assert EASINGS["ease-in-out"](0.25) == 0.0625
    assert EASINGS["hold"](0.999) == 0


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0.001, 1000), st.sampled_from(sorted(EASINGS)))
@settings(max_examples=50, deadline=None)
def test_a_ramp_is_exact_at_both_ends_and_stays_there(
    start: float, end: float, seconds: float, easing: str
) -> None:
    ramp = Ramp(start, end, seconds, easing)
    assert [ramp.at(time) for time in (-1, 0, seconds, 2 * seconds)] == [start, start, end, end]
    low, high = ramp.bounds
    assert all(low <= ramp.at(seconds * step / 7) <= high for step in range(8))


def test_a_ramp_is_half_way_at_half_time() -> None:
    assert Ramp(10, 20, 4).at(2) == 15
    assert Ramp(10, 20, 4, "ease-in").at(2) == 11.25
    assert Ramp(20, 10, 4, "ease-out").at(2) == 11.25


def test_keys_are_their_values_at_their_times() -> None:
    keys = Keys((Key(1, 5), Key(2, 7, "ease-in"), Key(4, 3, "hold"), Key(5, 0)))
    assert [keys.at(time) for time in (0, 1, 1.5, 2, 3, 3.99, 4, 4.5, 5, 99)] == [
        *(5, 5, 5.25, 7, 7, 7, 3, 1.5, 0, 0)
    ]
    assert keys.bounds == (0, 7)
    assert Keys((Key(3, 8),)).at(0) == Keys((Key(3, 8),)).at(9) == 8


def test_many_keys_are_found_without_going_through_them_all() -> None:
    keys = Keys(tuple(Key(float(time), float(time % 3)) for time in range(10_000)))
    assert [keys.at(time) for time in (0, 1.5, 9998, 9999, 10_000)] == [0, 1.5, 2, 0, 0]


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("seconds", [0.1, 0.7, 1.3, 2.0, 3.0])
def test_loops_close_at_every_round(fps: float, seconds: float) -> None:
    """Frames on the seam are the first frame, where remainders are a little off."""
    keys = Keys((Key(0, 5), Key(seconds / 2, 7, "hold"), Key(seconds, 9, "ease-in")), seconds)
    waves = [Wave(shape, 0, 1, seconds, phase) for shape in WAVES for phase in (0, 0.5, -0.25)]
    noise = Noise(7, 0, 1, 0.3, loop=seconds, octaves=2)
    frames = [
        frame
        for frame in range(3000)
        if (Fraction(frame) / Fraction(str(fps)) / Fraction(str(seconds))) % 1 == 0
    ]
    assert len(frames) >= 2
    for curve in (keys, *waves, noise):
        assert {curve.at(frame / fps) for frame in frames} == {curve.at(0)}, curve


def test_a_loop_is_the_same_in_every_round_to_the_bit() -> None:
    noise = Noise(7, -3, 4, 0.4, loop=2.0, octaves=3)
    keys = Keys((Key(0, 1), Key(0.5, 2, "ease-out"), Key(2, 1)), 2.0)
    for frame in range(60):
        for curve in (noise, keys):
            assert {curve.at((frame + 60 * turn) / 30) for turn in range(5)} == {curve.at(frame / 30)}


@pytest.mark.parametrize(
    ("shape", "values"),
    [
        ("sine", [0, 0.5, 1, 0.5]),
        ("triangle", [0, 0.5, 1, 0.5]),
        ("saw", [0, 0.25, 0.5, 0.75]),
        ("square", [0, 0, 1, 1]),
    ],
)
def test_waves_have_their_shapes(shape: str, values: list[float]) -> None:
    wave = Wave(shape, 10, 20, 4)
    assert [wave.at(time) for time in range(8)] == pytest.approx([10 + 10 * value for value in values * 2])
    later = Wave(shape, 10, 20, 4, phase=0.25)
    assert [later.at(time) for time in range(4)] == [wave.at(time + 1) for time in range(4)]
    assert wave.bounds == later.bounds == (10, 20)


def test_noise_stays_between_its_ends_and_becomes_another() -> None:
    noise = Noise(3, 5, -5, 0.5)
    values = [noise.at(time / 10) for time in range(1000)]
    assert noise.bounds == (-5, 5)
    assert all(-5 <= value <= 5 for value in values)
    assert max(values) > 2
    assert min(values) < -2
    assert abs(sum(values) / len(values)) < 0.5
    assert values != [Noise(4, 5, -5, 0.5).at(time / 10) for time in range(1000)]


def test_what_does_not_move_is_itself() -> None:
    assert value_at(3.5, 10) == 3.5
    assert bounds_of(3.5) == (3.5, 3.5)
    assert bind_number(3.5, None, None) == 3.5


def test_ramps_without_a_length_last_the_film() -> None:
    ramp = bind_number(Ramp(0, 10), 20, None)
    assert value_at(ramp, 5) == 2.5
    assert bind_number(Ramp(0, 10, 4), 20, None) == Ramp(0, 10, 4)
    with pytest.raises(ValueError, match="give it `seconds:`, or the recipe"):
        bind_number(Ramp(0, 10), None, None)
    with pytest.raises(ValueError, match="a ramp of no length"):
        Ramp(0, 10).at(1)


def test_what_follows_the_soundtrack_needs_one() -> None:
    follow = Follow("soundtrack", "level", 0, 1)
    found = bind_number(follow, None, Path("song.wav"))
    assert isinstance(found, Follow)
    assert found.path == Path("song.wav")
    again = bind_number(found, None, None)
    assert isinstance(again, Follow)
    assert again.path == Path("song.wav")
    assert follow.bounds == (0, 1)
    with pytest.raises(ValueError, match="name one as `soundtrack:`"):
        bind_number(follow, 10, None)
    with pytest.raises(ValueError, match="no soundtrack to follow"):
        follow.at(0)
    own = Follow("own.wav", "level", 0, 1, path=Path("own.wav"))
    assert bind_number(own, 10, Path("song.wav")) is own


CURVES: list[Curve] = [
    Ramp(1, 5, 3, "ease-in-out"),
    Keys((Key(0.5, 1), Key(1.5, 4, "ease-out")), 2),
    Wave("sine", 0, 3, 1.7, 0.3),
    Noise(9, 0, 1, 0.4, octaves=2),
]


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: type(curve).__name__)
@given(times=st.lists(st.floats(0, 100), min_size=1, max_size=5))
@settings(max_examples=20, deadline=None)
def test_a_time_does_not_depend_on_what_was_asked_before(curve: Curve, times: list[float]) -> None:
    values = [curve.at(time) for time in times]
    assert values[::-1] == [curve.at(time) for time in times[::-1]]
    low, high = bounds_of(curve)
    assert all(low <= value <= high for value in values)
