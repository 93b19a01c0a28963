"""Encoders: what they give, their files, and the one of `faces`."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import netbend
from netbend.choices import Perceptual, Space, Start
from netbend.errors import CheckpointError
from netbend.latents.projection import start as starting
from netbend.latents.projection.encoder import KIND, Architecture, Encoder, load_encoder, shipped_encoder
from netbend.latents.projection.losses import rmse
from netbend.latents.projection.project import project
from netbend.latents.projection.settings import Settings
from netbend.latents.projection.start import deviation_of_w, start_of
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.models.native import save_network


def tiny(model_hash: str = "0" * 64) -> Encoder:
    torch.manual_seed(0)
    return Encoder(Architecture(16, 3, 6, 16, model_hash, widths=(4, 8), hidden=5))


def test_it_gives_a_vector_for_each_layer_and_maps_of_each_stage() -> None:
    encoder = tiny()
    assert encoder(torch.zeros(2, 3, 16, 16)).shape == (2, 6, 16)
    maps = encoder.features(torch.zeros(2, 3, 32, 32))
    assert [tuple(some.shape) for some in maps] == [(2, 4, 16, 16), (2, 8, 8, 8)]


def test_layers_of_a_group_share_a_vector() -> None:
    torch.manual_seed(0)
    encoder = Encoder(Architecture(16, 3, 6, 16, "0" * 64, widths=(4, 8), hidden=5, groups=(1, 3, 2)))
    found = encoder(torch.rand(2, 3, 16, 16))
    assert found.shape == (2, 6, 16)
    assert torch.equal(found, found[:, [0, 1, 1, 1, 4, 4]])
    assert (found[:, 0] != found[:, 1]).any()
    assert (found[:, 1] != found[:, 4]).any()
    with pytest.raises(ValueError, match="expected 6 layers"):
        replace(encoder.architecture, groups=(1, 3))


def test_a_file_gives_it_back(tmp_path: Path) -> None:
    encoder = tiny()
    save_network(tmp_path / "encoder.safetensors", encoder, KIND, encoder.architecture)
    again = load_encoder(tmp_path / "encoder.safetensors")
    images = torch.rand(1, 3, 16, 16)
    assert again.architecture == encoder.architecture
    assert torch.equal(again(images), encoder(images))
    (tmp_path / "other.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"other\.safetensors"):
        load_encoder(tmp_path / "other.safetensors")


def test_a_start_lies_where_the_encoder_says(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, images = tiny(), torch.rand(2, 3, 16, 16)
    expected = model.generator.w_mean + deviation_of_w(model) * encoder(images)
    torch.testing.assert_close(start_of(model, images, Space.W_PLUS, encoder), expected)
    torch.testing.assert_close(start_of(model, images, Space.W, encoder)[:, 0], expected.mean(dim=1))
    monkeypatch.setattr(starting, "shipped_encoder", lambda _: encoder)
    settings = Settings(steps=1, start=Start.AUTO, perceptual=Perceptual.PIXEL)
    found = project(model, images, settings)
    assert found.start == "encoder"
    corrected = start_of(model, images, Space.W_PLUS, encoder, starting.CORRECTIONS)
    torch.testing.assert_close(found.latents.values, corrected)


def test_an_encoder_of_one_w_reads_pictures_made_smaller(model: Model) -> None:
    torch.manual_seed(0)
    encoder = Encoder(Architecture(8, 3, 1, 16, "0" * 64, widths=(4,), hidden=5))
    images = torch.rand(2, 3, 16, 16)
    smaller = images.unflatten(3, (8, 2)).mean(4).unflatten(2, (8, 2)).mean(3)
    torch.testing.assert_close(encoder(images), encoder(smaller))
    w_plus = start_of(model, images, Space.W_PLUS, encoder)
    assert w_plus.shape == (2, model.style_count, 16)
    assert (w_plus == w_plus[:, :1]).all()
    torch.testing.assert_close(start_of(model, images, Space.W, encoder), w_plus[:, :1])


def test_corrections_find_what_an_encoder_that_shrinks_missed(model: Model) -> None:
    """Of a model that shows its w as pixels, and an encoder that finds four fifths of it: 1 - 0.2^(n + 1)."""

    class Shown(torch.nn.Module):
        def forward(self, w: torch.Tensor, _noise: object) -> torch.Tensor:
            return w.mean(dim=1).reshape(-1, 1, 4, 4)

    class Shrinking(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return 0.8 * (images.reshape(-1, 1, 16) - model.generator.w_mean) / deviation_of_w(model)

    w = model.generator.w_mean + torch.linspace(-0.1, 0.1, 16)
    images = Shown()(w[None, None], None)
    shown = SimpleNamespace(generator=model.generator, network=Shown(), style_count=model.style_count)
    for corrections, part in ((0, 0.8), (1, 0.96), (2, 0.992)):
        found = start_of(shown, images, Space.W, Shrinking(), corrections)
        expected = model.generator.w_mean.lerp(w, part)
        torch.testing.assert_close(found[0, 0], expected)


def test_the_encoder_of_faces_guesses_generated_and_drawn_faces() -> None:
    faces = netbend.load_model("faces", device="cpu")
    encoder = shipped_encoder(faces.hash)
    assert encoder is not None
    w = faces.w_plus(faces.latents(range(8)), SynthesisOptions(truncation_psi=0.7))
    targets = faces.generate(Latents(Space.W_PLUS, w, tuple(range(8))))
    guessed = start_of(faces, targets, Space.W_PLUS, encoder)
    errors = rmse(faces.generate(Latents(Space.W_PLUS, guessed, tuple(range(8)))), targets)
    of_the_mean = rmse(
        faces.generate(faces.latents([0]), SynthesisOptions(truncation_psi=0.0)).expand_as(targets), targets
    )
    assert (errors < of_the_mean / 2).all()


def test_no_other_model_has_one(model: Model) -> None:
    assert shipped_encoder(model.hash) is None
