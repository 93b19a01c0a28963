"""Children of recipes: bends of both, changed by chance, and always fit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from soundfile import write

import netbend
from netbend.bending import Layer, resolve
from netbend.engine.still import Still
from netbend.errors import RecipeError
from netbend.models.base import Model, SynthesisOptions
from netbend.recipe import Clusters, Indices, Random, load_recipe, parse_recipe, recipe_to_yaml
from netbend.recipe.animation import bind_recipe
from netbend.variations.breed import breed
from netbend.variations.surprise import surprise

FIRST = parse_recipe(
    """\
name: One
seed: 4
bends:
  - {layer: 1, transform: rotate, params: [33.333], features: {random: 0.5}}
  - {layer: 3, transform: dilate, params: [2], features: {indices: [0, 4, 7]}, mix: 0.25}
  - {layer: 4, transform: scale, params: {kx: 0.61234}}
"""
)
SECOND = parse_recipe(
    """\
name: Two
seed: 9
bends:
  - {layer: 3, transform: dilate, params: [6], features: {not: {indices: [1]}}, mix: 0.75}
  - {layer: 2, transform: invert, features: {random: 0.2}}
"""
)


class Places:
    """A model's layers without a network."""

    hash = None
    clusters: Clusters | None = Clusters({3: {0: (0, 1), 1: (2, 5, 7)}}, names={3: {1: "eyes"}})
    network = None
    layers = tuple(
        Layer(number, f"layer{number}", "x", (features, size, size))
        for number, (features, size) in enumerate([(12, 4), (12, 8), (10, 8), (10, 16), (8, 16)])
    )


PLACES = Places()


def children(mutation: float, count: int = 60) -> list[netbend.Recipe]:
    return [breed(FIRST, SECOND, PLACES, seed, mutation=mutation) for seed in range(count)]


@pytest.mark.parametrize("seed", range(8))
def test_a_recipe_with_itself_and_without_mutation_is_that_recipe(seed: int) -> None:
    child = breed(FIRST, FIRST, PLACES, seed, mutation=0)
    assert (child.bends, child.seed) == (FIRST.bends, FIRST.seed)


def test_without_mutation_every_bend_is_of_a_parent_or_between_both() -> None:
    dilations, inherited = set(), set()
    for child in children(0):
        assert child.seed in (4, 9)
        for bend in child.bends:
            if bend.transform.name == "dilate":
                assert 2 <= bend.transform.r <= 6
                assert 0.25 <= bend.mix <= 0.75
                assert bend.features in (FIRST.bends[1].features, SECOND.bends[0].features)
                dilations.add(bend.transform.r)
            else:
                assert bend in FIRST.bends + SECOND.bends
                inherited.add(bend.transform.name)
    assert dilations == {2, 3, 4, 5, 6}
    assert inherited == {"rotate", "scale", "invert"}


def test_a_bend_of_both_is_never_lost_and_one_of_either_sometimes() -> None:
    names = [[bend.transform.name for bend in child.bends] for child in children(0)]
    assert all(found.count("dilate") == 1 for found in names)
    assert 0 < sum("rotate" in found for found in names) < len(names)
    assert {len(found) for found in names} == {1, 2, 3, 4}


def test_the_same_seed_gives_the_same_child_in_years_to_come() -> None:
    assert recipe_to_yaml(breed(FIRST, SECOND, PLACES, 3, mutation=0.5)) == THREE
    assert breed(FIRST, SECOND, PLACES, 3) == breed(FIRST, SECOND, PLACES, 3)


THREE = """\
name: Child 3 of One and Two
seed: 9
bends:
- layer: 2
  transform: dilate
  params:
    r: 4
  features:
    random: 0.9
  mix: 0.542
- layer: 4
  transform: scale
  params:
    kx: 0.61234
  features:
    random: 0.55
"""


def test_each_kind_of_mutation_happens() -> None:
    mutants = [bend for child in children(1.0) for bend in child.bends]
    assert {bend.layer for bend in mutants} >= {0, 1, 2, 3, 4}
    assert len({bend.transform.name for bend in mutants}) > 7
    assert any(isinstance(bend.features, Random) and bend.features.fraction > 0.5 for bend in mutants)
    assert all(
        bend.layer != 3 or bend.transform.name != "dilate" or bend.features != FIRST.bends[1].features
        for bend in mutants
    )
    assert {child.seed for child in children(1.0)} == set(range(60))


def test_fixed_features_are_exchanged_a_few_at_a_time_and_stay_as_many() -> None:
    wide = replace(PLACES.layers[0], shape=(100, 8, 8))
    places = Places()
    places.layers = (wide,)
    kept = tuple(range(0, 100, 2))
    recipe = replace(FIRST, bends=(replace(FIRST.bends[1], layer=0, features=Indices(kept)),))
    for seed in range(10):
        (bend,) = breed(recipe, recipe, places, seed, mutation=1).bends
        assert len(set(bend.features.indices)) == 50
        assert 25 < len(set(kept) & set(bend.features.indices)) < 50


