"""`netbend atlas`, as people type it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netbend.models.stylegan2.model import StyleGAN2
from netbend.recipe import Clusters
from netbend.recipe.clusters import save_clusters

Run = Callable[..., Any]


@pytest.fixture
def checkpoint(model: StyleGAN2, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    model.save(path)
    return path


def test_atlas_writes_a_page_and_sheets(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "clusters.yaml", tmp_path / "atlas"
    save_clusters(Clusters({0: {0: (0, 1)}, "b8.torgb": {0: (0,)}}), file)
    common = ("atlas", checkpoint, "--clusters", file, "--out", out, "--seeds", "4", "--json")
    ran = run(*common, "--layers", "b8.torgb")
    assert json.loads(ran.out) == {"index": str(out / "index.html")}
    assert [sheet.name for sheet in (out / "sheets").iterdir()] == ["place-05-b8-torgb.png"]
    assert "--overwrite" in run(*common).err
    assert run(*common, "--overwrite").code == 0
    assert len(list((out / "sheets").iterdir())) == 2


def test_a_model_without_clusters_is_told_how_to_get_some(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    ran = run("atlas", checkpoint, "--out", tmp_path / "atlas")
    assert ran.code == 1
    assert "netbend cluster" in ran.err


def test_seeds_mean_nothing_beside_sound_files(run: Run) -> None:
    assert "--seeds means nothing beside --sound" in run("atlas", "--sound", "a.wav", "--seeds", "1").err
