import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netbend.atomic import atomic_write, folder_of, is_there, refuse_special_place, write_atomic
from netbend.errors import RenderError
from netbend.render.files import refuse_existing


def test_a_file_is_there_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.bin"
    with atomic_write(path, RenderError, overwrite=True) as unfinished:
        unfinished.write_bytes(b"half")
        assert not path.exists()
        unfinished.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


def fail(path: Path) -> None:
    with atomic_write(path, RenderError, overwrite=True) as unfinished:
        unfinished.write_bytes(b"half")
        raise KeyError


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    write_atomic(path, b"older", RenderError, overwrite=True)
    with pytest.raises(KeyError):
        fail(path)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_no_folder_that_it_made(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        fail(tmp_path / "new" / "folder" / "x.bin")
    assert list(tmp_path.iterdir()) == []


def test_folders_with_something_in_them_stay(tmp_path: Path) -> None:
    def fill_and_fail() -> None:
        with folder_of(tmp_path / "new" / "x.bin", RenderError):
            (tmp_path / "new" / "other").touch()
            raise KeyError

    with pytest.raises(KeyError):
        fill_and_fail()
    assert (tmp_path / "new" / "other").exists()


def test_what_the_system_refuses_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RenderError, match=r"cannot write .*x\.bin"):
        write_atomic(tmp_path / "file" / "x.bin", b"", RenderError, overwrite=True)


def test_a_file_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    """Two commands start while the name is free; the second to finish does not get it."""
    path = tmp_path / "x.bin"

    def write_late() -> None:
        with atomic_write(path, RenderError, overwrite=False) as unfinished:
            unfinished.write_bytes(b"late")
            write_atomic(path, b"early", RenderError, overwrite=False)

    with pytest.raises(RenderError, match=r"x\.bin exists already; name another --out, or say --overwrite"):
        write_late()
    assert path.read_bytes() == b"early"
    assert list(tmp_path.iterdir()) == [path]


def test_of_many_commands_at_once_one_makes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    start = threading.Barrier(8)

    def write(number: int) -> bool:
        start.wait()
        try:
            write_atomic(path, bytes([number]) * 1000, RenderError, overwrite=False)
        except RenderError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(write, range(8)))
    assert sum(made) == 1
    assert path.read_bytes() == bytes([made.index(True)]) * 1000
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("has_links", [True, False], ids=["hard links", "without them"])
@pytest.mark.parametrize("target", ["nowhere", "other.bin"])
def test_links_are_neither_followed_nor_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, has_links: bool
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if not has_links:
        monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "x.bin"
    (tmp_path / "other.bin").write_bytes(b"mine")
    path.symlink_to(tmp_path / target)
    with pytest.raises(RenderError, match="exists already"):
        write_atomic(path, b"new", RenderError, overwrite=False)
    assert os.readlink(path) == str(tmp_path / target)
    path.unlink()
    write_atomic(path, b"new", RenderError, overwrite=False)
    assert path.read_bytes() == b"new"
    assert (tmp_path / "other.bin").read_bytes() == b"mine"
    assert sorted(tmp_path.iterdir()) == [tmp_path / "other.bin", path]


@pytest.mark.parametrize("name", ["x" * 300, "nul\0.bin", "loop/x.bin"])
def test_names_that_no_file_can_have_are_told_beforehand(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(RenderError):
        is_there(tmp_path / name, RenderError)


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit on the size of files gives the errors of a full disk, but for its number."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from netbend.atomic import write_atomic; from netbend.errors import RenderError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_atomic(Path(sys.argv[1]), bytes(2000), RenderError, overwrite=False)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "new/x.bin")], capture_output=True, text=True
    )
    assert "x.bin: File too large" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))


@pytest.mark.parametrize(("make", "what"), [(make_pipe, "pipe"), (make_socket, "socket")])
def test_what_is_no_file_is_not_replaced(
    make: Callable[[Path], None], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    path = Path("x.png")
    make(path)
    before = path.lstat()
    with pytest.raises(RenderError, match=f"x.png: is a {what}, which is not replaced"):
        write_atomic(path, b"picture", RenderError, overwrite=True)
    with pytest.raises(RenderError, match=f"x.png: is a {what}, which is not replaced"):
        refuse_existing([path], overwrite=True)
    assert path.lstat().st_ino == before.st_ino
    assert list(tmp_path.iterdir()) == [tmp_path / path]


def test_devices_are_not_replaced() -> None:
    with pytest.raises(RenderError, match="is a device, which is not replaced"):
        refuse_special_place(Path(os.devnull), RenderError)
