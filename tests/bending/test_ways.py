"""A bend does the same to the same numbers, however they lie in memory and whatever is done with them."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from netbend.bending import Layer, PlannedBend, apply, bend, features
from netbend.models.wrap import WrappedModule, wrap
from netbend.recipe import Bend, Indices, Recipe
from netbend.transforms import build_transform
from netbend.transforms.compiled import compiled

folder = Path(__file__).parent.parent / "transforms"
spec = importlib.util.spec_from_file_location("definitions", folder / "definitions.py")
definitions = importlib.util.module_from_spec(spec)
spec.loader.exec_module(definitions)

SIZE = (64, 65)
FEATURES = 6


def leaf(maps: Tensor) -> Tensor:
    return maps.clone().requires_grad_()


def in_inference_mode(maps: Tensor) -> Tensor:
    with torch.inference_mode():
        return maps.clone(memory_format=torch.channels_last)


def every_second(maps: Tensor) -> Tensor:
    wide = torch.full((*maps.shape[:3], 2 * maps.shape[3]), torch.nan)
    wide[..., ::2] = maps
    return wide[..., ::2]


def cut_out(maps: Tensor) -> Tensor:
    large = torch.full((len(maps), 9, 70, 70), torch.nan).contiguous(memory_format=torch.channels_last)
    part = large[:, 2 : 2 + FEATURES, 3 : 3 + SIZE[0], 4 : 4 + SIZE[1]]
    return part.copy_(maps)


def shared(maps: Tensor) -> Tensor:
    """All samples the first one, in one place of memory."""
    return maps[:1].expand(maps.shape)


# The same maps, laid out or marked in other ways.
LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "by planes": lambda maps: maps.clone(),
    "by pixels": lambda maps: maps.contiguous(memory_format=torch.channels_last),
    "turned": lambda maps: maps.transpose(2, 3).contiguous().transpose(2, 3),
    "features first": lambda maps: maps.transpose(0, 1).contiguous().transpose(0, 1),
    "every second": every_second,
    "cut out": cut_out,
    "shared": shared,
    "leaf": leaf,
    "in inference mode": in_inference_mode,
    "negated": lambda maps: torch.complex(maps, -maps).conj().imag,
}


@pytest.fixture(params=["torch", "compiled"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "torch":
        monkeypatch.setattr(compiled, "suited_to", lambda _: None)
        return
    pytest.importorskip("netbend.transforms.rows", reason="numba is not there")
    assert compiled.load()
    monkeypatch.setattr(features, "LARGE", 0)


def planned(name: str, params: dict[str, object], indices: tuple[int, ...], mix: float = 1.0) -> PlannedBend:
    layer = Layer(0, "maps", "maps", (FEATURES, *SIZE))
    return PlannedBend(layer, build_transform(name, params), indices, mix)


def expected(one: PlannedBend, maps: Tensor) -> Tensor:
    """Feature by feature, as plainly laid out as can be."""
    bent = maps.detach().clone(memory_format=torch.contiguous_format)
    if one.indices:
        chosen = list(one.indices)
        alone = definitions.feature_by_feature(one.transform, maps.detach(), chosen)
        bent[:, chosen] = bent[:, chosen].lerp(alone, one.mix)
    return bent


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("name", "params"), definitions.SAMPLES)
def test_how_maps_lie_does_not_matter(name: str, params: dict[str, object], layout: str) -> None:
    random = torch.randn(3, FEATURES, *SIZE, generator=torch.Generator().manual_seed(3))
    maps = LAYOUTS[layout](random)
    for one in (
        planned(name, params, (1, 4)),
        planned(name, params, tuple(range(FEATURES))),
        planned(name, params, (0, 2, 3), mix=0.25),
    ):
        before = expected(replace(one, indices=()), maps)
        with torch.no_grad():
            torch.testing.assert_close(apply(one, maps), expected(one, maps), rtol=0, atol=1e-6)
        assert torch.equal(maps.detach(), before), "what was given was written into"
        if layout != "in inference mode":
            given = maps.detach().requires_grad_()
            torch.testing.assert_close(apply(one, given).detach(), expected(one, maps), rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch", [0, 1, 2, 3, 5])
@pytest.mark.parametrize(("name", "params"), definitions.SAMPLES)
@pytest.mark.usefixtures("way")
def test_batches_are_their_samples(name: str, params: dict[str, object], batch: int) -> None:
    maps = torch.randn(batch, FEATURES, *SIZE).contiguous(memory_format=torch.channels_last)
    transform = build_transform(name, params)
    bent = transform(maps)
    assert bent.shape == maps.shape
    for sample, alone in zip(bent, maps, strict=True):
        assert torch.equal(sample, transform(alone[None])[0])


def convolutions() -> WrappedModule:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, FEATURES, 3), nn.Conv2d(FEATURES, 3, 1)).double()
    return wrap(network, lambda: network(torch.randn(1, 2, 8, 9, dtype=torch.float64)))


@pytest.mark.parametrize("chosen", [(1, 4), tuple(range(FEATURES))], ids=["some", "all"])
@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize(("name", "params"), definitions.SAMPLES)
def test_gradients_go_through_a_bent_network(
    name: str, params: dict[str, object], mask: bool, chosen: tuple[int, ...]
) -> None:
    model = convolutions()
    layer = model.layers[0]
    weight = torch.rand(layer.height, layer.width) if mask else None
    plan = bend(model, Recipe((Bend(0, build_transform(name, params), Indices(chosen), mix=0.5),))).plan
    plan = replace(plan, bends=(replace(plan.bends[0], mask=weight),))
    maps = torch.randn(1, 2, 8, 9, dtype=torch.float64, requires_grad=True)
    with bend(model, plan):
        assert torch.autograd.gradcheck(model.network, maps)
        with torch.no_grad():
            plain = model.network(maps)
        torch.testing.assert_close(model.network(maps).detach(), plain)
        with torch.inference_mode():
            torch.testing.assert_close(model.network(maps), plain)


def test_a_block_that_was_first_run_in_inference_mode_has_gradients_afterwards() -> None:
    model = convolutions()
    maps = torch.randn(1, 2, 8, 9, dtype=torch.float64)
    with bend(model, Recipe((Bend(0, build_transform("rotate", [20]), Indices((1, 4))),))):
        with torch.inference_mode():
            model.network(maps)
        maps.requires_grad_()
        model.network(maps).sum().backward()
    assert maps.grad.abs().sum() > 0
