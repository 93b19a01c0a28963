from pathlib import Path

import numpy as np
import pytest
import soundfile

from netbend.errors import SoundError
from netbend.sound.excerpt import excerpt
from netbend.sound.files import SoundReader
from netbend.sound.writer import write_sound

RATE = 44100


def noise(frames: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal((2, frames))).astype("f4")


def whole(path: Path) -> np.ndarray:
    with SoundReader(path) as reader:
        return np.concatenate([np.zeros((reader.channels, 0)), *reader.blocks()], axis=1)


@pytest.mark.parametrize(("start", "end"), [(0, 1), (0.5, 3.25), (3.0, None), (2.5, 99.0), (0, 1 / RATE)])
@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.wav", "PCM_16"),
        ("a.wav", "PCM_24"),
        ("a.wav", "FLOAT"),
        ("a.flac", "PCM_16"),
        ("a.aiff", "PCM_24"),
    ],
)
def test_a_part_has_the_very_samples_and_their_kind(
    tmp_path: Path, name: str, subtype: str, start: float, end: float | None
) -> None:
    write_sound(tmp_path / name, noise(4 * RATE), RATE, subtype)
    expected = whole(tmp_path / name)[:, round(start * RATE) : None if end is None else round(end * RATE)]
    with excerpt(tmp_path / name, start, end) as part:
        assert part.name == name
        assert np.array_equal(whole(part), expected)
        with SoundReader(part) as reader, SoundReader(tmp_path / name) as before:
            assert (reader.format, reader.subtype) == (before.format, before.subtype)
    assert not part.exists()


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3"])
def test_a_part_of_a_lossy_file_is_what_it_decodes_to(tmp_path: Path, name: str) -> None:
    write_sound(tmp_path / name, noise(4 * RATE), RATE)
    expected = whole(tmp_path / name)[:, RATE : 2 * RATE]
    with excerpt(tmp_path / name, 1.0, 2.0) as part:
        assert np.array_equal(whole(part), expected)


def test_without_a_start_and_an_end_it_is_the_file(tmp_path: Path) -> None:
    with excerpt(tmp_path / "a.wav") as part:
        assert part == tmp_path / "a.wav"


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (4.0, None, r"a\.wav: has 4\.00 s, and nothing from 4 s on; start earlier"),
        (-1.0, None, "expected a start of 0 or more"),
        (2.0, 2.0, "expected a start of 0 or more, and an end after it"),
        (2.0, 1.0, "an end after it"),
        (float("nan"), None, "expected a start"),
    ],
)
def test_what_is_no_part_is_one_error(tmp_path: Path, start: float, end: float | None, message: str) -> None:
    write_sound(tmp_path / "a.wav", noise(4 * RATE), RATE)
    with pytest.raises(SoundError, match=message), excerpt(tmp_path / "a.wav", start, end):
        pass


def test_a_file_that_is_cut_off_before_the_end_is_named_itself(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", noise(4 * RATE).T, RATE)
    data = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(data[: len(data) // 2])
    with excerpt(tmp_path / "a.flac", 0.2, 1.0) as part:
        assert whole(part).shape == (2, round(0.8 * RATE))
    with pytest.raises(SoundError, match=f"{tmp_path}/a.flac: cut off"), excerpt(tmp_path / "a.flac", 0.2):
        pass
