"""MobileStyleGAN: its wavelets, its layers, its way from OpenVINO's files."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.bending import bend
from netbend.choices import NoiseMode
from netbend.errors import CheckpointError, LatentError
from netbend.models.base import SynthesisOptions
from netbend.models.catalog import describe, load_model
from netbend.models.mobilestylegan.model import MobileStyleGAN
from netbend.models.mobilestylegan.network import HAAR, Architecture, Generator, inverse_haar
from netbend.models.mobilestylegan.openvino import convert
from netbend.models.weights.openvino import Constant
from netbend.recipe import Bend, Recipe
from netbend.transforms import build_transform


@pytest.fixture
def mobile() -> MobileStyleGAN:
    torch.manual_seed(1)
    generator = Generator(Architecture((16, 12, 8), z_dim=8, w_dim=8, mapping_depth=2))
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            parameter.normal_(std=0.5 if name.endswith(("bias", "strength")) else 0.3)
    return MobileStyleGAN(generator, "tiny", "0" * 64)


def haar_analysis(maps: Tensor) -> Tensor:
    """By the definition of the transform: filters along the rows, then along the columns."""
    low, high = (maps[..., ::2] + maps[..., 1::2]) / 2**0.5, (maps[..., ::2] - maps[..., 1::2]) / 2**0.5
    bands = [
        (half[..., ::2, :] + sign * half[..., 1::2, :]) / 2**0.5 for half in (low, high) for sign in (1, -1)
    ]
    return torch.stack(bands, dim=2).flatten(1, 2)


def test_the_inverse_wavelet_transform_undoes_the_transform() -> None:
    maps = torch.randn(3, 5, 8, 6, dtype=torch.float64)
    torch.testing.assert_close(inverse_haar(haar_analysis(maps)), maps)


@pytest.mark.parametrize("count", [1, 3])
def test_a_style_scales_wavelets(count: int) -> None:
    bands, style = torch.randn(count, 8, 4, 4), torch.randn(count, 8)
    torch.testing.assert_close(inverse_haar(bands, style), inverse_haar(bands * style[:, :, None, None]))


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("shape", [(1, 4, 1, 1), (1, 48, 8, 6), (2, 12, 16, 16), (3, 48, 5, 8), (5, 8, 4, 4)])
@pytest.mark.parametrize("styled", [False, True])
def test_wavelets_in_bfloat16_give_the_bits_of_a_transposed_convolution(
    shape: tuple[int, ...], styled: bool, layout: torch.memory_format
) -> None:
    """With their gradients, which in float32 are the definition's."""
    torch.manual_seed(0)
    bands = torch.randn(shape).bfloat16().to(memory_format=layout).requires_grad_()
    style = torch.randn(shape[:2]).bfloat16().requires_grad_() if styled else None
    kernel = HAAR.bfloat16()[:, None].repeat(shape[1] // 4, 1, 1, 1)
    found = inverse_haar(bands, style)
    scaled = bands if style is None else bands * style[:, :, None, None]
    if style is not None and len(bands) == 1:  # rounded in the kernel, not in the maps
        kernel, scaled = kernel * style.detach()[0, :, None, None, None], bands
    expected = F.conv_transpose2d(scaled, kernel, stride=2, groups=shape[1] // 4)
    assert torch.equal(found, expected)
    given = [bands] if style is None else [bands, style]
    weights = torch.randn(found.shape)
    gradients = torch.autograd.grad((found.float() * weights).sum(), given)
    exact = [one.detach().float().requires_grad_() for one in given]
    plain = inverse_haar(exact[0], exact[1] if styled else None)
    for one, other in zip(gradients, torch.autograd.grad((plain * weights).sum(), exact), strict=True):
        torch.testing.assert_close(one.float(), other, atol=0.1, rtol=0.02)


def test_a_batch_gives_what_its_samples_give(mobile: MobileStyleGAN) -> None:
    options = SynthesisOptions(0.8, noise=NoiseMode.RANDOM)
    together = mobile.generate(mobile.latents([1, 2]), options)
    alone = torch.cat([mobile.generate(mobile.latents([seed]), options) for seed in (1, 2)])
    torch.testing.assert_close(together, alone)
    assert together.shape == (2, 3, 32, 32)


def test_layers_are_where_they_say(mobile: MobileStyleGAN) -> None:
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str):
        return lambda _module, _inputs, maps: shapes.__setitem__(name, tuple(maps.shape[1:]))

    for layer in mobile.layers:
        mobile.network.get_submodule(layer.module).register_forward_hook(note(layer.name))
    mobile.generate(mobile.latents([0]))
    assert shapes == {layer.name: (layer.features, layer.height, layer.width) for layer in mobile.layers}
    numbered = {layer.number: layer.height for layer in mobile.layers if layer.number is not None}
    assert numbered == {0: 4, 1: 8, 2: 8, 3: 16, 4: 16}  # as table 2 has them


def test_noise_truncation_and_style_mixing_work_as_for_stylegan2(mobile: MobileStyleGAN) -> None:
    latents = mobile.latents([1, 2])
    constant, none = (
        mobile.generate(latents, SynthesisOptions(noise=mode))
        for mode in (NoiseMode.CONSTANT, NoiseMode.NONE)
    )
    assert not torch.allclose(constant, none)
    first, second = mobile.generate(latents, SynthesisOptions(0.0))
    torch.testing.assert_close(first, second)
    mixed = mobile.mix_styles(latents[0], latents[1], range(6), SynthesisOptions())
    torch.testing.assert_close(mobile.generate(mixed), mobile.generate(latents[1]))
    with pytest.raises(LatentError, match="has no classes"):
        mobile.generate(latents, SynthesisOptions(label="blue"))


@pytest.mark.parametrize("layer", ["b4.const", 0, "b8.up", 3, "b16.wavelets"])
def test_every_kind_of_layer_bends_and_unbends(mobile: MobileStyleGAN, layer: int | str) -> None:
    latents = mobile.latents([5])
    before = mobile.generate(latents)
    with bend(mobile, Recipe((Bend(layer, build_transform("multiply", [-2])),))):
        assert not torch.allclose(mobile.generate(latents), before)
    assert torch.equal(mobile.generate(latents), before)


def test_gradients_reach_the_latent(mobile: MobileStyleGAN) -> None:
    w = torch.randn(1, 6, 8, requires_grad=True)
    mobile.network(w, mobile.generator.synthesis.constant_noise()).square().sum().backward()
    assert w.grad is not None
    assert (w.grad.abs().sum(dim=2) > 0).all()


def test_a_saved_model_is_the_same_model(mobile: MobileStyleGAN, tmp_path: Path) -> None:
    mobile.save(tmp_path / "mine.safetensors")
    again = load_model(tmp_path / "mine.safetensors", "cpu")
    assert isinstance(again, MobileStyleGAN)
    assert torch.equal(again.generate(again.latents([3])), mobile.generate(mobile.latents([3])))
    assert ("verdict", "can be used") in describe(tmp_path / "mine.safetensors").lines()


def exported(generator: Generator) -> tuple[list[Constant], list[Constant]]:
    """A generator as its author's exporter leaves it: other order of wavelets, folded noise, gains apart."""
    state = {name.removeprefix("synthesis."): value for name, value in generator.state_dict().items()}
    features = generator.architecture.features
    mapping = [Constant("gain", torch.ones(1, 1))]
    for layer in range(generator.architecture.mapping_depth):
        for kind in ("weight", "bias"):
            mapping.append(Constant(str(len(mapping)), state[f"mapping.layers.{layer}.{kind}"]))
        mapping.append(Constant("slope", torch.tensor([0.2])))
    constants: list[Constant] = [Constant("m.input.input", state["input.maps"][None])]

    def style(ours: str, theirs: str, gain: float | None = 0.5) -> None:
        weight, bias = state[f"{ours}.style.weight"], state[f"{ours}.style.bias"]
        if gain is None:
            weight, bias = bands_first(weight), bands_first(bias)
        constants.append(Constant(f"{theirs}.modulation.weight", weight / (gain or 1)))
        constants.append(Constant(f"{theirs}.modulation.bias", bias[None] / (gain or 1)))
        if gain is not None:
            constants.append(Constant("gain", torch.full((1, 1, 1, 1), gain)))

    def layer(number: int, kind: str, bias: str, wavelets: bool) -> None:
        order = bands_first if wavelets else lambda values: values
        noise = state[f"noise_{number}"] * state[f"layers.{number}.noise_strength"]
        constants.append(Constant("kernel", order(state[f"layers.{number}.{kind}.weight"])))
        constants.append(Constant("noise", noise[None, None]))
        constants.append(Constant(bias, order(state[f"layers.{number}.{kind}.bias"])[None, :, None, None]))

    style("layers.0", "m.conv1.conv")
    layer(0, "conv", "m.conv1.bias", wavelets=True)
    for step, _ in enumerate(pairwise(features)):
        style(f"upsamplings.{step}", f"m.layers.{step}.up", gain=None)
        for part in (1, 2):
            number, theirs = 2 * step + part, f"m.layers.{step}.conv{part}"
            style(f"layers.{number}", f"{theirs}.conv")
            depthwise = state[f"layers.{number}.depthwise.weight"][:, None]
            constants.append(Constant(f"{theirs}.conv.weight_dw", depthwise))
            layer(number, "pointwise", f"{theirs}.bias", wavelets=part == 2 and step < len(features) - 2)
    last = f"m.layers.{len(features) - 2}.to_img"
    style("to_wavelets", f"{last}.conv")
    constants.append(Constant(f"{last}.conv.weight", bands_first(state["to_wavelets.conv.weight"])))
    constants.append(
        Constant(f"{last}.bias", bands_first(state["to_wavelets.conv.bias"])[None, :, None, None])
    )
    return mapping, constants


def bands_first(rows: Tensor) -> Tensor:
    """The means of all features, then three differences for each."""
    quadruples = rows.unflatten(0, (len(rows) // 4, 4))
    return torch.cat([quadruples[:, 0], quadruples[:, 1:].flatten(0, 1)])


def test_an_exported_network_comes_back(mobile: MobileStyleGAN) -> None:
    again = MobileStyleGAN(convert(*exported(mobile.generator), "net.xml"))
    latents = mobile.latents([1, 2])
    torch.testing.assert_close(
        again.generate(latents, SynthesisOptions(1.0)), mobile.generate(latents, SynthesisOptions(1.0))
    )
    torch.testing.assert_close(
        again.generator.w_mean, mobile.generator.sampled_w_mean(), rtol=1e-4, atol=1e-5
    )


def test_another_network_is_an_error(mobile: MobileStyleGAN) -> None:
    mapping, synthesis = exported(mobile.generator)
    for lacking in (synthesis[:-1], synthesis[1:], []):
        with pytest.raises(CheckpointError, match=r"^net.xml: "):
            convert(mapping, lacking, "net.xml")
