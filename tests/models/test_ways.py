"""Whatever way a network takes to its output, it is the one that the paper defines.

Ways differ by the size of maps, the size of the batch, and whether gradients are on. Weights, noise and all
that may be left out of a network by mistake are random and large.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from netbend.choices import NoiseMode, Space
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.models.dcgan.model import DCGAN
from netbend.models.dcgan.network import Architecture as DCGANArchitecture
from netbend.models.dcgan.network import Generator as DCGANGenerator
from netbend.models.mobilestylegan.model import MobileStyleGAN
from netbend.models.mobilestylegan.network import Architecture as MobileArchitecture
from netbend.models.mobilestylegan.network import Generator as MobileGenerator
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture as VAEArchitecture
from netbend.models.spectrogram_vae.network import SpectrogramVAE
from netbend.models.styled import StyledModel
from netbend.models.stylegan2 import fused, layers, modulated
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Architecture, Generator

from . import plainly

BATCHES = [1, 2, 3, 5]
MODES = ["constant", "random", "none", "projected"]
MOST = 5  # latents


def randomized(network: nn.Module) -> nn.Module:
    """Every parameter random: biases, noise strengths and styles about 0.3, so that each of them matters."""
    torch.manual_seed(11)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                parameter.add_(
                    0.3 * torch.randn_like(parameter).sign() * (1 + torch.rand_like(parameter)) / 1.5
                )
        for name, buffer in network.named_buffers():
            if name.endswith("w_mean"):
                buffer.normal_(std=0.3)
    return network


@cache
def stylegan2(size: int, clamp: float | None = None) -> StyleGAN2:
    """At 8x8 with the features of Winograd's way; at 64x64 and more with few."""
    features = (256, 256, 8, 6, 5, 4, 3)[: size.bit_length() - 2]
    torch.manual_seed(4)
    return StyleGAN2(randomized(Generator(Architecture(features, 8, 8, 2, clamp=clamp))), "tiny", "0" * 64)


@cache
def mobile(size: int) -> MobileStyleGAN:
    features = (16, 12, 8, 8, 4, 4)[: size.bit_length() - 3]
    torch.manual_seed(4)
    generator = randomized(MobileGenerator(MobileArchitecture(features, 8, 8, 2)))
    for name, parameter in generator.synthesis.named_parameters():
        if name.endswith("weight"):
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return MobileStyleGAN(generator, "tiny", "0" * 64)


def latents_of(model: StyledModel, count: int, mode: str) -> Latents:
    """w+ with every vector another, and the noise of a projection where that is asked for."""
    architecture = model.generator.architecture
    random = torch.Generator().manual_seed(5)
    w = torch.randn(MOST, architecture.latent_count, architecture.w_dim, generator=random)
    stored = model.generator.synthesis.constant_noise()
    maps = tuple(torch.randn(MOST, 1, *noise.shape, generator=random)[:count] for noise in stored)
    projected = maps if mode == "projected" else None
    return Latents(Space.W_PLUS, w[:count], tuple(range(7, 7 + count)), projected)


def noise_of(model: StyledModel, latents: Latents, mode: str) -> list[Tensor | None]:
    return model._noise(latents, NoiseMode("constant" if mode == "projected" else mode))


@cache
def expected(make: Callable[[int], StyledModel], size: int, mode: str) -> Tensor:
    """Images of all latents, by the paper."""
    model = make(size)
    weights = plainly.doubled(model.network.state_dict())
    latents = latents_of(model, MOST, mode)
    draw = plainly.stylegan2 if make is stylegan2 else plainly.mobilestylegan
    with torch.no_grad():
        return draw(weights, latents.values.double(), noise_of(model, latents, mode))