def test_features_by_number_become_a_share_where_a_bend_moves_to_another_layer() -> None:
    recipe = parse_recipe("bends: [{layer: 3, transform: invert, features: {cluster: eyes}}]")
    moved = [breed(recipe, recipe, PLACES, seed, mutation=0.5).bends[0] for seed in range(80)]
    moved = [bend for bend in moved if bend.layer != 3 and isinstance(bend.features, Random)]
    assert {bend.layer for bend in moved} == {2, 4}
    assert Random(0.3) in {bend.features for bend in moved}


@settings(max_examples=60, deadline=None)
@given(
    seeds=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
    seed=st.integers(0, 2**62),
    mutation=st.floats(0, 1),
)
def test_children_read_back_and_fit_also_in_the_second_generation(
    seeds: tuple[int, int], seed: int, mutation: float
) -> None:
    one, other = (surprise(PLACES, number) for number in seeds)
    child = breed(one, other, PLACES, seed, mutation=mutation)
    grandchild = breed(child, one, PLACES, seed + 1, mutation=mutation)
    for recipe in (child, grandchild):
        again = parse_recipe(recipe_to_yaml(recipe))
        assert again == recipe
        assert len(resolve(again, PLACES).bends) == len(recipe.bends) >= 1


def test_children_render(model: Model) -> None:
    latents = model.latents([1])
    for seed in range(30):
        child = breed(FIRST, SECOND, model, seed, mutation=0.5)
        Still(model, latents, SynthesisOptions(0.7), child, resolve(child, model)).picture()


def test_masks_and_clusters_of_files_come_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 4), 255).save(tmp_path / name / "mask.png")
        (tmp_path / name / "clusters.yaml").write_text("version: 1\nlayers: {3: {0: {features: [2, 3]}}}")
        (tmp_path / name / "r.yaml").write_text(
            "clusters: clusters.yaml\n"
            "bends: [{layer: 3, transform: invert, features: {cluster: 0}, mask: mask.png}]"
        )
    one, other = (load_recipe(tmp_path / name / "r.yaml") for name in ("a", "b"))
    masks = set()
    for seed in range(20):
        child = breed(one, other, PLACES, seed, mutation=0)
        (bend,) = child.bends
        assert (bend.features, child.clusters) == (Indices((2, 3)), None)
        assert resolve(child, PLACES).bends[0].mask is not None
        masks.add(bend.mask)
    assert masks == {"a/mask.png", "b/mask.png"}


def test_parents_without_any_bend_have_such_children() -> None:
    empty = parse_recipe("bends: []")
    assert breed(empty, empty, PLACES, 1).bends == ()


def test_what_the_bends_of_the_second_depend_on_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "click.wav", np.ones(800), 8000)
    first = parse_recipe("bends: [{layer: 1, transform: invert}]")
    second = parse_recipe(
        "seconds: 2\nsoundtrack: click.wav\nbends:\n"
        "- {layer: 3, transform: multiply, params: {p: {sound: soundtrack, from: 1, to: 2}}}\n"
        "- {layer: 4, transform: rotate, params: {angle: {from: 0, to: 90}}}\n"
    )
    for seed in range(8):
        bind_recipe(breed(first, second, PLACES, seed, mutation=0))  # nothing is missing
    own = replace(first, seconds=3.0, soundtrack="own.wav")
    child = breed(own, second, PLACES, 1)
    assert (child.seconds, child.soundtrack) == (3.0, "own.wav")


def test_what_moves_keeps_moving_unless_its_transform_is_another() -> None:
    text = (
        "bends: [{layer: 3, transform: rotate, params: {angle: {wave: sine, from: 0, to: 90, seconds: 2}}}]"
    )
    moving = parse_recipe(text)
    for seed in range(30):
        (bend,) = breed(moving, moving, PLACES, seed, mutation=0.5).bends
        assert bend.moving == (moving.bends[0].moving if bend.transform == moving.bends[0].transform else {})


def test_parents_that_do_not_fit_the_model_are_refused_at_their_line(tmp_path: Path) -> None:
    (tmp_path / "deep.yaml").write_text("bends:\n- {layer: 12, transform: invert}\n")
    deep = load_recipe(tmp_path / "deep.yaml")
    for parents in ((deep, FIRST), (FIRST, deep)):
        with pytest.raises(RecipeError, match=r"deep\.yaml:2:11: layer 12: this model has layers 0-4"):
            breed(*parents, PLACES, 1)
    with pytest.raises(RecipeError, match=r"mutation 1\.5: expected a chance from 0 to 1"):
        breed(FIRST, SECOND, PLACES, 1, mutation=1.5)


def test_it_has_a_public_name() -> None:
    assert netbend.breed is breed
