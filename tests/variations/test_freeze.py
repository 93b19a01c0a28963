"""A draw frozen into a recipe is that draw, wherever the recipe goes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netbend.bending import resolve
from netbend.engine.still import Still
from netbend.models.base import Model
from netbend.recipe import (
    All,
    Cluster,
    Clusters,
    Indices,
    Not,
    Random,
    load_recipe,
    parse_recipe,
    recipe_to_data,
    recipe_to_yaml,
)
from netbend.recipe.paths import rebase_paths
from netbend.variations.freeze import draws_features, freeze

RECIPE = """\
name: Mixed
seed: 5
clusters: clusters.yaml
bends:
  - {layer: 1, transform: rotate, params: [30], features: {random: 0.5}}
  - {layer: 2, transform: multiply, params: [-1], features: {cluster: eyes}, mix: 0.7}
  - {layer: 3, transform: invert, features: {not: {random: 0.3}}, mask: half.png}
  - {layer: 4, transform: ablate, features: {not: {cluster: [1]}}}
  - {layer: 4, transform: erode, params: [1]}
"""
CLUSTERS = """\
version: 1
layers:
  2: {0: {name: eyes, features: [1, 4, 5]}}
  4: {1: {features: [0-3]}}
"""


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "clusters.yaml").write_text(CLUSTERS)
    mask = Image.new("L", (16, 16), 0)
    mask.paste(255, (0, 0, 8, 16))
    mask.save(folder / "half.png")
    (folder / "mixed.yaml").write_text(RECIPE)
    return folder / "mixed.yaml"


def pixels(model: Model, recipe: object, seed: int | None = None) -> np.ndarray:
    return np.asarray(
        Still(model, model.latents([3]), recipe=recipe, plan=resolve(recipe, model, seed=seed)).picture()
    )


@pytest.mark.parametrize("draw", [0, 17, 2**40])
def test_it_gives_the_same_pixels_in_another_folder_and_under_another_seed(
    model: Model, recipe_file: Path, tmp_path: Path, draw: int
) -> None:
    recipe = load_recipe(recipe_file)
    out = tmp_path / "a" / "b"
    out.mkdir(parents=True)
    frozen = freeze(recipe, resolve(recipe, model, seed=draw), out)
    (out / "frozen.yaml").write_text(recipe_to_yaml(frozen))
    (recipe_file.parent / "clusters.yaml").unlink()
    again = load_recipe(out / "frozen.yaml")
    expected = pixels(model, frozen)
    for seed in (None, 99):
        np.testing.assert_array_equal(pixels(model, again, seed), expected)
    assert again.bends == frozen.bends


def test_the_pixels_are_those_of_the_draw(model: Model, recipe_file: Path, tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file)
    draws = [pixels(model, recipe, seed) for seed in (1, 2)]
    assert (draws[0] != draws[1]).any()
    for seed, expected in zip((1, 2), draws, strict=True):
        frozen = freeze(recipe, resolve(recipe, model, seed=seed), tmp_path)
        np.testing.assert_array_equal(pixels(model, frozen), expected)


def test_only_what_can_change_is_replaced(model: Model, recipe_file: Path) -> None:
    recipe = load_recipe(recipe_file)
    plan = resolve(recipe, model)
    frozen = freeze(recipe, plan)
    assert [bend.features for bend in frozen.bends] == [
        Indices(plan.bends[0].indices),
        Indices((1, 4, 5)),
        Indices(plan.bends[2].indices),
        Indices((4, 5, 6, 7)),
        All(),
    ]
    assert (frozen.seed, frozen.clusters) == (0, None)
    assert [bend.mask for bend in frozen.bends] == [bend.mask for bend in recipe.bends]
    clusters_only = freeze(recipe, plan, kinds=(Cluster,))
    assert clusters_only.bends[0].features == Random(0.5)
    assert clusters_only.bends[3].features == Indices((4, 5, 6, 7))
    assert (clusters_only.seed, clusters_only.clusters) == (5, None)
    random_only = freeze(recipe, plan, kinds=(Random,))
    assert random_only.bends[3].features == Not(Cluster((1,)))
    assert random_only.clusters == "clusters.yaml"


def test_paths_lead_from_the_new_folder_to_the_old(model: Model, recipe_file: Path, tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file)
    plan = resolve(recipe, model)
    (tmp_path / "out").mkdir()
    frozen = freeze(recipe, plan, tmp_path / "out", kinds=(Random,))
    assert frozen.bends[2].mask == "../recipes/half.png"
    assert frozen.clusters == "../recipes/clusters.yaml"
    assert resolve(
        frozen, model, clusters=Clusters({4: {1: (0, 1, 2, 3)}, 2: {0: (1,)}}, names={2: {0: "eyes"}})
    )
    absolute = str(tmp_path / "recipes" / "half.png")
    bends = tuple(replace(bend, mask=absolute if bend.mask else None) for bend in recipe.bends)
    assert freeze(replace(recipe, bends=bends), plan, tmp_path / "out").bends[2].mask == absolute


def test_a_selection_that_moves_keeps_moving(model: Model) -> None:
    text = "bends: [{layer: 1, transform: invert, features: {random: {over: [0, 1], seconds: 2}}}]"
    moving = parse_recipe(
        text.replace("{over: [0, 1], seconds: 2}", "{wave: sine, from: 0, to: 1, seconds: 2}")
    )
    frozen = freeze(moving, resolve(moving, model))
    assert frozen.bends == moving.bends


def test_whether_anything_is_left_to_the_seed() -> None:
    assert draws_features(parse_recipe("bends: [{layer: 1, transform: invert, features: {random: 0.5}}]"))
    assert draws_features(
        parse_recipe("bends: [{layer: 1, transform: invert, features: {not: {random: 0.5}}}]")
    )
    assert not draws_features(parse_recipe("bends: [{layer: 1, transform: invert, features: {cluster: 1}}]"))


def test_every_path_in_a_recipe_leads_to_the_same_file_from_another_folder(tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "full.yaml").write_text(FULL)
    recipe = load_recipe(tmp_path / "recipes" / "full.yaml")
    there = rebase_paths(recipe, tmp_path / "out" / "deep")
    data = recipe_to_data(there)
    assert data["clusters"] == "../../recipes/clusters.yaml"
    assert data["soundtrack"] == "../../recipes/song.wav"
    bend = data["bends"][0]
    assert bend["mask"] == "../../recipes/mask.png"
    assert bend["params"]["angle"]["sound"] == "../../recipes/drum.wav"
    assert bend["mix"]["sound"] == "soundtrack"
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "full.yaml").write_text(recipe_to_yaml(there))
    back = rebase_paths(load_recipe(tmp_path / "out" / "deep" / "full.yaml"), tmp_path / "recipes")
    assert recipe_to_data(back) == recipe_to_data(recipe)
    assert str(data["latent"]).count("../../recipes/") == 2


FULL = """\
clusters: clusters.yaml
soundtrack: song.wav
latent: {through: [{file: me.npz}, {seed: 3}, {file: me.npz, number: 1}], seconds: 2}
bends:
  - layer: 1
    transform: rotate
    params: {angle: {sound: drum.wav, of: onset, from: 0, to: 90}}
    features: {cluster: eyes}
    mix: {sound: soundtrack, of: level, from: 0, to: 1}
    mask: mask.png
"""
