"""The network's arithmetic, against the papers' definitions written out the slow way."""

import numpy as np
import pytest
import torch
from scipy import signal
from torch import Tensor
from torch.nn import functional as F

from netbend.models.stylegan2.discriminator import Discriminator, append_minibatch_deviation
from netbend.models.stylegan2.layers import StyledConv
from netbend.models.stylegan2.modulated import ModulatedConv
from netbend.models.stylegan2.network import Architecture, Generator
from netbend.models.stylegan2.resampling import blur, upsample_twice

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def zero_stuffed(maps: np.ndarray) -> np.ndarray:
    stuffed = np.zeros((maps.shape[0] * 2, maps.shape[1] * 2))
    stuffed[::2, ::2] = maps
    return stuffed


def modulated_weight(conv: ModulatedConv, w: Tensor) -> Tensor:
    """Equations 1 and 3 of the paper, on the weights, for one sample."""
    weight = conv.weight * conv.gain * conv.style(w)[0][None, :, None, None]
    if conv.demodulate:
        weight = weight * torch.rsqrt(weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8)
    return weight


def test_blur_is_the_binomial_filter_with_zeros_outside() -> None:
    maps = torch.randn(1, 2, 7, 5)
    expected = signal.convolve2d(np.pad(maps[0, 1].numpy(), 1), FILTER, mode="valid")
    np.testing.assert_allclose(blur(maps, padding=1)[0, 1].numpy(), expected, atol=1e-6)


