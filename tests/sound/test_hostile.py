"""Sounds from strangers: headers that lie, and channels, rates and lengths beyond any sound."""

import os
import struct
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from netbend import limits
from netbend.errors import SoundError
from netbend.motion.measure import measured
from netbend.sound.files import SoundReader, read_mono
from netbend.sound.quietly import quietly


def wav(
    path: Path, *, channels: int = 1, rate: int = 8000, bits: int = 16, data: bytes = bytes(200),
    claimed: int = -1,
    block: int | None = None, kind: int = 1,
) -> Path:  # fmt: skip
    """A WAV file whose header says what it is told to say."""
    width = channels * bits // 8 if block is None else block
    form = struct.pack(
        "<HHIIHH", kind, channels & 0xFFFF, rate, (rate * width) & 0xFFFFFFFF, width & 0xFFFF, bits
    )
    size = len(data) if claimed < 0 else claimed
    path.write_bytes(
        b"RIFF" + struct.pack("<I", min(36 + size, 2**32 - 1)) + b"WAVEfmt " + struct.pack("<I", 16) + form
        + b"data" + struct.pack("<I", size) + data
    )  # fmt: skip
    return path


LIES: dict[str, dict[str, object]] = {
    "65 channels": {"channels": 65, "data": bytes(65 * 2 * 100)},
    "1024 channels": {"channels": 1024, "data": bytes(1024 * 2 * 100)},
    "65535 channels": {"channels": 65535, "data": bytes(65535 * 2)},
    "no channel": {"channels": 0},
    "a rate of 0": {"rate": 0},
    "a rate of 1": {"rate": 1},
    "a rate of 2^31": {"rate": 2**31},
    "a rate of 2^32 - 1": {"rate": 2**32 - 1},
    "more samples than there are": {"claimed": 10**9},
    "3 GB of samples": {"claimed": 3 * 10**9},
    "samples of 0 bits": {"bits": 0},
    "samples of 4096 bits": {"bits": 4096},
    "a kind that is none": {"kind": 0x4242},
    "NaN": {"kind": 3, "bits": 32, "data": struct.pack("<f", float("nan")) * 50},
    "infinity": {"kind": 3, "bits": 32, "data": struct.pack("<f", float("-inf")) * 50},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_one_error(lie: str, tmp_path: Path) -> None:
    path = wav(tmp_path / "lie.wav", **LIES[lie])  # type: ignore[arg-type]
    with pytest.raises(SoundError, match=r"lie\.wav: "), SoundReader(path) as reader:
        for _ in reader.blocks():
            pass


def test_nothing_is_printed_past_python(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """libmpg123 tells its troubles to standard error itself."""
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3" + bytes(50))
    with pytest.raises(SoundError, match="not a sound that can be read"):
        SoundReader(path)
    noise = 0.1 * np.random.default_rng(0).standard_normal(100_000)
    soundfile.write(path, noise, 44100, format="MP3")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(3000) + whole[len(whole) // 2 :])
    with SoundReader(path) as reader, suppress(SoundError):
        assert sum(block.shape[1] for block in reader.blocks(5000)) > 50_000
    assert capfd.readouterr().err == ""
    os.write(2, b"still heard")
    assert capfd.readouterr().err == "still heard"


def test_what_is_quiet_in_several_threads_is_heard_after_the_last(capfd: pytest.CaptureFixture[str]) -> None:
    began, done = threading.Event(), threading.Event()

    def other() -> None:
        with quietly():
            began.set()
            done.wait(60)
            os.write(2, b"not heard")

    thread = threading.Thread(target=other)
    with quietly():
        thread.start()
        began.wait(60)
    os.write(2, b"nor this")
    done.set()
    thread.join()
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_what_a_library_calls_its_own_things_is_not_said(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match=r"not a sound that can be read \(a damaged header\); netbend reads"):
        SoundReader(wav(tmp_path / "a.wav", rate=0))


@pytest.mark.parametrize("lie", LIES)
def test_what_follows_such_a_sound_is_the_same_error(lie: str, tmp_path: Path) -> None:
    path = wav(tmp_path / "lie.wav", **LIES[lie])  # type: ignore[arg-type]
    with pytest.raises(SoundError, match=r"lie\.wav: "):
        measured(path, "onset", 0.1)
    with pytest.raises(SoundError, match=r"lie\.wav: "):
        read_mono(path, 8000)


@pytest.mark.parametrize(
    ("rate", "message"), [(999, "999 samples a second"), (768_001, "expected 1000 to 768000")]
)
def test_rates_have_limits(rate: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(SoundError, match=message):
        SoundReader(wav(tmp_path / "a.wav", rate=rate))


def test_channels_have_a_limit(tmp_path: Path) -> None:
    count = limits.MAX_SOUND_CHANNELS
    with SoundReader(wav(tmp_path / "a.wav", channels=count, data=bytes(count * 2 * 10))) as reader:
        assert [block.shape for block in reader.blocks()] == [(count, 10)]
    with pytest.raises(SoundError, match="65 channels; at most 64 are read"):
        SoundReader(wav(tmp_path / "b.wav", channels=count + 1, data=bytes((count + 1) * 2 * 10)))


def test_a_day_is_the_longest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netbend.sound.files.MAX_SOUND_SECONDS", 1.0)
    soundfile.write(tmp_path / "a.flac", np.zeros(8000), 8000)
    soundfile.write(tmp_path / "b.flac", np.zeros(8001), 8000)
    SoundReader(tmp_path / "a.flac").__exit__(None, None, None)
    with pytest.raises(SoundError, match=r"b\.flac: 0\.0 hours; at most .* are read"):
        SoundReader(tmp_path / "b.flac")


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"RIFF\xff\xff\xff\xffWAVE", b"fLaC" + bytes(100), b"OggS" + bytes(60)]
)
def test_beginnings_of_sounds_are_no_sounds(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(SoundError, match=r"a\.wav: "), SoundReader(path) as reader:
        list(reader.blocks())


@pytest.mark.parametrize("size", [44, 60, 100, 143])
def test_a_flac_that_is_cut_off_is_an_error(size: int, tmp_path: Path) -> None:
    whole = tmp_path / "whole.flac"
    soundfile.write(whole, np.random.RandomState(0).uniform(-1, 1, 8000), 8000)
    path = tmp_path / "cut.flac"
    path.write_bytes(whole.read_bytes()[: size * 10])
    with pytest.raises(SoundError, match="cut off or damaged"), SoundReader(path) as reader:
        list(reader.blocks())


@pytest.mark.parametrize("data", [b"", b"\0"])
def test_a_sound_without_a_sample_is_silence_of_no_length(data: bytes, tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", data=data)
    with SoundReader(path) as reader:
        assert (reader.seconds, list(reader.blocks())) == (0, [])
    assert read_mono(path, 8000).shape == (0,)
