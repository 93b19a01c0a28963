"""The cluster dictionary: layer number -> features and their clusters."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from netbend.bending import Layer, resolve
from netbend.errors import RecipeError
from netbend.models.wrap import WrappedModule
from netbend.recipe import Clusters, load_clusters, parse_recipe
from netbend.recipe.clusters import (
    bundled_clusters,
    checked_name,
    clusters_file,
    rename_cluster,
    save_clusters,
)

DICTIONARY = """\
1:
- {cluster_index: 1, feature_index: 0}
- {cluster_index: 0, feature_index: 1}
- {cluster_index: 1, feature_index: 2}
2:
- {feature_index: 3, cluster_index: 4}
"""
EXPECTED = {1: {0: (1,), 1: (0, 2)}, 2: {4: (3,)}}
LAYER = Layer(1, "b8.conv0", "layers.1", (4, 8, 8))
MODEL = WrappedModule(nn.Identity(), [LAYER])


def write(folder: Path, text: str) -> Path:
    (folder / "clusters.yaml").write_text(text)
    return folder / "clusters.yaml"


def test_the_dictionary_is_read_from_yaml_and_json(tmp_path: Path) -> None:
    assert load_clusters(write(tmp_path, DICTIONARY)).layers == EXPECTED
    as_json = {
        str(layer): [{"feature_index": f, "cluster_index": c} for c, fs in clusters.items() for f in fs]
        for layer, clusters in EXPECTED.items()
    }
    assert load_clusters(write(tmp_path, json.dumps(as_json))).layers == EXPECTED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", r"clusters.yaml:1:1: expected `layers:`"),
        ("a: []", r"clusters.yaml:1:1: expected a layer number"),
        ("1: 3", r"clusters.yaml:1:1: expected a layer number with a list"),
        ("1:\n- {feature_index: 0}", r"clusters.yaml:2:3: expected {feature_index"),
        ("1:\n- {feature_index: -1, cluster_index: 0}", r"clusters.yaml:2:3: expected"),
        (
            "1:\n- {feature_index: 1, cluster_index: 0}\n- {feature_index: 1, cluster_index: 2}",
            r":3:3: feature 1 of layer 1 comes twice",
        ),
    ],
)
def test_mistakes_are_shown_at_their_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_clusters(write(tmp_path, text))


def recipe_with(features: str, clusters: str = ""):
    return parse_recipe(
        f"{clusters}\nbends:\n- {{layer: 1, transform: ablate, features: {features}}}", "r.yaml"
    )


def test_cluster_selections_are_looked_up() -> None:
    clusters = Clusters(EXPECTED, "c.yaml")
    for features, indices in [
        ("{cluster: 1}", (0, 2)),
        ("{cluster: [0, 1]}", (0, 1, 2)),
        ("{not: {cluster: 1}}", (1, 3)),
    ]:
        assert resolve(recipe_with(features), MODEL, clusters=clusters).bends[0].indices == indices


def test_a_recipes_own_cluster_file_is_found_beside_it(tmp_path: Path) -> None:
    write(tmp_path, DICTIONARY)
    recipe = parse_recipe(
        "clusters: clusters.yaml\nbends:\n- {layer: 1, transform: ablate, features: {cluster: 0}}",
        "r.yaml",
        tmp_path,
    )
    assert resolve(recipe, MODEL).bends[0].indices == (1,)


def test_a_missing_cluster_names_those_there_are() -> None:
    with pytest.raises(
        RecipeError, match=r"r.yaml:3:43: cluster 7: c.yaml has for layer 1 \(b8.conv0\) the clusters 0, 1"
    ):
        resolve(recipe_with("{cluster: 7}"), MODEL, clusters=Clusters(EXPECTED, "c.yaml"))
    with pytest.raises(RecipeError, match="no cluster file"):
        resolve(recipe_with("{cluster: 7}"), MODEL)


def test_features_that_a_layer_has_not_are_refused() -> None:
    with pytest.raises(
        RecipeError, match=r"feature 99 of cluster 0: .* features 0-3; these clusters belong to another"
    ):
        resolve(recipe_with("{cluster: 0}"), MODEL, clusters=Clusters({1: {0: (99,)}}, "c.yaml"))


READABLE = """\
version: 1
model: tiny
model-hash: {hash}
method: {{preset: quick, samples: 10, seed: 0}}
layers:
  1:  # mine
    0: {{name: eyes, features: [0, 2-3]}}
    1: {{features: [1]}}
  b8.torgb:
    0: {{name: eyes, features: 2}}
    2: {{name: eyes, features: [0]}}
