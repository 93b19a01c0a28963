"""NaN and infinity are found without stopping the device at every layer, and blamed rightly."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from netbend.bending import Layer, PlannedBend, apply, bend
from netbend.bending.guard import Watch, extremes, replaced
from netbend.errors import NonFiniteError
from netbend.models.base import Model
from netbend.models.wrap import WrappedModule
from netbend.recipe import Bend, Indices, Random, Recipe
from netbend.transforms import build_transform

WAITING = {"_local_scalar_dense", "is_nonzero", "nonzero", "equal", "masked_select"}


class CountWaiting(TorchDispatchMode):
    """Counts the operations whose result Python, or the size of a tensor, waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in WAITING:
            self.names.append(name)
        return func(*args, **(kwargs or {}))


class Chain(nn.Module):
    """Three convolutions, and nothing in it that waits."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(6, 6, 1) for _ in range(3))
        self.to(memory_format=torch.channels_last)

    def forward(self, maps: Tensor) -> Tensor:
        for layer in self.layers:
            maps = layer(maps)
        return maps


def chain() -> WrappedModule:
    torch.manual_seed(0)
    network = Chain().requires_grad_(False)
    return WrappedModule(network, [Layer(i, f"layer-{i}", f"layers.{i}", (6, 12, 12)) for i in range(3)])


def every_kind() -> Recipe:
    """Everything that is inserted: pointwise, warp and morphology, all features and some, mixed."""
    half = Random(0.5)
    return Recipe(
        bends=(
            Bend(0, build_transform("threshold", [0.1])),
            Bend(0, build_transform("rotate", [20]), half),
            Bend(1, build_transform("dilate", [2]), mix=0.5),
            Bend(1, build_transform("flip-h"), half),
            Bend(2, build_transform("multiply", [-2]), Indices((1, 4))),
            Bend(2, build_transform("erode", [1]), half),
        )
    )


@pytest.mark.parametrize(("policy", "looks"), [("error", 1), ("warn", 1), ("replace", 0)])
def test_a_bent_run_is_waited_for_once_at_its_end(policy: str, looks: int) -> None:
    model, maps = chain(), torch.randn(2, 6, 12, 12)
    with bend(model, every_kind(), nonfinite=policy):
        model.network(maps)  # makes the tables
        with CountWaiting() as waiting:
            model.network(maps)
    assert len(waiting.names) == looks, waiting.names


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_bent_run_on_a_gpu_sends_nothing_and_waits_once() -> None:
    model, maps = chain(), torch.randn(2, 6, 12, 12, device="cuda")
    model.network.cuda()
    with bend(model, every_kind()), torch.profiler.profile() as profile:
        model.network(maps)
    names = [event.name for event in profile.events()]
    assert not any("HtoD" in name for name in names)
    assert sum("DtoH" in name for name in names) == 1  # the look at the end
    assert sum("cudaStreamSynchronize" in name for name in names) <= 1


class Overflowing(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps * 1e38 * 1e38


def test_what_the_network_itself_made_is_not_blamed_on_the_bend_that_comes_after() -> None:
    model = chain()
    model.network.layers.insert(1, Overflowing())
    model.layers[1:] = [Layer(2, "layer-2", "layers.2", (6, 12, 12))]
    with (
        pytest.raises(
            NonFiniteError,
            match=r"the network, before `flip-h` at layer 2 .* was reached, made \w+; look for a trunc",
        ),
        bend(model, Recipe(bends=(Bend(0, build_transform("invert")), Bend(2, build_transform("flip-h"))))),
    ):
        model.network(torch.randn(1, 6, 12, 12))


def test_the_first_of_several_is_named() -> None:
    model = chain()
    big = build_transform("multiply", [3e38])
    bends = (
        Bend(1, build_transform("invert")),
        Bend(1, big),
        Bend(1, big),
        Bend(2, build_transform("flip-v")),
    )
    with (
        pytest.raises(NonFiniteError, match=r"`multiply` at layer 1 \(layer-1\) made infinity"),
        bend(model, Recipe(bends=bends)),
    ):
        model.network(torch.full((1, 6, 12, 12), 9.0))


def test_layers_run_without_the_network_are_looked_at_when_the_block_ends() -> None:
    model = chain()
    big = Recipe(bends=(Bend(0, build_transform("multiply", [3e38])),))
    with pytest.raises(NonFiniteError, match="`multiply` at layer 0"), bend(model, big):
        model.network.layers[0](torch.full((1, 6, 12, 12), 1e9))


def test_an_error_in_the_block_is_not_replaced_by_one_about_numbers() -> None:
    model = chain()
    big = Recipe(bends=(Bend(0, build_transform("multiply", [3e38])),))
    first, maps = model.network.layers[0], torch.full((1, 6, 12, 12), 1e9)
    with pytest.raises(KeyError), bend(model, big):
        _ = first(maps), {}["key"]


def test_nested_blocks_blame_the_right_bend(model: Model) -> None:
    outer = Recipe(bends=(Bend(1, build_transform("invert")),))
    inner = Recipe(
        bends=(Bend(2, build_transform("multiply", [3e38])), Bend(2, build_transform("multiply", [2])))
    )
    with (
        pytest.raises(NonFiniteError, match=r"`multiply` at layer 2"),
        bend(model, outer),
        bend(model, inner),
    ):
        model.generate(model.latents([1]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_large_numbers_are_finite(dtype: torch.dtype) -> None:
    largest = torch.finfo(dtype).max
    maps = torch.full((1, 3, 50, 50), largest, dtype=dtype)
    watch = Watch()
    watch.see("nothing", maps)
    assert watch.first_problem() is None
    maps[0, 1, 3, 4] = torch.inf
    watch.see("somebody", maps)
    assert str(watch.first_problem()).startswith("somebody made infinity")
    maps[0, 1, 3, 4] = torch.nan
    watch.see("somebody", maps)
    assert str(watch.first_problem()).startswith("somebody made NaN")
    assert watch.first_problem() is None, "it was not forgotten"


def test_extremes_do_not_depend_on_how_maps_lie() -> None:
    maps = torch.randn(2, 5, 4, 3)
    expected = [maps.min().item(), maps.max().item()]
    for laid in (
        maps,
        maps.contiguous(memory_format=torch.channels_last),
        maps.transpose(0, 3),
        maps.flatten(1),
    ):
        assert extremes(laid).tolist() == expected


@pytest.mark.parametrize("how", ["mask", "mix"])
def test_what_a_bend_does_not_touch_stays_when_its_infinities_are_replaced(how: str) -> None:
    mask = torch.zeros(2, 3)
    mask[0] = 1
    layer, huge = Layer(0, "maps", "maps", (1, 2, 3)), build_transform("multiply", [3e38])
    maps = torch.tensor([[9.0, -9.0, 1e-38], [4.0, 5.0, 6.0]]).reshape(1, 1, 2, 3)
    planned = PlannedBend(layer, huge, (0,), *((1.0, mask) if how == "mask" else (0.5, None)))
    bent = apply(planned, maps, "replace").flatten()
    assert bent.isfinite().all()
    if how == "mask":
        assert bent[3:].tolist() == [4.0, 5.0, 6.0]
        assert bent[2] == pytest.approx(3.0)
    else:
        assert bent[2] == pytest.approx(1.5)


def test_replacing_gives_the_finite_extremes() -> None:
    maps = torch.tensor([torch.nan, torch.inf, -torch.inf, 3.0, -2.0, 1.0]).reshape(1, 1, 2, 3)
    assert replaced(maps).flatten().tolist() == [0.0, 3.0, -2.0, 3.0, -2.0, 1.0]
    finite = torch.randn(1, 4, 3, 3)
    assert torch.equal(replaced(finite), finite)
