"""Escape sequences out of files never reach the terminal, whichever way they come."""

import ast
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image, PngImagePlugin

import netbend.cli
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator

Run = Callable[..., Any]
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m[red]\u202e"
NAME = EVIL.replace("/", "")  # also good as the name of a file
RECIPE = "bends:\n- {layer: 1, transform: rotate, params: [30]}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    return tmp_path


def quoted(text: str) -> str:
    return json.dumps(text)


def recipe(text: str) -> list[str]:
    Path("r.yaml").write_text(text)
    return ["render", "r.yaml", "-m", "tiny.safetensors"]


def record(**changes: object) -> list[str]:
    data = {"version": "0.1.0", "model": "faces", "model_hash": "0" * 64, "seeds": [0], **changes}
    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt("netbend", json.dumps(data), zip=True)
    Image.new("RGB", (8, 8)).save("p.png", pnginfo=chunks)
    return ["render", "--from", "p.png"]


def file(content: bytes, *command: str) -> list[str]:
    Path(NAME).write_bytes(content)
    return [*command, NAME]


def sound() -> list[str]:
    soundfile.write(NAME + ".wav", np.zeros(100), 8000)
    Path("r.yaml").write_text(
        f"clusters: {quoted(NAME)}\nbends:\n- {{layer: 1, transform: ablate, features: {{cluster: 0}}}}\n"
    )
    return ["sound", NAME + ".wav", "-r", "r.yaml"]


CASES: dict[str, Callable[[], list[str]]] = {
    "mask": lambda: recipe(f"bends:\n- {{layer: 1, transform: ablate, mask: {quoted(NAME)}}}\n"),
    "clusters": lambda: recipe(
        f"clusters: {quoted(NAME)}\nbends:\n- {{layer: 1, transform: ablate, features: {{cluster: 0}}}}\n"
    ),
    "layer": lambda: recipe(f"bends:\n- {{layer: {quoted(EVIL)}, transform: ablate}}\n"),
    "transform": lambda: recipe(f"bends:\n- {{layer: 1, transform: {quoted(EVIL)}}}\n"),
    "parameter": lambda: recipe(
        f"bends:\n- {{layer: 1, transform: rotate, params: {{{quoted(EVIL)}: 1}}}}\n"
    ),
    "key": lambda: recipe(f"{quoted(EVIL)}: 1\nbends: []\n"),
    "value": lambda: recipe(f"seed: {quoted(EVIL)}\nbends: []\n"),
    "anchor": lambda: recipe(f"bends: *{EVIL}\n"),
    "tag": lambda: recipe(f"bends: !{EVIL} 1\n"),
    "latent": lambda: recipe(f"latent: {quoted(NAME)}\nbends: []\n"),
    "sound": lambda: recipe(
        f"bends:\n- {{layer: 1, transform: rotate, params: [{{sound: {quoted(NAME)}, from: 0, to: 1}}]}}\n"
    ),
    "model": lambda: recipe(f"model: {quoted(EVIL)}\nbends: []\n")[:2],
    "model in a record": lambda: record(model=EVIL),
    "hash in a record": lambda: record(model_hash=EVIL),
    "key in a record": lambda: record(**{EVIL: 1}),
    "recipe in a record": lambda: record(recipe={EVIL: 1}),
    "file name of a recipe": lambda: file(b"bends: 5", "render"),
    "file name of a checkpoint": lambda: file(b"nothing", "inspect"),
    "file name of a picture": lambda: file(b"nothing", "render", "--from"),
    "file name of latents": lambda: file(b"nothing", "render", "--latents"),
    "file name of a sound": lambda: file(b"nothing", "sound"),
    "file name of a film": lambda: file(b"nothing", "film", "--sound", NAME),
    "words too many": lambda: ["layers", "faces", EVIL],
    "option": lambda: ["layers", "--" + EVIL],
    "command": lambda: [EVIL],
    "value of an option": lambda: ["render", "--noise", EVIL],
    "folder for results": lambda: [*recipe(RECIPE), "--seeds", "0", "--out", NAME],
    "results as JSON": lambda: [*recipe(RECIPE), "--seeds", "0", "--out", NAME, "--json"],
    "file that is bent": sound,
}


def harmless(text: str) -> bool:
    return not set("\x1b\x07\x9b\u202e") & set(text)


@pytest.mark.parametrize("case", CASES)
def test_what_a_command_prints_holds_no_escape(case: str, run: Run) -> None:
    ran = run(*CASES[case]())
    assert harmless(ran.out + ran.err)
    assert ran.out + ran.err
    assert "Traceback" not in ran.err


def test_names_of_files_are_printed_as_they_are_but_for_it(run: Run, folder: Path) -> None:
    ran = run(*recipe(RECIPE), "--seeds", "0", "--out", NAME)
    assert ran.out == r"\x1b]0;owned\x07\x1b[2J\x9b31m[red]\u202e/r-seed0000.png" + "\n"
    assert (folder / NAME / "r-seed0000.png").is_file()


def test_json_names_the_file_itself(run: Run) -> None:
    ran = run(*recipe(RECIPE), "--seeds", "0", "--out", NAME, "--json")
    (path,) = json.loads(ran.out)["files"]
    assert Path(path).is_file()


def test_words_in_brackets_are_no_markup_of_a_table(run: Run) -> None:
    Path("c.yaml").write_text("version: 1\nlayers:\n  1:\n    0: {name: '[red]eyes[/red]', features: [0]}\n")
    ran = run("cluster", "show", "c.yaml")
    assert "[red]eyes[/red]" in ran.out


def test_a_terminal_is_sent_colours_of_our_own_alone() -> None:
    """In a terminal, where bars and tables have escape sequences."""
    command = recipe(RECIPE)
    Path("r.yaml").rename("r\x1b[31m\x07.yaml")
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "netbend.cli.main",
            command[0],
            "r\x1b[31m\x07.yaml",
            *command[2:],
            "--seeds",
            "0-1",
        ],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    ) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                part = os.read(leader, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(leader)
    assert process.returncode == 0
    assert rb"Rendering r\x1b[31m\x07" in shown
    assert b"\x07" not in shown
    assert b"r\x1b[31m" not in shown


def test_a_fault_of_our_own_shows_none_either() -> None:
    code = f"""
import sys, netbend.cli.main as main
def fault():
    raise RuntimeError({EVIL!r})
main.command = fault
main.main()
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "RuntimeError" in ran.stderr
    assert harmless(ran.stderr)


def test_messages_are_not_endless(run: Run) -> None:
    ran = run(*recipe(f"seed: [{', '.join(['12345'] * 20_000)}]\nbends: []\n"))
    assert len(ran.err) < 1000


def test_bars_and_tables_are_made_where_they_are_held_harmless() -> None:
    """A console made elsewhere would print text out of files as it is."""
    folder = Path(netbend.cli.__file__).parent
    for path in folder.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        consoles = [call for call in calls if ast.unparse(call.func) in ("Console", "console.Console")]
        assert all("own_stream" in ast.unparse(call) for call in consoles), path
