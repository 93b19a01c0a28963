"""Files are offered to every family that is installed; none can break another, and no file chooses code."""

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import netbend
from netbend.errors import CheckpointError
from netbend.models.catalog import describe, load_model
from netbend.models.families import GROUP, OURS
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "families.md").read_text()

TOY_FAMILY = """
    from netbend.models.family import Family
    from tests.models.toy import Toy

    class ToyFamily(Family):
        name, expects = "{name}", "a tensor `{name}`"

        def sniff(self, checkpoint):
            {sniff}

        def load(self, checkpoint):
            {load}

    FAMILY = ToyFamily()
"""
SNIFF, LOAD = 'return "{name}" in checkpoint.tensors', "return Toy(checkpoint.name, hash=checkpoint.hash)"


class Packages:
    """Installs packages with families where Python looks for packages."""

    def __init__(self, folder: Path):
        self.folder = folder

    def add(self, name: str, code: str, entry: str | None = None) -> None:
        module = f"netbend_{name}"
        (self.folder / f"{module}.py").write_text(dedent(code))
        about = self.folder / f"{module}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: netbend-{name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[{GROUP}]\n{entry or f'{name} = {module}:FAMILY'}\n")

    def add_toy(self, name: str, sniff: str = SNIFF, load: str = LOAD) -> None:
        self.add(name, TOY_FAMILY.format(name=name, sniff=sniff.format(name=name), load=load))


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield Packages(folder)
    for name in set(sys.modules) - before:
        if name.startswith("netbend_"):
            del sys.modules[name]


def saved(folder: Path, **tensors: Tensor) -> Path:
    torch.save(tensors, folder / "model.pt")
    return folder / "model.pt"


def refusal(path: Path) -> str:
    """What is said of a file, by loading and by describing it alike."""
    with pytest.raises(CheckpointError) as caught:
        load_model(path, "cpu")
    assert str(caught.value) == f"{path}: {describe(path).reason}"
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_our_own_families_are_registered_as_those_of_others_are() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"][GROUP] == {name: entry.value for name, entry in OURS.items()}
    for name, entry in OURS.items():
        assert entry.load().name == name


def test_where_netbend_is_installed_its_families_are_asked_once(packages: Packages, tmp_path: Path) -> None:
    packages.add("itself", "", "\n".join(f"{entry.name} = {entry.value}" for entry in OURS.values()))
    message = refusal(saved(tmp_path, unknown=torch.ones(1)))
    assert [message.count(name) for name in (*OURS, "netbend-itself")] == [1, 1, 1, 1, 0]


def test_the_family_of_the_documents_works(packages: Packages, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCS, re.S)
    (project,) = re.findall(r"```toml\n(.*?)```", DOCS, re.S)
    ((name, value),) = tomllib.loads(project)["project"]["entry-points"][GROUP].items()
    packages.add(name, code, f"{name} = {value}")
    namespace: dict[str, object] = {}
    exec(code, namespace)
    torch.manual_seed(0)
    torch.save({"digits": namespace["build"]().state_dict()}, tmp_path / "digits.pt")

    lines = dict(describe(tmp_path / "digits.pt").lines())
    assert (lines["family"], lines["output"], lines["layers"]) == ("digits", "pictures, 28x28", "2")
    assert lines["verdict"] == "can be used"
    model = load_model(tmp_path / "digits.pt", "cpu")
    turned = {"bends": [{"layer": "b14", "transform": "rotate", "params": {"angle": 45}}]}
    session = netbend.Session(model)
    unbent, bent = (
        session.image(netbend.RenderRequest.of(model, recipe, seeds=[3])) for recipe in (None, turned)
    )
    assert (bent.size, bent.mode) == ((28, 28), "L")
    assert bent.tobytes() != unbent.tobytes()

    torch.save({"digits": {"0.weight": torch.ones(2, 2)}}, tmp_path / "digits.pt")
    assert "0.weight has the shape (2, 2), expected (392, 16)" in refusal(tmp_path / "digits.pt")


def test_an_unknown_file_names_all_that_was_tried(packages: Packages, tmp_path: Path) -> None:
    packages.add_toy("late")
    packages.add_toy("early")
    message = refusal(saved(tmp_path, unknown=torch.ones(1)))
    assert message == (
        f"{tmp_path / 'model.pt'}: no network that netbend knows, found unknown; tried stylegan2 (expected "
        "rosinality's `g_ema`, NVIDIA's `G_ema`, or such weights wherever they are), mobilestylegan, dcgan "
        "and spectrogram_vae (expected a file that netbend wrote), early of the package netbend-early "
        "(expected a tensor `early`), late of the package netbend-late (expected a tensor `late`)"
    )


