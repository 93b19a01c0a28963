"""The tiny StyleGAN2, made to draw within black and white."""

import pytest
import torch

from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Generator


@pytest.fixture
def model(generator: Generator) -> StyleGAN2:
    with torch.no_grad():
        for to_rgb in generator.synthesis.to_rgb:
            to_rgb.conv.weight.mul_(0.2)
            to_rgb.bias.mul_(0.2)
    return StyleGAN2(generator, name="tiny", hash="0" * 64)
