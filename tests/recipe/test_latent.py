"""Latents as recipes write them: every form, the way back, and what is refused."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from netbend.motion import Noise, Ramp, Wave
from netbend.recipe.animation import bind_to_film
from netbend.recipe.latent import latent_data, parse_latent
from netbend.recipe.latent_schema import latent_schema
from netbend.recipe.places import Filmed, Journey, Latent, LatentFile, Mean, Move, Seed, Walk

DOCS = Path(__file__).parents[2] / "docs/latents.md"
SCHEMA = jsonschema.Draft202012Validator(latent_schema())
THREE = (Seed(3), LatentFile("me.npz"), Mean())
RAMP = Ramp(-2, 2, 5, "ease-out")

FORMS: list[tuple[Any, Latent]] = [
    (3, Latent(Seed(3))),
    ("3", Latent(Seed(3))),
    ("mean", Latent(Mean())),
    ("me.npz", Latent(LatentFile("me.npz"))),
    ({"seed": 3}, Latent(Seed(3))),
    ({"mean": "all"}, Latent(Mean())),
    ({"mean": "0-2,7"}, Latent(Mean((0, 1, 2, 7)))),
    ({"mean": [4, "6-7"]}, Latent(Mean((4, 6, 7)))),
    ({"file": "me.npz", "number": 2, "space": "w"}, Latent(LatentFile("me.npz", 2, "w"))),
    ({"through": [3, "me.npz", "mean"]}, Latent(Journey(THREE))),
    ({"through": "3-5", "seconds": 4}, Latent(Journey((Seed(3), Seed(4), Seed(5)), 4))),
    (
        {"through": [{"seed": 3}, {"file": "a.pt", "number": 1}, {"mean": 5}], "smooth": True, "space": "w"},
        Latent(Journey((Seed(3), LatentFile("a.pt", 1), Mean((5,))), smooth=True, space="w")),
    ),
    (
        {"through": [3, "me.npz", "mean"], "seconds": 2, "loop": True, "easing": "ease-in-out"},
        Latent(Journey(THREE, 2, loop=True, easing="ease-in-out")),
    ),
    ({"walk": 7}, Latent(Walk(7))),
    (
        {"walk": 7, "seconds": 20, "length": 4, "smoothness": 1.5},
        Latent(Walk(7, 20, length=4, smoothness=1.5)),
    ),
    ({"direction": 3, "from": -2, "to": 2}, Latent(Mean(), (Move(3, Ramp(-2, 2)),))),
    (
        {"seed": 3, "direction": 1, "from": -2, "to": 2, "seconds": 5, "easing": "ease-out", "layers": "0-2"},
        Latent(Seed(3), (Move(1, RAMP, (0, 1, 2)),)),
    ),
    ({"seed": 3, "direction": 1, "by": 1.5, "of": "d.npz"}, Latent(Seed(3), (Move(1, 1.5, of="d.npz"),))),
    (
        {"file": "me.npz", "direction": 0, "by": {"wave": "sine", "from": 0, "to": 1, "seconds": 3}},
        Latent(LatentFile("me.npz"), (Move(0, Wave("sine", 0, 1, 3)),)),
    ),
    ({"film": "one.mp4"}, Latent(Filmed("one.mp4"))),
    (
        {"film": "one.mp4", "directions": [{"direction": 0, "by": 1}]},
        Latent(Filmed("one.mp4"), (Move(0, 1.0),)),
    ),
    (
        {"walk": 7, "directions": [{"direction": 0, "by": 1.5}, {"direction": 3, "from": -2, "to": 2}]},
        Latent(Walk(7), (Move(0, 1.5), Move(3, Ramp(-2, 2)))),
    ),
]


@pytest.mark.parametrize(("data", "latent"), FORMS, ids=[str(data) for data, _ in FORMS])
def test_every_form_is_read_and_fits_the_schema(data: Any, latent: Latent) -> None:
    assert parse_latent(data) == latent
    SCHEMA.validate(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "expected a seed such as 3"),
        (3.5, "expected a seed such as 3"),
        (True, "seeds 'True': expected numbers"),
        ({}, "expected a seed such as 3"),
        ("0-7", "several latents; `mean: 0-7` is the mean"),
        ({"seeds": "0-7"}, "`through: 0-7` goes from one to the next"),
        ({"seed": -1}, "seed: seeds start at 0; expected 0 to 4294967295, not -1"),
        ({"seed": 2**32}, "expected 0 to 4294967295"),
        (2**32, "more than 4294967295"),
        ({"seed": 3, "file": "me.npz"}, "seed: unknown key `file`; it takes seed, directions"),
        ({"seed": 3, "seconds": 4}, "seed: unknown key `seconds`"),
        ({"file": ""}, "file: expected a file of latents"),
        ({"file": "me.npz", "number": -1}, "number: expected which latent"),
        ({"file": "me.npz", "space": "v"}, r"space: expected z, w, w\+, not 'v'"),
        ({"mean": "7-0"}, "the range 7-0 runs backwards"),
        ({"mean": []}, "expected numbers"),
        ({"mean": "0-99999"}, "more than 10000 at once"),
        ({"through": [3]}, "expected 2 to 10000 points"),
        ({"through": [3, {"walk": 3}]}, "as a point"),
        ({"through": [3, {"seed": 3, "by": 1}]}, "seed: unknown key `by`"),
        ({"through": [3, 4], "loop": 1}, "loop: expected true or false"),
        ({"through": [3, 4], "seconds": 0}, "seconds: expected 0.001 to 1e\\+07 seconds, not 0"),
        ({"through": [3, 4], "seconds": 1e-310, "loop": True}, "seconds: expected 0.001 to 1e"),
        ({"through": [3, 4], "seconds": float("inf")}, "seconds: expected 0.001 to 1e"),
        ({"walk": 7, "seconds": 1e-310}, "seconds: expected 0.001 to 1e"),
        ({"film": ""}, "film: expected a film such as one.mp4"),
        ({"film": "one.mp4", "direction": 1, "by": 1}, "beside film, moves are a list"),
        ({"through": [3, 4], "easing": "slow"}, "easing: expected linear"),
        ({"through": [3, 4], "smooth": True, "easing": "hold"}, "leave one out"),
        ({"through": [3, 4], "direction": 2, "by": 1}, "beside through, moves are a list"),
        ({"walk": 7, "length": 2000}, "length: expected at most 1000"),
        ({"walk": 7, "smoothness": 0.1}, "smoothness: expected 0.5 to 50"),
        ({"walk": 7, "space": "w"}, "walk: unknown key `space`"),
        ({"seed": 3, "direction": 1}, "direction 1: expected either `by: 1.5`, or `from: -2` and `to: 2`"),
        ({"seed": 3, "direction": 1, "by": 1, "from": 0, "to": 1}, "expected either"),
        ({"seed": 3, "direction": 1, "from": 0}, "expected `from:` and `to:`"),
        ({"seed": 3, "direction": -1, "by": 1}, "direction: expected its number, from 0, not -1"),
        ({"seed": 3, "direction": 1, "by": 1, "layers": "a"}, "layers 'a': expected numbers"),
        ({"seed": 3, "direction": 1, "by": 1, "of": 3}, "of: expected a file"),
        ({"seed": 3, "directions": []}, "directions: expected a list"),
        ({"seed": 3, "directions": [1]}, "expected items such as"),
    ],
)
def test_anything_else_is_refused_and_says_what_was_expected(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_latent(data)


seeds = st.integers(0, 2**32 - 1)
files = st.builds(
    LatentFile,
    st.sampled_from(["me.npz", "3", "mean", "a/b.pt"]),
    st.integers(0, 9),
    st.sampled_from([None, "z", "w", "w+"]),
)
points = st.one_of(st.builds(Seed, seeds), files, st.builds(Mean, st.lists(seeds, max_size=3).map(tuple)))
lengths = st.none() | st.floats(0.01, 1000)
journeys = st.builds(
    Journey,
    st.lists(points, min_size=2, max_size=4).map(tuple),
    lengths,
    st.booleans(),
    st.just(False),
    st.sampled_from(["linear", "hold", "ease-in"]),
    st.sampled_from([None, "z", "w"]),
)
walks = st.builds(Walk, seeds, lengths, st.floats(0.01, 1000), st.floats(0.5, 50))
films = st.builds(Filmed, st.sampled_from(["one.mp4", "a/b.mov"]))
numbers = st.floats(-5, 5) | st.sampled_from([Ramp(0, 1), RAMP, Noise(3, -1, 1)])
moves = st.builds(
    Move,
    st.integers(0, 511),
    numbers,
    st.none() | st.lists(st.integers(0, 17), min_size=1, unique=True).map(tuple),
    st.sampled_from([None, "d.npz"]),
)


@settings(deadline=None)
@given(st.builds(Latent, st.one_of(points, journeys, walks, films), st.lists(moves, max_size=3).map(tuple)))
def test_what_is_written_reads_back_the_same(latent: Latent) -> None:
    data = latent_data(latent)
    assert parse_latent(data) == latent
    SCHEMA.validate(data)


leaves = st.none() | st.booleans() | st.integers(-1, 9) | st.floats() | st.text("0123-,m.", max_size=4)
words = st.sampled_from(
    [
        "seed",
        "file",
        "mean",
        "through",
        "walk",
        "film",
        "direction",
        "directions",
        "by",
        "from",
        "to",
        "seconds",
        "x",
    ]
)
junk = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)
)


@settings(deadline=None)
@given(junk)
def test_junk_is_read_or_refused_and_nothing_else(data: Any) -> None:
    with suppress(ValueError):
        latent = parse_latent(data)
        assert latent_data(latent)


def test_what_has_no_length_takes_that_of_the_film() -> None:
    moving = (Move(0, Ramp(0, 1)), Move(1, 2.0))
    four = tuple(map(Seed, range(4)))
    assert bind_to_film(Latent(Journey(four)), 12, None).place.seconds == 4
    assert bind_to_film(Latent(Journey(four, loop=True)), 12, None).place.seconds == 3
    assert bind_to_film(Latent(Journey(four, 7)), 12, None).place.seconds == 7
    assert bind_to_film(Latent(Walk(3)), 12, None).place.seconds == 12
    assert bind_to_film(Latent(Seed(3), moving), 12, None).moves == (Move(0, Ramp(0, 1, 12)), Move(1, 2.0))


def test_without_a_film_a_length_is_asked_for() -> None:
    for place in (Journey((Seed(1), Seed(2))), Walk(3)):
        with pytest.raises(ValueError, match="without `seconds:` it lasts the whole film"):
            bind_to_film(Latent(place), None, None)


def test_a_move_follows_the_soundtrack() -> None:
    data = {"seed": 1, "direction": 0, "by": {"sound": "soundtrack", "of": "bass", "from": 0, "to": 1}}
    latent = parse_latent(data)
    assert latent_data(latent)["directions"][0]["by"]["sound"] == "soundtrack"
    assert bind_to_film(latent, None, Path("a.wav")).moves[0].by.path == Path("a.wav")
    with pytest.raises(ValueError, match="soundtrack"):
        bind_to_film(latent, 3, None)


def test_every_form_in_the_documents_is_read() -> None:
    blocks = re.findall(r"```text\n(latent:.*?)```", DOCS.read_text(), re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 15
    for line in lines:
        data = YAML(typ="safe").load(line)["latent"]
        parse_latent(data)
        SCHEMA.validate(data)
