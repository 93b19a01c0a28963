"""Moving values as recipes write them: every form, the way back, and what is refused."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netbend.motion import (
    Follow,
    Key,
    Keys,
    Noise,
    Number,
    Ramp,
    Wave,
    number_data,
    number_schema,
    parse_number,
)
from netbend.motion.curves import EASINGS, WAVES

SCHEMA = jsonschema.Draft202012Validator(number_schema({"type": "number"}))

FORMS: list[tuple[Any, Number]] = [
    (3, 3.0),
    (-0.5, -0.5),
    ({"from": 0, "to": 1}, Ramp(0, 1)),
    ({"from": 0, "to": -1, "seconds": 5, "easing": "ease-out"}, Ramp(0, -1, 5, "ease-out")),
    ({"keys": [[0, 5]]}, Keys((Key(0, 5),))),
    (
        {"keys": [[0, 0], [2.5, 1, "ease-in-out"], [3, 0, "hold"]], "loop": 4},
        Keys((Key(0, 0), Key(2.5, 1, "ease-in-out"), Key(3, 0, "hold")), 4),
    ),
    ({"wave": "sine", "from": 0, "to": 1, "seconds": 4}, Wave("sine", 0, 1, 4)),
    ({"wave": "saw", "from": 1, "to": 0, "seconds": 4, "phase": -0.25}, Wave("saw", 1, 0, 4, -0.25)),
    ({"noise": 7, "from": 0, "to": 1}, Noise(7, 0, 1)),
    (
        {"noise": 7, "from": 0, "to": 1, "seconds": 2, "loop": 8, "octaves": 3},
        Noise(7, 0, 1, 2, loop=8, octaves=3),
    ),
    ({"sound": "a.wav", "from": 0, "to": 1}, Follow("a.wav", "level", 0, 1)),
    (
        {"sound": "soundtrack", "of": [200, 800], "from": 0, "to": 1, "smooth": 0},
        Follow("soundtrack", (200, 800), 0, 1, 0),
    ),
    ({"sound": "a.wav", "of": "onset", "from": 90, "to": 0}, Follow("a.wav", "onset", 90, 0)),
]


@pytest.mark.parametrize(("data", "number"), FORMS, ids=[str(data) for data, _ in FORMS])
def test_every_form_is_read_and_fits_the_schema(data: Any, number: Number) -> None:
    assert parse_number(data) == number
    assert parse_number(number) == number
    SCHEMA.validate(data)


# What is refused, why, and whether the JSON schema can know.
REFUSED: list[tuple[Any, str, bool]] = [
    (None, "expected a number, not None", True),
    (True, "expected a number, not True", True),
    ("fast", "expected a number, not 'fast'", True),
    ([1, 2], r"expected a number, not \[1, 2\]", True),
    (float("nan"), "expected a number, not nan", False),
    (float("inf"), "expected a number, not inf", False),
    (10**400, "expected a number, not 1000", False),
    ({}, "expected a number, or one that moves: {from: 0, to: 1, seconds: 5}", True),
    ({"to": 1}, "or one that moves", True),
    ({"from": 0}, "expected `from:` and `to:`", True),
    ({"from": 0, "to": "x"}, "expected to: a number, not 'x'", True),
    ({"from": 0, "to": 1e200}, "expected to: a number, not 1e[+]200", True),
    ({"from": 0, "to": 1, "easing": "slow"}, "easing: expected linear, ease-in, .* not 'slow'", True),
    ({"from": 0, "to": 1, "seconds": 0}, "seconds: expected 0.001 to 1e[+]07 seconds, not 0", True),
    ({"from": 0, "to": 1, "seconds": 1e-300}, "seconds: expected 0.001", True),
    ({"from": 0, "to": 1, "seconds": "2"}, "seconds: expected 0.001 to 1e.07 seconds, not '2'", True),
    ({"from": 0, "to": 1, "loop": 2}, "from: unknown key `loop`; it takes from, to, seconds, easing", True),
    ({"keys": []}, r"keys: expected a list of \[seconds, value\]", True),
    ({"keys": {"0": 1}}, "keys: expected a list", True),
    ({"keys": [[0, 0]] * 10_001}, "keys: expected a list", True),
    ({"keys": [[0]]}, r"keys: expected \[seconds, value\] or \[seconds, value, easing\], not \[0\]", True),
    ({"keys": [[0, 1, "hold", 2]]}, "keys: expected", True),
    ({"keys": [[0, 1, "slow"]]}, "keys: easing: expected linear", True),
    ({"keys": [["0", 1]]}, "expected keys: a time, not '0'", True),
    ({"keys": [[0, None]]}, "expected keys: a value, not None", True),
    ({"keys": [[-1, 1]]}, "keys: a time before 0, -1", True),
    ({"keys": [[0, 1], [0, 2]]}, "keys: expected times that ascend", False),
    ({"keys": [[2, 1], [1, 2]]}, "keys: expected times that ascend", False),
    ({"keys": [[0, 1], [4, 2]], "loop": 3}, "loop: 3 seconds end before the last key, at 4", False),
    ({"keys": [[0, 1]], "from": 0}, "keys: unknown key `from`; it takes keys, loop", True),
    ({"wave": "round", "from": 0, "to": 1, "seconds": 1}, "wave: expected sine, triangle, saw, square", True),
    ({"wave": ["sine"], "from": 0, "to": 1, "seconds": 1}, "wave: expected sine", True),
    ({"wave": "sine", "from": 0, "to": 1}, "`seconds:` is missing", True),
    ({"wave": "sine", "seconds": 1}, "expected `from:` and `to:`", True),
    ({"wave": "sine", "from": 0, "to": 1, "seconds": 1, "phase": "x"}, "phase: a number", True),
    ({"wave": "sine", "from": 0, "to": 1, "seconds": 1, "easing": "hold"}, "unknown key `easing`", True),
    ({"noise": -1, "from": 0, "to": 1}, "noise: expected a seed, a whole number from 0, not -1", True),
    ({"noise": 1.5, "from": 0, "to": 1}, "noise: expected a seed", True),
    ({"noise": 2**63, "from": 0, "to": 1}, "noise: expected a seed", True),
    ({"noise": 1, "from": 0, "to": 1, "octaves": 9}, "octaves: expected 1 to 8, not 9", True),
    ({"noise": 1, "from": 0, "to": 1, "octaves": True}, "octaves: expected 1 to 8", True),
    ({"noise": 1, "from": 0, "to": 1, "loop": -1}, "loop: expected 0.001", True),
    ({"noise": 1, "from": 0, "to": 1, "above": 0}, "noise: unknown key `above`", True),
    ({"sound": 3, "from": 0, "to": 1}, "sound: expected a sound file, or `soundtrack`, not 3", True),
    ({"sound": "a.wav"}, "expected `from:` and `to:`", True),
    ({"sound": "a.wav", "of": "loudness", "from": 0, "to": 1}, "of: expected level, onset, bass", True),
    ({"sound": "a.wav", "of": [800, 200], "from": 0, "to": 1}, "of: expected .* or a band such as", False),
    ({"sound": "a.wav", "of": [1, 2, 3], "from": 0, "to": 1}, "of: expected", True),
    ({"sound": "a.wav", "of": [-1, 2], "from": 0, "to": 1}, "of: expected", True),
    ({"sound": "a.wav", "from": 0, "to": 1, "smooth": -1}, "smooth: expected seconds from 0, not -1", True),
    ({"sound": "a.wav", "from": 0, "to": 1, "seconds": 1}, "sound: unknown key `seconds`", True),
]


@pytest.mark.parametrize(("data", "message", "schema_knows"), REFUSED, ids=[str(r[0])[:60] for r in REFUSED])
def test_anything_else_is_refused_and_says_what_was_expected(
    data: Any, message: str, schema_knows: bool
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_number(data)
    assert len(str(caught.value)) < 300
    if schema_knows:
        assert list(SCHEMA.iter_errors(data))


def test_paths_of_sounds_start_at_the_folder_of_the_recipe() -> None:
    data = {"sound": "song.wav", "from": 0, "to": 1}
    for folder, expected in [(None, "song.wav"), (Path("films"), "films/song.wav")]:
        follow = parse_number(data, folder)
        assert isinstance(follow, Follow)
        assert follow.path == Path(expected)
    absolute = parse_number({**data, "sound": "/sounds/song.wav"}, Path("films"))
    assert isinstance(absolute, Follow)
    assert absolute.path == Path("/sounds/song.wav")
    soundtrack = parse_number({**data, "sound": "soundtrack"}, Path("films"))
    assert isinstance(soundtrack, Follow)
    assert soundtrack.path is None


values = st.floats(-1e6, 1e6)
seconds = st.floats(0.001, 1e6)
easings = st.sampled_from(sorted(EASINGS))
seeds = st.integers(0, 2**63 - 1)
bands = st.tuples(st.floats(0, 100), st.floats(101, 20000))
key_lists = st.lists(st.floats(0, 1e5), min_size=1, max_size=5, unique=True).flatmap(
    lambda times: st.tuples(*(st.builds(Key, st.just(time), values, easings) for time in sorted(times)))
)
numbers = st.one_of(
    values,
    st.builds(Ramp, values, values, st.none() | seconds, easings),
    st.builds(Keys, key_lists, st.none() | st.floats(1e5, 1e6)),
    st.builds(Wave, st.sampled_from(sorted(WAVES)), values, values, seconds, values),
    st.builds(Noise, seeds, values, values, seconds, st.none() | seconds, st.integers(1, 8)),
    st.builds(
        Follow,
        st.sampled_from(["soundtrack", "a.wav"]),
        st.sampled_from(["level", "onset", "bass", "mid", "treble"]) | bands,
        values,
        values,
        st.floats(0, 10),
    ),
)


@given(numbers)
@settings(max_examples=200, deadline=None)
def test_what_is_written_reads_back_and_fits_the_schema(number: Number) -> None:
    data = number_data(number)
    assert parse_number(data) == number
    SCHEMA.validate(data)
