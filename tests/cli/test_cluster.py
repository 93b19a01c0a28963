"""`netbend cluster` as people type it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netbend.clustering import run as clustering_run
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator
from netbend.models.weights import weights_hash
from netbend.recipe import load_clusters

from .conftest import REFUSED

Run = Callable[..., Any]
MODEL = "tiny.safetensors"


@pytest.fixture
def folder(tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a model in it."""
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / MODEL, generator)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_clusters_of_a_model_are_found_named_and_bent(run: Run, folder: Path) -> None:
    ran = run("cluster", MODEL, "--samples", "20", "--k", "3", "-q")
    assert (ran.code, ran.out) == (0, "")
    assert names(folder) == ["clusters.yaml", MODEL]  # nothing unfinished is left
    clusters = load_clusters("clusters.yaml")
    assert clusters.model_hash == weights_hash(folder / MODEL)
    assert set(clusters.layers) == {0, 1, 2, 3, 4}
    assert run("cluster", "name", "1", "2", "eyes").out == "clusters.yaml: layer 1, cluster 2: eyes\n"
    assert "2:" in run("cluster", "show").out
    (folder / "r.yaml").write_text(
        "clusters: clusters.yaml\nbends: [{layer: 1, transform: ablate, features: {cluster: eyes}}]\n"
    )
    ran = run("render", "r.yaml", "-m", MODEL, "--seeds", "0", "-o", "o")
    assert (ran.code, ran.err.count("netbend:")) == (0, 0)


def test_the_same_command_gives_the_same_file_and_another_seed_another(run: Run, folder: Path) -> None:
    for out, seed in (("a.yaml", 0), ("b.yaml", 0), ("c.yaml", 1)):
        assert run("cluster", MODEL, "--samples", "20", "--seed", seed, "-o", out, "-q").code == 0
    texts = [(folder / name).read_text() for name in ("a.yaml", "b.yaml", "c.yaml")]
    assert texts[0] == texts[1] != texts[2]


def test_a_file_that_is_there_is_kept(run: Run, folder: Path) -> None:
    (folder / "clusters.yaml").write_text("mine")
    ran = run("cluster", MODEL, "--samples", "20")
    assert ran.code == 1
    assert "exists already" in ran.err
    assert (folder / "clusters.yaml").read_text() == "mine"
    assert names(folder) == ["clusters.yaml", MODEL]


def test_ctrl_c_keeps_what_was_done_and_the_same_command_goes_on(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(clustering_run, "correlate", interrupted)
        ran = run("cluster", MODEL, "--samples", "20", "-q")
    assert (ran.code, ran.err) == (
        130,
        "netbend: stopped; the same command goes on from clusters.yaml.unfinished\n",
    )
    ran = run("cluster", MODEL, "--samples", "21", "-q")
    assert ran.code == 1
    assert "other settings (--samples); give the same, or another --work" in ran.err
    assert run("cluster", MODEL, "--samples", "20", "-q").code == 0
    assert names(folder) == ["clusters.yaml", MODEL]


def test_the_papers_preset_keeps_its_networks_for_single_latents(run: Run, folder: Path) -> None:
    command = [
        "cluster",
        MODEL,
        "--preset",
        "paper",
        "--samples",
        "4",
        "--test-samples",
        "2",
        "--epochs",
        "1",
    ]
    assert run(*command, "--layers", "1-2", "-q").code == 0
    assert names(folder) == ["clusters.networks.safetensors", "clusters.yaml", MODEL]
    single = [
        "cluster",
        MODEL,
        "--seeds",
        "7",
        "--networks",
        "clusters.networks.safetensors",
        "-o",
        "seven.json",
    ]
    assert run(*single, "--layers", "1,b8.conv1", "--json").code == 0
    written = json.loads((folder / "seven.json").read_text())
    assert written["method"] == {"preset": "paper", "seed": 0, "latents": 1}
    ran = run("cluster", MODEL, "--seeds", "7", "--networks", MODEL, "-o", "other.yaml")
    assert ran.code == 1
    assert "no metric networks in it" in ran.err


@pytest.mark.usefixtures("folder")
def test_both_forms_are_converted(run: Run) -> None:
    run("cluster", MODEL, "--samples", "8", "-q")
    assert run("cluster", "convert", "clusters.yaml", "older.yaml", "--older", "-q").code == 0
    assert run("cluster", "convert", "older.yaml", "again.json", "-m", MODEL, "-q").code == 0
    first, again = load_clusters("clusters.yaml"), load_clusters("again.json")
    assert (first.layers, first.model_hash) == (again.layers, again.model_hash)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nomodel"], "neither a model that netbend knows nor a file"),
        ([MODEL, "--layers", "9"], "layer 9"),
        ([MODEL, "--layers", ""], "--layers '': expected names, numbers and ranges"),
        ([MODEL, "--layers", "1,"], "--layers '1,': expected names, numbers and ranges"),
        ([MODEL, "--seeds", ""], "--seeds '': expected numbers and ranges"),
        ([MODEL, "--k", "x"], "expected 2 or more"),
        ([MODEL, "--k", "500", "-o", "new/c.yaml"], "500 clusters of"),
        ([MODEL, "-o", MODEL + "/c.yaml"], "is a file"),
        ([MODEL, "--epochs", "3"], "--epochs means nothing without --preset paper"),
        ([MODEL, "--networks", "x"], "--networks means nothing without"),
        ([MODEL, "--seeds", "1", "--samples", "3"], "--samples means nothing beside --seeds"),
        (["name", "1", "2"], "give a name"),
        (["name", "1", "2", "eyes", "-c", "none.yaml"], "none.yaml: no such file"),
        (["show", "none.yaml"], "none.yaml: no such file"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    run: Run, folder: Path, arguments: list[str], message: str
) -> None:
    ran = run("cluster", *arguments)
    assert ran.code in REFUSED
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert names(folder) == [MODEL]