def same(images: Tensor, expected: Tensor, tolerance: float = 3e-6) -> None:
    """Within so much of the range of the images."""
    spread = expected.max() - expected.min()
    assert images.std() > 0.05 * spread, "there is nothing to see in it"
    assert (images.double() - expected).abs().max() < tolerance * spread


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts the ways that are taken."""
    taken: Counter[str] = Counter()

    def watch(owner: object, name: str, way: Callable[..., str]) -> None:
        original = getattr(owner, name)

        def noted(*given: object, **named: object) -> object:
            taken[way(*given)] += 1
            return original(*given, **named)

        monkeypatch.setattr(owner, name, noted)

    watch(layers.StyledConv, "_one_by_one", lambda *_: "one by one")
    watch(modulated.ModulatedConv, "_plainly", lambda *_: "plainly")
    watch(modulated.ModulatedConv, "_with_styled_kernels", lambda *_: "styled kernels")
    watch(modulated.ModulatedConv, "_with_prepared_kernel", lambda *_: "prepared kernel")
    watch(modulated, "winograd", lambda *_: "winograd")
    watch(modulated, "upsample_by_products", lambda *_: "products")
    watch(
        modulated, "upsample_convolve", lambda maps, *_: "strips" if maps.shape[2] >= 128 else "doubled whole"
    )
    return taken


FAST = {"styled kernels", "prepared kernel", "winograd", "products"}


def check_batch_of_stylegan2(size: int, mode: str, batch: int) -> None:
    """Whatever way is taken, it is its samples by the paper."""
    model = stylegan2(size)
    latents = latents_of(model, batch, mode)
    options = SynthesisOptions(noise=NoiseMode("constant" if mode == "projected" else mode))
    same(model.generate(latents, options), expected(stylegan2, size, mode)[:batch])


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [64, 128])
def test_a_batch_of_stylegan2_is_its_samples_by_the_paper(
    size: int, mode: str, batch: int, ways: Counter[str]
) -> None:
    check_batch_of_stylegan2(size, mode, batch)
    large = {"doubled whole"} if size > 64 else set()
    assert set(ways) == FAST | large | ({"one by one"} if batch > 1 else set())


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("mode", ["constant", "projected"])
def test_maps_that_are_doubled_in_strips_are_those_of_the_paper(
    mode: str, batch: int, ways: Counter[str]
) -> None:
    model = stylegan2(256)
    latents = latents_of(model, batch, mode)
    same(model.generate(latents), expected(stylegan2, 256, mode)[:batch])
    assert ways["strips"] == batch


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [stylegan2, mobile])
def test_with_gradients_pictures_and_gradients_are_those_of_the_paper(
    make: Callable[[int], StyledModel], mode: str, batch: int, ways: Counter[str]
) -> None:
    model = make(64)
    latents = latents_of(model, batch, mode)
    noise = noise_of(model, latents, mode)
    w = latents.values.clone().requires_grad_()
    images = model.network(w, noise)
    same(images.detach(), expected(make, 64, mode)[:batch])
    weights = plainly.doubled(model.network.state_dict())
    exact = latents.values.double().requires_grad_()
    draw = plainly.stylegan2 if make is stylegan2 else plainly.mobilestylegan
    factors = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    (images * factors).sum().backward()
    (draw(weights, exact, noise) * factors).sum().backward()
    same(w.grad, exact.grad, 1e-5)
    assert set(ways) == ({"plainly", "doubled whole"} if make is stylegan2 else set())


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [64, 128])
def test_a_batch_of_mobilestylegan_is_its_samples_by_the_paper(size: int, mode: str, batch: int) -> None:
    model = mobile(size)
    options = SynthesisOptions(noise=NoiseMode("constant" if mode == "projected" else mode))
    same(model.generate(latents_of(model, batch, mode), options), expected(mobile, size, mode)[:batch])


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("make", [stylegan2, mobile])
def test_weights_that_are_not_channels_last_draw_the_same(
    make: Callable[[int], StyledModel], batch: int, ways: Counter[str]
) -> None:
    model = make(128)
    network = deepcopy(model.network).to(memory_format=torch.contiguous_format)
    latents = latents_of(model, batch, "projected")
    with torch.no_grad():
        images = network(latents.values, noise_of(model, latents, "projected"))
    same(images, expected(make, 128, "projected")[:batch])
    assert make is mobile or set(ways) >= FAST


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("make", [stylegan2, mobile])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.bfloat16, 0.03)])
def test_other_precisions_draw_the_same_as_far_as_they_go(
    make: Callable[[int], StyledModel], batch: int, dtype: torch.dtype, tolerance: float
) -> None:
    model = make(128)
    network = deepcopy(model.network).to(dtype)
    latents = latents_of(model, batch, "constant")
    with torch.no_grad():
        images = network(latents.values.to(dtype), network.constant_noise())
    same(images, expected(make, 128, "constant")[:batch], tolerance)


@pytest.mark.parametrize("clamp", [0.5, 256.0])
@pytest.mark.parametrize("batch", [1, 3])
def test_clamps_bound_what_the_paper_defines(clamp: float, batch: int) -> None:
    model = stylegan2(64, clamp)
    latents = latents_of(model, batch, "constant")
    weights = plainly.doubled(model.network.state_dict())
    noise = noise_of(model, latents, "constant")
    drawn = plainly.stylegan2(weights, latents.values.double(), noise, clamp)
    same(model.generate(latents), drawn)
    with torch.enable_grad():
        same(model.network(latents.values.requires_grad_(), noise).detach(), drawn)


def dcgan() -> Model:
    torch.manual_seed(4)
    return DCGAN(randomized(DCGANGenerator(DCGANArchitecture((16, 12, 8, 6), 6))), "tiny", "0" * 64)


def vae() -> Model:
    torch.manual_seed(4)
    network = randomized(SpectrogramVAE(VAEArchitecture.of_width(1 / 32, latent_dim=16)))
    return SpectrogramModel(network, "tiny", "0" * 64)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(("make", "draw"), [(dcgan, plainly.dcgan), (vae, plainly.spectrogram_vae)])
def test_batches_of_the_others_are_their_samples(
    make: Callable[[], Model], draw: Callable[..., Tensor], batch: int
) -> None:
    model = make()
    latents = model.latents(range(batch))
    drawn = draw(plainly.doubled(model.network.state_dict()), latents.values)
    same(model.generate(latents, SynthesisOptions(1.0)), drawn)
    with torch.no_grad():
        same(model.network(latents.values), drawn)
    with torch.enable_grad():
        same(model.network(latents.values.requires_grad_()).detach(), drawn)


CHANGES: dict[str, Callable[[nn.Parameter], object]] = {
    "in place": lambda weight: weight[0].neg_(),
    "through .data": lambda weight: weight.data[1].neg_(),
    "a feature through .data": lambda weight: weight.data[5].mul_(1.01),
    "an input through .data": lambda weight: weight.data[:, 4].mul_(1.01),
    "one weight through .data": lambda weight: weight.data.view(-1)[5].add_(0.01),
    "shuffled through .data": lambda weight: weight.data.copy_(weight.data.flip(0)),
    "through numpy": lambda weight: weight.detach().numpy().__imul__(1.5),
    "other .data": lambda weight: setattr(weight, "data", torch.randn_like(weight)),
    "rounded": lambda weight: setattr(weight, "data", weight.data.bfloat16().float()),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("features", "up"), [(6, False), (6, True), (256, False)])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_changed_weights_are_noticed_however_they_were_changed(
    mode: Callable[[], object], features: int, up: bool, change: str
) -> None:
    if features == 256 and change.startswith("one weight"):
        pytest.skip("of many weights not each is looked at")
    torch.manual_seed(0)
    conv = modulated.ModulatedConv(features, features, 3, w_dim=8, up=up)
    maps, w = torch.randn(1, features, 8, 8), torch.randn(1, 8)
    with mode():
        before = conv(maps, w)
        CHANGES[change](conv.weight)
        fresh = modulated.ModulatedConv(features, features, 3, w_dim=8, up=up)
        fresh.load_state_dict(conv.state_dict())
        assert torch.equal(conv(maps, w), fresh(maps, w))
        assert not torch.equal(conv(maps, w), before)


def test_what_is_kept_belongs_to_one_network_alone() -> None:
    model = stylegan2(64)
    latents = latents_of(model, 1, "constant")
    before = model.generate(latents)
    copied = StyleGAN2(deepcopy(model.generator), "copy", "0" * 64)
    assert all(
        conv._kept is None for conv in copied.network.modules() if isinstance(conv, modulated.ModulatedConv)
    )
    copied.network.layers[2].conv.weight.data.neg_()
    assert not torch.equal(copied.generate(latents), before)
    assert torch.equal(model.generate(latents), before)


def test_threads_that_want_one_kernel_in_two_forms_get_each_its_own() -> None:
    torch.manual_seed(0)
    conv = modulated.ModulatedConv(256, 256, 3, w_dim=8)
    w = torch.randn(1, 8)
    sizes = [(8, 8), (7, 7)]  # Winograd's way, and not
    given = [torch.randn(1, 256, *size) for size in sizes]
    with torch.no_grad():
        expected = [conv(maps, w) for maps in given]

    @torch.no_grad()
    def wrong(which: int) -> int:
        return sum(not torch.equal(conv(given[which], w), expected[which]) for _ in range(100))

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(wrong, (0, 1))) == [0, 0]


def test_a_model_that_was_loaded_in_inference_mode_draws_outside_of_it() -> None:
    with torch.inference_mode():
        torch.manual_seed(4)
        model = StyleGAN2(randomized(Generator(Architecture((16, 8, 6, 5, 4), 8, 8, 2))), "tiny", "0" * 64)
        latents = latents_of(model, 2, "constant")
        inside = model.generate(latents)
    assert torch.equal(model.generate(latents), inside)


@pytest.mark.parametrize("model", [stylegan2(16), mobile(16)], ids=["stylegan2", "mobilestylegan"])
@pytest.mark.parametrize(
    "options", [SynthesisOptions(1.0), SynthesisOptions(0.5), SynthesisOptions(-0.5, truncation_cutoff=2)]
)
def test_a_network_draws_within_autocast(model: StyledModel, options: SynthesisOptions) -> None:
    latents = model.latents([1, 2, 3])
    expected = model.generate(latents, options)
    with torch.autocast("cpu", torch.bfloat16):
        drawn = model.generate(latents, options)
    assert drawn.dtype == torch.float32
    assert (drawn - expected).abs().mean() < 0.05 * expected.abs().mean()


@pytest.mark.parametrize("factor", [1e10, 1e20, 1e37])
@pytest.mark.parametrize("make", [stylegan2, mobile])
def test_the_length_of_z_does_not_matter_however_large(
    make: Callable[[int], StyledModel], factor: float
) -> None:
    model = make(64)
    z = model.latents([1, 2])
    longer = replace(z, values=z.values * factor)
    torch.testing.assert_close(model.to_w(longer).values, model.to_w(z).values)


@pytest.mark.parametrize("size", [8, 64])
def test_styles_whose_squares_are_infinite_do_not_come_out_as_zero(size: int) -> None:
    conv = modulated.ModulatedConv(6, 6, 3, w_dim=8)
    maps, w = torch.randn(1, 6, size, size), torch.randn(1, 8)
    with torch.no_grad():
        drawn = conv(maps, w)
        torch.testing.assert_close(conv(maps, w * 1e15), conv(maps, w * 1e14), rtol=1e-4, atol=1e-4)
        assert drawn.isfinite().all()
        assert not conv(maps, w * 1e25).isfinite().any()


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(256, 256, 3, 3), (6, 256, 1, 1), (5, 7, 3, 3)])
def test_a_changed_input_is_noticed_whichever_it_is(
    shape: tuple[int, ...], form: torch.memory_format
) -> None:
    weight = torch.randn(shape).contiguous(memory_format=form)
    some = modulated._some_of(weight)
    parts = [*weight.unbind(0), *weight.unbind(1), *weight.flatten(2).unbind(2)]
    for part in parts:
        before = some.clone()
        part += 0.01
        assert not torch.equal(some, before)


def test_weights_that_lie_in_no_order_are_looked_at_whole() -> None:
    weight = torch.randn(3, 3, 64, 64).permute(2, 3, 0, 1)[:, ::2]
    assert modulated._some_of(weight) is weight


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of GPUs, on the processor: with operations of torch, as where there is no Triton."""
    monkeypatch.setattr(fused, "suits", lambda w: w.dtype in fused.PRECISIONS and not torch.is_grad_enabled())


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [64, 128])
def test_a_batch_on_a_gpu_is_its_samples_by_the_paper(
    size: int, mode: str, batch: int, ways: Counter[str]
) -> None:
    check_batch_of_stylegan2(size, mode, batch)
    assert not ways, "nothing is done as on a processor"


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("clamp", [0.5, 256.0])
@pytest.mark.parametrize("batch", [1, 3])
def test_clamps_on_a_gpu_bound_what_the_paper_defines(clamp: float, batch: int) -> None:
    model = stylegan2(64, clamp)
    latents = latents_of(model, batch, "constant")
    noise = noise_of(model, latents, "constant")
    drawn = plainly.stylegan2(
        plainly.doubled(model.network.state_dict()), latents.values.double(), noise, clamp
    )
    same(model.generate(latents), drawn)


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_bfloat16_on_a_gpu_draws_the_same_as_far_as_it_goes(batch: int, form: torch.memory_format) -> None:
    model = stylegan2(128)
    network = deepcopy(model.network).to(torch.bfloat16).to(memory_format=form)
    latents = latents_of(model, batch, "constant")
    with torch.no_grad():
        images = network(latents.values.bfloat16(), network.constant_noise())
    same(images, expected(stylegan2, 128, "constant")[:batch], 0.03)


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("batch", [1, 3])
def test_a_layer_on_a_gpu_can_be_called_by_itself(batch: int) -> None:
    model = stylegan2(16)
    w = latents_of(model, batch, "constant").values[:, 3]
    noise = torch.randn(16, 16)
    maps = torch.randn(batch, 256, 8, 8)  # not channels-last
    layer, colours = model.network.layers[3], model.network.to_rgb[2]
    with torch.no_grad():
        fast = layer(maps, w, noise)
        fast_colours = colours(fast, w)
    with torch.enable_grad():
        drawn = layer(maps, w, noise)
        torch.testing.assert_close(fast, drawn, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(fast_colours, colours(drawn, w), rtol=1e-4, atol=1e-4)
