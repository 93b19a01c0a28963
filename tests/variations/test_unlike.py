"""Recipes by chance that nobody can tell from what is there are drawn again."""

from dataclasses import replace

import pytest
from PIL import Image

from netbend.bending import resolve
from netbend.engine.still import Still
from netbend.errors import RecipeError
from netbend.models.base import Model
from netbend.recipe import Recipe, parse_recipe
from netbend.variations.breed import breed
from netbend.variations.surprise import Bounds, surprise
from netbend.variations.unlike import MIN_CHANGE, Unlike, visible_change

GOGGLES = "bends:\n- {layer: 2, transform: erode, params: [1]}\n- {layer: 4, transform: dilate, params: [2]}"
MOSAIC = "bends:\n- {layer: 2, transform: threshold, params: [0.5]}"
NOTHING = "bends:\n- {layer: 2, transform: multiply, params: [1.0]}"
NEGATED = "bends:\n- {layer: 2, transform: multiply, params: [-1.0]}"
OVERFLOWN = "bends:\n- {layer: 2, transform: multiply, params: [1.0e38]}\n- {layer: 3, transform: invert}"


@pytest.fixture
def unlike(model: Model) -> Unlike:
    return Unlike(Still(model, model.latents([3])))


def picture(model: Model, recipe: Recipe) -> Image.Image:
    still = Still(model, model.latents([3]), recipe=recipe, plan=resolve(recipe, model))
    return still.picture()


@pytest.mark.parametrize("mutation", [0, 0.2])
def test_no_child_is_one_of_its_parents(model: Model, mutation: float) -> None:
    parents = [parse_recipe(text) for text in (GOGGLES, MOSAIC)]
    for seed in range(60):
        child = breed(*parents, model, seed, mutation=mutation)
        assert child.bends
        assert child.bends not in [parent.bends for parent in parents]


def test_a_child_that_draws_other_features_of_a_parents_bends_is_another(model: Model) -> None:
    parent = parse_recipe("seed: 1\nbends:\n- {layer: 2, transform: ablate, features: {random: 0.5}}")
    children = [breed(parent, replace(parent, seed=2), model, seed, mutation=0.5) for seed in range(30)]
    assert all(child.bends != parent.bends or child.seed not in (1, 2) for child in children)


def test_what_changes_nothing_is_refused(unlike: Unlike) -> None:
    assert not unlike(parse_recipe(NOTHING))
    assert unlike(parse_recipe(NEGATED))


def test_what_is_remembered_is_refused(unlike: Unlike) -> None:
    unlike.remember(parse_recipe(NEGATED))
    assert not unlike(parse_recipe(NEGATED))
    assert not unlike(parse_recipe(NEGATED.replace("-1.0", "-1.0001")))
    assert unlike(parse_recipe(MOSAIC))


def test_what_makes_nan_or_infinity_is_refused(unlike: Unlike) -> None:
    assert not unlike(parse_recipe(OVERFLOWN))


def test_children_that_are_accepted_differ_from_parents_and_each_other(model: Model, unlike: Unlike) -> None:
    parents = [parse_recipe(text) for text in (GOGGLES, MOSAIC)]
    for parent in parents:
        unlike.remember(parent)
    pictures = [picture(model, recipe) for recipe in (Recipe(()), *parents)]
    for seed in range(8):
        child = breed(*parents, model, seed, mutation=0.3, accept=unlike)
        unlike.remember(child)
        changes = [visible_change(picture(model, child), known) for known in pictures]
        assert min(changes) >= MIN_CHANGE
        pictures.append(picture(model, child))


def test_surprises_that_are_accepted_change_the_picture(model: Model, unlike: Unlike) -> None:
    unbent = picture(model, Recipe(()))
    bounds = Bounds(share=(0.05, 0.4))  # of few features few, or none
    drawn = [surprise(model, seed, bounds) for seed in range(40)]
    hardly = [seed for seed in range(40) if visible_change(picture(model, drawn[seed]), unbent) < MIN_CHANGE]
    assert hardly  # or this test says nothing
    for seed in range(40):
        accepted = surprise(model, seed, bounds, accept=unlike)
        assert visible_change(picture(model, accepted), unbent) >= MIN_CHANGE
        assert (accepted == drawn[seed]) == (seed not in hardly)


def test_where_nothing_is_accepted_it_says_so(model: Model) -> None:
    with pytest.raises(RecipeError, match="surprise 3: none of 20 draws changes the picture"):
        surprise(model, 3, accept=lambda _: False)
    parent = parse_recipe(NEGATED)
    with pytest.raises(RecipeError, match="child 3: none of 20 draws"):
        breed(parent, parent, model, 3, mutation=0, accept=lambda _: False)
