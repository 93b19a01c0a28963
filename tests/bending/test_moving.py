"""Plans over time: features by noise, a plan for each sample, what a moment is in a record."""

import importlib.util
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from netbend.bending import Plan, bend, resolve, stilled
from netbend.errors import ModelError, RecipeError
from netbend.models.base import Model, SynthesisOptions
from netbend.motion import perlin
from netbend.recipe import Clusters, Indices, Random, recipe_from_data, recipe_to_data

folder = Path(__file__).parent.parent / "transforms"
spec = importlib.util.spec_from_file_location("definitions", folder / "definitions.py")
definitions = importlib.util.module_from_spec(spec)
spec.loader.exec_module(definitions)

TURN = {"layer": 3, "transform": "rotate", "params": {"angle": {"from": -90, "to": 90, "seconds": 4}}}
FLICKER = {"layer": 2, "transform": "ablate", "features": {"noise": 3, "above": 0.1, "seconds": 0.4}}
GROWING = {"layer": 2, "transform": "invert", "features": {"random": {"from": 0, "to": 1, "seconds": 4}}}
FADING = {"layer": 4, "transform": "flip-h", "mix": {"wave": "sine", "from": 0, "to": 1, "seconds": 3}}
STILL = {"layer": 1, "transform": "multiply", "params": [1.5], "features": {"random": 0.5}}


def plan_of(model: Model, *bends: dict[str, Any], **rest: Any) -> Plan:
    return resolve(recipe_from_data({"seed": 5, "bends": list(bends), **rest}), model)


def test_features_are_those_whose_noise_is_above(model: Model) -> None:
    plan = plan_of(model, {**FLICKER, "features": {"noise": 3, "above": 0.1, "seconds": 0.4, "octaves": 2}})
    times = np.arange(0, 6, 0.05)
    noise = perlin(times, 3, 10, cell=0.4, octaves=2)
    chosen = [plan.at(time).bends[0].indices for time in times]
    assert chosen == [tuple(np.flatnonzero(noise[:, step] > 0.1).tolist()) for step in range(len(times))]
    assert len(set(chosen)) > 30
    assert {feature for indices in chosen for feature in indices} == set(range(10))
    assert plan.bends[0].indices == chosen[0]


def test_features_come_and_go_within_a_selection_and_outside_it(model: Model) -> None:
    drift = {"noise": 3, "above": 0.0, "seconds": 0.4}
    within = plan_of(model, {**FLICKER, "features": {**drift, "within": {"indices": ["2-5"]}}})
    negated = plan_of(model, {**FLICKER, "features": {"not": drift}})
    plain = plan_of(model, {**FLICKER, "features": drift})
    for time in np.arange(0, 3, 0.1):
        chosen = set(plain.at(time).bends[0].indices)
        assert set(within.at(time).bends[0].indices) == chosen & {2, 3, 4, 5}
        assert set(negated.at(time).bends[0].indices) == set(range(10)) - chosen


def test_clusters_can_be_drifted_in(model: Model) -> None:
    features = {"noise": 3, "above": -1, "within": {"cluster": "eyes"}}
    clusters = Clusters({2: {0: (1, 3)}}, names={2: {0: "eyes"}})
    recipe = recipe_from_data({"bends": [{**FLICKER, "features": features}]})
    assert resolve(recipe, model, clusters=clusters).bends[0].indices == (1, 3)
    with pytest.raises(RecipeError, match="cluster eyes: no cluster file"):
        resolve(recipe, model)


def test_thresholds_move(model: Model) -> None:
    above = {"from": -1, "to": 1, "seconds": 4}
    plan = plan_of(model, {**FLICKER, "features": {"noise": 3, "above": above, "loop": 1}})
    counts = [len(plan.at(float(time)).bends[0].indices) for time in range(5)]  # the noise is the same again
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (10, 0)


def test_a_fraction_that_grows_adds_features(model: Model) -> None:
    plan = plan_of(model, GROWING)
    chosen = [set(plan.at(time).bends[0].indices) for time in np.arange(0, 4.1, 0.25)]
    assert all(before <= after for before, after in pairwise(chosen))
    assert [len(chosen[step]) for step in (0, 4, 8, 16)] == [0, 2, 5, 10]


def test_what_does_not_move_stays_the_same_object(model: Model) -> None:
    plan = plan_of(model, STILL, TURN)
    assert list(plan.moving) == [1]
    assert plan.at(0.3).bends[0] is plan.at(2.3).bends[0] is plan.bends[0]
    assert plan.at(0.0) == Plan(plan.bends)
    still = plan_of(model, STILL)
    assert still.at(5) is still


