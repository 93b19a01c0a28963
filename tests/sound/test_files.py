from pathlib import Path

import numpy as np
import pytest
import soundfile

from netbend.errors import SoundError
from netbend.sound.files import SoundReader, read_mono
from netbend.sound.formats import written_rate
from netbend.sound.resampling import Resampling
from netbend.sound.writer import SoundWriter, write_sound

RATE = 44100


def tone(seconds: float = 1.0, channels: int = 2, frequency: float = 440.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.stack([0.5 * np.sin(2 * np.pi * (frequency + 110 * c) * time) for c in range(channels)]).astype(
        np.float32
    )


def whole(path: Path) -> np.ndarray:
    with SoundReader(path) as reader:
        return np.concatenate(list(reader.blocks(1000)), axis=1)


@pytest.mark.parametrize(
    ("ending", "subtype", "error"),
    [
        ("wav", "PCM_16", 2**-16),
        ("wav", "PCM_24", 2**-24),
        ("wav", "PCM_U8", 2**-8),
        ("wav", "FLOAT", 0),
        ("aiff", "PCM_16", 2**-16),
        ("flac", "PCM_24", 2**-24),
        ("ogg", None, 0.02),
        ("mp3", None, 0.02),
    ],
)
def test_what_is_written_is_read(tmp_path: Path, ending: str, subtype: str | None, error: float):
    path = tmp_path / f"tone.{ending}"
    write_sound(path, tone(), RATE, subtype)
    back = whole(path)
    assert back.shape == tone().shape
    difference = np.abs(back - tone())
    assert (difference.mean() if subtype is None else difference.max()) <= error
    assert list(tmp_path.iterdir()) == [path]


def test_opus_is_read_and_written(tmp_path: Path):
    path = tmp_path / "tone.opus"
    write_sound(path, tone()[:, :48000], 48000)
    assert soundfile.info(path).subtype == "OPUS"
    assert np.abs(whole(path)[:, 5000:40000]).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("name", "rate", "written"),
    [
        ("x.mp3", 96000, 48000),
        ("x.mp3", 44100, 44100),
        ("x.mp3", 5000, 8000),
        ("x.mp3", 18900, 22050),
        ("x.opus", 44100, 48000),
        ("x.opus", 8000, 8000),
        ("x.opus", 192000, 48000),
        ("x.ogg", 384000, 200000),
        ("x.flac", 768000, 655350),
        ("x.wav", 768000, 768000),
    ],
)
def test_what_an_encoder_does_not_take_is_written_at_the_rate_next_to_it(
    tmp_path: Path, name: str, rate: int, written: int
):
    seconds = 0.5
    pitch = 2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate
    assert written_rate(tmp_path / name, rate) == written
    write_sound(tmp_path / name, 0.5 * np.sin(pitch)[None].astype(np.float32), rate)
    with SoundReader(tmp_path / name) as reader:
        assert reader.sample_rate == written
        assert reader.seconds == pytest.approx(seconds, abs=0.06)
    middle = whole(tmp_path / name)[0][written // 10 : 3 * written // 10]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * written / len(middle) == pytest.approx(440, abs=11)


@pytest.mark.parametrize(("name", "channels", "most"), [("x.mp3", 6, 2), ("x.flac", 9, 8)])
def test_more_channels_than_a_format_holds_are_refused(tmp_path: Path, name: str, channels: int, most: int):
    with pytest.raises(SoundError, match=f"{channels} channels, and .* holds at most {most}; choose .wav"):
        write_sound(tmp_path / name, np.zeros((channels, 100), np.float32), RATE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.flac", "x.ogg", "x.opus", "x.mp3"])
def test_a_file_that_can_hold_no_nothing_is_not_written(tmp_path: Path, name: str):
    with pytest.raises(SoundError, match=f"{name}: there are no samples to write"):
        write_sound(tmp_path / name, np.zeros((2, 0), np.float32), 48000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_U8"])
def test_samples_that_were_read_are_written_to_the_bit(tmp_path: Path, subtype: str):
    first, second = tmp_path / "first.wav", tmp_path / "second.wav"
    random = np.random.default_rng(0).integers(-(2**31), 2**31 - 1, (1000, 2), dtype=np.int32)
    soundfile.write(first, random, RATE, subtype=subtype)
    write_sound(second, whole(first), RATE, subtype)
    assert np.array_equal(soundfile.read(first, dtype="int32")[0], soundfile.read(second, dtype="int32")[0])


def test_clipped_samples_are_counted(tmp_path: Path):
    loud = np.array([[0.5, 1.0, 1.5, -2.0]], np.float32)
    with SoundWriter(tmp_path / "whole.wav", RATE, 1, "PCM_16") as writer:
        writer.write(loud)
    assert writer.clipped == 2
    assert np.abs(whole(tmp_path / "whole.wav")).max() <= 1
    with SoundWriter(tmp_path / "floating.wav", RATE, 1, "FLOAT") as writer:
        writer.write(loud)
    assert writer.clipped == 0
    assert np.array_equal(whole(tmp_path / "floating.wav"), loud)


def test_an_error_leaves_neither_a_file_nor_a_part_of_one(tmp_path: Path):
    wrong_channels = tone(channels=2)
    with pytest.raises(SoundError), SoundWriter(tmp_path / "x.wav", RATE, 1) as writer:
        writer.write(wrong_channels)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["txt", "", "wave"])
def test_endings_that_are_no_sound_are_refused(tmp_path: Path, ending: str):
    with pytest.raises(SoundError, match=r"choose \.wav"):
        write_sound(tmp_path / f"x.{ending}", tone(), RATE)


@pytest.mark.parametrize("ending", ["wav", "aiff", "flac", "ogg", "mp3"])
def test_cut_off_files_are_refused(tmp_path: Path, ending: str):
    path = tmp_path / f"tone.{ending}"
    write_sound(path, tone(5.0), RATE)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(SoundError, match=f"tone.{ending}: cut off"):
        whole(path)


@pytest.mark.parametrize(("format", "endian"), [("WAV", "BIG"), ("WAVEX", "FILE"), ("AIFF", "FILE")])
def test_other_kinds_of_headers_are_read(tmp_path: Path, format: str, endian: str):
    soundfile.write(tmp_path / "x.wav", tone().T, RATE, "PCM_16", endian=endian, format=format)
    assert np.abs(whole(tmp_path / "x.wav") - tone()).max() < 2**-15
    with SoundReader(tmp_path / "x.wav") as reader:
        assert reader.format == format.removesuffix("EX")


def without_length(path: Path) -> None:
    """As an encoder leaves the header of a FLAC that goes into a pipe."""
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_a_flac_that_does_not_say_how_long_it_is_is_read_to_its_end(tmp_path: Path, subtype: str):
    """libsndfile loses the end of such files."""
    path = tmp_path / "x.flac"
    write_sound(path, tone(3.3), RATE, subtype)
    expected = whole(path)
    without_length(path)
    assert np.array_equal(whole(path), expected)
    with SoundReader(path) as reader:
        assert (reader.frames, reader.format, reader.subtype) == (len(expected[0]), "FLAC", subtype)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(SoundError, match="cut off or damaged after"):
        whole(path)


SIZES = [0, 0x7FFFF000, 0x7FFFF024, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFC]


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("riff", [0, 36, 0x7FFFF024, 0xFFFFFFFF])
@pytest.mark.parametrize("size", SIZES)
def test_a_wav_out_of_a_pipe_is_read_to_its_end(tmp_path: Path, size: int, riff: int, subtype: str):
    path = tmp_path / "x.wav"
    write_sound(path, tone(0.2), RATE, subtype)
    expected = whole(path)
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[4:8], data[place : place + 4] = riff.to_bytes(4, "little"), size.to_bytes(4, "little")
    path.write_bytes(data)
    assert np.array_equal(whole(path), expected)
    with SoundReader(path) as reader:
        assert (reader.frames, reader.format, reader.subtype) == (len(expected[0]), "WAV", subtype)
    path.write_bytes(data + b"\1")  # a part of a sample
    assert np.array_equal(whole(path), expected)


def test_a_wav_of_nothing_with_tags_after_it_is_empty(tmp_path: Path):
    path = tmp_path / "x.wav"
    write_sound(path, tone(0), RATE)
    data = path.read_bytes()
    assert data[-4:] == bytes(4)
    path.write_bytes(data + b"LIST" + (4).to_bytes(4, "little") + b"INFO")
    with SoundReader(path) as reader:
        assert (reader.frames, list(reader.blocks())) == (0, [])


@pytest.mark.parametrize("rate", [3, 900_000])
def test_rates_of_no_sound_are_refused(tmp_path: Path, rate: int):
    soundfile.write(tmp_path / "x.wav", np.zeros(100), rate)
    with pytest.raises(SoundError, match="samples a second"):
        SoundReader(tmp_path / "x.wav")


def test_what_is_too_large_for_a_wav_is_refused_at_once(tmp_path: Path):
    with pytest.raises(SoundError, match=r"choose \.flac"):
        SoundWriter(tmp_path / "x.wav", RATE, 2, "FLOAT", frames=10**9)
    SoundWriter(tmp_path / "x.flac", RATE, 2, frames=10**9)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["wav", "aiff", "flac", "ogg"])
def test_comments_of_two_thousand_characters_are_kept(tmp_path: Path, ending: str):
    path, text = tmp_path / f"x.{ending}", "x" * 2000
    with SoundWriter(path, RATE, 1, comment=text) as writer:
        writer.write(tone(channels=1))
    assert soundfile.SoundFile(path).comment == text


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not a sound at all" * 100, b"RIFF\0\0\0\0WAVEfmt "])
def test_what_is_no_sound_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(SoundError, match=r"x\.wav: not a sound that can be read"):
        whole(path)


def test_missing_files_and_folders_are_named(tmp_path: Path):
    with pytest.raises(SoundError, match="no such file"):
        SoundReader(tmp_path / "x.wav")
    with pytest.raises(SoundError, match="not a file"):
        SoundReader(tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_with_their_place(tmp_path: Path, value: float):
    samples = tone(2.0)
    samples[1, RATE * 3 // 2] = value
    soundfile.write(tmp_path / "x.wav", samples.T, RATE, subtype="FLOAT")
    with pytest.raises(SoundError, match=r"NaN or infinity at 1\.500 s"):
        whole(tmp_path / "x.wav")


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
def test_mono_at_another_rate_is_the_same_sound(tmp_path: Path, rate: int):
    time = np.arange(rate) / rate
    both = np.stack([0.5 * np.sin(2 * np.pi * 440 * time), np.zeros(rate)]).astype(np.float32)
    write_sound(tmp_path / "x.wav", both, rate, "FLOAT")
    mono = read_mono(tmp_path / "x.wav", RATE)
    expected = 0.25 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert len(mono) == RATE
    assert np.abs(mono - expected)[500:-500].max() < 1e-3


def test_resampling_does_not_depend_on_blocks():
    sound = tone(channels=2)
    at_once = Resampling(RATE, 48000, 2)
    expected = np.concatenate([at_once.push(sound), at_once.flush()], axis=1)
    stream = Resampling(RATE, 48000, 2)
    parts = [stream.push(sound[:, start : start + 777]) for start in range(0, sound.shape[1], 777)]
    assert np.array_equal(np.concatenate([*parts, stream.flush()], axis=1), expected)
