"""How many passes over the maps a GPU makes, counted without one."""

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netbend.bending import bend
from netbend.choices import NoiseMode
from netbend.models.stylegan2 import fused, triton_ops
from netbend.models.stylegan2.model import StyleGAN2
from netbend.recipe import All, Bend, Random, Recipe
from netbend.transforms import build_transform, on_gpu

from ...conftest import tiny_generator

LAYERS, COLOURS = 5, 3  # of the tiny network


class Passes(Counter[str]):
    """What kernels would be launched for, in all: with operations of torch in their place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        super().__init__()
        self.works: list[on_gpu.Work | None] = []
        for name in ("all_styles", "all_kernels", "finished", "colours", "double_and_add"):
            self._watch(monkeypatch, fused, name)
        self._watch(monkeypatch, F, "conv2d")

    def _watch(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def noted(*given: Any, **named: Any) -> Any:
            groups = named.get("groups", 1)
            if groups == 1:  # the low-pass, where there is no kernel for it, is part of `finished`
                self[name] += 1
            if name == "finished":
                self.works.append(given[1].bend)
            return original(*given, **named)

        monkeypatch.setattr(owner, name, noted)


def bent(maps: Tensor, work: on_gpu.Work) -> Tensor:
    """In place of the kernels."""
    number = work.numbers[1].float()
    made = {"multiply": maps * number, "threshold": (maps >= number).to(maps.dtype)}[work.kind]
    if work.mixed:
        made = maps.lerp(made, work.numbers[0].float())
    return made if work.features is None else torch.where(work.features[:, None, None] != 0, made, maps)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    monkeypatch.setattr(fused, "suits", lambda _: not torch.is_grad_enabled())
    monkeypatch.setattr(on_gpu, "has_triton", lambda _: True)
    monkeypatch.setattr(on_gpu, "extremes", lambda _: torch.zeros(2))
    monkeypatch.setattr(on_gpu, "bend", bent)
    monkeypatch.setattr(triton_ops, "there", lambda _: False)
    return Passes(monkeypatch)


def of_a_run(count: int, convolutions: int) -> dict[str, int]:
    once = {"all_styles": 1, "all_kernels": 1}
    return {
        **once,
        "conv2d": convolutions,
        "finished": count,
        "colours": COLOURS,
        "double_and_add": COLOURS - 1,
    }


def test_after_each_convolution_there_is_one_pass(model: StyleGAN2, passes: Passes) -> None:
    model.generate(model.latents([1]))
    assert passes == of_a_run(LAYERS, LAYERS)


def test_a_batch_of_small_maps_is_convolved_at_once(model: StyleGAN2, passes: Passes) -> None:
    model.generate(model.latents([1, 2, 3]))
    assert passes == of_a_run(LAYERS, LAYERS)


def test_samples_of_large_maps_are_convolved_one_by_one(
    model: StyleGAN2, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused, "LARGE_MAP", 64)  # those of the last three layers
    model.generate(model.latents([1, 2, 3]))
    assert passes == of_a_run(2 + 3 * 3, 2 + 3 * 3)


def everywhere(*kinds: str, **how: Any) -> Recipe:
    transforms = [build_transform(kind, [0.7]) for kind in kinds]
    return Recipe(tuple(Bend(n, each, **how) for n in range(LAYERS) for each in transforms))


def expected(model: StyleGAN2, recipe: Recipe, batch: int) -> Tensor:
    with torch.enable_grad(), pytest.MonkeyPatch.context() as plainly:
        plainly.setattr(on_gpu, "has_triton", lambda _: False)
        latents = model.latents(range(batch))
        w, noise = model.w_plus(latents), model._noise(latents, NoiseMode.CONSTANT)
        with bend(model, recipe):
            return model.network(w, noise).detach()


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("how", [{}, {"features": Random(0.5), "mix": 0.3}])
@pytest.mark.parametrize("kind", ["multiply", "threshold"])
def test_a_layer_does_its_bend_in_the_same_pass(
    model: StyleGAN2, passes: Passes, kind: str, how: dict[str, Any], batch: int
) -> None:
    recipe = everywhere(kind, **how)
    with bend(model, recipe):
        image = model.generate(model.latents(range(batch)))
    assert [work is not None and work.kind for work in passes.works] == [kind] * LAYERS
    torch.testing.assert_close(image, expected(model, recipe, batch), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", ["two bends", "two blocks", "replaced", "plans", "another hook"])
def test_bends_that_a_layer_cannot_do_are_done_after_it(model: StyleGAN2, passes: Passes, case: str) -> None:
    recipe = everywhere("multiply", "threshold") if case == "two bends" else everywhere("multiply")
    nonfinite = "replace" if case == "replaced" else "error"
    if case == "another hook":
        for layer in model.network.layers:
            layer.register_forward_hook(lambda *_: None)
    with bend(model, recipe, nonfinite=nonfinite) as plan:
        if case == "two blocks":
            with bend(model, recipe):
                model.generate(model.latents([0]))
        elif case == "plans":
            with bend(model, [plan, plan]):
                model.generate(model.latents([0, 1]))
        else:
            image = model.generate(model.latents([0]))
    assert passes.works == [None] * LAYERS
    if case in ("two bends", "replaced", "another hook"):
        torch.testing.assert_close(image, expected(model, recipe, 1), rtol=1e-4, atol=1e-4)


def test_dead_features_of_odd_numbers_are_drawn_too(passes: Passes) -> None:
    model = StyleGAN2(tiny_generator((7, 5, 3)), "odd", "0" * 64)
    image = model.generate(model.latents([0]))
    torch.testing.assert_close(image, expected(model, Recipe(()), 1), rtol=1e-4, atol=1e-4)
    assert passes["finished"] == LAYERS


@pytest.mark.parametrize("features", [All(), Random(0.3)])
def test_what_a_layer_made_of_its_bend_is_not_bent_again_after_an_error(
    model: StyleGAN2, passes: Passes, features: Any
) -> None:
    recipe = everywhere("multiply", features=features)
    with bend(model, recipe):
        first = model.generate(model.latents([0]))
        second = model.generate(model.latents([0]))
    assert torch.equal(first, second)
    assert len(passes.works) == 2 * LAYERS


def test_who_traces_a_network_sees_all_that_it_does() -> None:
    seen = []

    def look(maps: Tensor) -> Tensor:
        seen.append(fused.suits(SimpleNamespace(device=torch.device("cuda"), dtype=torch.float32)))
        return maps + 1

    maps = torch.zeros(1)
    with torch.no_grad():
        look(maps)
        torch.jit.trace(look, maps, check_trace=False)
        torch.export.export(Looking(look), (maps,))
    assert seen[0]
    assert seen[1:]
    assert not any(seen[1:])


class Looking(nn.Module):
    def __init__(self, look: Callable[[Tensor], Tensor]):
        super().__init__()
        self.look = look

    def forward(self, maps: Tensor) -> Tensor:
        return self.look(maps)
