"""Commands that are killed, at any moment: nothing is lost, and the same command goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile

from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator

EVERYWHERE = Path(__file__).with_name("killed_everywhere.py")
RECIPE = """\
latent: 3
bends:
- {layer: 3, transform: rotate, params: {angle: {wave: sine, from: -40, to: 40, seconds: 2}}}
"""
FILM = ["film", "drift.yaml", "-m", "tiny.safetensors", "--fps", "10", "--seconds", "0.5", "--height", "16"]


@pytest.fixture
def pristine(tmp_path: Path, generator: Generator) -> Path:
    folder = tmp_path / "pristine"
    (folder / "older").mkdir(parents=True)
    save_generator(folder / "tiny.safetensors", generator)
    (folder / "drift.yaml").write_text(RECIPE)
    (folder / "older.mkv").write_text("an older film")
    (folder / "older" / "notes.txt").write_text("mine")
    (folder / "older" / "frame-000099.png").write_text("mine, too")
    soundfile.write(folder / "tone.wav", [0.1] * 4000, 8000)
    return folder


def killed_everywhere(pristine: Path, *command: str) -> list[dict[str, Any]]:
    """What came of kills at every file operation; the last is of no kill."""
    ran = subprocess.run(
        [sys.executable, EVERYWHERE, pristine, pristine.parent / "work", *command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.parametrize(
    ("out", "rest"),
    [
        ("film.mkv", ["--sound", "tone.wav"]),
        ("frames", []),
        ("older.mkv", ["--overwrite"]),
        ("older", ["--overwrite"]),
    ],
)
def test_a_film_killed_at_any_moment_goes_on(pristine: Path, out: str, rest: list[str]) -> None:
    *killed, whole = killed_everywhere(pristine, *FILM, "--out", out, "-q", *rest)
    assert whole["code"] == 0, whole["error"]
    assert len(killed) > 10
    made = {name: content for name, content in whole["between"].items() if name.startswith(out)}
    for each in killed:
        is_whole = made.items() <= each["between"].items()
        if each["code"] != 0:  # there was nothing to go on with
            assert is_whole, each
            assert "exists already" in each["error"], each
        assert made.items() <= each["after"].items(), each
        left = each["after"].keys() - whole["between"].keys()
        assert each["code"] != 0 or not left, each
        for name in ("older/notes.txt", "older/frame-000099.png", "drift.yaml"):
            assert each["between"][name] == whole["between"][name], each
        if out == "older.mkv":  # the older film or the new one, nothing between
            assert each["between"][out] in (made[out], killed[0]["between"][out])
