"""What the shell offers, asked as shells ask."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer._completion_classes import BashComplete

import netbend
from netbend.choices import FIGURES, MODELS
from netbend.cli import completion
from netbend.cli.main import command
from netbend.models.catalog import CATALOGUE
from netbend.models.dcgan.model import DCGAN
from netbend.models.dcgan.network import Architecture
from netbend.models.dcgan.network import Generator as Eyes
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator
from netbend.transforms import all_transforms
from netbend.variations import grid

from .test_startup import SLOW, loaded_by

RED = rb"\"red\""  # as a header has it
MEDIA = ("me.npz", "loop.wav", "face.png")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generator: Generator) -> Path:
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    (tmp_path / "recipes").mkdir()
    for name in ("turn.yaml", ".secret.yaml", "notes.txt", "recipes/neon.yaml", *MEDIA):
        (tmp_path / name).write_text("")
    (tmp_path / "small.yaml").write_text("model: tiny.safetensors\nbends: []\n")
    (tmp_path / "eyes.yaml").write_text("model: painted-eyes\nbends: []\n")
    return tmp_path


@pytest.fixture
def classes(folder: Path) -> None:
    """A model with classes, a recipe for it, and a file that has something else in their place."""
    DCGAN(Eyes(Architecture((4, 4), 3, ("red", "blue")))).save(folder / "classes.safetensors")
    (folder / "red.yaml").write_text("model: classes.safetensors\nbends: []\n")
    content = (folder / "classes.safetensors").read_bytes()
    assert content.count(RED) == 1
    (folder / "odd.safetensors").write_bytes(content.replace(RED, b"7".rjust(len(RED))))


def offered(*words: str) -> list[str]:
    """What is offered for the last of the words."""
    *typed, incomplete = words
    shell = BashComplete(command(), {}, "netbend", "_NETBEND_COMPLETE")
    return [item.value for item in shell.get_completions(list(typed), incomplete)]


LINES = {
    "render ": ["eyes.yaml", "recipes/neon.yaml", "small.yaml", "turn.yaml"],
    "render recipes/": ["recipes/neon.yaml"],
    "render t": ["turn.yaml"],
    "breed turn.yaml e": ["eyes.yaml"],
    "render -m ": ["faces", "music", "photo-faces", "painted-eyes", "tiny.safetensors", "recipes/"],
    "render --model p": ["photo-faces", "painted-eyes"],
    "layers t": ["tiny.safetensors"],
    "film --latents ": ["me.npz", "tiny.safetensors", "recipes/"],
    "film --sound l": ["loop.wav"],
    "sound l": ["loop.wav"],
    "project f": ["face.png"],
    "render --from f": ["face.png"],
    "inspect t": ["tiny.safetensors"],
    "models remove ": ["photo-faces", "painted-eyes"],
    "models install pa": ["painted-eyes"],
    "vary --transforms rotate,flip": ["rotate,flip-h", "rotate,flip-v"],
    "grid --layer ": [*map(str, range(9))],
    "grid -m tiny.safetensors --layer ": [*map(str, range(5))],
    "grid -m music --layer ": [*map(str, range(1, 6))],
    "grid -m gone.safetensors --layer ": [],
    "grid -m turn.yaml --layer ": [],
    "vary -m faces --layers 3,1": ["3,1"],
    "cluster make faces --layers 8": ["8"],
    "cluster make tiny.safetensors --layers ": [*map(str, range(5))],
    "atlas tiny.safetensors --layers ": [*map(str, range(5))],
    "directions tiny.safetensors -q --style-layers ": [*map(str, range(5))],
    "vary small.yaml --layers ": [*map(str, range(5))],
    "breed turn.yaml small.yaml --label ": [],
    "grid --rows model=p": ["model=photo-faces", "model=painted-eyes"],
    "grid --rows transform=rot": ["transform=rotate"],
    "render --noise ": ["constant", "random", "none"],
    "grid --figure ": ["transforms-by-layer"],
    "render --device c": ["cpu", "cuda"],
    "train stylegan2 x --augment ": ["none", "ada"],
    "train stylegan2 x --from t": ["tiny.safetensors"],
    "cluster make faces --networks t": ["tiny.safetensors"],
    "cluster show fa": ["faces", "faces/paper"],
    "render gone/": [],
}


OF_CLASSES = {
    "render -m classes.safetensors --label ": ["red", "blue"],
    "render -m classes.safetensors --label b": ["blue"],
    "render red.yaml --label r": ["red"],
    "breed red.yaml turn.yaml --label r": ["red"],
    "breed turn.yaml red.yaml --label r": ["red"],
    "vary -m tiny.safetensors --label ": [],
    "film -m gone.safetensors --label ": [],
    "grid -m odd.safetensors --label ": ["blue"],
}


@pytest.mark.parametrize("line", OF_CLASSES)
@pytest.mark.usefixtures("classes")
def test_classes_are_those_of_the_model(line: str) -> None:
    assert sorted(offered(*line.split(" "))) == sorted(OF_CLASSES[line])


@pytest.mark.parametrize("line", LINES)
@pytest.mark.usefixtures("folder")
def test_what_could_stand_there_is_offered(line: str) -> None:
    assert sorted(offered(*line.split(" "))) == sorted(LINES[line])


@pytest.mark.usefixtures("folder")
def test_clusters_are_those_of_the_model() -> None:
    names = {
        name
        for of_layer in netbend.load_model("faces", "cpu").clusters.names.values()  # type: ignore[union-attr]
        for name in of_layer.values()
    }
    assert {word.removeprefix("cluster=") for word in offered("grid", "--rows", "cluster=")} - {""} == names
    assert offered("grid", "-m", "tiny.safetensors", "--rows", "cluster=") == ["cluster="]
    assert set(offered("cluster", "name", "4", "3", "")) == names
    assert "faces/paper" in offered("render", "--clusters", "faces/")


def test_the_names_offered_are_those_there_are() -> None:
    assert tuple(CATALOGUE) == MODELS
    assert tuple(grid.FIGURES) == FIGURES
    own = [name for name, cls in all_transforms().items() if cls.__module__.startswith("netbend.transforms")]
    assert sorted(completion._transforms(None, "")) == sorted(own)


@pytest.mark.parametrize("name", MODELS)
def test_layers_are_those_of_the_model(name: str) -> None:
    if not CATALOGUE[name].installed:
        pytest.skip(f"{name} is not installed")
    numbers = [layer.number for layer in netbend.load_model(name, "cpu").layers if layer.number is not None]
    assert offered("grid", "-m", name, "--layer", "") == [str(number) for number in numbers]


# Answers a shell as `netbend` does, and says which modules are loaded then.
ASKED = """
import os, sys
from netbend.cli.main import main
os.environ.update(_NETBEND_COMPLETE="complete_bash", COMP_WORDS={line!r}, COMP_CWORD={last!r})
try: main()
except SystemExit: pass
"""


@pytest.mark.parametrize(
    "line", ["", "render ", "grid --layer ", "grid --rows ", "vary --transforms ", "film --"]
)
def test_nothing_slow_is_loaded_for_it(line: str) -> None:
    asked = ASKED.format(line=f"netbend {line}", last=str(len(line.split(" "))))
    assert loaded_by(asked).isdisjoint(SLOW)


def test_commands_are_offered_with_what_they_do() -> None:
    shell = BashComplete(command(), {}, "netbend", "_NETBEND_COMPLETE")
    assert [(item.value, item.help) for item in shell.get_completions([], "rend")] == [
        ("render", "Render pictures, bent by a recipe.")
    ]
    assert offered("cluster", "sh") == ["show"]
    assert {"--version", "--help"} <= {*offered("--")}


@pytest.mark.usefixtures("folder")
def test_bash_is_answered() -> None:
    environment = {
        **os.environ,
        "_NETBEND_COMPLETE": "complete_bash",
        "COMP_WORDS": "netbend render --model pho",
        "COMP_CWORD": "3",
    }
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv = ['netbend']; from netbend.cli.main import main; main()",
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.split() == ["photo-faces"], ran.stderr


@pytest.mark.usefixtures("folder")
def test_names_that_a_shell_would_take_for_others_are_not_offered() -> None:
    for name in ("two\nwords.yaml", "\x1b[2Jred.yaml", "tab\t.yaml", "half\udcff.yaml"):
        Path(name).write_text("")
    assert offered("render", "") == LINES["render "]


@pytest.mark.parametrize("begun", ["~nobody-of-this-name/", "\0", "/dev/null/", "a" * 5000, "~"])
@pytest.mark.parametrize("line", [("render",), ("render", "--model"), ("film", "--sound")])
def test_what_leads_nowhere_offers_nothing(line: tuple[str, ...], begun: str) -> None:
    assert offered(*line, begun) == []
