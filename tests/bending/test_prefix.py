"""What is kept of a run is given again to the bit, whatever kind of network it is."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netbend.bending import Layer, Plan, bend, resolve
from netbend.bending.prefix import Prefix
from netbend.errors import ModelError
from netbend.models.base import Model, SynthesisOptions
from netbend.models.dcgan.model import DCGAN
from netbend.models.dcgan.network import Architecture as DCGANArchitecture
from netbend.models.dcgan.network import Generator as DCGANGenerator
from netbend.models.mobilestylegan.model import MobileStyleGAN
from netbend.models.mobilestylegan.network import Architecture as MobileArchitecture
from netbend.models.mobilestylegan.network import Generator as MobileGenerator
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture as VAEArchitecture
from netbend.models.spectrogram_vae.network import SpectrogramVAE
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.wrap import WrappedModule, wrap
from netbend.recipe import recipe_from_data

from ..conftest import tiny_generator


def stylegan2() -> Model:
    return StyleGAN2(tiny_generator(), "tiny", "0" * 64)


def dcgan() -> Model:
    torch.manual_seed(0)
    return DCGAN(DCGANGenerator(DCGANArchitecture((12, 8), z_dim=6)), "tiny", "0" * 64)


def mobile() -> Model:
    torch.manual_seed(0)
    generator = MobileGenerator(MobileArchitecture((16, 12, 8), z_dim=8, w_dim=8, mapping_depth=2))
    return MobileStyleGAN(generator, "tiny", "0" * 64)


def vae() -> Model:
    torch.manual_seed(0)
    network = SpectrogramVAE(VAEArchitecture.of_width(1 / 32, latent_dim=16))
    return SpectrogramModel(network, "tiny", "0" * 64)


MODELS = [stylegan2, dcgan, mobile, vae]


def plan_of(model: Model | WrappedModule, *bends: tuple[Layer, str, list[float]]) -> Plan:
    items = [{"layer": layer.name, "transform": name, "params": params} for layer, name, params in bends]
    return resolve(recipe_from_data({"bends": items}), model)


def recorded(model: Model, layers: Sequence[Layer], plan: Plan) -> Prefix:
    prefix = Prefix(model.network, layers)
    with bend(model, plan), prefix.recorded():
        model.generate(model.latents([3]), SynthesisOptions(truncation_psi=0.8))
    return prefix


def rest(plan: Plan, prefix: Prefix) -> Plan:
    return Plan(tuple(planned for planned in plan.bends if not prefix.holds(planned.layer)))


def is_untouched(network: nn.Module) -> bool:
    return all(
        not module._forward_hooks and not module._forward_pre_hooks and "forward" not in module.__dict__
        for module in network.modules()
    )


@pytest.mark.parametrize("make", MODELS)
def test_every_layer_of_every_model_is_exact(make: Callable[[], Model]) -> None:
    model = make()
    latents, options = model.latents([3]), SynthesisOptions(truncation_psi=0.8)
    for place, layer in enumerate(model.layers):
        before = [(model.layers[place - 1], "multiply", [1.5])] if place else []
        first = plan_of(model, *before, (layer, "multiply", [0.5]))
        second = plan_of(model, *before, (layer, "flip-h", []))
        with bend(model, second):
            expected = model.generate(latents, options)
        prefix = recorded(model, [layer], first)
        with bend(model, rest(second, prefix)), prefix.replayed():
            again = model.generate(latents, options)
            assert torch.equal(model.generate(latents, options), again), f"{layer}: the second run"
        assert torch.equal(again, expected), layer
        assert is_untouched(model.network)


@pytest.mark.parametrize("make", MODELS)
def test_a_sample_is_replayed_as_a_batch(make: Callable[[], Model]) -> None:
    model = make()
    layer = model.layers[2]
    states = [plan_of(model, (layer, "multiply", [factor])) for factor in (0.5, 1.0, -2.0)]
    latents, options = model.latents([3, 3, 3]), SynthesisOptions(truncation_psi=0.8)
    with bend(model, states):
        expected = model.generate(latents, options)
    prefix = recorded(model, [layer], states[0])
    with bend(model, states), prefix.replayed(3):
        batch = model.generate(latents, options)
    torch.testing.assert_close(batch, expected)  # a network may round a batch differently
    with bend(model, states[::-1]), prefix.replayed(3):
        backwards = model.generate(latents, options)
    assert torch.equal(backwards.flip(0), batch)


def test_less_is_computed(model: StyleGAN2) -> None:
    layer = model.layers[-2]
    prefix = recorded(model, [layer], Plan(()))
    ran: list[str] = []
    for name, module in model.network.named_modules():
        forward = module.forward

        def noted(*inputs: object, name: str = name, forward: Callable[..., object] = forward) -> object:
            ran.append(name)
            return forward(*inputs)

        module.forward = noted
    with prefix.replayed():
        model.generate(model.latents([3]), SynthesisOptions(truncation_psi=0.8))
    assert ran[0] == ""
    assert {name.partition(".")[0] for name in ran[1:]} == {"layers", "to_rgb"}
    assert {".".join(name.split(".")[:2]) for name in ran[1:]} == {"layers.4", "to_rgb.2"}


def test_bends_of_what_is_kept_are_known(model: StyleGAN2) -> None:
    by_name = {layer.name: layer for layer in model.layers}
    prefix = recorded(model, [by_name["b8.conv1"]], Plan(()))
    held = {name for name, layer in by_name.items() if prefix.holds(layer)}
    assert held == {"b4.const", "b4.conv1", "b4.torgb", "b8.conv0"}
    assert prefix.bytes >= 4 * (12 * 16 * 2 + 10 * 64)


def test_nothing_is_left_behind_after_errors(model: StyleGAN2) -> None:
    prefix = Prefix(model.network, [model.layers[3]])

    def fail() -> None:
        model.generate(model.latents([3]))
        raise KeyError

    with pytest.raises(KeyError), prefix.recorded():
        fail()
    assert is_untouched(model.network)
    assert prefix.bytes == 0
    prefix = recorded(model, [model.layers[3]], Plan(()))
    with pytest.raises(KeyError), prefix.replayed():
        raise KeyError
    assert is_untouched(model.network)


def test_a_batch_is_not_replayed_as_another(model: StyleGAN2) -> None:
    prefix = Prefix(model.network, [model.layers[3]])
    with prefix.recorded():
        model.generate(model.latents([1, 2]))
    refusal = "a run of 2 samples was kept; it cannot be replayed as 3"
    with pytest.raises(ModelError, match=refusal), prefix.replayed(3):
        model.generate(model.latents([1, 2, 3]))


class Skips(nn.Module):
    """Skip connections, one activation for all, maps written into by modules and by functions."""

    def __init__(self, inplace: bool, written: bool) -> None:
        super().__init__()
        self.written = written
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.activation = nn.LeakyReLU(0.2, inplace=inplace)
        self.block = nn.Sequential(nn.ELU(inplace=inplace), nn.Conv2d(6, 6, 3, padding=1))
        self.norm = nn.BatchNorm2d(6)
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.last = nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skipped = self.first(x)
        maps = self.activation(skipped)  # written in place, `skipped` is another from here on
        if self.written:
            maps.mul_(1.5)
        maps = self.block(maps) + skipped
        maps = self.norm(maps)
        maps = self.activation(self.second(maps)) + maps
        if self.written:
            F.elu_(maps)
        return self.last(self.activation(maps)) + skipped.mean(dim=(1, 2, 3), keepdim=True)


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("written", [False, True])
@torch.no_grad()
def test_networks_that_write_into_their_maps_are_exact(inplace: bool, written: bool) -> None:
    torch.manual_seed(1)
    network = Skips(inplace, written).eval()
    x = torch.randn(1, 3, 5, 7)
    kinds = (nn.Conv2d, nn.LeakyReLU, nn.ELU, nn.BatchNorm2d, nn.Sequential)
    wrapped = wrap(network, lambda: network(x), kinds)
    assert len(wrapped.layers) == 8
    for layer in wrapped.layers:
        plan = plan_of(wrapped, (layer, "multiply", [0.5]))
        with bend(wrapped, plan):
            expected = network(x)
        prefix = Prefix(network, [layer])
        with prefix.recorded():
            network(x)
        with bend(wrapped, plan), prefix.replayed():
            assert torch.equal(network(x), expected), f"{layer}"
            assert torch.equal(network(x), expected), f"{layer}: the second run"
        with bend(wrapped, plan), prefix.replayed(2):
            torch.testing.assert_close(network(x.repeat(2, 1, 1, 1)), expected.repeat(2, 1, 1, 1))


class Mixed(nn.Module):
    """Puts out what cannot be copied, and takes it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"maps": self.inner(x) * 2}


class Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mixed = Mixed()
        self.last = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.mixed(x)["maps"])


@torch.no_grad()
def test_modules_that_put_out_other_things_are_run_again() -> None:
    network, x = Whole(), torch.randn(1, 3, 4, 4)
    wrapped = wrap(network, lambda: network(x))
    prefix = Prefix(network, wrapped.layers[1:])
    with prefix.recorded():
        expected = network(x)
    assert [prefix.holds(layer) for layer in wrapped.layers] == [True, False]
    with prefix.replayed(2):
        # The rest runs as a batch, which a convolution may round otherwise.
        torch.testing.assert_close(network(x.repeat(2, 1, 1, 1)), expected.repeat(2, 1, 1, 1))


def test_inference_mode_is_refused() -> None:
    network, x = Whole(), torch.randn(1, 3, 4, 4)
    prefix = Prefix(network, wrap(network, lambda: network(x)).layers[1:])
    with torch.inference_mode(), pytest.raises(ModelError, match=r"use torch\.no_grad"), prefix.recorded():
        network(x.clone())
