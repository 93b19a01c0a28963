"""Recipe files: both forms, round trips, and the position of every mistake."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netbend.errors import RecipeError
from netbend.recipe import (
    All,
    Bend,
    Cluster,
    Indices,
    Not,
    Random,
    Recipe,
    load_recipe,
    parse_recipe,
    recipe_from_data,
    recipe_schema,
    recipe_to_data,
    recipe_to_yaml,
)
from netbend.transforms import build_transform

READABLE = """\
name: A test
description: Everything once.
model: faces
seed: 7
clusters: clusters.yaml
bends:
  - layer: 3
    transform: rotate
    params: {angle: 45}
  - {layer: b16.conv0, transform: multiply, params: [-1], features: {random: 0.25}, mix: 0.5}
  - {layer: 2, transform: ablate, features: {cluster: 3}, mask: half.png}
  - {layer: 2, transform: ablate, features: {cluster: [1, eyes]}}
  - {layer: 2, transform: scale, params: {kx: 2}, features: {indices: [0, 4, 8-11]}}
  - {layer: 2, transform: invert, features: {not: {indices: 3-5}}}
"""

OLDER = """\
transforms:
- layer: 0
  transform: "scalar-multiply"
  params: [1]
  features: "random"
  feature-param: 0
- layer: 4
  transform: "translate"
  params: [0.25, -.5]
  features: "all"
  feature-param:
- layer: 5
  transform: "ablate"
  params: []
  features: "cluster"
  feature-param: 2
- layer: 12
  transform: "binary-tresh"
  params: [0.5]
  features: "random"
  feature-param: 0.5

