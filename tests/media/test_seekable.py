from pathlib import Path

import pytest

from netbend.media.seekable import SeekableFile


@pytest.mark.parametrize("offset", [-5, 2**70])
def test_places_that_no_file_has_are_told_as_ffmpeg_is_told(tmp_path: Path, offset: int) -> None:
    """An exception would be printed, and passed over."""
    (tmp_path / "a").write_bytes(b"abc")
    with (tmp_path / "a").open("rb") as file:
        assert SeekableFile(file).seek(offset) == -1
        assert (SeekableFile(file).seek(1), file.read()) == (1, b"bc")
