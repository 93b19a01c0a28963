"""What Python code gives is looked at as closely as what files give."""

from collections.abc import Callable
from math import nan

import pytest
import torch
from torch import nn

import netbend
from netbend import Bend, Indices, Random, Recipe, build_transform
from netbend.choices import FiveItems
from netbend.errors import LatentError, ModelError, NetbendError, OptionError, RecipeError
from netbend.models.base import Model
from netbend.models.dcgan.model import DCGAN
from netbend.models.dcgan.network import Architecture, Generator
from netbend.models.wrap import WrappedModule

ABLATE = build_transform("ablate", [])
HALF = Recipe((Bend(0, ABLATE, Random(0.5)),))


def wrapped() -> WrappedModule:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 1, 3))
    return netbend.wrap(network, lambda: network(torch.ones(1, 1, 8, 8)))


def model() -> Model:
    return DCGAN(Generator(Architecture((4, 4, 4, 4), 4)), "tiny", "0" * 64)


NO_SEEDS: list[Callable[[], object]] = [
    lambda: netbend.resolve(HALF, wrapped(), seed=-1),
    lambda: netbend.resolve(HALF, wrapped(), seed=1.5),  # type: ignore[arg-type]
    lambda: netbend.resolve(Recipe(HALF.bends, seed=-1), wrapped()),
    lambda: netbend.resolve({"seed": -1, "bends": []}, wrapped()),
    lambda: netbend.bend(wrapped(), HALF, seed=-1),
    lambda: netbend.surprise(wrapped(), -1),
    lambda: netbend.breed(HALF, HALF, wrapped(), -1),
    lambda: model().latents([-1]),
    lambda: netbend.parse_latent({"seed": -1}),
]


@pytest.mark.parametrize("ask", NO_SEEDS)
def test_what_is_no_seed_is_told_where_seeds_start(ask: Callable[[], object]) -> None:
    with pytest.raises((NetbendError, ValueError), match=r"seed.*(start at 0|0 or more)"):
        ask()


@pytest.mark.parametrize("fraction", [2, -0.1, nan, 1.0001])
def test_a_fraction_is_from_0_to_1(fraction: float) -> None:
    with pytest.raises(ValueError, match="expected a fraction from 0 to 1"):
        Random(fraction)


@pytest.mark.parametrize("mix", [4.1, -0.1, nan])
def test_a_mix_is_from_0_to_4(mix: float) -> None:
    with pytest.raises(ValueError, match="mix: expected 0 to 4"):
        Bend(0, ABLATE, mix=mix)


@pytest.mark.parametrize("index", [-1, 1.5, "a"])
def test_features_are_counted_from_0(index: object) -> None:
    with pytest.raises(ValueError, match="features are counted from 0"):
        Indices((0, index))  # type: ignore[arg-type]


def test_what_five_items_mean_is_one_of_two_words() -> None:
    with pytest.raises(OptionError, match="five_items 'theirs': expected reference, ours"):
        netbend.parse_recipe("bends: []", five_items="theirs")
    assert netbend.parse_recipe("bends: []", five_items="ours").bends == ()
    assert netbend.parse_recipe("bends: []", five_items=FiveItems.OURS).bends == ()


def test_no_latents_make_no_pictures() -> None:
    with pytest.raises(LatentError, match="no latents to generate from"):
        model().generate(model().latents([]))


def test_a_bend_that_is_in_already_is_not_put_in_again_and_comes_out_whole() -> None:
    network = wrapped()
    maps = torch.ones(1, 1, 8, 8)
    unbent = network.network(maps)
    bending = netbend.bend(network, HALF)
    with bending:
        bent = network.network(maps)
        with pytest.raises(ModelError, match="in the network already"), bending:
            pass
        assert torch.equal(network.network(maps), bent)
    assert torch.equal(network.network(maps), unbent)
    with bending:  # one after the other is fine
        assert torch.equal(network.network(maps), bent)
    assert torch.equal(network.network(maps), unbent)


def test_seeds_of_recipes_are_told_at_their_place() -> None:
    with pytest.raises(RecipeError, match=r"^seed: seed -1: seeds are whole numbers and start at 0$"):
        netbend.resolve(Recipe((), seed=-1), wrapped())