BROKEN = {
    "import": ("raise ImportError('no such library')", "ImportError: no such library"),
    "exit": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "syntax": ("FAMILY = (", "SyntaxError: "),
    "nothing there": ("", "AttributeError: "),
    "no family": ("FAMILY = object()", "netbend_broken:FAMILY is no instance of Family"),
    "unfinished": (
        "from netbend import Family\nclass Mine(Family):\n    pass\nFAMILY = Mine()",
        "TypeError: Can't instantiate abstract class Mine",
    ),
    "sniff": (TOY_FAMILY.format(name="broken", sniff="return 1 / 0", load=LOAD), "ZeroDivisionError: "),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_family_is_named_and_breaks_nothing(
    packages: Packages, tmp_path: Path, generator: Generator, kind: str
) -> None:
    code, reason = BROKEN[kind]
    packages.add("broken", code)
    packages.add_toy("sound")
    named = f"the family broken of the package netbend-broken is broken: {reason}"
    assert named in refusal(saved(tmp_path, unknown=torch.ones(1)))
    with pytest.warns(UserWarning, match=re.escape(named)):
        assert load_model(saved(tmp_path, sound=torch.ones(1)), "cpu").name == "model.pt"
    save_generator(tmp_path / "ours.safetensors", generator)
    assert load_model(tmp_path / "ours.safetensors", "cpu").layers
    assert load_model("faces", "cpu").layers


def test_a_family_that_fails_is_named(packages: Packages, tmp_path: Path) -> None:
    packages.add_toy("fails", load='raise KeyError("width")')
    message = refusal(saved(tmp_path, fails=torch.ones(1)))
    assert message.endswith(
        "model.pt: the family fails of the package netbend-fails is broken: KeyError: 'width'"
    )


def test_what_one_family_cannot_use_is_offered_to_the_next(packages: Packages, tmp_path: Path) -> None:
    refuse = 'from netbend import CheckpointError; raise CheckpointError(f"{checkpoint.file}: too old")'
    packages.add_toy("first", load=refuse)
    path = saved(tmp_path, first=torch.ones(1), second=torch.ones(1))
    assert refusal(path) == f"{path}: too old"
    packages.add_toy("second", load=refuse.replace("too old", "too new"))
    assert "several families know it, none can use it; tried stylegan2 (expected" in refusal(path)
    assert "first of the package netbend-first (too old)" in refusal(path)
    assert "second of the package netbend-second (too new)" in refusal(path)
    packages.add_toy("third", sniff="return True")
    assert load_model(path, "cpu").name == "model.pt"
    assert describe(path).reason is None


def test_our_families_come_first_and_their_names_cannot_be_taken(
    packages: Packages, tmp_path: Path, generator: Generator
) -> None:
    packages.add(
        "impostor",
        TOY_FAMILY.format(name="stylegan2", sniff="return True", load=LOAD),
        "stylegan2 = netbend_impostor:FAMILY",
    )
    save_generator(tmp_path / "ours.safetensors", generator)
    for name in ("faces", tmp_path / "ours.safetensors"):
        assert type(load_model(name, "cpu")).__name__ == "StyleGAN2"
    assert "netbend_impostor" not in sys.modules  # nobody asked it
    assert type(load_model(saved(tmp_path, other=torch.ones(1)), "cpu")).__name__ == "Toy"


@pytest.mark.parametrize("kind", ["netbend_stranger", "netbend_stranger:FAMILY", "stranger", "os:system"])
def test_no_file_chooses_what_is_imported(packages: Packages, tmp_path: Path, kind: str) -> None:
    (packages.folder / "netbend_stranger.py").write_text("raise SystemExit('imported')")
    path = tmp_path / "model.safetensors"
    header = json.dumps({"kind": kind, "architecture": {}, "family": kind})
    save_file({"x": torch.ones(1)}, path, metadata={"netbend": header, "netbend.families": kind})
    assert f"netbend wrote it, but as a `{kind}`, of which it knows no models" in refusal(path)
    assert "netbend_stranger" not in sys.modules
