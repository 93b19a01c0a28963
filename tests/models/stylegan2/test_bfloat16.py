"""bfloat16 on a processor: a convolution and a pass for each layer, as exact as bfloat16 can be."""

import sys
from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.bending import bend
from netbend.models.stylegan2 import bfloat16, finish, modulated
from netbend.models.stylegan2.finish import CompiledFinish, Pass, compiled_finish, finish_doubled, finish_maps
from netbend.models.stylegan2.layers import StyledConv, ToRGB
from netbend.models.stylegan2.model import StyleGAN2
from netbend.recipe import Bend, Indices, Recipe
from netbend.transforms import build_transform

from ...conftest import tiny_generator

FIRST, LAST = torch.contiguous_format, torch.channels_last
HALF_STEP = 2.0**-8  # of bfloat16, relative
FILTER = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])).double()


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_finish, "after", lambda _: None)


@pytest.fixture(params=["torch", "compiled", "compiled, three threads"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ways through the pass after a convolution."""
    threads = torch.get_num_threads()
    if request.param == "torch":
        monkeypatch.setattr(compiled_finish, "after", lambda _: None)
        monkeypatch.setattr(finish, "CACHED_VALUES", 1000)  # in several parts
    else:
        assert compiled_finish.load()
    if "threads" in request.param:
        monkeypatch.setattr(finish, "SHARED_VALUES", 0)
        torch.set_num_threads(3)
    yield
    torch.set_num_threads(threads)


def random_maps(features: int, height: int, width: int) -> Tensor:
    maps = torch.randn(1, features, height, width) * 2.0 ** torch.randint(-9, 9, (features, 1, 1))
    return maps.bfloat16().contiguous(memory_format=LAST)


def random_pass(features: int, height: int, width: int, clamp: float | None) -> Pass:
    factors = torch.rand(features) + 0.5
    return Pass(factors, torch.randn(height, width), torch.randn(features), clamp)


def by_definition(values: Tensor, one: Pass) -> Tensor:
    values = values.double() * one.factors[:, None, None] + one.bias[:, None, None] + one.noise
    values = torch.where(values < 0, 0.2 * values, values)
    return values if one.clamp is None else values.clamp(-one.clamp, one.clamp)


def is_nearest(found: Tensor, exact: Tensor, spread: float) -> None:
    """Off by a rounding to bfloat16, and by float32's within."""
    bound = exact.abs() * HALF_STEP + spread * 1e-6
    assert ((found.double() - exact).abs() <= bound).all()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("clamp", [None, 0.75])
@pytest.mark.parametrize(("features", "height", "width"), [(1, 1, 1), (3, 5, 4), (32, 9, 16), (300, 4, 6)])
def test_the_pass_is_what_it_says_rounded_once(
    features: int, height: int, width: int, clamp: float | None
) -> None:
    torch.manual_seed(3)
    maps, one = random_maps(features, height, width), random_pass(features, height, width, clamp)
    exact = by_definition(maps, one)
    finish_maps(maps, one)
    is_nearest(maps, exact, 100.0)
    assert clamp is None or maps.abs().max() <= clamp


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("clamp", [None, 0.75])
@pytest.mark.parametrize(("above", "below"), [(1, 1), (0, 0), (1, 0), (0, 1)])
@pytest.mark.parametrize(("features", "height", "width"), [(1, 2, 2), (3, 6, 4), (32, 10, 300), (600, 6, 40)])
def test_doubled_maps_are_low_passed_with_zeros_around(
    features: int, height: int, width: int, above: int, below: int, clamp: float | None
) -> None:
    """Some of them wider than what is low-passed at once."""
    torch.manual_seed(3)
    between = random_maps(features, height + 3 - above - below, width + 1)
    one, made = random_pass(features, height, width, clamp), random_maps(features, height, width)
    framed = F.pad(between.double(), (1, 1, above, below))
    kernel = FILTER.expand(features, 1, 4, 4)
    exact = by_definition(F.conv2d(framed, kernel, groups=features), one)
    finish_doubled(between, one, made, above)
    is_nearest(made, exact, 64 * 1000.0)


SPECIAL = [torch.nan, torch.inf, -torch.inf, 0.0, -0.0, 1e-40, -1e-40, 3.3e38, -3.3e38]


@pytest.mark.parametrize("doubled", [False, True])
@pytest.mark.parametrize("clamp", [None, 256.0])
def test_compiled_it_is_the_same_to_the_bit(
    doubled: bool, clamp: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compiled_finish.load()
    torch.manual_seed(3)
    given = random_maps(48, 41, 65)
    given.flatten()[: len(SPECIAL)] = torch.tensor(SPECIAL).bfloat16()
    given[0, 5:14, 20, 30] = torch.tensor(SPECIAL).bfloat16()
    one = random_pass(48, 40 if doubled else 41, 64 if doubled else 65, clamp)
    one.noise[7, 7] = torch.nan

    def made() -> Tensor:
        if not doubled:
            finish_maps(maps := given.clone(memory_format=torch.preserve_format), one)
            return maps
        finish_doubled(given, one, maps := given[:, :, :40, :64].clone(memory_format=LAST), above=1)
        return maps

    fast = made()
    monkeypatch.setattr(compiled_finish, "after", lambda _: None)
    plain = made()
    assert fast.isnan().any()
    assert fast.isinf().any() or clamp is not None
    np.testing.assert_array_equal(fast.float().numpy(), plain.float().numpy())


def random_layer(up: bool, clamp: float | None) -> StyledConv:
    layer = StyledConv(5, 6, 8, up=up, clamp=clamp).requires_grad_(False)
    layer.bias.normal_()
    layer.conv.style.bias.normal_()
    layer.noise_strength.fill_(0.3)
    return layer.bfloat16()


def noises(mode: str, batch: int, height: int, width: int) -> Tensor | None:
    shape = {"none": None, "constant": (height, width), "random": (batch, 1, height, width)}[mode]
    return None if shape is None else torch.randn(shape)


def rms(values: Tensor) -> float:
    return values.double().square().mean().sqrt().item()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("mode", ["none", "constant", "random"])
@pytest.mark.parametrize(
    ("batch", "form"),
    [(1, LAST), (1, FIRST), (2, LAST), (3, FIRST), (5, LAST)],
)
@pytest.mark.parametrize("size", [(4, 4), (8, 12), (64, 66), (128, 32), (150, 28)], ids=str)
@pytest.mark.parametrize("up", [False, True])
def test_a_layer_is_as_exact_as_the_plain_way(
    up: bool, size: tuple[int, int], batch: int, mode: str, form: torch.memory_format
) -> None:
    """The plain way is that of gradients, which is tested against the paper."""
    torch.manual_seed(3)
    layer = random_layer(up, 1.5 if batch == 3 else None)
    maps = torch.randn(batch, 5, *size).bfloat16().contiguous(memory_format=form)
    w = torch.randn(batch, 8).bfloat16()
    noise = noises(mode, batch, *(side * (2 if up else 1) for side in size))
    with torch.enable_grad():
        exact = deepcopy(layer).double()(maps.double(), w.double(), None if noise is None else noise.double())
        plain = layer(maps, w, noise)
    before = maps.clone()
    with torch.no_grad():
        fast = layer(maps, w, noise)
    assert fast.dtype is torch.bfloat16
    assert fast.is_contiguous(memory_format=LAST)
    assert torch.equal(maps, before)
    assert rms(exact) > 0.5
    assert rms(fast - exact) < min(1.2 * rms(plain - exact), 0.006 * rms(exact))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("form", [FIRST, LAST])
@pytest.mark.parametrize("clamp", [None, 0.5])
def test_colours_are_as_exact_as_the_plain_way(
    batch: int, form: torch.memory_format, clamp: float | None
) -> None:
    torch.manual_seed(3)
    layer = ToRGB(7, 8, clamp=clamp).requires_grad_(False)
    layer.bias.normal_()
    layer.conv.style.bias.normal_()
    layer.bfloat16()
    maps, w = torch.randn(batch, 7, 6, 9).bfloat16().contiguous(memory_format=form), torch.randn(batch, 8)
    w = w.bfloat16()
    with torch.enable_grad():
        exact, plain = deepcopy(layer).double()(maps.double(), w.double()), layer(maps, w)
    with torch.no_grad():
        fast = layer(maps, w)
    assert fast.dtype is torch.float32
    assert rms(fast - exact) < 1.2 * rms(plain - exact)


@pytest.mark.parametrize("size", [(4, 4), (5, 8)])
def test_the_picture_so_far_is_doubled_by_the_filter(size: tuple[int, int]) -> None:
    torch.manual_seed(3)
    image, added = torch.randn(2, 3, *size), torch.randn(2, 3, *(2 * side for side in size))
    stuffed = torch.zeros_like(added)
    stuffed[:, :, ::2, ::2] = image
    framed = F.pad(stuffed, (2, 1, 2, 1)).double()
    exact = F.conv2d(framed, FILTER.expand(3, 1, 4, 4) / 16, groups=3) + added
    torch.testing.assert_close(bfloat16.double_and_add(image, added).double(), exact, atol=1e-6, rtol=1e-6)


@pytest.mark.usefixtures("uncompiled")
def test_without_onednn_it_is_the_same_layer() -> None:
    torch.manual_seed(3)
    for up in (False, True):
        layer, w = random_layer(up, None), torch.randn(2, 8).bfloat16()
        maps = torch.randn(2, 5, 64, 64).bfloat16()
        with torch.no_grad():
            fast = layer(maps, w, None)
            with torch.backends.mkldnn.flags(enabled=False):
                torch.testing.assert_close(layer(maps, w, None), fast, atol=0.05, rtol=0.02)


@pytest.mark.parametrize("name", ["multiply", "rotate", "dilate"])
def test_bends_find_the_maps_that_they_would_find_plainly(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    model = StyleGAN2(deepcopy(tiny_generator()))
    for layer in model.network.layers:
        torch.nn.init.constant_(layer.noise_strength, 0.3)
        torch.nn.init.normal_(layer.bias)
    model.bfloat16()
    params = {"multiply": [1.7], "rotate": [30], "dilate": [1]}[name]
    bends = tuple(Bend(layer, build_transform(name, params), Indices((0, 2))) for layer in (1, 2, 3, 4))
    latents = model.latents(range(3))

    def drawn() -> Tensor:
        with bend(model, Recipe(bends)):
            return model.generate(latents)

    unbent = model.generate(latents)
    fast = drawn()
    monkeypatch.setattr(bfloat16, "suits", lambda _: False)
    plain = drawn()
    assert rms(fast - plain) < 0.02 * rms(plain)
    assert rms(fast - unbent) > 0.1 * rms(plain)


def test_a_layer_is_done_by_no_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_with_styled_kernels", "_with_prepared_kernel", "_plainly"):
        monkeypatch.delattr(modulated.ModulatedConv, name)
    network = deepcopy(tiny_generator()).bfloat16()
    with torch.no_grad():
        assert network(torch.randn(2, network.architecture.z_dim).bfloat16()).isfinite().all()


@pytest.mark.parametrize("size", [8, 64])
@pytest.mark.parametrize("up", [False, True])
@torch.no_grad()
def test_changed_weights_are_noticed(up: bool, size: int) -> None:
    torch.manual_seed(3)
    layer = random_layer(up, None)
    maps, w = torch.randn(1, 5, size, size).bfloat16(), torch.randn(1, 8).bfloat16()
    before = layer(maps, w, None)
    layer.conv.weight.data[0] *= 3  # undone by demodulation, if energies are those of these weights
    torch.testing.assert_close(layer(maps, w, None), before, atol=0.1, rtol=0.05)
    layer.conv.weight.data[0, 1] *= -1
    assert rms(layer(maps, w, None) - before) > 0.01


def test_without_numba_it_goes_on_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    for module in ("netbend.models.stylegan2.compiled_finish", "netbend.transforms.kernels"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    fresh = CompiledFinish()
    assert not fresh.load()
    monkeypatch.setattr(finish, "compiled_finish", fresh)
    maps, one = random_maps(4, 4, 4), random_pass(4, 4, 4, None)
    exact = by_definition(maps, one)
    finish_maps(maps, one)
    is_nearest(maps, exact, 100.0)


def test_it_is_compiled_when_much_has_been_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netbend.transforms.compiled.WORTH_LOADING", 1000)
    fresh = CompiledFinish()
    monkeypatch.setattr(finish, "compiled_finish", fresh)
    one = random_pass(1, 10, 10, None)
    finish_doubled(random_maps(1, 11, 11), one, random_maps(1, 10, 10), above=1)
    assert fresh._loading is None
    for _ in range(8):
        finish_maps(random_maps(1, 10, 10), one)
    assert fresh._loading is not None
    fresh._loading.join()
    assert fresh.after(0) is not None
