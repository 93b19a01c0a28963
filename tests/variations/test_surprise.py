"""Recipes by chance: within bounds, the same for the same seed, and never broken."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import netbend
from netbend.bending import Layer, resolve
from netbend.engine.still import Still
from netbend.errors import RecipeError
from netbend.models.base import Model, SynthesisOptions
from netbend.recipe import All, Cluster, Clusters, Random, parse_recipe, recipe_to_yaml
from netbend.transforms import Transform, all_transforms, base, parameter, parameters_of, transform
from netbend.variations.surprise import TASTE, Bounds, surprise
from netbend.variations.values import Range, chance, draw_transform, jitter_transform, range_of

LAYER = Layer(3, "b16.conv0", "x", (32, 16, 16))


@pytest.fixture
def registry() -> Iterator[None]:
    known = dict(base._registered)
    yield
    base._registered.clear()
    base._registered.update(known)


def test_every_one_of_200_reads_back_fits_and_renders(model: Model) -> None:
    latents = model.latents([1])
    transforms = set()
    for seed in range(200):
        recipe = surprise(model, seed)
        again = parse_recipe(recipe_to_yaml(recipe))
        assert again == recipe
        plan = resolve(again, model)
        Still(model, latents, SynthesisOptions(0.7), again, plan).picture()  # raises for NaN and infinity
        transforms |= {bend.transform.name for bend in recipe.bends}
        assert 1 <= len(recipe.bends) <= 3
    assert transforms == set(TASTE)


OTHERS = sorted(set(all_transforms()) - set(TASTE) - {"affine"})  # which has no ranges to draw from


def test_others_than_our_taste_are_drawn_where_they_are_named(model: Model) -> None:
    latents, drawn = model.latents([1]), set()
    for seed in range(40):
        recipe = surprise(model, seed, Bounds(transforms=OTHERS))
        assert parse_recipe(recipe_to_yaml(recipe)) == recipe
        Still(model, latents, SynthesisOptions(0.7), recipe, resolve(recipe, model)).picture()
        drawn |= {bend.transform.name for bend in recipe.bends}
    assert drawn == set(OTHERS)


def test_a_seed_gives_the_same_recipe_in_years_to_come(model: Model) -> None:
    assert recipe_to_yaml(surprise(model, 7)) == SEVEN
    assert surprise(model, 8) != surprise(model, 7)


SEVEN = """\
name: Surprise 7
seed: 7
bends:
- layer: 0
  transform: rotate
  params:
    angle: 17.9
  features:
    random: 0.32
- layer: 3
  transform: translate
  params:
    x: -0.341
    y: 0.568
  features:
    random: 0.43
  mix: 0.51
- layer: 0
  transform: flip-h
  features:
    random: 0.28
"""


@given(seed=st.integers(0, 2**63 - 1), fewest=st.integers(1, 3), more=st.integers(0, 3), low=st.floats(0, 1))
def test_it_stays_within_bounds(seed: int, fewest: int, more: int, low: float) -> None:
    bounds = Bounds([2, "b16.conv1"], ["rotate", "scale"], (fewest, fewest + more), (low, 1.0))
    recipe = surprise(_Places(), seed, bounds)
    assert fewest <= len(recipe.bends) <= fewest + more
    for bend in recipe.bends:
        assert bend.layer in (2, 4)
        assert bend.transform.name in ("rotate", "scale")
        assert isinstance(bend.features, All | Random)
        if isinstance(bend.features, Random):
            assert round(low, 2) <= bend.features.fraction <= 1
        for known in parameters_of(type(bend.transform)):
            value = getattr(bend.transform, known.name)
            assert value is None or known.soft_range[0] <= value <= known.soft_range[1]


class _Places:
    """A model's layers without a network."""

    hash = None
    clusters: Clusters | None = None
    network = None
    layers = (
        Layer(2, "b8.conv1", "a", (10, 8, 8)),
        Layer(None, "b8.torgb", "b", (3, 8, 8)),
        Layer(4, "b16.conv1", "c", (8, 16, 16)),
    )


def test_the_models_clusters_are_taken_by_name_where_they_have_one() -> None:
    places = _Places()
    places.clusters = Clusters({4: {0: (1, 2), 3: (4,)}}, names={4: {3: "eyes"}})
    taken = {bend.features for seed in range(100) for bend in surprise(places, seed).bends}
    assert {selection for selection in taken if isinstance(selection, Cluster)} == {
        Cluster((0,)),
        Cluster(("eyes",)),
    }


