"""Directions out of files of other tools become directions here, in deviations of the model's own w."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from netbend.errors import LatentError
from netbend.latents.directions import find_directions, load_directions
from netbend.latents.path import latent_path
from netbend.models.base import Model
from netbend.recipe.latent import parse_latent

LAYERS, WIDTH = 6, 16  # of the tiny model
ROOT = Path(__file__).parents[2]


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


ROWS = torch.linalg.qr(numbers(WIDTH, WIDTH))[0].T.contiguous()  # at right angles, of length 1
DEVIATIONS = torch.linspace(3, 1, WIDTH)


def ganspace(path: Path) -> None:
    """As its PCA of w writes them; the features' components are large, and not of w."""
    arrays = {
        "act_comp": numbers(WIDTH, 1, 8, 4, 4),
        "act_mean": numbers(1, 8, 4, 4),
        "act_stdev": DEVIATIONS * 9,
        "lat_comp": ROWS[:, None],
        "lat_mean": numbers(1, WIDTH),
        "lat_stdev": DEVIATIONS,
        "var_ratio": torch.full((WIDTH,), 1 / WIDTH),
        "random_stdevs": torch.ones(WIDTH),
    }
    np.savez_compressed(path, **{name: tensor.numpy() for name, tensor in arrays.items()})


