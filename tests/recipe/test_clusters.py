"""The cluster dictionary: layer number -> features and their clusters."""

import json
from pathlib import Path

import pytest
from torch import nn

from netbend.bending import Layer, resolve
from netbend.errors import RecipeError
from netbend.models.wrap import WrappedModule
from netbend.recipe import Clusters, load_clusters, parse_recipe

DICTIONARY = """\
1:
- {cluster_index: 1, feature_index: 0}
- {cluster_index: 0, feature_index: 1}
- {cluster_index: 1, feature_index: 2}
2:
- {feature_index: 3, cluster_index: 4}
"""
EXPECTED = {1: {0: (1,), 1: (0, 2)}, 2: {4: (3,)}}
LAYER = Layer(1, "b8.conv0", "layers.1", 4, 8, 8)
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
        ("[]", r"clusters.yaml:1:1: expected layer numbers"),
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


def test_clusters_of_another_model_are_refused() -> None:
    with pytest.raises(
        RecipeError, match=r"feature 99 of cluster 0: .* features 0-3; these clusters belong to another"
    ):
        resolve(recipe_with("{cluster: 0}"), MODEL, clusters=Clusters({1: {0: (99,)}}, "c.yaml"))
