"""Recipes that move: read and written, mistakes at their places, what they are at a time."""

from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import soundfile

from netbend.errors import RecipeError
from netbend.motion import Follow, Keys, Noise, Ramp, Wave
from netbend.recipe import (
    Bend,
    Cluster,
    Drift,
    Indices,
    Not,
    Random,
    Recipe,
    parse_recipe,
    recipe_from_data,
    recipe_schema,
    recipe_to_data,
    recipe_to_yaml,
)
from netbend.recipe.animation import at_time, bind_recipe, follows_soundtrack, is_animated
from netbend.recipe.selection import parse_selection, selection_data
from netbend.transforms import build_transform

MOVING = """\
name: All that moves
seed: 3
latent: {through: [1, 2], loop: true}
truncation: {keys: [[0, 0.5], [4, 1, ease-out]]}
seconds: 8
soundtrack: song.wav
bends:
- layer: 3
  transform: rotate
  params: {angle: {wave: sine, from: -20, to: 20, seconds: 4}}
  features: {random: {from: 0, to: 0.5}}
  mix: {noise: 7, from: 0, to: 1, seconds: 0.5, loop: 8, octaves: 2}
- layer: 2
  transform: ablate
  features: {noise: 5, above: {sound: soundtrack, of: onset, from: 0.6, to: 0}, within: {indices: [0-7]}}
- layer: 1
  transform: scale
  params: [{from: 1, to: 2}, {from: 0.5, to: 3}]
  features: {not: {noise: 5, above: 0.1, seconds: 2, loop: 4}}
- {layer: 1, transform: dilate, params: {r: {from: 1, to: 4}}}
"""


@pytest.fixture
def recipe() -> Recipe:
    return parse_recipe(MOVING, "f.yaml", Path("films"))


def test_all_that_may_move_is_read(recipe: Recipe) -> None:
    turn, ablate, scale, dilate = recipe.bends
    assert turn.moving == {"angle": Wave("sine", -20, 20, 4)}
    assert turn.features == Random(Ramp(0, 0.5))
    assert turn.mix == Noise(7, 0, 1, 0.5, loop=8, octaves=2)
    assert ablate.features == Drift(5, Follow("soundtrack", "onset", 0.6, 0), within=Indices(tuple(range(8))))
    assert scale.moving == {"kx": Ramp(1, 2), "ky": Ramp(0.5, 3)}
    assert scale.features == Not(Drift(5, 0.1, 2, loop=4))
    assert dilate.moving == {"r": Ramp(1, 4)}
    assert isinstance(recipe.truncation, Keys)
    assert (recipe.seconds, recipe.soundtrack) == (8, "song.wav")
    assert is_animated(recipe)
    assert all(map(is_animated, recipe.bends))
    assert follows_soundtrack(recipe)


def test_what_is_written_reads_back(recipe: Recipe) -> None:
    data = recipe_to_data(recipe)
    assert recipe_from_data(data) == recipe
    assert parse_recipe(recipe_to_yaml(recipe)) == recipe
    assert recipe_to_data(recipe_from_data(data)) == data
    jsonschema.Draft202012Validator(recipe_schema()).validate(data)


SELECTIONS: list[tuple[Any, Any]] = [
    ({"random": {"from": 0, "to": 1}}, Random(Ramp(0, 1))),
    ({"noise": 7}, Drift(7)),
    ({"noise": 7, "above": -0.2}, Drift(7, -0.2)),
    ({"noise": 7, "above": {"from": 1, "to": -1, "seconds": 5}}, Drift(7, Ramp(1, -1, 5))),
    (
        {"noise": 7, "above": 0.1, "seconds": 2, "loop": 8, "octaves": 3, "within": {"cluster": "eyes"}},
        Drift(7, 0.1, 2, loop=8, octaves=3, within=Cluster(("eyes",))),
    ),
    ({"noise": 7, "within": {"random": {"from": 0, "to": 1}}}, Drift(7, within=Random(Ramp(0, 1)))),
    ({"not": {"noise": 7, "above": 0.1}}, Not(Drift(7, 0.1))),
]


@pytest.mark.parametrize(("data", "selection"), SELECTIONS, ids=[str(data) for data, _ in SELECTIONS])
def test_selections_that_move_are_read_and_written(data: Any, selection: Any) -> None:
    assert parse_selection(data) == selection
    assert parse_selection(selection_data(selection)) == selection
    schema = jsonschema.Draft202012Validator(recipe_schema())
    schema.validate({"bends": [{"layer": 1, "transform": "ablate", "features": data}]})


