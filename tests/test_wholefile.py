from pathlib import Path

import pytest

from netbend.errors import RenderError
from netbend.wholefile import folder_of, whole_file, write_whole


def test_a_file_is_there_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.bin"
    with whole_file(path, RenderError) as unfinished:
        unfinished.write_bytes(b"half")
        assert not path.exists()
        unfinished.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


def fail(path: Path) -> None:
    with whole_file(path, RenderError) as unfinished:
        unfinished.write_bytes(b"half")
        raise KeyError


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    write_whole(path, b"older", RenderError)
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
        write_whole(tmp_path / "file" / "x.bin", b"", RenderError)
