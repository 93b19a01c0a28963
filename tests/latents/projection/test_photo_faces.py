"""The encoder and the preview of photo-faces, where that model is installed."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import netbend
from netbend.choices import Perceptual, Space
from netbend.latents.projection.encoder import Architecture, load_encoder, reduced, shipped_encoder
from netbend.latents.projection.losses import rmse
from netbend.latents.projection.network import previewed
from netbend.latents.projection.preview import load_head
from netbend.latents.projection.project import project
from netbend.latents.projection.settings import Settings
from netbend.latents.projection.start import start_of
from netbend.models.base import Latents, SynthesisOptions
from netbend.models.catalog import CATALOGUE
from netbend.models.styled import StyledModel

DATA = Path(netbend.__file__).parent / "data" / "photo-faces"


def test_its_encoder_is_small_and_gives_a_vector_for_each_group_of_layers() -> None:
    path = DATA / "encoder.safetensors"
    encoder = load_encoder(path)
    assert path.stat().st_size < 8_000_000
    assert encoder.architecture == Architecture(
        128, 3, 16, 512, CATALOGUE["photo-faces"].hash or "", (32, 64, 128, 192, 256), 320, (3, 4, 4, 5)
    )
    assert encoder(torch.zeros(1, 3, 1024, 1024)).shape == (1, 16, 512)


def test_its_preview_is_small_and_shows_128x128() -> None:
    path = DATA / "preview.safetensors"
    architecture = load_head(path).architecture
    assert path.stat().st_size < 2_000_000
    assert (architecture.doublings, architecture.features, architecture.w_dim) == (4, 512, 512)
    assert architecture.model_hash == CATALOGUE["photo-faces"].hash


@pytest.fixture(scope="module")
def photo_faces() -> StyledModel:  # type: ignore[type-arg]
    if not CATALOGUE["photo-faces"].file.exists():
        pytest.skip("photo-faces is not installed")
    return netbend.load_model("photo-faces", device="cpu")


@pytest.fixture(scope="module")
def targets(photo_faces: StyledModel) -> Tensor:  # type: ignore[type-arg]
    """Of seeds that nothing was trained with."""
    return photo_faces.generate(
        photo_faces.latents([100, 101, 102]), SynthesisOptions(truncation_psi=0.7)
    ).clamp(-1, 1)


def test_a_preview_is_near_the_picture(photo_faces: StyledModel, targets: Tensor) -> None:  # type: ignore[type-arg]
    """Within 20 of 255 levels; the mean of w is 60 away."""
    found = previewed(photo_faces)
    assert found is not None
    preview, dtype = found
    w = photo_faces.w_plus(photo_faces.latents([100, 101, 102]), SynthesisOptions(truncation_psi=0.7))
    noise = [maps.to(dtype) for maps in photo_faces.generator.synthesis.constant_noise()]
    with torch.no_grad():
        small = preview(w.to(dtype), noise).float()
    assert small.shape == (3, 3, 128, 128)
    assert rmse(small, reduced(targets, 128)).max() < 20


def test_a_sample_is_guessed_and_projected_nearer_than_the_mean(
    photo_faces: StyledModel,  # type: ignore[type-arg]
    targets: Tensor,
) -> None:
    """The error of a guess is at most half of the mean's; six steps take off a fifth."""
    encoder = shipped_encoder(photo_faces.hash)
    assert encoder is not None
    mean = photo_faces.generate(photo_faces.latents([0]), SynthesisOptions(truncation_psi=0.0)).expand_as(
        targets
    )
    w = start_of(photo_faces, targets, Space.W_PLUS, encoder)
    guessed = rmse(photo_faces.generate(Latents(Space.W_PLUS, w, (0, 1, 2))), targets)
    assert guessed.mean() < 0.5 * rmse(mean, targets).mean()
    found = project(photo_faces, targets[:1], Settings(steps=6, perceptual=Perceptual.CONTRAST))
    assert found.start == "encoder"
    assert found.errors[0] < 0.8 * guessed[0]