def test_places_without_numbers_are_left_alone_unless_named() -> None:
    assert {bend.layer for seed in range(50) for bend in surprise(_Places(), seed).bends} == {2, 4}
    assert {bend.layer for bend in surprise(_Places(), 1, Bounds(["b8.torgb"])).bends} == {"b8.torgb"}


@pytest.mark.usefixtures("registry")
def test_a_transform_of_ones_own_is_drawn_where_it_is_named() -> None:
    @transform("test-soften")
    class Soften(Transform):
        gain: float = parameter(doc="steepness", gt=0, soft_range=(0.1, 5))
        times: int = parameter(2, doc="how often", ge=1, le=4)
        sign: bool = parameter(True, doc="kept")

        def __call__(self, maps: Tensor) -> Tensor:
            return maps

    recipes = [surprise(_Places(), seed, Bounds(transforms=["test-soften"])) for seed in range(40)]
    drawn = [bend.transform for recipe in recipes for bend in recipe.bends]
    assert {type(made) for made in drawn} == {Soften}
    assert {made.times for made in drawn} == {1, 2, 3, 4}
    assert all(0.1 <= made.gain <= 5 and made.sign for made in drawn)
    before = surprise(_Places(), 3)
    assert before == surprise(_Places(), 3)
    assert all(
        bend.transform.name != "test-soften" for seed in range(50) for bend in surprise(_Places(), seed).bends
    )


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"layers": [9]}, "layer 9: this model has layers 2-4"),
        ({"transforms": ["rotat"]}, "did you mean 'rotate'"),
        ({"transforms": ["affine"]}, "affine: its parameter matrix has no range to draw from"),
        ({"bends": (0, 2)}, "bends 0-2: expected 1 or more"),
        ({"bends": (3, 2)}, "bends 3-2"),
        ({"bends": (1, 1001)}, "bends 1-1001: a recipe has at most 1000"),
        ({"share": (0.5, 1.5)}, "share 0.5-1.5: expected 0 to 1"),
        ({"layers": []}, "layers: expected at least one"),
        ({"transforms": []}, "transforms: expected at least one"),
    ],
)
def test_bounds_that_nothing_fits_are_refused(bounds: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        surprise(_Places(), 1, Bounds(**bounds))


def known(name: str, parameter_name: str) -> base.Parameter:
    cls = all_transforms()[name]
    return next(found for found in parameters_of(cls) if found.name == parameter_name)


def test_ranges_are_soft_and_radii_suit_the_layer() -> None:
    assert range_of(known("rotate", "angle"), LAYER) == Range(-180, 180)
    assert range_of(known("dilate", "r"), LAYER) == Range(1, 2, whole=True)
    assert range_of(known("dilate", "r"), Layer(0, "x", "x", (8, 4, 4))) == Range(1, 1, whole=True)
    assert range_of(known("scale", "ky"), LAYER) == Range(0.1, 4)
    assert range_of(known("affine", "matrix"), LAYER) is None


def test_factors_are_drawn_alike_up_and_down() -> None:
    random = chance(1)
    drawn = sorted(Range(0.1, 10).draw(random) for _ in range(1001))
    assert 0.8 < drawn[500] < 1.25
    assert 0.1 <= drawn[0] < 0.2
    assert 5 < drawn[-1] <= 10


@given(seed=st.integers(0, 1000), name=st.sampled_from(sorted(TASTE) + OTHERS))
def test_a_jittered_transform_is_near_and_valid(seed: int, name: str) -> None:
    random = chance(seed)
    drawn = draw_transform(random, all_transforms()[name], LAYER)
    moved = jitter_transform(random, drawn, LAYER)
    assert type(moved) is type(drawn)
    for found in parameters_of(type(drawn)):
        limits, value = range_of(found, LAYER), getattr(moved, found.name)
        assert value is None or limits.low <= value <= limits.high


def test_a_value_beyond_the_soft_range_may_stay_there() -> None:
    turned = all_transforms()["rotate"](angle=720)
    angles = [jitter_transform(chance(seed), turned, LAYER).angle for seed in range(50)]
    assert all(-180 <= angle <= 720 for angle in angles)
    assert max(angles) == 720 > min(angles) > 180
    assert jitter_transform(chance(1), turned, LAYER, still=["angle"]) == turned


def test_it_has_a_public_name() -> None:
    assert netbend.surprise is surprise