"""
HASH = "5a" * 32


def readable(folder: Path) -> Path:
    return write(folder, READABLE.format(hash=HASH))


@pytest.mark.parametrize("name", ["copy.yaml", "copy.json"])
def test_a_cluster_file_survives_writing_and_reading(tmp_path: Path, name: str) -> None:
    clusters = load_clusters(readable(tmp_path))
    save_clusters(clusters, tmp_path / name)
    again = load_clusters(tmp_path / name)
    assert replace(again, file=clusters.file) == clusters
    assert again.layers == {1: {0: (0, 2, 3), 1: (1,)}, "b8.torgb": {0: (2,), 2: (0,)}}
    assert (again.model, again.model_hash, again.method["samples"]) == ("tiny", HASH, 10)


@pytest.mark.parametrize("name", ["copy.yaml", "copy.json"])
def test_the_older_dictionary_is_written_too(tmp_path: Path, name: str) -> None:
    clusters = Clusters(EXPECTED)
    save_clusters(clusters, tmp_path / name, older=True)
    assert load_clusters(tmp_path / name).layers == EXPECTED
    assert "feature_index" in (tmp_path / name).read_text()


def test_clusters_are_found_by_number_by_name_and_by_a_name_that_several_have(tmp_path: Path) -> None:
    clusters = load_clusters(readable(tmp_path))
    assert clusters.find(1, 0) == (0, 2, 3) == clusters.find(1, "eyes")
    assert clusters.find("b8.torgb", "eyes") == (0, 2)
    assert clusters.find(1, "mouth") is None
    assert clusters.known(1) == "0 (eyes), 1"


def test_recipes_take_clusters_by_name(tmp_path: Path) -> None:
    clusters = load_clusters(readable(tmp_path))
    plan = resolve(recipe_with("{cluster: eyes}"), replace(MODEL, hash=HASH), clusters=clusters)
    assert plan.bends[0].indices == (0, 2, 3)
    with pytest.raises(RecipeError, match=r"cluster mouth: .* the clusters 0 \(eyes\), 1"):
        resolve(recipe_with("{cluster: mouth}"), MODEL, clusters=clusters)


def test_clusters_of_another_model_are_refused(tmp_path: Path) -> None:
    clusters = load_clusters(readable(tmp_path))
    with pytest.raises(RecipeError, match=r"clusters of another model \(tiny, hash 5a5a.*this one has 0000"):
        resolve(recipe_with("{cluster: 0}"), replace(MODEL, hash="0" * 64), clusters=clusters)
    # A recipe that looks up none does not mind.
    assert resolve(recipe_with("all"), replace(MODEL, hash="0" * 64), clusters=clusters).bends


def test_a_models_own_clusters_are_the_last_resort() -> None:
    own = replace(MODEL, clusters=Clusters({1: {0: (2,)}}))
    assert resolve(recipe_with("{cluster: 0}"), own).bends[0].indices == (2,)
    given = Clusters({1: {0: (3,)}})
    assert resolve(recipe_with("{cluster: 0}"), own, clusters=given).bends[0].indices == (3,)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("version: 1", "version: 2", r":1:10: version: expected"),
        ("version: 1\n", "", r":1:1: `version` is missing"),
        ("model: tiny", "modle: tiny", r":2:1: unknown key `modle`; did you mean `model`"),
        ("features: [1]", "features: [3]", r":8:8: feature 3 of layer 1 is in two clusters"),
        ("features: [1]", "features: [3-1]", r":8:.*runs backwards"),
        ("features: [1]", "feature: [1]", r":8:.*did you mean `features`"),
        ("name: eyes, features: [0, 2-3]", "name: 7, features: [0]", r":7:.*expected a name such as eyes"),
        ("    1: {", "    one: {", r":8:5: expected the number of a cluster"),
    ],
)
def test_mistakes_in_the_newer_form_are_shown_at_their_line(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    text = READABLE.format(hash=HASH)
    assert before in text
    with pytest.raises(RecipeError, match=message):
        load_clusters(write(tmp_path, text.replace(before, after)))


def test_naming_keeps_the_comments_of_the_file_and_all_else(tmp_path: Path) -> None:
    path = readable(tmp_path)
    before = load_clusters(path)
    assert rename_cluster(path, 1, 1, "hair") is None
    assert rename_cluster(path, 1, 0, None) == "eyes"
    assert rename_cluster(path, "b8.torgb", 2, "mouth") == "eyes"
    after = load_clusters(path)
    assert after.names == {1: {1: "hair"}, "b8.torgb": {0: "eyes", 2: "mouth"}}
    assert after.layers == before.layers
    assert "# mine" in path.read_text()


@pytest.mark.parametrize(("layer", "cluster"), [(1, 5), (2, 0), ("eyes", 0)])
def test_naming_what_is_not_there_is_an_error(tmp_path: Path, layer: int | str, cluster: int) -> None:
    path = readable(tmp_path)
    text = path.read_text()
    with pytest.raises(RecipeError, match=r"no cluster \d in layer"):
        rename_cluster(path, layer, cluster, "hair")
    assert path.read_text() == text


def test_the_older_dictionary_holds_no_names(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="netbend cluster convert"):
        rename_cluster(write(tmp_path, DICTIONARY), 1, 1, "hair")


@pytest.mark.parametrize("name", ["", "7", " ", "-3", "x" * 61, "a\nb", 4, None])
def test_names_are_words(name: object) -> None:
    with pytest.raises(ValueError, match="expected a name"):
        checked_name(name)


def test_clusters_that_come_with_netbend_are_named_by_model_and_preset(tmp_path: Path) -> None:
    clusters = load_clusters("faces/paper")
    assert (clusters.model, clusters.method["preset"]) == ("faces", "paper")
    (tmp_path / "faces").mkdir()
    assert clusters_file("faces/paper", tmp_path) == clusters_file("faces/paper")
    own = tmp_path / "faces" / "paper"
    own.write_text(DICTIONARY)
    assert clusters_file("faces/paper", tmp_path) == own, "a file of that name comes first"
    assert clusters_file("faces/papre", tmp_path) == tmp_path / "faces/papre"


@pytest.mark.parametrize(
    "name", ["../faces/paper", "faces/../paper", "Faces/paper", "paper", "faces/paper/x"]
)
def test_nothing_but_a_model_and_a_preset_names_them(name: str) -> None:
    assert bundled_clusters(name) is None
