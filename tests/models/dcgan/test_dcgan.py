"""DCGAN: against torch's own layers, its classes, its files."""

from pathlib import Path

import pytest
import torch
from torch import nn

from netbend.bending import bend
from netbend.choices import NoiseMode, Space
from netbend.errors import CheckpointError, LatentError
from netbend.models.base import Latents, SynthesisOptions
from netbend.models.catalog import describe, load_model
from netbend.models.dcgan.model import DCGAN, _renamed
from netbend.models.dcgan.network import Architecture, Generator
from netbend.models.native import fill
from netbend.recipe import Bend, Recipe
from netbend.transforms import build_transform


def textbook() -> nn.Sequential:
    """Three layers as torch's users write them, with statistics as after training."""
    torch.manual_seed(2)
    network = nn.Sequential(
        nn.ConvTranspose2d(5, 8, 4, 1, 0, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.ConvTranspose2d(8, 6, 4, 2, 1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.ConvTranspose2d(6, 3, 4, 2, 1, bias=False),
        nn.Tanh(),
    )
    for norm in (network[1], network[5]):
        for values in (norm.weight, norm.bias, norm.running_mean):
            nn.init.normal_(values)
        nn.init.uniform_(norm.running_var, 0.3, 2)
    return network.eval().requires_grad_(False)


@pytest.fixture
def model() -> DCGAN:
    architecture = Architecture((8, 6), z_dim=3, classes=("red", "blue"))
    state = _renamed(textbook().state_dict(), "file")
    return DCGAN(fill(lambda: Generator(architecture), state, "file"), "tiny", "0" * 64)


def test_it_draws_what_the_textbook_network_draws(model: DCGAN) -> None:
    latents = model.latents(range(4))
    drawn = model.generate(latents, truncation_psi=1)
    torch.testing.assert_close(drawn, textbook()(latents.values[:, :, None, None]))


def test_classes_follow_the_seed_unless_asked_for(model: DCGAN) -> None:
    latents = model.latents([0, 1, 2])
    assert latents.values[:, 3:].argmax(dim=1).tolist() == [0, 1, 0]
    blue = latents.values.clone()
    blue[:, 3:] = torch.tensor([0.0, 1.0])
    asked = model.generate(latents, SynthesisOptions(label="blue"))
    assert torch.equal(asked, model.generate(Latents(Space.Z, blue, (0, 1, 2))))
    with pytest.raises(LatentError, match="label 'green': not a class of tiny; it has red, blue"):
        model.generate(latents, SynthesisOptions(label="green"))


def test_truncation_pulls_towards_the_mean_and_the_rest_is_refused(model: DCGAN) -> None:
    same_class = model.latents([1, 3])
    first, second = model.generate(same_class, SynthesisOptions(0.0))
    assert torch.equal(first, second)
    for options in (SynthesisOptions(truncation_cutoff=2), SynthesisOptions(noise=NoiseMode.RANDOM)):
        with pytest.raises(LatentError, match="neither styles to cut off nor noise"):
            model.generate(same_class, options)
    with pytest.raises(LatentError, match=r"takes z and classes, \(5,\)"):
        model.generate(Latents(Space.W, torch.zeros(1, 5), (0,)))


def test_layers_bend_and_unbend(model: DCGAN) -> None:
    latents = model.latents([0])
    before = model.generate(latents)
    for layer in (0, 1, "b16.rgb"):
        with bend(model, Recipe((Bend(layer, build_transform("flip-v")),))):
            assert not torch.allclose(model.generate(latents), before)
    assert torch.equal(model.generate(latents), before)


def test_a_saved_model_is_the_same_model(model: DCGAN, tmp_path: Path) -> None:
    model.save(tmp_path / "mine.safetensors")
    again = load_model(tmp_path / "mine.safetensors", "cpu")
    assert again.labels == ("red", "blue")
    assert torch.equal(again.generate(again.latents([3])), model.generate(model.latents([3])))
    assert ("verdict", "can be used") in describe(tmp_path / "mine.safetensors").lines()


@pytest.mark.parametrize(
    "state", [{}, [], {"a": torch.zeros(3)}, {"a": 5}, {"main.0.weight": torch.zeros(1, 1, 4, 4)}]
)
def test_other_weights_are_an_error(state: object) -> None:
    with pytest.raises(CheckpointError, match=r"^file: "):
        fill(lambda: Generator(Architecture((8, 6))), _renamed(state, "file"), "file")
