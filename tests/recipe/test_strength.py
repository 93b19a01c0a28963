"""A recipe at a strength: the `mix` of each bend times it."""

import pytest
import torch
from torch import nn

from netbend.bending import bend, resolve
from netbend.errors import RecipeError
from netbend.models.wrap import wrap
from netbend.motion import value_at
from netbend.recipe import Recipe, parse_recipe

MOVING = """\
seed: 3
bends:
- {layer: 1, transform: multiply, params: [3], features: {random: 0.5}}
- {layer: 1, transform: flip-h, mix: 0.5}
- {layer: 1, transform: ablate, mix: {from: 0, to: 1, seconds: 4}}
- {layer: 1, transform: invert, mix: {keys: [[0, 0.2], [2, 1, ease-in]]}}
- {layer: 1, transform: ablate, mix: {noise: 7, from: 0.1, to: 0.4}}
"""


def mixes(recipe: Recipe, time: float) -> list[float]:
    return [value_at(each.mix, time) for each in recipe.bends]


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0, 1.7, 4.0])
@pytest.mark.parametrize("time", [0.0, 0.7, 3.0])
def test_every_mix_is_multiplied_at_every_time(strength: float, time: float) -> None:
    recipe = parse_recipe(MOVING)
    expected = [strength * mix for mix in mixes(recipe, time)]
    assert mixes(recipe.at_strength(strength), time) == pytest.approx(expected)
    assert recipe.at_strength(1) == recipe


@pytest.mark.parametrize("transform", ["ablate", "invert", "flip-h", "{transform: multiply, params: [-2]}"])
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0, 2.0])
def test_activations_go_as_far_towards_the_bent_as_it_says(transform: str, strength: float) -> None:
    torch.manual_seed(0)
    network, maps = nn.Sequential(nn.Identity(), nn.Identity()), torch.randn(2, 6, 5, 5)
    inside = transform.strip("{}") if "{" in transform else f"transform: {transform}"
    recipe = parse_recipe(f"bends: [{{layer: 1, {inside}, features: {{random: 0.5}}}}]")
    wrapped = wrap(network, lambda: network(maps), (nn.Identity,))

    def bent(said: Recipe) -> torch.Tensor:
        with bend(wrapped, resolve(said, wrapped)):
            return network(maps)

    expected = maps + strength * (bent(recipe) - maps)
    assert torch.allclose(bent(recipe.at_strength(strength)), expected, atol=1e-6)
    assert torch.equal(bent(recipe.at_strength(0)), maps)
    assert torch.equal(bent(recipe.at_strength(1)), bent(recipe))


@pytest.mark.parametrize(("strength", "message"), [(-1, "expected 0"), (float("nan"), "expected 0")])
def test_what_is_no_strength_is_refused(strength: float, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe(MOVING).at_strength(strength)


def test_a_mix_that_would_become_too_much_is_named_with_its_place() -> None:
    with pytest.raises(RecipeError, match=r"a\.yaml:3:3: strength 5 makes its mix 5; at most 4"):
        parse_recipe(MOVING, "a.yaml").at_strength(5)