unused-transforms:
- layer: 1
"""


def test_the_readable_form() -> None:
    recipe = parse_recipe(READABLE)
    assert (recipe.name, recipe.model, recipe.seed, recipe.clusters) == (
        "A test",
        "faces",
        7,
        "clusters.yaml",
    )
    assert recipe.bends == (
        Bend(3, build_transform("rotate", [45]), All()),
        Bend("b16.conv0", build_transform("multiply", [-1]), Random(0.25), mix=0.5),
        Bend(2, build_transform("ablate"), Cluster((3,)), mask="half.png"),
        Bend(2, build_transform("ablate"), Cluster((1, "eyes"))),
        Bend(2, build_transform("scale", [2]), Indices((0, 4, 8, 9, 10, 11))),
        Bend(2, build_transform("invert"), Not(Indices((3, 4, 5)))),
    )


def test_the_older_form_of_five_items() -> None:
    assert parse_recipe(OLDER).bends == (
        Bend(0, build_transform("multiply", [1]), Indices(())),
        Bend(4, build_transform("translate", [0.25, -0.5]), All()),
        Bend(5, build_transform("ablate"), Cluster((2,))),
        Bend(12, build_transform("threshold", [0.5 + 2**-24]), Random(0.5)),
    )


@pytest.mark.parametrize("text", [READABLE, OLDER])
def test_written_recipes_read_back_the_same(text: str) -> None:
    recipe = parse_recipe(text)
    assert parse_recipe(recipe_to_yaml(recipe)) == recipe
    assert recipe_from_data(json.loads(json.dumps(recipe_to_data(recipe)))) == recipe


words = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85\ufeff"
    ),
    min_size=1,
    max_size=12,
)
fractions = st.floats(0, 1)
plain_selections = st.one_of(
    st.just(All()),
    st.builds(Random, fractions),
    st.builds(Cluster, st.lists(st.integers(0, 99) | words, min_size=1, max_size=3, unique=True).map(tuple)),
    st.builds(Indices, st.lists(st.integers(0, 600), max_size=20, unique=True).map(tuple)),
)
selections = plain_selections | st.builds(Not, plain_selections)
reals = st.floats(-1e30, 1e30)
transforms = st.one_of(
    st.sampled_from(["ablate", "invert", "flip-h", "flip-v"]).map(build_transform),
    reals.map(lambda p: build_transform("multiply", [p])),
    st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(lambda p: build_transform("translate", p)),
    st.floats(0.01, 9).map(lambda k: build_transform("scale", [k])),
    st.integers(1, 64).map(lambda r: build_transform("erode", [r])),
    st.just(build_transform("affine", {"matrix": [[1, 2, 0.5], [0, 1, -3]]})),
)
bends = st.builds(
    Bend, st.integers(0, 99) | words, transforms, selections, mix=fractions, mask=st.none() | words
)
recipes = st.builds(
    Recipe,
    st.lists(bends, max_size=4).map(tuple),
    name=st.none() | words,
    description=st.none() | words,
    model=st.none() | words,
    seed=st.integers(0, 2**63 - 1),
    clusters=st.none() | words,
)


@given(recipes)
@settings(max_examples=60, deadline=None)
def test_any_recipe_survives_yaml_and_json(recipe: Recipe) -> None:
    assert parse_recipe(recipe_to_yaml(recipe)) == recipe
    assert recipe_from_data(json.loads(json.dumps(recipe_to_data(recipe)))) == recipe


def bend(text: str) -> str:
    return f"bends:\n  - {{{text}}}\n"


WRONG = [
    ("", "f.yaml: empty"),
    ("- 1", "f.yaml:1:1: expected keys such as `name:` and `bends:`"),
    ("name: x", "f.yaml:1:1: `bends` is missing"),
    ("bends: 3", "f.yaml:1:8: bends: expected a list, not 3"),
    (bend("layer: 1, transform: rotate, params: 3"), "f.yaml:2:43: params: expected a list such as [45]"),
    (bend("layer: 1, transform: [x]"), "f.yaml:2:27: transform: expected text, not ['x']"),
    ("bends: [1, 2", "f.yaml:1:13: not valid YAML: expected ',' or ']', but got the end of the file"),
    ("bends:\n- [1]\n -b\n- x", "f.yaml:3:2: not valid YAML: "),
    ("- a\nb: 1", "f.yaml:2:1: not valid YAML: '?' does not belong here; check the indentation"),
    ("name: a\nbends: \x07", "f.yaml:2:8: not valid YAML: the character U+0007"),
    ('name: "\\U00110000"', "f.yaml: not valid YAML: an escape that stands for no character"),
    ('name: "\\U99999999"', "f.yaml: not valid YAML: an escape that stands for no character"),
    ("bends: []\n---\nbends: []", "f.yaml:2:1: not valid YAML: another document begins here"),
    ("%YAML 1.9\n---\nbends: []", "f.yaml: not valid YAML: there is no such version of it"),
    ("bends: []\nsed: 4", "f.yaml:2:1: unknown key `sed`; did you mean `seed`?"),
    ("bends: []\nseed: -1", "f.yaml:2:7: seed: expected 0 or more, not -1"),
    ("bends: []\nseed: 1.5", "f.yaml:2:7: seed:"),
    ("bends:\n  - rotate", "f.yaml:2:5: expected keys and values such as layer: ..., not 'rotate'"),
    (bend("layer: 1, transfrm: rotate"), "f.yaml:2:16: unknown key `transfrm`; did you mean `transform`?"),
    (
        bend("layer: 1, transform: rotat"),
        "f.yaml:2:27: transform 'rotat': no such transform; did you mean 'rotate'?",
    ),
    (bend("layer: true, transform: ablate"), "f.yaml:2:13: layer: expected a number or a name, not True"),
    (bend("layer: 1, transform: rotate"), "f.yaml:2:5: rotate: the parameter `angle` is missing"),
    (
        bend("layer: 1, transform: rotate, params: {angel: 4}"),
        "f.yaml:2:44: rotate: unknown parameter `angel`; it takes angle",
    ),
    (
        bend("layer: 1, transform: rotate, params: {angle: x}"),
        "f.yaml:2:51: rotate: angle: expected a number, not 'x'",
    ),
    (
        bend("layer: 1, transform: erode, params: [0]"),
        "f.yaml:2:43: erode: r: expected 1 or more, not 0",
    ),
    (
        bend("layer: 1, transform: ablate, params: [0]"),
        "f.yaml:2:43: ablate: 1 parameters given, it takes none",
    ),
    (
        bend("layer: 1, transform: ablate, mix: 5"),
        "f.yaml:2:40: mix: expected 0 to 4, not 5",
    ),
    (
        bend("layer: 1, transform: ablate, features: {random: 2}"),
        "f.yaml:2:45: features: random: expected a fraction from 0 to 1",
    ),
    (
        bend("layer: 1, transform: ablate, features: some"),
        "f.yaml:2:45: features: expected all, {random: fraction}",
    ),
    (
        bend("layer: 1, transform: ablate, features: {indices: [3, 3]}"),
        "features: indices: feature 3 comes twice",
    ),
    (bend("layer: 1, transform: ablate, features: {indices: 5-3}"), "the range 5-3 runs backwards"),
    (
        bend("layer: 1, transform: ablate, features: {indices: 0-999999999}"),
        "999999999 is more than 65535, the largest there can be",
    ),
    (
        bend("layer: 1, transform: ablate, features: {indices: [-1]}"),
        "features: indices '-1': they start at 0; a range is written as 0-15",
    ),
    (bend("layer: 1, transform: ablate, features: {not: {not: all}}"), "not of not"),
    ("transforms: 3", "f.yaml:1:13: expected a list of transforms"),
    (
        "transforms:\n- {layer: 1, transform: ablate, features: some}",
        "features: expected 'all', 'random' or 'cluster', not 'some'",
    ),
    (
        "transforms:\n- {layer: 1, transform: ablate, features: random}",
        "feature-param: random: expected a fraction from 0 to 1, not None",
    ),
    ("bends: [", "f.yaml:1:9: not valid YAML"),
    ("bends: []\nbends: []", "f.yaml:2:1: the key `bends` comes twice"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_mistake_is_shown_at_its_place_with_the_remedy(text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, "f.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_mistakes_of_a_file_are_shown_together_in_order() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(
            bend("layer: 1, transform: rotat") + "  - {layer: 2, transform: rotate}\nsed: 1", "f.yaml"
        )
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        "f.yaml:2:27",
        "f.yaml:3:5",
        "f.yaml:4:1",
    ]


LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
)

HOSTILE = [
    (LAUGHS, "more than 100000 values, aliases included"),
    ("a: &x [*x]", "nested deeper"),
    ("[" * 3000, "nested deeper"),
    ("a:\n" + "".join("  " * i + "- \n" for i in range(1, 40)) + "  " * 40 + "1", "nested deeper"),
    (
        "a: !!python/object/apply:os.system ['touch canary']",
        "the tag tag:yaml.org,2002:python/object/apply:os.system",
    ),
    ("a: !secret 1", "the tag !secret is not allowed"),
    ("a: .nan", "NaN and infinity are not allowed"),
    ("a: -.inf", "NaN and infinity are not allowed"),
    ("a: 1e999", "NaN and infinity are not allowed"),
    ("seed: 1" + "0" * 400, "a number of too many digits"),
    ("<<: {bends: []}", "merge keys `<<` are not supported"),
    ("? [a, b]\n: 1", "expected a word or a number as a key"),
    ("a: *b", "undefined alias"),
    ("\x00", "not valid YAML"),
    ("# " + "x" * 1_000_001, "at most 1000000 are read"),
]


@pytest.mark.parametrize(("text", "message"), HOSTILE)
def test_hostile_yaml_is_refused(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError, match=r"f\.yaml") as caught:
        parse_recipe(text, "f.yaml")
    assert message in str(caught.value)
    assert not (tmp_path / "canary").exists()


def test_files_that_are_no_text_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such file"):
        load_recipe(tmp_path / "gone.yaml")
    with pytest.raises(RecipeError, match="not a file"):
        load_recipe(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\nbends: []")
    with pytest.raises(RecipeError, match="not UTF-8 text"):
        load_recipe(tmp_path / "latin.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(RecipeError, match="1000001 bytes"):
        load_recipe(tmp_path / "big.yaml")


def test_positions_lead_to_the_file_or_name_the_bend() -> None:
    recipe = parse_recipe(READABLE, "f.yaml")
    assert recipe.at("bends", 0, "layer") == "f.yaml:7:12"
    assert recipe.at("bends", 0, "features") == "f.yaml:7:5"  # left out: the bend itself
    made_in_python = Recipe((Bend(1, build_transform("ablate")),))
    assert made_in_python.at("bends", 0, "layer") == "bends[0].layer"


def test_the_schema_accepts_what_we_read_and_refuses_what_we_refuse() -> None:
    schema = recipe_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    good = recipe_to_data(parse_recipe(READABLE))
    validator.validate(good)
    for change in [
        {"layer": None},
        {"transform": "rotat"},
        {"transform": "rotate", "params": {}},
        {"transform": "rotate", "params": {"angle": "x"}},
        {"transform": "erode", "params": {"r": 0}},
        {"transform": "erode", "params": [1, 2]},
        {"features": "some"},
        {"features": {"random": 2}},
        {"features": {"not": {"not": "all"}}},
        {"mix": 5},
        {"surprise": 1},
    ]:
        changed = {**good, "bends": [{**good["bends"][0], **change}]}
        assert list(validator.iter_errors(changed)), change


def test_a_file_full_of_mistakes_gives_a_short_error() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe("bends: []\n" + "".join(f"key{i}: 1\n" for i in range(3000)))
    assert len(str(caught.value).splitlines()) == 21
    with pytest.raises(RecipeError) as caught:
        parse_recipe("a: " + "!" * 5000)
    assert len(str(caught.value)) < 300