def place(text: str, part: str) -> str:
    """Line and column of the first letter of `part`, from 1."""
    before = text[: text.index(part)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


# What is put in place of what, where it is complained about, and how; whether the schema knows.
MISTAKES: list[tuple[str, str, str, str, bool]] = [
    ("seconds: 4}}", "second: 4}}", "{wave", "rotate: angle: wave: unknown key `second`; it takes", True),
    ("wave: sine, from: -20", "wave: sine", "{wave", "rotate: angle: expected `from:` and `to:`", True),
    ("{wave: sine, from: -20, to: 20, seconds: 4}", "fast", "fast", "rotate: angle: ", True),
    ("to: 0.5}", "to: 1.5}", "{random", "features: random: expected a fraction from 0 to 1", False),
    (
        "mix: {noise: 7, from: 0, to: 1",
        "mix: {noise: 7, from: 0, to: 5",
        "{noise: 7",
        "expected 0 to 4",
        False,
    ),
    ("noise: 7,", "noise: -7,", "{noise: -7", "mix: noise: expected a seed", True),
    ("octaves: 2", "octaves: 20", "{noise: 7", "octaves: expected 1 to 8, not 20", True),
    ("of: onset", "of: onsets", "{noise: 5, above: {", "of: expected level, onset, bass", True),
    ("within: {indices: [0-7]}", "within: {noise: 3}", "{noise: 5, above: {", "within: expected all", True),
    ("within: {indices: [0-7]}", "during: 3", "{noise: 5, above: {", "unknown key `during`; it takes", True),
    ("[{from: 1, to: 2}", "[{from: 0, to: 2}", "{from: 0, to: 2}", "scale: kx: ", False),
    ("{from: 1, to: 4}", "{from: -1, to: 4}", "{from: -1, to: 4}", "dilate: r: ", False),
    ("[4, 1, ease-out]", "[4, 1, easy]", "{keys", "truncation: keys: easing: expected linear", True),
    ("[4, 1, ease-out]", "[0, 1]", "{keys", "truncation: keys: expected times that ascend", False),
    ("seconds: 8", "seconds: 0", "0\nsoundtrack", "seconds: expected more than 0", False),
    ("soundtrack: song.wav", "soundtrack: 3", "3\nbends", "soundtrack: expected text", True),
]


@pytest.mark.parametrize(
    ("old", "new", "at", "message", "known"), MISTAKES, ids=[m[1][:40] for m in MISTAKES]
)
def test_every_mistake_is_shown_at_its_place(old: str, new: str, at: str, message: str, known: bool) -> None:
    assert MOVING.count(old) == 1
    text = MOVING.replace(old, new)
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, "f.yaml")
    assert str(caught.value).startswith(f"f.yaml:{place(text, at)}: "), str(caught.value)
    assert message in str(caught.value)
    if known:
        from ruamel.yaml import YAML

        schema = jsonschema.Draft202012Validator(recipe_schema())
        assert list(schema.iter_errors(YAML(typ="safe", pure=True).load(text)))


def test_a_bend_at_a_time_does_not_move() -> None:
    data = {
        "layer": 3,
        "transform": "rotate",
        "params": {"angle": {"from": 0, "to": 90, "seconds": 10}},
        "features": {"random": {"keys": [[0, 0], [5, 1]]}},
        "mix": {"wave": "triangle", "from": 0, "to": 1, "seconds": 10},
    }
    (moving,) = recipe_from_data({"bends": [data]}).bends
    still = at_time(moving, 2.5)
    assert still == Bend(3, build_transform("rotate", [22.5]), Random(0.5), 0.5)
    assert not is_animated(still)
    assert at_time(still, 7) is still


def test_whole_numbers_are_rounded() -> None:
    params = {"r": {"from": 1, "to": 4, "seconds": 3}}
    (moving,) = recipe_from_data({"bends": [{"layer": 1, "transform": "erode", "params": params}]}).bends
    assert [at_time(moving, time).transform.r for time in (0, 0.4, 0.6, 1.4, 2.6, 9)] == [1, 1, 2, 2, 4, 4]


def test_a_film_gives_lengths_and_a_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.wav", np.zeros(800), 8000)
    (tmp_path / "f.yaml").write_text(MOVING)
    recipe = parse_recipe(MOVING, "f.yaml", tmp_path)
    fitted = bind_recipe(recipe)
    assert fitted.bends[0].features == Random(Ramp(0, 0.5, 8))
    assert fitted.latent.place.seconds == 4
    above = fitted.bends[1].features.above
    assert above.path == tmp_path / "song.wav"
    assert bind_recipe(recipe, seconds=20).bends[2].moving == {"kx": Ramp(1, 2, 20), "ky": Ramp(0.5, 3, 20)}
    other = tmp_path / "other.wav"
    other.write_bytes((tmp_path / "song.wav").read_bytes())
    assert bind_recipe(recipe, soundtrack=other).bends[1].features.above.path == other
    assert bind_recipe(fitted) == fitted


def test_what_needs_a_length_or_a_sound_says_so_at_its_line(tmp_path: Path) -> None:
    without = MOVING.replace("seconds: 8\n", "").replace("soundtrack: song.wav\n", "")
    recipe = parse_recipe(without, "f.yaml", tmp_path)
    with pytest.raises(
        RecipeError, match=r"f\.yaml:9:13: from \.\.\. to without `seconds:` lasts the whole film"
    ):
        bind_recipe(recipe)
    with pytest.raises(RecipeError, match=r"f\.yaml:13:13: follows the soundtrack, and there is none"):
        bind_recipe(recipe, seconds=3)
    with pytest.raises(RecipeError, match=r"f\.yaml:15:13: .*song\.wav: no such file"):
        bind_recipe(parse_recipe(MOVING, "f.yaml", tmp_path))


def test_what_does_not_move_is_known() -> None:
    still = {"latent": 3, "truncation": 0.7, "bends": [{"layer": 1, "transform": "ablate", "mix": 0.5}]}
    recipe = recipe_from_data(still)
    assert not is_animated(recipe)
    assert not follows_soundtrack(recipe)
    assert is_animated(recipe_from_data({**still, "latent": {"walk": 3}}))
    assert is_animated(recipe_from_data({**still, "truncation": {"from": 0, "to": 1}}))
