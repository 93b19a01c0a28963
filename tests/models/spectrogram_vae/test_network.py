from math import prod
from pathlib import Path

import pytest
import torch

from netbend.bending import bend
from netbend.choices import NoiseMode, Space
from netbend.errors import CheckpointError, LatentError
from netbend.models.base import Latents, SynthesisOptions
from netbend.models.catalog import describe, load_model
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture, SpectrogramVAE
from netbend.models.spectrogram_vae.training.export import finished
from netbend.recipe import recipe_from_data


def tiny(seed: int = 0) -> SpectrogramModel:
    torch.manual_seed(seed)
    vae = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16))
    with torch.no_grad():
        vae.decoder.output.bias.fill_(0.6)  # something is heard
    return SpectrogramModel(vae, "tiny", "0" * 64)


def test_layers_have_the_papers_features_and_resolutions():
    """Table 1."""
    with torch.device("meta"):
        vae = SpectrogramVAE(Architecture())
    layers = SpectrogramModel(vae).layers
    assert [(layer.number, layer.height, layer.width, layer.features) for layer in layers] == [
        (1, 8, 33, 512),
        (2, 17, 65, 256),
        (3, 32, 129, 128),
        (4, 64, 257, 64),
        (5, 128, 513, 1),
    ]


def test_full_width_has_the_weights_that_the_paper_describes():
    with torch.device("meta"):
        vae = SpectrogramVAE(Architecture())
    decoder = 512 * 512 * 4 * 17 + 512 * 512 * 25 + 512 * 256 * 15 + 256 * 128 * 20 + 128 * 64 * 20 + 64 * 20
    encoder = 25 * (64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 512) + 512 * 13 * 512
    assert sum(prod(p.shape) for p in vae.decoder.parameters() if p.ndim > 1) == decoder
    assert sum(prod(p.shape) for p in vae.encoder.parameters() if p.ndim > 1) == encoder


def test_maps_of_every_layer_are_as_declared():
    model = tiny()
    shapes = {}
    for layer in model.layers:
        module = model.network.get_submodule(layer.module)
        module.register_forward_hook(
            lambda _m, _i, out, name=layer.name: shapes.update({name: out.shape[1:]})
        )
    levels = model.generate(model.latents([1, 2]))
    assert levels.shape == (2, 1, 128, 513)
    assert shapes == {layer.name: (layer.features, layer.height, layer.width) for layer in model.layers}


def test_encoding_gives_latents_that_can_be_generated_from():
    model = tiny()
    latents = model.encode(torch.rand(3, 1, 128, 513))
    assert latents.values.shape == (3, 16)
    assert model.generate(latents).shape == (3, 1, 128, 513)


def test_bends_change_the_output_and_leave_no_trace():
    model = tiny()
    latents = model.latents([5])
    before = model.generate(latents)
    bends = [{"layer": number, "transform": "multiply", "params": {"p": 2}} for number in range(1, 6)]
    for single in bends:
        with bend(model, recipe_from_data({"bends": [single]})):
            assert not torch.equal(model.generate(latents), before)
    assert torch.equal(model.generate(latents), before)


def test_silence_is_zero_but_training_sees_how_far_below_it_is():
    torch.manual_seed(0)
    vae = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16), training=True)
    with torch.no_grad():
        vae.decoder.output.bias.fill_(-20)
        assert vae.train()(torch.zeros(2, 16)).max() < -3
        assert vae.eval()(torch.zeros(2, 16)).unique().tolist() == [0]


def test_finishing_keeps_what_the_network_does_and_makes_latents_standard_normal():
    torch.manual_seed(0)
    learnt = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=8), training=True)
    levels = torch.rand(64, 1, 128, 513) * torch.linspace(0, 1, 513)
    for _ in range(3):  # gives the normalisations something to remember
        learnt(learnt.encode_distribution(levels)[0])
    learnt.eval()
    with torch.no_grad():
        means, log_variances = learnt.encode_distribution(levels)
        played = finished(learnt, means, torch.zeros_like(log_variances))
        torch.testing.assert_close(played(played.encode(levels)), learnt(means), rtol=1e-3, atol=1e-4)
        latents = played.encode(levels)
    assert latents.mean(dim=0).abs().max() < 1e-3
    torch.testing.assert_close(latents.T.cov(), torch.eye(8), rtol=1e-2, atol=1e-2)


def test_saved_and_loaded_it_is_the_same(tmp_path: Path):
    model, path = tiny(), tmp_path / "tiny.safetensors"
    model.save(path)
    loaded = load_model(path, "cpu")
    assert isinstance(loaded, SpectrogramModel)
    assert torch.equal(loaded.generate(loaded.latents([3])), model.generate(model.latents([3])))
    assert dict(describe(path).lines())["network"] == "spectrogram_vae"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match=r"tiny\.safetensors"):
        load_model(path, "cpu")


@pytest.mark.parametrize(
    "wrong",
    [
        {"features": (512, 256, 128)},
        {"latent_dim": 0},
        {"hop": 300},
        {"window": 2048},
        {"floor": 0.0},
        {"sample_rate": 44100.5},
    ],
)
def test_architectures_of_no_such_network_are_refused(wrong: dict[str, object]):
    with pytest.raises(ValueError, match=r"."):
        Architecture(**wrong)


def test_what_does_not_fit_is_refused():
    model = tiny()
    with pytest.raises(LatentError, match="takes z"):
        model.generate(Latents(Space.Z, torch.zeros(1, 17), (0,)))
    with pytest.raises(LatentError, match="neither styles"):
        model.generate(model.latents([0]), SynthesisOptions(noise=NoiseMode.RANDOM))
