"""Only files are opened."""

import os
import socket

import pytest

from netbend.errors import RenderError
from netbend.regular_file import open_regular, read_regular, refuse_special


def test_a_file_is_read_whole(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert read_regular(path, RenderError, 3) == b"abc"


def test_more_than_the_limit_is_not_read(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abcd")
    with pytest.raises(RenderError, match="4 bytes; at most 3 are read"):
        read_regular(path, RenderError, 3)


@pytest.mark.parametrize("what", ["folder", "pipe", "socket", "device"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path, what):
    path = tmp_path / "a"
    with socket.socket(socket.AF_UNIX) as listener:
        if what == "folder":
            path.mkdir()
        elif what == "pipe":
            os.mkfifo(path)
        elif what == "socket":
            listener.bind(str(path))
        else:
            path.symlink_to("/dev/zero")
        with pytest.raises(RenderError, match=what):
            refuse_special(path, RenderError)


def test_a_name_with_a_nul_is_refused(tmp_path):
    with (
        pytest.raises(RenderError, match="not a name that a file can have"),
        open_regular(tmp_path / "a\0b", RenderError),
    ):
        pass


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(RenderError, match="a: no such file"):
        read_regular(tmp_path / "a", RenderError)
