"""The encoder of photo-faces, where that model is installed."""

from pathlib import Path

import pytest
import torch

import netbend
from netbend.choices import Space
from netbend.latents.projection.encoder import Architecture, load_encoder, shipped_encoder
from netbend.latents.projection.losses import rmse
from netbend.latents.projection.start import CORRECTIONS, start_of
from netbend.models.base import Latents, Play
from netbend.models.catalog import CATALOGUE
from netbend.models.styled import StyledModel

ENCODER = Path(netbend.__file__).parent / "data" / "photo-faces" / "encoder.safetensors"


def test_its_encoder_is_small_and_gives_one_w() -> None:
    encoder = load_encoder(ENCODER)
    assert ENCODER.stat().st_size < 8_000_000
    assert encoder.architecture == Architecture(
        64, 3, 1, 512, encoder.architecture.model_hash, (32, 64, 128, 256), 512
    )
    assert encoder(torch.zeros(1, 3, 1024, 1024)).shape == (1, 1, 512)


@pytest.fixture(scope="module")
def photo_faces() -> StyledModel:  # type: ignore[type-arg]
    if not CATALOGUE["photo-faces"].file.exists():
        pytest.skip("photo-faces is not installed")
    return netbend.load_model("photo-faces", device="cpu")


def test_a_sample_is_guessed_nearer_than_the_mean(photo_faces: StyledModel) -> None:  # type: ignore[type-arg]
    """Of samples that it was not trained with: the error is at most three quarters of the mean's."""
    encoder = shipped_encoder(photo_faces.hash)
    assert encoder is not None
    targets = photo_faces.generate(photo_faces.latents([100, 101, 102]), Play(truncation=0.7)).clamp(-1, 1)
    mean = photo_faces.generate(photo_faces.latents([0]), Play(truncation=0.0)).expand_as(targets)
    w = start_of(photo_faces, targets, Space.W_PLUS, encoder, CORRECTIONS)
    guessed = photo_faces.generate(Latents(Space.W_PLUS, w, (0, 1, 2)))
    assert rmse(guessed, targets).mean() < 0.75 * rmse(mean, targets).mean()