def test_doubling_an_image_is_zero_stuffing_and_the_binomial_filter() -> None:
    image = torch.randn(1, 1, 6, 6)
    padded = np.pad(zero_stuffed(image[0, 0].numpy()), ((2, 1), (2, 1)))
    expected = signal.convolve2d(padded, FILTER * 4, mode="valid")
    np.testing.assert_allclose(upsample_twice(image)[0, 0].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("demodulate", [True, False])
def test_modulating_the_input_equals_modulating_the_weights(demodulate: bool) -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(5, 4, 3, w_dim=8, demodulate=demodulate)
    maps, w = torch.randn(3, 5, 6, 6), torch.randn(3, 8)
    expected = torch.cat(
        [F.conv2d(maps[n : n + 1], modulated_weight(conv, w[n : n + 1]), padding=1) for n in range(3)]
    )
    torch.testing.assert_close(conv(maps, w), expected, atol=1e-5, rtol=1e-4)


def test_the_upsampling_convolution_is_zero_stuffing_convolution_and_filter() -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(1, 1, 3, w_dim=4, up=True)
    maps, w = torch.randn(1, 1, 5, 5), torch.randn(1, 4)
    kernel = modulated_weight(conv, w)[0, 0].detach().numpy()
    # Zero stuffing leaves a last row and column of zeros, which the padding takes into account.
    convolved = signal.convolve2d(np.pad(zero_stuffed(maps[0, 0].numpy()), ((0, 1), (0, 1))), kernel)[
        :11, :11
    ]
    expected = signal.convolve2d(np.pad(convolved, 1), FILTER * 4, mode="valid")
    np.testing.assert_allclose(conv(maps, w).detach()[0, 0].numpy(), expected, atol=1e-5)


# Features, kernel, size, up: small maps; Winograd's way, in one go and in several; the same at odd sizes,
# where it does not go; upsampling by products, by one transposed convolution, in strips.
WAYS = [
    (6, 3, (12, 16), False),
    (6, 1, (12, 16), False),
    (256, 3, (8, 12), False),
    (256, 3, (48, 64), False),
    (256, 3, (9, 8), False),
    (6, 3, (64, 66), False),
    (6, 3, (12, 16), True),
    (6, 3, (64, 66), True),
    (6, 3, (128, 32), True),
    (6, 3, (150, 28), True),
]


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize(("features", "kernel", "size", "up"), WAYS, ids=str)
def test_all_ways_of_a_convolution_are_one(
    features: int, kernel: int, size: tuple[int, int], up: bool, demodulate: bool
) -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(features, features, kernel, w_dim=8, up=up, demodulate=demodulate)
    maps, w, bias = torch.randn(2, features, *size), torch.randn(2, 8), torch.randn(features)
    plainly = conv(maps, w, bias, 1.5).detach()
    assert plainly.std() > 0.5
    with torch.no_grad():
        for given in (maps, maps.to(memory_format=torch.channels_last)):
            torch.testing.assert_close(conv(given, w, bias, 1.5), plainly, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize(("features", "up"), [(6, False), (6, True), (256, False)])
@torch.no_grad()
def test_a_kernel_is_prepared_again_when_its_weights_change(features: int, up: bool) -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(features, features, 3, w_dim=8, up=up)
    maps, w = torch.randn(1, features, 8, 8), torch.randn(1, 8)

    def same_as_fresh() -> bool:
        fresh = ModulatedConv(features, features, 3, w_dim=8, up=up)
        fresh.load_state_dict(conv.state_dict())
        return torch.equal(conv(maps, w), fresh(maps, w))

    before = conv(maps, w)
    conv.weight[0] *= -1
    assert same_as_fresh()
    torch._foreach_lerp_([conv.weight], [torch.randn_like(conv.weight)], 0.5)
    assert same_as_fresh()
    conv.load_state_dict({name: torch.randn_like(values) for name, values in conv.state_dict().items()})
    assert same_as_fresh()
    conv.weight = torch.nn.Parameter(torch.randn_like(conv.weight))
    assert same_as_fresh()
    assert not torch.allclose(conv(maps, w), before, atol=0.1)


def test_a_network_of_inference_mode_generates() -> None:
    with torch.inference_mode():
        torch.manual_seed(0)
        conv = ModulatedConv(6, 6, 3, w_dim=8)
        maps, w = torch.randn(1, 6, 8, 8), torch.randn(1, 8)
        before = conv(maps, w)
        conv.weight[0] *= -1
        after = conv(maps, w)
    torch.testing.assert_close(after[:, 0], -before[:, 0])
    torch.testing.assert_close(after[:, 1:], before[:, 1:])


def test_a_layer_adds_noise_and_bias_before_the_activation() -> None:
    torch.manual_seed(0)
    layer = StyledConv(3, 2, 4)
    layer.noise_strength.data.fill_(0.5)
    layer.bias.data.copy_(torch.tensor([1.0, -1.0]))
    maps, w, noise = torch.randn(1, 3, 4, 4), torch.randn(1, 4), torch.randn(4, 4)
    plain = layer.conv(maps, w) + 0.5 * noise + layer.bias[:, None, None]
    torch.testing.assert_close(layer(maps, w, noise), F.leaky_relu(plain, 0.2) * 2**0.5)


def test_a_clamp_bounds_the_activations() -> None:
    layer = StyledConv(3, 2, 4, clamp=0.1)
    drawn = layer(torch.randn(1, 3, 4, 4) * 50, torch.randn(1, 4), None)
    assert drawn.abs().max().item() == pytest.approx(0.1)


@pytest.mark.parametrize("size", [32, 64, 128, 256, 512, 1024])
def test_every_size_has_the_features_of_config_f(size: int) -> None:
    architecture = Architecture.of_width(size)
    table_2 = {8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64, 1024: 32}
    assert architecture.size == size
    for layer in range(1, architecture.layer_count):
        step = (layer + 1) // 2
        assert architecture.resolution(layer) == 4 * 2**step
        assert architecture.features[step] == table_2[architecture.resolution(layer)]


def test_each_layer_listens_to_its_own_w(generator: Generator) -> None:
    w = torch.randn(1, generator.architecture.latent_count, 16)
    noise = generator.synthesis.constant_noise()
    seen = {}

    def note(name: str):
        return lambda _module, inputs, _output: seen.__setitem__(name, inputs[1])

    for index, layer in enumerate(generator.synthesis.layers):
        layer.register_forward_hook(note(f"layer{index}"))
    for index, to_rgb in enumerate(generator.synthesis.to_rgb):
        to_rgb.register_forward_hook(note(f"rgb{index}"))
    generator.synthesis(w, noise)
    expected = {f"layer{i}": i for i in range(5)} | {"rgb0": 1, "rgb1": 3, "rgb2": 5}
    for name, position in expected.items():
        torch.testing.assert_close(seen[name], w[:, position], msg=name)


def test_truncation_moves_towards_the_mean_in_the_first_layers_only(generator: Generator) -> None:
    z = torch.randn(2, 16)
    whole = generator.w_plus(z)
    half = generator.w_plus(z, truncation=0.5, cutoff=3)
    torch.testing.assert_close(half[:, :3], (whole[:, :3] + generator.w_mean) / 2)
    torch.testing.assert_close(half[:, 3:], whole[:, 3:])
    torch.testing.assert_close(generator.w_plus(z, truncation=0.0), generator.w_mean.expand_as(whole))


def test_the_discriminator_gives_one_logit_an_image_and_gradients_everywhere() -> None:
    discriminator = Discriminator((8, 6, 4))
    logits = discriminator(torch.randn(6, 3, 16, 16))
    assert logits.shape == (6, 1)
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in discriminator.parameters())


def test_the_minibatch_deviation_is_that_of_the_samples_of_a_group() -> None:
    maps = torch.zeros(4, 2, 3, 3)
    maps[2:] = 2.0  # groups of two pair samples 0 and 2, 1 and 3: their deviation is 1
    column = append_minibatch_deviation(maps, group_size=2)[:, 2]
    torch.testing.assert_close(column, torch.ones(4, 3, 3), atol=1e-4, rtol=0)
    assert append_minibatch_deviation(torch.zeros(4, 2, 3, 3), 4)[:, 2].max() < 1e-3
