"""What is wrong is one message, in one style: exit code 2 for options, 1 for what they name."""

from pathlib import Path

import pytest

from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator

from .conftest import Run, commands

ALL = dict(commands())
LEAVES = [path for path, command in ALL.items() if not hasattr(command, "commands")]
TURN = "bends: [{layer: 1, transform: rotate, params: {angle: 30}}]\n"
TINY = ("-m", "tiny.safetensors")
LINES = {
    ("render", "turn.yaml", "--noise", "loud"): 2,
    ("render", "turn.yaml", "--cutoff", "-1"): 2,
    ("render", "turn.yaml", "--seeds"): 2,
    ("render", "turn.yaml", "more.yaml"): 2,
    ("render", "--sheet=3"): 2,
    ("render", "--strength", "2"): 2,  # without a recipe
    ("render", *TINY, "--seeds", "3,3"): 2,
    ("render", *TINY, "--seeds", "0-1", "--out", "o.png"): 2,
    ("render", "gone.yaml"): 1,
    ("render", "-m", "gone.safetensors"): 1,
    ("render", *TINY, "--latents", "gone.npz"): 1,
    ("render", *TINY, "--out", "turn.yaml/o"): 1,
    ("film", "turn.yaml", *TINY, "--frame", "1", "--stills", "2", "--quality", "3"): 2,
    ("render", *TINY, "--device", "tpu"): 2,
    ("sound", "gone.wav", "--mix", "2"): 2,
    ("project", "gone.png", *TINY, "--crop", "1"): 2,
    ("train", "stylegan2", ".", "--out", "run", "--size", "9"): 2,
    ("film", "gone.yaml"): 1,
    ("vary", "turn.yaml", *TINY): 1,  # nothing in it is random
    ("vary", *TINY): 2,
    ("vary", *TINY, "--surprise", "--seeds", "1-2"): 2,
    ("grid", "turn.yaml", *TINY): 2,
    (
        "grid",
        "--transform",
        "rotate 3",
        "--rows",
        "layer=1",
        "--columns",
        "layer=2",
        *TINY,
        "--layer",
        "1",
    ): 2,
    ("sound",): 2,
    ("sound", "gone.wav"): 1,
    ("sound", "gone.wav", "--start", "soon"): 2,
    ("breed", "turn.yaml"): 2,
    ("directions", "tiny.safetensors", "--range", "-1"): 2,
    ("cluster", "make", "tiny.safetensors", "--layers", ","): 2,
    ("cluster", "show", "gone.yaml"): 1,
    ("convert", "gone.pt", "o.safetensors"): 1,
    ("convert", "gone.pt"): 2,
    ("train", "stylegan2", "."): 2,
    ("models", "install", "gone"): 1,
    ("frobnicate",): 2,
    ("train", "frobnicate"): 2,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generator: Generator) -> Path:
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    (tmp_path / "turn.yaml").write_text(TURN)
    return tmp_path


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_wrong_option_exits_with_2_and_wrong_input_with_1(
    run: Run, folder: Path, line: tuple[str, ...]
) -> None:
    before = sorted(folder.rglob("*"))
    ran = run(*line)
    assert (ran.code, ran.out) == (LINES[line], ""), ran.err
    assert ran.err.startswith("netbend: ")
    assert len(ran.err.splitlines()) == 1
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_an_unknown_option_of_any_command_is_one_line(run: Run, path: tuple[str, ...]) -> None:
    ran = run(*path, "--qqq")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"netbend: no such option: --qqq; see `netbend {' '.join(path)} --help`\n"


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_a_number_that_is_none_is_one_line_in_any_command(run: Run, path: tuple[str, ...]) -> None:
    options = [
        option
        for option in ALL[path].params
        if option.param_type_name == "option" and option.type_descriptor.annotation in (int, float)
    ]
    for option in options:
        name = max(option.opts, key=len)
        ran = run(*path, name, "many")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(f"netbend: {name}: ")
        assert len(ran.err.splitlines()) == 1


def test_the_nearest_name_is_offered(run: Run) -> None:
    assert (
        "no such option: --trunction (did you mean --truncation or --precision?)"
        in run("render", "--trunction", "1").err
    )
    assert "no such command: rendr (did you mean render?)" in run("rendr").err
    assert "no such command: stylegan (did you mean stylegan2?)" in run("train", "stylegan").err


def test_without_a_command_help_is_shown(run: Run) -> None:
    for path in ((), ("train",), ("cluster",)):
        ran = run(*path)
        assert ran.code == 2
        assert "Commands" in ran.out + ran.err
