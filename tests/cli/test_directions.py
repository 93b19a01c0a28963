"""`netbend directions`, as people type it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netbend.latents.directions import find_directions, load_directions
from netbend.models.catalog import load_model
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture, SpectrogramVAE
from netbend.models.stylegan2.model import StyleGAN2
from netbend.pictures import GAP

from .conftest import REFUSED

Run = Callable[..., Any]


@pytest.fixture
def checkpoint(model: StyleGAN2, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    model.save(path)
    return path


@pytest.fixture
def find(run: Run, checkpoint: Path, tmp_path: Path) -> Run:
    def find(*more: object) -> Any:
        out = tmp_path / "out"
        return run(
            "directions", checkpoint, "--count", 3, "--samples", 200, "--seeds", "1,4", "--out", out, *more
        )

    return find


def cells(sheet: Path) -> np.ndarray:
    """The pictures on a sheet of 16x16 pictures, which are shown at 128x128: rows, columns, pixels."""
    pixels = np.asarray(Image.open(sheet))
    count = len(pixels) // (128 + 18 + GAP)
    rows = [pixels[GAP + row * (128 + 18 + GAP) :][:128] for row in range(count)]
    return np.stack([[row[:, GAP + column * (128 + GAP) :][:, :128] for column in range(10)] for row in rows])


def test_it_writes_directions_and_a_sheet_and_prints_shares(find: Run, tmp_path: Path) -> None:
    ran = find("--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "tiny-directions.npz",
        "tiny-directions.png",
    ]
    model = load_model(str(tmp_path / "tiny.safetensors"), "cpu")
    found = load_directions(tmp_path / "out/tiny-directions.npz", model)
    assert (found.vectors == find_directions(model, 3, 200).vectors).all()
    shown = find("--overwrite").out
    assert f"{found.shares[0]:.1%}" in shown
    assert str(tmp_path / "out/tiny-directions.png") in shown


def test_each_row_of_the_sheet_goes_through_the_unmoved_pictures(find: Run, tmp_path: Path) -> None:
    find("--quiet")
    pictures = cells(tmp_path / "out/tiny-directions.png")
    for first in (0, 5):
        middle = pictures[:, first + 2]
        assert (middle == middle[0]).all()
        for row in range(len(pictures)):
            strip = pictures[row, first : first + 5].astype(float)
            away = np.abs(strip - strip[2]).mean(axis=(1, 2, 3))
            assert away[0] > away[1] > 0
            assert away[4] > away[3] > 0
    assert (pictures[:, 2] != pictures[:, 7]).any()


def test_directions_that_hardly_change_pictures_are_not_on_the_sheet(find: Run, tmp_path: Path) -> None:
    printed = json.loads(find("--json").out)
    pictures = cells(tmp_path / "out/tiny-directions.png").astype(float)
    changes = printed["changes"]
    assert printed["on_the_sheet"] == [n for n in range(3) if changes[n] >= max(changes) / 2]
    assert 0 < len(printed["on_the_sheet"]) == len(pictures) < 3
    ends = np.abs(pictures[:, [0, 5]] - pictures[:, [4, 9]]).mean(axis=(1, 2, 3, 4))
    np.testing.assert_allclose(ends, [changes[n] for n in printed["on_the_sheet"]], rtol=0.1)
    left_out = ", ".join(str(n) for n in range(3) if n not in printed["on_the_sheet"])
    assert f"Not on the sheet, changing less than half as much as {np.argmax(changes)}: {left_out}" in (
        find("--overwrite").out
    )


def test_layers_range_and_truncation_change_the_sheet(find: Run, tmp_path: Path) -> None:
    sheets = []
    for more in ((), ("--style-layers", "0-1"), ("--range", 4), ("--truncation", 0.3)):
        assert find("--overwrite", "--quiet", *more).code == 0
        sheets.append((tmp_path / "out/tiny-directions.png").read_bytes())
    assert len(set(sheets)) == 4


def test_json_has_the_numbers(find: Run, tmp_path: Path) -> None:
    printed = json.loads(find("--json").out)
    assert printed["file"] == str(tmp_path / "out/tiny-directions.npz")
    assert printed["samples"] == 200
    assert len(printed["shares"]) == len(printed["deviations"]) == 3
    assert printed["shares"] == sorted(printed["shares"], reverse=True)


def test_so_many_samples_that_it_would_never_end_are_refused(find: Run, tmp_path: Path) -> None:
    ran = find("--samples", 10**12)
    assert ran.code == 2
    assert "--samples" in ran.err
    assert list(tmp_path.rglob("*-directions.*")) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--range", 0), "--range 0: expected standard deviations above 0"),
        (("--range", "nan"), "--range nan"),
        (
            ("--range", 1001),
            "--range 1001: expected standard deviations above 0, such as 2, and at most 1000",
        ),
        (("--range", 1e300), "--range 1e+300"),
        (("--range", "inf"), "--range inf"),
        (("--seeds", "0-400"), "3 directions with 5 pictures of 401 seeds are more than fit one picture"),
        (("--style-layers", "a"), "--style-layers 'a': expected numbers and ranges"),
        (("--style-layers", "4-6"), "layer 6: "),
        (("--seeds", "3-1"), "runs backwards"),
        (("--count", 17), "17 directions: "),
        (("--samples", 3), "3 samples: 3 directions need more than 3"),
        (("--truncation", "nan"), "truncation nan"),
    ],
)
def test_mistakes_leave_nothing(find: Run, tmp_path: Path, more: tuple[object, ...], message: str) -> None:
    ran = find(*more)
    assert ran.code in REFUSED
    assert message in ran.err
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over_unless_asked(find: Run, tmp_path: Path) -> None:
    find("--quiet")
    before = (tmp_path / "out/tiny-directions.npz").read_bytes()
    ran = find("--count", 2)
    assert ran.code == 1
    assert "exists already" in ran.err
    assert (tmp_path / "out/tiny-directions.npz").read_bytes() == before


def test_models_without_w_are_refused(run: Run, tmp_path: Path) -> None:
    vae = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16))
    SpectrogramModel(vae).save(tmp_path / "sounds.safetensors")
    ran = run("directions", tmp_path / "sounds.safetensors", "--out", tmp_path / "out")
    assert ran.code == 1
    assert "has no w to find directions in" in ran.err
    assert not (tmp_path / "out").exists()


def test_directions_of_another_tool_are_shown_and_kept(find: Run, checkpoint: Path, tmp_path: Path) -> None:
    rows = np.linalg.qr(np.random.RandomState(0).randn(16, 16))[0].astype(np.float32)
    np.savez(tmp_path / "theirs.npz", lat_comp=rows[:, None], lat_stdev=np.linspace(2, 1, 16), act_comp=rows)
    assert find("--of", tmp_path / "theirs.npz").code == 0
    kept = load_directions(tmp_path / "out/tiny-directions.npz", load_model(checkpoint, "cpu"))
    np.testing.assert_allclose(kept.vectors, rows[:3], rtol=1e-5)
    np.testing.assert_allclose(kept.deviations, np.linspace(2, 1, 16)[:3], rtol=1e-5)
    ran = find("--of", checkpoint, "--overwrite")
    assert ran.code == 1
    assert "expected directions of 16 numbers, or of (6, 16)" in ran.err
