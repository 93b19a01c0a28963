"""Directions: against scikit-learn's PCA, the same every time, and files that fit their model alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

import netbend
from netbend.errors import LatentError
from netbend.latents.directions import Directions, find_directions, load_directions
from netbend.latents.path import latent_path
from netbend.models.base import Model
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture, SpectrogramVAE
from netbend.recipe.latent import parse_latent

SAMPLES = 1500  # more than a batch


@pytest.fixture
def found(model: Model) -> Directions:
    return find_directions(model, 5, SAMPLES)


def test_they_are_the_principal_components_of_w(model: Model, found: Directions) -> None:
    w = model.to_w(model.latents(range(SAMPLES))).values.double().numpy()
    expected = PCA(5, svd_solver="full").fit(w)
    np.testing.assert_allclose(found.deviations, np.sqrt(expected.explained_variance_), rtol=1e-4)
    np.testing.assert_allclose(found.shares, expected.explained_variance_ratio_, rtol=1e-4)
    cosines = np.abs((found.vectors.numpy() * expected.components_).sum(axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-4)


def test_they_are_of_length_one_and_at_right_angles_with_signs_that_are_fixed(found: Directions) -> None:
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(5), atol=1e-5, rtol=0)
    largest = found.vectors.abs().argmax(dim=1)
    assert (found.vectors[range(5), largest] > 0).all()


def test_one_step_is_a_standard_deviation_of_the_samples(model: Model, found: Directions) -> None:
    w = model.to_w(model.latents(range(SAMPLES))).values
    along = (w - w.mean(dim=0)) @ found.vectors.T
    torch.testing.assert_close(along.std(dim=0), found.deviations, rtol=1e-3, atol=0)
    assert found.step(2).norm().item() == pytest.approx(found.deviations[2].item(), rel=1e-5)


def test_all_of_them_hold_all_of_the_variance(model: Model) -> None:
    every = find_directions(model, samples=SAMPLES)
    assert len(every) == 16
    assert every.shares.sum().item() == pytest.approx(1)
    assert (every.deviations.diff() <= 0).all()


def test_a_file_gives_the_same_back(model: Model, found: Directions, tmp_path: Path) -> None:
    file, again = tmp_path / "d.npz", tmp_path / "again.npz"
    found.save(file)
    read = load_directions(file, model)
    for name in ("vectors", "deviations", "shares"):
        assert torch.equal(getattr(read, name), getattr(found, name))
    assert (read.samples, read.model, read.model_hash) == (SAMPLES, "tiny", model.hash)
    find_directions(model, 5, SAMPLES).save(again)
    assert file.read_bytes() == again.read_bytes()


def test_a_recipe_goes_along_the_directions_of_its_file(
    model: Model, found: Directions, tmp_path: Path
) -> None:
    found.save(tmp_path / "d.npz")
    data = {"seed": 3, "direction": 4, "by": -1.5, "of": "d.npz"}
    (w,) = latent_path(parse_latent(data), model, tmp_path).at([0]).values
    start = model.to_w(model.latents([3])).values[0]
    torch.testing.assert_close(w - start, -1.5 * found.step(4), atol=1e-5, rtol=0)


def test_without_a_file_they_are_found_on_the_way(model: Model) -> None:
    (w,) = latent_path(parse_latent({"seed": 3, "direction": 4, "by": 1}), model).at([0]).values
    start = model.to_w(model.latents([3])).values[0]
    torch.testing.assert_close(w - start, find_directions(model).step(4), atol=1e-5, rtol=0)


def test_those_of_another_model_are_refused(model: Model, found: Directions, tmp_path: Path) -> None:
    found.save(tmp_path / "d.npz")
    model.hash = "1" * 64
    with pytest.raises(LatentError, match=r"d\.npz: directions of tiny, of the hash 0{12}; tiny has 1{12}"):
        load_directions(tmp_path / "d.npz", model)
    with pytest.raises(LatentError, match="directions of tiny"):
        latent_path(parse_latent(3), model, directions=found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"directions": np.zeros((5, 9))}, "expected directions of 16 numbers, found"),
        ({"deviations": np.zeros(4)}, "expected directions of 16 numbers"),
        ({"deviations": np.full(5, np.nan)}, "NaN or infinity"),
        ({"directions": np.array(["a"])}, "not a file of `netbend directions`"),
        ({"samples": np.zeros(3)}, "not a file of `netbend directions`"),
        ({"directions": np.array([{}], dtype=object)}, "not a readable array file"),
    ],
)
def test_damaged_files_are_refused(
    model: Model, found: Directions, tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    file = tmp_path / "d.npz"
    found.save(file)
    np.savez(file, **{**dict(np.load(file)), **change})
    with pytest.raises(LatentError, match=message):
        load_directions(file, model)


def test_half_a_file_and_none_are_refused(model: Model, found: Directions, tmp_path: Path) -> None:
    file = tmp_path / "d.npz"
    with pytest.raises(LatentError, match="no such file"):
        load_directions(file, model)
    found.save(file)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(LatentError, match="not a readable array file"):
        load_directions(file, model)


def test_counts_that_cannot_be_are_refused(model: Model) -> None:
    with pytest.raises(LatentError, match="17 directions: tiny has 1 to 16"):
        find_directions(model, 17)
    with pytest.raises(LatentError, match="5 samples: 5 directions need more than 5"):
        find_directions(model, 5, 5)


def test_models_without_w_have_none() -> None:
    vae = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16))
    with pytest.raises(LatentError, match="music has no w to find directions in"):
        find_directions(SpectrogramModel(vae, "music", "0" * 64))


def test_directions_of_faces_are_what_they_were() -> None:
    """Pinned: recipes name them by number."""
    faces = netbend.load_model("faces", device="cpu")
    found = netbend.find_directions(faces, 3)
    np.testing.assert_allclose(found.shares, [0.0767, 0.0745, 0.0693], atol=1e-4)
    np.testing.assert_allclose(found.deviations, [2.1507, 2.1200, 2.0443], atol=1e-3)
