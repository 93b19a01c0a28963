"""Bends go in where the recipe says, and come out without trace."""

import pytest
import torch
from torch import Tensor, nn

from netbend.bending import Layer, bend, resolve
from netbend.errors import ModelError, NonFiniteError, RecipeError
from netbend.models.base import Model, SynthesisOptions
from netbend.models.wrap import WrappedModule, wrap
from netbend.recipe import Bend, Indices, Not, Random, Recipe
from netbend.transforms import Transform, build_transform


def recipe_of(*bends: Bend, seed: int = 0) -> Recipe:
    return Recipe(bends=bends, seed=seed)


def bent_at(layer: int | str, name: str, *params: float, **rest: object) -> Bend:
    return Bend(layer=layer, transform=build_transform(name, list(params)), **rest)


def images(model: Model) -> Tensor:
    return model.generate(model.latents([1, 2]), SynthesisOptions(truncation_psi=0.8))


def maps_after(model: Model, layer: Layer) -> list[Tensor]:
    """Collects what leaves a layer."""
    seen: list[Tensor] = []
    model.network.get_submodule(layer.module).register_forward_hook(
        lambda _m, _i, out: seen.append(out.clone())
    )
    return seen


def layer_of(model: Model, wanted: int | str) -> Layer:
    return next(layer for layer in model.layers if wanted in (layer.number, layer.name))


def test_a_bend_changes_the_pictures_and_leaves_no_trace(model: Model) -> None:
    before = images(model)
    with bend(model, recipe_of(bent_at(2, "invert"))):
        bent = images(model)
    assert (bent - before).abs().max() > 0.1
    assert torch.equal(images(model), before)
    assert all(not module._forward_hooks for module in model.network.modules())


def test_an_exception_leaves_no_trace_either(model: Model) -> None:
    before = images(model)
    with pytest.raises(KeyError), bend(model, recipe_of(bent_at(2, "invert"))):
        raise KeyError
    assert torch.equal(images(model), before)


def test_a_recipe_that_does_not_fit_raises_before_anything_is_inserted(model: Model) -> None:
    with pytest.raises(RecipeError, match="layer 9: this model has layers 0-4"):
        bend(model, recipe_of(bent_at(1, "invert"), bent_at(9, "invert")))
    assert all(not module._forward_hooks for module in model.network.modules())


def test_every_layer_can_be_bent_by_number_and_by_name(model: Model) -> None:
    for layer in model.layers:
        for wanted in {layer.number, layer.name} - {None}:
            with bend(model, recipe_of(bent_at(wanted, "ablate"))):
                seen = maps_after(model, layer)
                images(model)
            (maps,) = seen
            assert maps.shape[1:] == (layer.features, layer.height, layer.width)
            assert not maps.any(), f"{layer} was not ablated"


def test_only_the_selected_features_change(model: Model) -> None:
    layer = layer_of(model, 2)
    seen = maps_after(model, layer)
    images(model)
    with bend(model, recipe_of(bent_at(2, "multiply", -2.0, features=Indices(indices=(1, 4))))):
        seen_bent = maps_after(model, layer)
        images(model)
    unbent, bent = seen[0], seen_bent[0]
    expected = unbent.clone()
    expected[:, [1, 4]] *= -2
    assert torch.equal(bent, expected)


def test_bends_of_one_layer_are_applied_in_order(model: Model) -> None:
    layer = layer_of(model, 1)
    seen = maps_after(model, layer)
    images(model)
    with bend(model, recipe_of(bent_at(1, "invert"), bent_at(1, "multiply", 3.0))):
        seen_bent = maps_after(model, layer)
        images(model)
    torch.testing.assert_close(seen_bent[0], (1 - seen[0]) * 3)


def test_nested_blocks_bend_from_the_outside_in(model: Model) -> None:
    both = recipe_of(bent_at(1, "invert"), bent_at(1, "multiply", 3.0))
    with bend(model, both):
        expected = images(model)
    with bend(model, recipe_of(both.bends[0])), bend(model, recipe_of(both.bends[1])):
        assert torch.equal(images(model), expected)


def test_mix_blends_with_the_unbent_maps(model: Model) -> None:
    layer = layer_of(model, 3)
    seen = maps_after(model, layer)
    images(model)
    with bend(model, recipe_of(bent_at(3, "multiply", 3.0, mix=0.25))):
        seen_bent = maps_after(model, layer)
        images(model)
    torch.testing.assert_close(seen_bent[0], seen[0] * 1.5)


