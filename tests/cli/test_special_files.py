"""What is no file - a pipe, a folder, a device - is refused before it is opened, whoever names it.

Opening a pipe would wait for ever: each command is stopped after a while.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator

Run = Callable[..., Any]
SECONDS = 60
BEND = "- {layer: 1, transform: ablate}"
CLUSTERED = "bends:\n- {layer: 1, transform: ablate, features: {cluster: 0}}\n"
RANDOM = "- {layer: 1, transform: ablate, features: {random: 0.5}}"
TINY = ("-m", "tiny.safetensors")
AXES = ("--rows", "layer=1-2", "--columns", "mix=0,1")

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")


@pytest.fixture(autouse=True)
def folder(
    tmp_path_factory: pytest.TempPathFactory, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    here = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(here)
    save_generator(here / "tiny.safetensors", generator)
    (here / "r.yaml").write_text(f"bends:\n{BEND}\n{RANDOM}\n")
    Image.new("RGB", (16, 16)).save(here / "p.png")
    soundfile.write(here / "s.wav", np.zeros(100), 8000)
    yield here
    shutil.rmtree(here)


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"still waiting after {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def recipe(text: str, *command: str) -> tuple[str, ...]:
    """A command with a recipe of this text; `render` if none is given."""
    Path("given.yaml").write_text(text)
    return (*(command or ("render",)), "given.yaml", *TINY)


def latent(text: str, *command: str) -> tuple[str, ...]:
    return recipe(f"latent: {text}\nbends:\n{BEND}\n", *command)


def followed(*command: str) -> tuple[str, ...]:
    moving = "{sound: thing, from: 0, to: 1}"
    return recipe(f"bends:\n- {{layer: 1, transform: multiply, params: [{moving}]}}\n", *command)


def masked(*command: str) -> tuple[str, ...]:
    return recipe(f"bends:\n- {{layer: 1, transform: ablate, mask: thing}}\n{RANDOM}\n", *command)


def clustered(*command: str) -> tuple[str, ...]:
    return recipe(f"clusters: thing\n{CLUSTERED}{RANDOM}\n", *command)


def in_a_run(name: str, *command: str) -> tuple[str, ...]:
    """The thing inside the folder of a run."""
    Path("run").mkdir()
    Path("run/settings.json").write_text("{}")
    Path("run", name).unlink(missing_ok=True)
    Path("thing").rename(Path("run", name))
    return command


WAYS: dict[str, Callable[[], tuple[str, ...]]] = {
    "recipe, render": lambda: ("render", "thing", *TINY),
    "recipe, film": lambda: ("film", "thing", *TINY, "--seconds", "1"),
    "recipe, sound": lambda: ("sound", "s.wav", "-r", "thing"),
    "recipe, vary": lambda: ("vary", "thing", *TINY),
    "recipe, grid": lambda: ("grid", "thing", *TINY, *AXES),
    "recipe, breed": lambda: ("breed", "thing", "r.yaml", *TINY),
    "recipe, breed, the other": lambda: ("breed", "r.yaml", "thing", *TINY),
    "clusters, render": lambda: ("render", "r.yaml", *TINY, "--clusters", "thing"),
    "clusters, film": lambda: ("film", "r.yaml", *TINY, "--clusters", "thing", "--seconds", "1"),
    "clusters, sound": lambda: ("sound", "s.wav", "-r", "r.yaml", "--clusters", "thing"),
    "clusters, vary": lambda: ("vary", "r.yaml", *TINY, "--clusters", "thing"),
    "clusters, grid": lambda: ("grid", "r.yaml", *TINY, *AXES, "--clusters", "thing"),
    "clusters, breed": lambda: ("breed", "r.yaml", "r.yaml", *TINY, "--clusters", "thing"),
    "clusters, atlas": lambda: ("atlas", "tiny.safetensors", "--clusters", "thing"),
    "clusters, show": lambda: ("cluster", "show", "thing"),
    "clusters, name": lambda: ("cluster", "name", "1", "0", "eyes", "--clusters", "thing"),
    "clusters, convert": lambda: ("cluster", "convert", "thing", "new.yaml"),
    "clusters in a recipe, render": clustered,
    "clusters in a recipe, film": lambda: (*clustered("film"), "--seconds", "1"),
    "clusters in a recipe, vary": lambda: clustered("vary"),
    "mask, render": masked,
    "mask, film": lambda: (*masked("film"), "--seconds", "1"),
    "mask, vary": lambda: masked("vary"),
    "sound in a recipe, render": followed,
    "sound in a recipe, film": lambda: (*followed("film"), "--seconds", "1"),
    "soundtrack, film": lambda: recipe(f"soundtrack: thing\nbends:\n{BEND}\n", "film"),
    "--sound, film": lambda: ("film", "r.yaml", *TINY, "--sound", "thing"),
    "sound, sound": lambda: ("sound", "thing"),
    "sound, atlas": lambda: ("atlas", "music", "--sound", "thing"),
    "latents, render": lambda: ("render", *TINY, "--latents", "thing"),
    "latents in .npz, render": lambda: _renamed("thing.npz", "render", *TINY, "--latents"),
    "latents, film": lambda: ("film", "r.yaml", *TINY, "--latents", "thing", "--seconds", "1"),
    "latents, vary": lambda: ("vary", "r.yaml", *TINY, "--latents", "thing"),
    "latents, breed": lambda: ("breed", "r.yaml", "r.yaml", *TINY, "--latents", "thing"),
    "latents, cluster": lambda: ("cluster", "make", "tiny.safetensors", "--latents", "thing"),
    "latents in a recipe": lambda: latent("thing"),
    "latents in a journey": lambda: latent("{through: [thing, 3], seconds: 1}"),
    "film as latents": lambda: recipe(f"latent: {{film: thing}}\nbends:\n{BEND}\n", "film")[:2],
    "directions of a recipe": lambda: latent("{seed: 1, direction: 0, by: 1, of: thing}"),
    "checkpoint, render": lambda: ("render", "-m", "thing"),
    "checkpoint in a recipe": lambda: recipe(f"model: thing\nbends:\n{BEND}\n")[:2],
    "checkpoint, film": lambda: ("film", "r.yaml", "-m", "thing", "--seconds", "1"),
    "checkpoint, sound": lambda: ("sound", "s.wav", "-m", "thing"),
    "checkpoint, inspect": lambda: ("inspect", "thing"),
    "checkpoint, convert": lambda: ("convert", "thing", "new.safetensors"),
    "checkpoint, layers": lambda: ("layers", "thing"),
    "checkpoint, directions": lambda: ("directions", "thing"),
    "checkpoint, atlas": lambda: ("atlas", "thing"),
    "checkpoint, cluster": lambda: ("cluster", "make", "thing"),
    "checkpoint, project": lambda: ("project", "p.png", "-m", "thing"),
    "picture, render --from": lambda: ("render", "--from", "thing"),
    "picture, project": lambda: ("project", "thing", *TINY),
    "metric networks": lambda: (
        "cluster", "make", "tiny.safetensors", "--seeds", "0-3", "--networks", "thing",
    ),
    "settings of a run": lambda: in_a_run(
        "settings.json", "cluster", "make", "tiny.safetensors", "--work", "run", "--preset", "paper",
    ),
    "a checkpoint of a run": lambda: in_a_run(
        "totals.safetensors", "cluster", "make", "tiny.safetensors", "--work", "run",
    ),
    "a checkpoint of a training": lambda: in_a_run(
        "checkpoint.pt", "train", "stylegan2", "pictures", "--out", "run", "--device", "cpu",
    ),
    "settings of a training": lambda: in_a_run(
        "settings.json", "train", "spectrogram-vae", "sounds", "--out", "run", "--device", "cpu",
    ),
}  # fmt: skip
FOLDERS_ARE_ALLOWED = ("of a run", "of a training")


def _renamed(name: str, *command: str) -> tuple[str, ...]:
    Path("thing").rename(name)
    return (*command, name)


def make(kind: str) -> None:
    if kind == "pipe":
        os.mkfifo("thing")
    elif kind == "folder":
        Path("thing").mkdir()
    else:
        Path("thing").symlink_to("/dev/null")


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_file_is_refused(way: str, kind: str, run: Run) -> None:
    if kind == "folder" and way.endswith(FOLDERS_ARE_ALLOWED):
        pytest.skip("a folder in the folder of a run is no matter")
    make(kind)
    Path("pictures").mkdir()
    Path("sounds").mkdir()
    for number in range(6):
        Image.new("RGB", (16, 16), (number, 0, 0)).save(f"pictures/{number}.png")
        soundfile.write(f"sounds/{number}.wav", np.zeros(100), 8000)
    ran = run(*WAYS[way]())
    assert ran.code == 1, (ran.out, ran.err)
    assert ran.err.strip().startswith("netbend: ") or ran.out.startswith("file  "), ran.err
    assert kind in ran.err + ran.out or "not a file" in ran.err, ran.err
    assert "Traceback" not in ran.err
    assert not Path("out").exists()


def test_the_alarm_would_ring() -> None:
    """So that a test here can fail."""
    os.mkfifo("thing")
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    with pytest.raises(TimeoutError):
        Path("thing").read_bytes()
    assert sys.platform != "win32"
