"""`netbend project` as people type it: files, errors, nothing left behind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netbend.models.base import SynthesisOptions
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Generator
from netbend.pictures import to_pictures

from .conftest import REFUSED

Run = Callable[..., Any]
QUICK = ["-m", "tiny.safetensors", "--steps", "8", "--perceptual", "pixel"]


@pytest.fixture
def folder(tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a model and three of its pictures in it."""
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    model = StyleGAN2(generator)
    for seed, name in enumerate("abc"):
        (picture,) = to_pictures(model.generate(model.latents([seed]), SynthesisOptions(truncation_psi=0.5)))
        picture.resize((40, 32)).save(tmp_path / f"{name}.png")
    (tmp_path / "text.png").write_text("not a picture")
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_each_picture_gives_a_latent_and_the_picture_beside_its_likeness(run: Run, folder: Path) -> None:
    ran = run("project", "a.png", "b.png", "c.png", *QUICK, "--batch", "2", "-o", "o", "--json")
    assert ran.code == 0, ran.err
    assert names(folder / "o") == ["a.npz", "a.png", "b.npz", "b.png", "c.npz", "c.png"]
    told = json.loads(ran.out)["pictures"]
    assert [row["latent"] for row in told] == ["o/a.npz", "o/b.npz", "o/c.npz"]
    for row in told:
        stored = np.load(row["latent"])
        assert row["steps"] == len(stored["loss"]) == 8
        assert row["pixel error"] == pytest.approx(float(stored["pixel_error"]), abs=0.01)
        shown = np.asarray(Image.open(Path(row["latent"]).with_suffix(".png")))
        np.testing.assert_array_equal(shown, np.concatenate([stored["target"], stored["image"]], axis=1))


@pytest.mark.parametrize("options", [["--space", "w"], ["--space", "w+"], ["--noise-maps"]])
def test_render_plays_what_was_found(run: Run, folder: Path, options: list[str]) -> None:
    run("project", "a.png", *QUICK, *options, "-o", "o", "-q")
    ran = run("render", "-m", "tiny.safetensors", "--latents", "o/a.npz", "-t", "1", "-o", "played")
    assert ran.code == 0, ran.err
    played = np.asarray(Image.open(folder / "played" / "tiny-seed0000.png"))
    np.testing.assert_array_equal(played, np.load("o/a.npz")["image"])
    ran = run("render", "-m", "tiny.safetensors", "--from", "played/tiny-seed0000.png", "-o", "again")
    assert ran.code == 0, ran.err
    np.testing.assert_array_equal(np.asarray(Image.open("again/tiny-seed0000.png")), played)


@pytest.mark.usefixtures("folder")
def test_the_crop_is_what_is_looked_for(run: Run) -> None:
    run("project", "a.png", *QUICK, "--crop", "24,10,16", "-o", "o", "-q")
    expected = np.asarray(Image.open("a.png").convert("RGB"))[10:26, 24:40]
    np.testing.assert_array_equal(np.load("o/a.npz")["target"], expected)


def test_a_face_is_aligned_by_hand(run: Run, folder: Path) -> None:
    """Eyes 4 apart, the mouth 4 below: a level square of side 16 around the point a tenth of the way down."""
    ran = run("project", "a.png", *QUICK, "--face", "18,15.6,22,15.6,20,19.6", "-o", "o", "-q")
    assert ran.code == 0, ran.err
    expected = np.asarray(Image.open(folder / "a.png").convert("RGB"))[8:24, 12:28]
    assert np.abs(np.load("o/a.npz")["target"].astype(int) - expected).max() <= 1


def test_intermediate_pictures_are_written_on_request(run: Run, folder: Path) -> None:
    run("project", "a.png", *QUICK, "--progress-every", "3", "-o", "o", "-q")
    assert names(folder / "o") == ["a-step0003.png", "a-step0006.png", "a.npz", "a.png"]
    assert Image.open("o/a-step0003.png").size == (32, 16)