def test_the_random_features_follow_from_the_seed(model: Model) -> None:
    recipe = recipe_of(bent_at(2, "ablate", features=Random(fraction=0.5)), seed=5)
    with bend(model, recipe) as plan:
        images(model)
    assert len(plan.bends[0].indices) == 5
    assert bend(model, recipe, seed=5).plan == plan
    assert {bend(model, recipe, seed=seed).plan.bends[0].indices for seed in range(9)} > {
        plan.bends[0].indices
    }


def test_a_bend_keeps_its_draw_when_others_change(model: Model) -> None:
    half = Random(fraction=0.5)
    first = resolve(
        recipe_of(bent_at(1, "ablate", features=half), bent_at(2, "ablate", features=half)), model
    )
    other = resolve(recipe_of(bent_at(4, "invert"), bent_at(2, "ablate", features=half)), model)
    assert first.bends[1].indices == other.bends[1].indices


@pytest.mark.parametrize(
    ("fraction", "features", "count"), [(0.29, 100, 29), (0.1, 512, 51), (1, 7, 7), (0, 7, 0)]
)
def test_a_fraction_draws_the_floor_of_its_share(fraction: float, features: int, count: int) -> None:
    layer = Layer(0, "only", "only", (features, 4, 4))
    model = WrappedModule(nn.Identity(), [layer])
    plan = resolve(recipe_of(bent_at(0, "ablate", features=Random(fraction=fraction))), model)
    assert len(set(plan.bends[0].indices)) == count


def test_the_complement_is_everything_else(model: Model) -> None:
    selected = Indices(indices=(0, 3))
    plan = resolve(recipe_of(bent_at(2, "ablate", features=Not(of=selected))), model)
    assert plan.bends[0].indices == (1, 2, 4, 5, 6, 7, 8, 9)


class Explode(Transform):
    """Not registered: only for these tests."""

    value: float | None = None

    def __call__(self, maps: Tensor) -> Tensor:
        return maps / 0


def exploding() -> Recipe:
    return recipe_of(Bend(2, Explode(), Indices(indices=(0,))))


Explode.name = "explode"


def test_infinity_is_reported_with_the_layer_and_transform_that_made_it(model: Model) -> None:
    with (
        pytest.raises(NonFiniteError, match=r"`explode` at layer 2 \(b8.conv1\) made"),
        bend(model, exploding()),
    ):
        images(model)


def test_infinity_can_be_replaced_or_warned_of(model: Model) -> None:
    with bend(model, exploding(), nonfinite="replace"):
        assert images(model).isfinite().all()
    with bend(model, exploding(), nonfinite="warn"), pytest.warns(UserWarning, match="explode"):
        images(model)


def test_overflow_after_the_last_bend_is_found_too(model: Model) -> None:
    huge = recipe_of(*(bent_at(layer, "multiply", 3e38) for layer in (4,)))
    with pytest.raises(NonFiniteError, match="multiply"), bend(model, huge):
        images(model)


class Shrink(Transform):
    """Breaks the contract: other shape out than in."""

    def __call__(self, maps: Tensor) -> Tensor:
        return maps[..., 1:]


Shrink.name = "shrink"


def test_a_transform_that_changes_the_shape_is_named(model: Model) -> None:
    with (
        pytest.raises(ModelError, match=r"`shrink` at layer 2 .* a transform keeps both"),
        bend(model, recipe_of(Bend(2, Shrink()))),
    ):
        images(model)


@pytest.mark.parametrize("wrong", [{"transform": "rotate"}, {"features": "all"}, {"mix": 5.0}])
def test_a_bend_made_wrongly_in_python_says_so(wrong: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
        Bend(**{"layer": 1, "transform": build_transform("ablate"), **wrong})


class Decoder(nn.Module):
    """A foreign network: not square, half precision allowed, not ours."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4 * 3 * 5)
        self.up = nn.ConvTranspose2d(4, 8, 4, stride=2, padding=1)
        self.out = nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        return self.out(torch.relu(self.up(self.linear(z).unflatten(1, (4, 3, 5)))))


def test_any_module_can_be_bent() -> None:
    torch.manual_seed(0)
    network, z = Decoder(), torch.randn(2, 6)
    wrapped = wrap(network, lambda: network(z))
    assert [(layer.name, layer.features, layer.height, layer.width) for layer in wrapped.layers] == [
        ("up", 8, 6, 10),
        ("out", 2, 6, 10),
    ]
    before = network(z)
    with bend(wrapped, recipe_of(bent_at("out", "flip-h"))):
        torch.testing.assert_close(network(z), before.flip(3))
    assert torch.equal(network(z), before)


def test_a_network_without_activation_maps_cannot_be_wrapped() -> None:
    with pytest.raises(ModelError, match="no layer to bend"):
        wrap(nn.Linear(2, 2), lambda: None)
