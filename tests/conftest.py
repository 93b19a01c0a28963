"""A tiny StyleGAN2, random but fixed, that all tests share."""

import pytest
import torch

from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Architecture, Generator


def tiny_generator(features: tuple[int, ...] = (12, 10, 8), seed: int = 3, **rest: object) -> Generator:
    """16x16 with few features; every parameter random, so that each one matters."""
    torch.manual_seed(seed)
    generator = Generator(Architecture(features, z_dim=16, w_dim=16, mapping_depth=2, **rest))
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                parameter.add_(torch.randn_like(parameter) * 0.2)
        generator.w_mean.normal_(std=0.3)
    return generator.eval().requires_grad_(False)


@pytest.fixture
def generator() -> Generator:
    return tiny_generator()


@pytest.fixture
def model(generator: Generator) -> StyleGAN2:
    return StyleGAN2(generator, name="tiny", hash="0" * 64)