def saved(tree: Any, name: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        file = path.with_name(name)
        if name.endswith(".pt"):
            torch.save(tree, file)
        elif name.endswith(".npz"):
            np.savez(file, **{key: value.numpy() for key, value in tree.items()})
        else:
            np.save(file, tree.numpy())
        return file

    return write


# Name in docs/latents.md: how the file is written, the directions in it, their deviations if it has them.
FILES: dict[str, tuple[Callable[[Path], Any], Tensor, Tensor | None]] = {
    "GANSpace's `.npz`: `lat_comp`, `lat_stdev`": (ganspace, ROWS, DEVIATIONS),
    "the same for editing in e4e, `.pt`: `comp`, `std`": (
        saved({"comp": ROWS, "std": DEVIATIONS, "mean": numbers(1, WIDTH)}, "pca.pt"),
        ROWS,
        DEVIATIONS,
    ),
    "SeFa, closed-form factorization, `.pt`: `eigvec`": (
        saved({"ckpt": "550000.pt", "eigvec": ROWS.T.contiguous()}, "factor.pt"),
        ROWS,
        None,
    ),
    "InterFaceGAN's boundary, `.npy` `(1, D)`": (saved(5 * ROWS[:1], "age.npy"), ROWS[:1], None),
    "a boundary `(D,)`, `.pt`": (saved(ROWS[3], "smile.pt"), ROWS[3:4], None),
    "several boundaries by name, `.npz` or `.pt`": (
        saved({"age": ROWS[:1], "smile": ROWS[1:2]}, "some.npz"),
        ROWS[:2],
        None,
    ),
    "rows of directions, `.npy` `(N, D)`": (saved(ROWS[:5], "rows.npy"), ROWS[:5], None),
}


@pytest.fixture
def covariance(model: Model) -> Tensor:
    w = model.to_w(model.latents(range(10_000))).values.double()
    return torch.cov(w.T)


@pytest.mark.parametrize("name", FILES)
def test_directions_are_read_from(name: str, model: Model, covariance: Tensor, tmp_path: Path) -> None:
    make, vectors, deviations = FILES[name]
    found = load_directions(make(tmp_path / "file.npz") or tmp_path / "file.npz", model)
    torch.testing.assert_close(found.vectors, vectors)
    if deviations is None:
        rows = vectors.double()
        deviations = ((rows @ covariance) * rows).sum(dim=1).sqrt().float()
    torch.testing.assert_close(found.deviations, deviations, rtol=1e-4, atol=1e-5)
    step = {
        "seed": 3,
        "direction": 0,
        "by": -1.5,
        "of": (make(tmp_path / "file.npz") or Path("file.npz")).name,
    }
    (w,) = latent_path(parse_latent(step), model, tmp_path).at([0]).values
    start = model.to_w(model.latents([3])).values[0]
    torch.testing.assert_close(w - start, -1.5 * deviations[0] * vectors[0], atol=1e-4, rtol=0)


def test_the_table_of_the_docs_has_these_files_and_no_others() -> None:
    text = (ROOT / "docs" / "latents.md").read_text(encoding="utf-8")
    table = text.partition("| directions of |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (.+?) \|", table, re.M)
    assert rows == [*FILES, "a direction of w+, `.npy` `(L, D)` or `(1, L, D)`"]


@pytest.mark.parametrize("shape", [(LAYERS, WIDTH), (1, LAYERS, WIDTH)])
def test_a_direction_of_w_plus_moves_each_layer_its_own_way(
    shape: tuple[int, ...], model: Model, covariance: Tensor, tmp_path: Path
) -> None:
    """One deviation is that of the layer that moves most."""
    ways = torch.cat([2 * ROWS[:1], ROWS[1:2], torch.zeros(LAYERS - 2, WIDTH)])
    np.save(tmp_path / "smile.npy", ways.reshape(shape).numpy())
    found = load_directions(tmp_path / "smile.npy", model)
    deviation = (ROWS[0].double() @ covariance @ ROWS[0].double()).sqrt().float()
    torch.testing.assert_close(found.step(0), deviation * ways / 2, rtol=1e-4, atol=1e-5)
    latent = parse_latent({"seed": 3, "direction": 0, "by": 2, "of": "smile.npy", "layers": "1-5"})
    path = latent_path(latent, model, tmp_path)
    start = model.to_w(model.latents([3])).values[0]
    expected = start + torch.cat([torch.zeros(1, WIDTH), deviation * ways[1:]])
    torch.testing.assert_close(path.at([0]).values[0], expected, rtol=1e-4, atol=1e-4)


def test_a_step_along_a_principal_component_is_the_step_of_our_own(model: Model, tmp_path: Path) -> None:
    ours = find_directions(model, 3)
    torch.save({"eigvec": ours.vectors.T.contiguous()}, tmp_path / "f.pt")
    theirs = load_directions(tmp_path / "f.pt", model)
    for number in range(3):
        torch.testing.assert_close(theirs.step(number), ours.step(number), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(theirs.shares, ours.shares, rtol=1e-4, atol=1e-6)


def test_what_was_read_can_be_kept_as_ours(model: Model, tmp_path: Path) -> None:
    ganspace(tmp_path / "theirs.npz")
    theirs = load_directions(tmp_path / "theirs.npz", model).first(4)
    theirs.save(tmp_path / "ours.npz")
    ours = load_directions(tmp_path / "ours.npz", model)
    assert torch.equal(ours.vectors, theirs.vectors)
    assert torch.equal(ours.deviations, theirs.deviations)
    assert len(ours) == 4


def test_components_of_z_are_said_to_be_such(model: Model, tmp_path: Path) -> None:
    np.savez(tmp_path / "z.npz", lat_comp=ROWS[:, None].numpy(), lat_stdev=np.ones(WIDTH, np.float32))
    with pytest.warns(UserWarning, match="all 1, as GANSpace writes them for directions of z"):
        load_directions(tmp_path / "z.npz", model)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"eigvec": torch.eye(9)}, r"factors of the shape \(9, 9\); expected columns of 16 numbers"),
        ({"comp": torch.ones(4, 9)}, r"`comp` has the shape \(4, 9\); expected components of w, of 16"),
        ({"comp": torch.ones(4, 16), "std": torch.ones(3)}, "`std` has 3 numbers for 4 directions"),
        ({"x": torch.ones(9)}, r"expected directions of 16 numbers, or of \(6, 16\); found arrays \(9,\)"),
        ({"x": torch.zeros(16)}, "directions of no length"),
        ({"x": torch.full((16,), torch.nan)}, "NaN or infinity"),
        ({"a": torch.ones(16), "b": torch.ones(6, 16)}, r"directions of w and of w\+; keep them apart"),
        ({"text": "x"}, "found arrays nothing"),
    ],
)
def test_what_does_not_fit_is_named(tree: Any, message: str, model: Model, tmp_path: Path) -> None:
    torch.save(tree, tmp_path / "d.pt")
    with pytest.raises(LatentError, match=message) as caught:
        load_directions(tmp_path / "d.pt", model)
    assert str(caught.value).startswith(f"directions {tmp_path / 'd.pt'}: ")


def test_what_is_no_file_of_directions_is_named(model: Model, tmp_path: Path) -> None:
    (tmp_path / "d.pt").write_bytes(b"cos\nsystem\n(S'touch canary'\ntR.")
    with pytest.raises(LatentError, match=r"directions .*d\.pt: asks for `os\.system`; refused"):
        load_directions(tmp_path / "d.pt", model)
