"""Recipes and cluster files from strangers: one short error, soon, and in little memory."""

import json
import re
import warnings
from pathlib import Path

import pytest

from netbend import limits
from netbend.errors import NetbendError, RecipeError
from netbend.latents.seeds import parse_seeds
from netbend.recipe import load_clusters, load_recipe, parse_recipe, readable, yamlfile

BEND = "bends:\n- {layer: 3, transform: ablate}\n"
MANY_DIGITS = "9" * 5000
DIGITS_OF_A_KEY = "9" * 900  # YAML allows no longer ones

# ruff: noqa: E501 (the table reads better on single lines)
REFUSED = {
    "a number of thousands of digits": (f"seed: {MANY_DIGITS}\nbends: []", "r.yaml:1:7: a number of too many digits"),
    "a negative one": (f"seed: -{MANY_DIGITS}\nbends: []", "r.yaml:1:7: a number of too many digits"),
    "one in hexadecimal": (f"seed: 0x{MANY_DIGITS}\nbends: []", "r.yaml:1:7: a number of too many digits"),
    "one with underscores": (f"seed: 1{'_1' * 2500}\nbends: []", "r.yaml:1:7: a number of too many digits"),
    "one as a layer": (f"bends:\n- {{layer: {MANY_DIGITS}, transform: ablate}}", "a number of too many digits"),
    "one as a key": (f"? {MANY_DIGITS}\n: 1\nbends: []", "r.yaml:1:3: a number of too many digits"),
    "one as a fraction": (f"truncation: {MANY_DIGITS}\nbends: []", "a number of too many digits"),
    "infinity by way of digits": ("truncation: 1e999\nbends: []", "r.yaml:1:13: 1e999: NaN and infinity"),
    "a truncation beyond float32": ("truncation: 1e100\nbends: []", "r.yaml:1:13: truncation: expected at most 1e+06"),
    "one that moves there": ("truncation: {from: 0, to: -1e50}\nbends: []", "truncation: expected at most 1e+06"),
    "a NUL in a path": (f'clusters: "a\\0b"\n{BEND}', "r.yaml:1:11: the control character '\\x00'"),
    "a NUL in a key": ('"a\\0b": 1\nbends: []', "r.yaml:1:1: the control character '\\x00'"),
    "an escape in a path": (f'soundtrack: "a\\e[2Jb"\n{BEND}', "r.yaml:1:13: the control character '\\x1b'"),
    "a C1 control": (f'name: "a\\x9bb"\n{BEND}', "r.yaml:1:7: the control character '\\x9b'"),
    "half of a character": (f'name: "\\ud800"\n{BEND}', "r.yaml:1:7: half of a character"),
    "a NUL as it is": ("name: a\0b\nbends: []", "not valid YAML"),
    "lists in lists": ("bends: " + "[" * 100_000, "r.yaml:1:28: nested deeper than 20 levels"),
    "mappings in mappings": ("bends: " + "{a: " * 100_000, "nested deeper than 20 levels"),
    "nested by lines": ("".join(" " * level + "a:\n" for level in range(1000)), "nested deeper than 20 levels"),
    "keys in keys": ("? " * 100_000, "nested deeper than 20 levels"),
    "dashes": ("- " * 100_000, "nested deeper than 20 levels"),
    "itself": ("bends: &b [*b]", "nested deeper than 20 levels"),
    "aliases of aliases": (
        "".join(f"a{n}: &a{n} [{', '.join(['*a' + str(n - 1) if n else 'x'] * 9)}]\n" for n in range(12)),
        "more than 100000 values, aliases included",
    ),
    "a key twice": ("seed: 1\nseed: 2\nbends: []", "r.yaml:2:1: the key `seed` comes twice"),
    "a merge key": ("x: &x {seed: 1}\n<<: *x\nbends: []", "r.yaml:2:1: merge keys `<<` are not supported"),
    "an object": ("seed: !!python/object/apply:os.system [id]\nbends: []", "r.yaml:1:7: the tag"),
    "a huge key": (f"bends: []\n? {'k' * 300_000}\n: 1", "unknown key `kkk"),
    "a huge value": (f"seed: {'v' * 300_000}\nbends: []", "seed: expected a whole number"),
    "a huge layer": (f"bends:\n- {{layer: [{'1, ' * 2_000}], transform: ablate}}", "layer: expected a number or a name"),
    "a huge fraction": (
        f"bends:\n- {{layer: 3, transform: ablate, features: {{random: [{'1, ' * 2_000}]}}}}",
        "expected a fraction from 0 to 1",
    ),
    "a huge anchor": (f"bends: *{'a' * 300_000}", "not valid YAML: found undefined alias"),
    "a huge directive": (f"%{'a' * 300_000}\n--- 1", "r.yaml:2:5: expected keys"),
    "unknown parameters by the thousand": (
        f"bends:\n- {{layer: 3, transform: rotate, params: {{{', '.join(f'a{n}: 1' for n in range(2000))}}}}}",
        "rotate: 2000 parameters; it takes angle",
    ),
    "bends by the thousand": (
        "bends: [" + "{layer: 3, transform: ablate}," * 1001 + "]",
        "1001 bends; a recipe has at most 1000",
    ),
    "features by the million": (
        "bends: [" + "{layer: 3, transform: ablate, features: {indices: 0-65535}}," * 16 + "]",
        "more than 1000000 features listed in all",
    ),
    "features by the million, negated": (
        "bends: [" + "{layer: 3, transform: ablate, features: {not: {indices: 0-65535}}}," * 16 + "]",
        "more than 1000000 features listed in all",
    ),
    "one range again and again": (
        f"bends:\n- {{layer: 3, transform: ablate, features: {{indices: [{'0-65535, ' * 500}]}}}}",
        "more than 65536 at once",
    ),
    "mistakes by the thousand": ("bends: [" + "{a: 1}," * 900 + "]", "... and 2680 more"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_hostile_recipe_is_one_short_error(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, message = REFUSED[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RecipeError, match=re.escape(message)) as caught:
            parse_recipe(text, "r.yaml")
    assert len(str(caught.value)) < 20 * (limits.MAX_PROBLEM_TEXT + 50)
    assert len(str(caught.value).splitlines()) <= limits.MAX_PROBLEMS + 1
    printed = capsys.readouterr()
    assert printed.out + printed.err == ""


def test_an_anchor_that_is_set_anew_is_no_matter(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recipe = parse_recipe("bends: [" + "&a {layer: 3, transform: ablate}, " * 900 + "*a]")
    assert len(recipe.bends) == 901
    assert capsys.readouterr().err == ""


def test_values_are_counted_before_they_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamlfile, "MAX_YAML_NODES", 100)
    with pytest.raises(RecipeError, match=r"r\.yaml:1:203: more than 100 values"):
        parse_recipe("bends: [" + "1," * 200 + "]", "r.yaml")


def test_the_limits_themselves_are_within_them() -> None:
    assert (
        len(parse_recipe("bends: [" + "{layer: 3, transform: ablate}," * limits.MAX_BENDS + "]").bends)
        == 1000
    )
    assert parse_recipe(f"truncation: {limits.MAX_TRUNCATION}\nbends: []").truncation == limits.MAX_TRUNCATION
    assert parse_recipe("seed: 1_000\nbends: []").seed == 1000
    assert parse_recipe(f"seed: {limits.MAX_SEED}\nbends: []").seed == limits.MAX_SEED


def test_a_file_larger_than_any_recipe_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("#" * (limits.MAX_RECIPE_BYTES + 1))
    with pytest.raises(RecipeError, match=r"r\.yaml: 1000001 bytes; at most 1000000 are read"):
        load_recipe(path)


CLUSTERS = {
    "a layer of thousands of digits": ({"version": 1, "layers": {DIGITS_OF_A_KEY: {}}}, None),
    "a cluster of thousands of digits": (
        {"version": 1, "layers": {"1": {DIGITS_OF_A_KEY: {"features": [0]}}}},
        "expected the number of a cluster",
    ),
    "an older layer of thousands of digits": ({DIGITS_OF_A_KEY: []}, "expected a layer number"),
    "features in all clusters": (
        {"version": 1, "layers": {"1": {str(n): {"features": ["0-65535"]} for n in range(100)}}},
        "more than 1000000 features in all",
    ),
    "features in two clusters": (
        {"version": 1, "layers": {"1": {str(n): {"features": ["0-999"]} for n in range(2)}}},
        "feature 0 of layer 1 is in two clusters, and 999 more",
    ),
    "features of layers by the thousand": (
        {"version": 1, "layers": {str(n): {"0": {"features": ["0-65535"]}} for n in range(1000)}},
        "more than 1000000 features in all",
    ),
    "a name without end": (
        {"version": 1, "layers": {"1": {"0": {"name": "n" * 61, "features": [0]}}}},
        "at most 60 printable characters",
    ),
    "an escape in a name": (
        {"version": 1, "layers": {"1": {"0": {"name": "a\u202e", "features": [0]}}}},
        "printable characters",
    ),
    "an escape in a method": ({"version": 1, "method": {"a": "\x1b[2J"}, "layers": {}}, "control character"),
}


@pytest.mark.parametrize("case", CLUSTERS)
def test_a_hostile_cluster_file_is_one_short_error(case: str, tmp_path: Path) -> None:
    data, message = CLUSTERS[case]
    path = tmp_path / "c.json"
    path.write_text(json.dumps(data))
    if message is None:  # a layer of such a name is only never found
        assert load_clusters(path).find(1, 0) is None
        return
    with pytest.raises(RecipeError, match=message) as caught:
        load_clusters(path)
    assert len(str(caught.value)) < 20_000


@pytest.mark.parametrize("text", [MANY_DIGITS, f"0-{MANY_DIGITS}", "٣", "1-", "-1", "0-1000000"])
def test_seeds_of_too_many_digits_are_an_error(text: str) -> None:
    with pytest.raises(NetbendError, match="seeds"):
        parse_seeds(text)


def test_listed_features_are_counted_bend_by_bend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readable, "MAX_LISTED_FEATURES", 10)
    bend = "{layer: 3, transform: ablate, features: {indices: 0-5}}"
    assert parse_recipe(f"bends: [{bend}]").bends
    with pytest.raises(RecipeError, match=r"r\.yaml:1:\d+: more than 10 features listed in all"):
        parse_recipe(f"bends: [{bend}, {bend}]", "r.yaml")