def test_a_plan_for_each_sample_is_what_they_are_one_by_one(model: Model) -> None:
    plan = plan_of(model, STILL, TURN, FLICKER, GROWING, FADING)
    times = [0.0, 1.1, 2.2, 3.3]
    plans = [plan.at(time) for time in times]
    latents, options = model.latents([3, 4, 5, 6]), SynthesisOptions(truncation_psi=0.8)
    with bend(model, plans) as first:
        together = model.generate(latents, options)
    assert first == plans[0]
    for place, one in enumerate(plans):
        with bend(model, one):
            alone = model.generate(latents[place], options)
        torch.testing.assert_close(together[place], alone[0])
    with bend(model, [plans[0]] * 4):
        equal = model.generate(latents, options)
    assert torch.equal(equal[0], together[0])
    assert not torch.allclose(equal[1], together[1], atol=1e-2)


def test_plans_that_do_not_go_together_are_refused(model: Model) -> None:
    plan = plan_of(model, TURN)
    with pytest.raises(ModelError, match="2 plans for a batch of 3 samples"), bend(model, [plan, plan.at(1)]):
        model.generate(model.latents([1, 2, 3]))
    for plans in ([], [plan, plan_of(model, TURN, STILL)], [plan, plan_of(model, STILL)]):
        with pytest.raises(ModelError, match="plans of one recipe"):
            bend(model, plans)


def test_a_recipe_that_moves_is_bent_as_it_begins(model: Model) -> None:
    recipe = recipe_from_data({"bends": [TURN]})
    assert bend(model, recipe).plan.bends[0].transform.angle == -90


def test_a_moment_is_recorded_as_a_still_recipe(model: Model) -> None:
    recipe = recipe_from_data(
        {"seed": 5, "latent": {"walk": 3, "seconds": 4}, "truncation": {"from": 0, "to": 1, "seconds": 4},
         "bends": [STILL, TURN, FLICKER, FADING]}
    )  # fmt: skip
    plan = resolve(recipe, model).at(1.5)
    still = stilled(recipe, plan)
    assert (still.latent, still.truncation) == (None, None)
    assert still.bends[0].features == Random(0.5)
    assert still.bends[2].features == Indices(plan.bends[2].indices)
    assert still.bends[1].transform.angle == -22.5
    again = recipe_from_data(recipe_to_data(still))
    assert resolve(again, model) == plan
    recorded = [(planned.indices, None) for planned in plan.bends]
    assert resolve(again, model, selected=recorded) == plan


def test_recorded_features_stay_while_what_moves_moves_on(model: Model) -> None:
    recipe = recipe_from_data({"seed": 5, "bends": [STILL, TURN, FLICKER, FADING]})
    drawn = resolve(recipe, model)
    recorded = [([1, 2], None), (drawn.bends[1].indices, None), (None, None), (drawn.bends[3].indices, None)]
    plan = resolve(replace(recipe, seed=6), model, selected=recorded)
    assert plan.bends[0].indices == (1, 2)
    for time in (0.0, 1.5):
        assert plan.at(time).bends[1:] == drawn.at(time).bends[1:]


@pytest.mark.parametrize("wrong", [([99], None), (None, torch.zeros(3, 3))], ids=["feature", "mask"])
def test_records_that_do_not_fit_are_refused(model: Model, wrong: tuple[Any, Any]) -> None:
    with pytest.raises(RecipeError, match="bend 0: the recorded features or mask do not fit layer"):
        resolve(recipe_from_data({"bends": [STILL]}), model, selected=[wrong])


@pytest.mark.parametrize(("name", "params"), definitions.SAMPLES)
def test_every_number_of_every_transform_moves(name: str, params: dict[str, Any], model: Model) -> None:
    """From a value nearby to the one that is meant: there it is the bend that stands still."""
    numbers = {key: value for key, value in params.items() if isinstance(value, int | float)}
    moving = {
        key: {
            "from": round(value / 2) or 1 if isinstance(value, int) else value / 2,
            "to": value,
            "seconds": 2,
        }
        for key, value in numbers.items()
    }
    item = {"layer": 3, "transform": name, "features": {"random": 0.5}, "mix": 0.7}
    plan = plan_of(model, {**item, "params": {**params, **moving}})
    still = plan_of(model, {**item, "params": params})
    assert bool(plan.moving) == bool(numbers)
    assert plan.at(2.0).bends == still.bends
    latents = model.latents([1, 2])
    with bend(model, still):
        expected = model.generate(latents)
    with bend(model, [plan.at(0.0), plan.at(2.0)]):
        moved = model.generate(latents)
    torch.testing.assert_close(moved[1], expected[1], rtol=0, atol=1e-5)
    with bend(model, plan.at(0.0)):
        torch.testing.assert_close(moved[0], model.generate(latents)[0], rtol=0, atol=1e-5)