@pytest.mark.usefixtures("folder")
def test_a_table_names_the_error_of_each(run: Run) -> None:
    ran = run("project", "a.png", *QUICK, "-o", "o")
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == ["latent", "pixel", "error", "steps"]
    assert f"{float(np.load('o/a.npz')['pixel_error']):.2f}" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.png"], "gone.png: no such file"),
        (["a.png", "text.png"], "text.png: not a readable picture"),
        (["a.png", "--crop", "30,0,16"], "a.png: the crop 30,0,16 ends at 46,16, outside its 40x32 pixels"),
        (["a.png", "--crop", "middle"], "--crop middle: expected LEFT,TOP,SIZE"),
        (["a.png", "--face", "1,2,3"], "--face 1,2,3: expected left eye, right eye and mouth"),
        (["a.png", "--face", "90,2,95,2,92,9"], "a.png: the eyes and the mouth are no face in its 40x32"),
        (["a.png", "--crop", "0,0,9", "--align"], "--align means nothing beside --crop"),
        (["a.png", "--space", "z"], "space z: pictures are projected into w or w+"),
        (["a.png", "sub/a.png"], "a: two pictures of this name would be written to one file"),
        (["a.png", "--init", "encoder"], "no encoder comes with tiny.safetensors"),
        (["a.png", "-m", "music"], "music has no w to project a picture into"),
        (["a.png", "--learning-rate", "0"], "learning rate 0.0: expected more than 0"),
        (["a.png", "--learning-rate", "1e300"], "learning rate 1e+300: expected at most 1e+30"),
        (["a.png", "--space", "w", "--closeness", "1"], "--closeness means nothing beside --space w;"),
        (["a.png", "--init", "encoder", "--seed", "1"], "--seed means nothing beside --init encoder;"),
        (["a.png", "--face-finder", "dlib"], "--face-finder means nothing without --align"),
        (["a.png", "--optimizer", "lbfgs", "--seed", "1"], "--seed means nothing beside --optimizer lbfgs;"),
        (
            ["a.png", "--align"],
            "a.png: no face found in it; say where the eyes and the mouth are with --face",
        ),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_written(
    run: Run, folder: Path, arguments: list[str], message: str
) -> None:
    ran = run("project", *QUICK, *arguments, "-o", "o")
    assert ran.code in REFUSED
    assert message in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert not (folder / "o").exists()


def test_all_pictures_that_cannot_be_used_are_named_at_once(run: Run, folder: Path) -> None:
    (folder / "page.png").write_text("<!DOCTYPE html>")
    ran = run("project", "a.png", "text.png", "b.png", "page.png", *QUICK, "-o", "o")
    assert ran.code == 1
    assert "text.png: not a readable picture" in ran.err
    assert "page.png: not a readable picture (it is a web page)" in ran.err
    assert not (folder / "o").exists()


def test_what_is_there_is_kept_unless_asked(run: Run, folder: Path) -> None:
    (folder / "o").mkdir()
    (folder / "o" / "a.npz").write_text("mine")
    ran = run("project", "a.png", *QUICK, "-o", "o")
    assert ran.code == 1
    assert "o/a.npz exists already" in ran.err
    assert names(folder / "o") == ["a.npz"]
    assert run("project", "a.png", *QUICK, "-o", "o", "--overwrite", "-q").code == 0
    assert np.load("o/a.npz")["loss"].shape == (8,)


def test_what_goes_wrong_midway_leaves_nothing(run: Run, folder: Path) -> None:
    ran = run("project", "a.png", *QUICK, "--learning-rate", "1e30", "--progress-every", "1", "-o", "o")
    assert ran.code == 1
    assert "lower the learning rate" in ran.err
    assert names(folder / "o") == []


@pytest.mark.parametrize("step", [0, 5, 7])
def test_interrupted_it_keeps_what_was_found(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    from netbend.latents.projection import project as module

    steps = module._Search.step

    def interrupted(self: Any, number: int) -> Any:
        if number == step and self.targets.shape[0] == 2:
            raise KeyboardInterrupt
        return steps(self, number)

    monkeypatch.setattr(module._Search, "step", interrupted)
    ran = run("project", "a.png", "b.png", "c.png", *QUICK, "--batch", "2", "-o", "o")
    assert ran.code == 130
    if step == 0:
        assert not (folder / "o").exists()
        return
    assert "stopped; what was found so far is kept" in ran.err
    assert names(folder / "o") == ["a.npz", "a.png", "b.npz", "b.png"]
    losses = np.load("o/a.npz")["loss"]
    assert len(losses) == step
    assert losses[-1] < losses[0]
    ran = run("render", "-m", "tiny.safetensors", "--latents", "o/a.npz", "-t", "1", "-o", "played")
    assert ran.code == 0, ran.err
