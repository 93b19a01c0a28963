"""The sound of containers and films, by FFmpeg; written here by the encoders that come with PyAV."""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from netbend.errors import SoundError
from netbend.sound.files import SoundReader, read_mono

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 16: "hexadecagonal"}


def tones(rate: int, channels: int, seconds: float) -> np.ndarray:
    """A tone for each channel, each of another pitch."""
    time = np.arange(round(rate * seconds)) / rate
    return np.stack([0.3 * np.sin(2 * np.pi * (300 + 110 * c) * time) for c in range(channels)]).astype("f4")


def write(
    path: Path, codec: str, rate: int = 44100, channels: int = 2, seconds: float = 2.0,
    format: str | None = None, video: float = 0, options: dict[str, str] | None = None,
) -> np.ndarray:  # fmt: skip
    """A file of tones. video: seconds of pictures beside them."""
    sound, layout = tones(rate, channels, seconds), LAYOUTS[channels]
    with av.open(str(path), "w", format=format, options=options or {}) as file:
        pictures = file.add_stream("mpeg4", rate=25) if video else None
        if pictures is not None:
            pictures.width = pictures.height = 32
            pictures.pix_fmt = "yuv420p"
        stream = file.add_stream(codec, rate=rate, layout=layout)
        if pictures is not None:
            for _ in range(round(25 * video)):
                file.mux(pictures.encode(av.VideoFrame(32, 32, "yuv420p")))
            file.mux(pictures.encode(None))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T).reshape(1, -1), "flt", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        if codec == "wavpack":
            stream.codec_context.format = "s16p"
        kept_as = stream.codec_context.format.name
        resampler = av.AudioResampler(kept_as, layout, rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return sound


def whole(path: Path) -> np.ndarray:
    with SoundReader(path) as reader:
        return np.concatenate(list(reader.blocks(1000)), axis=1)


LOSSY = [
    ("a.m4a", "aac", 44100, 2, None, 0),
    ("a.mp4", "aac", 48000, 6, None, 0),
    ("film.mp4", "aac", 44100, 2, None, 3.0),
    ("film.mov", "aac", 44100, 2, None, 1.0),
    ("a.3gp", "aac", 22050, 1, "3gp", 0),
    ("a.aac", "aac", 44100, 2, "adts", 0),
    ("a.webm", "libopus", 48000, 2, None, 0),
    ("film.mkv", "aac", 44100, 2, None, 3.0),
    ("a.mka", "libopus", 48000, 1, "matroska", 0),
    ("a.ts", "aac", 48000, 2, "mpegts", 0),
    ("film.avi", "libmp3lame", 44100, 2, None, 1.0),
    ("a.ac3", "ac3", 48000, 6, None, 0),
    ("a.mp2", "mp2", 44100, 2, None, 0),
    ("a.wma", "aac", 44100, 2, "asf", 0),
]


@pytest.mark.parametrize(("name", "codec", "rate", "channels", "format", "video"), LOSSY)
def test_the_sound_of_lossy_containers_is_read(
    tmp_path: Path, name: str, codec: str, rate: int, channels: int, format: str | None, video: float
) -> None:
    sound = write(tmp_path / name, codec, rate, channels, 2.0, format, video)
    with SoundReader(tmp_path / name) as reader:
        assert (reader.sample_rate, reader.channels) == (rate, channels)
        assert reader.seconds == pytest.approx(2.0, abs=0.1)
    read = whole(tmp_path / name)
    assert read.shape[1] == pytest.approx(2 * rate, abs=0.1 * rate)
    if channels == 6:  # the deepest channel is one for bass
        sound, read = np.delete(sound, 3, axis=0), np.delete(read, 3, axis=0)
    middle = slice(rate // 2, rate)
    for wanted, got in zip(sound, read, strict=True):  # late by what the codec begins with
        spectra = [np.abs(np.fft.rfft(channel[middle] * np.hanning(rate // 2))) for channel in (wanted, got)]
        assert np.abs(spectra[0] - spectra[1]).max() < 0.1 * spectra[0].max()


@pytest.mark.parametrize("name", ["a.m4a", "film.mp4"])
def test_an_mp4_has_the_samples_that_went_into_it_and_no_padding(tmp_path: Path, name: str) -> None:
    sound = write(tmp_path / name, "aac", video=3.0 if name == "film.mp4" else 0)
    read = whole(tmp_path / name)
    assert read.shape == sound.shape
    errors = [np.square(np.roll(read, late, axis=1) - sound).mean() for late in (-1, 0, 1)]
    assert errors[1] == min(errors) < 0.01 * np.square(sound).mean()


@pytest.mark.parametrize(
    ("name", "codec", "format", "subtype"),
    [
        ("a.m4a", "alac", None, "PCM_24"),
        ("a.mov", "pcm_s16le", None, "PCM_16"),
        ("a.mkv", "flac", None, "PCM_16"),
        ("a.wv", "wavpack", None, "PCM_16"),
        ("a.w64", "pcm_s24le", "w64", "PCM_24"),
        ("a.au", "pcm_s16be", "au", "PCM_16"),
    ],
)
def test_lossless_containers_are_read_to_the_bit(
    tmp_path: Path, name: str, codec: str, format: str | None, subtype: str
) -> None:
    sound = write(tmp_path / name, codec, format=format)
    read = whole(tmp_path / name)
    assert read.shape == sound.shape
    assert np.abs(read - sound).max() <= (2**-15 if subtype == "PCM_16" else 2**-23)
    with SoundReader(tmp_path / name) as reader:
        assert reader.subtype == subtype


def test_blocks_do_not_decide_about_samples(tmp_path: Path) -> None:
    write(tmp_path / "a.m4a", "aac", seconds=1.0)
    with SoundReader(tmp_path / "a.m4a") as reader:
        blocks = list(reader.blocks(777))
    assert {block.shape[1] for block in blocks[:-1]} == {777}
    with SoundReader(tmp_path / "a.m4a") as reader:
        assert np.array_equal(np.concatenate(blocks, axis=1), np.concatenate(list(reader.blocks()), axis=1))
    assert read_mono(tmp_path / "a.m4a", 44100).shape == (44100,)


def test_a_film_without_sound_is_one_error(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        file.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        file.mux(stream.encode(None))
    with pytest.raises(SoundError, match=r"a\.mp4: holds no sound, only video; name a file with a sound"):
        SoundReader(tmp_path / "a.mp4")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.m4a", "aac", {}),
        ("a.m4a", "aac", {"movflags": "faststart"}),
        ("a.mov", "pcm_s16le", {"movflags": "faststart"}),
        ("a.webm", "libopus", {}),
        ("film.mkv", "aac", {}),
    ],
)
def test_a_container_that_is_cut_off_is_one_error(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], share: float
) -> None:
    rate = 48000 if codec == "libopus" else 44100
    write(tmp_path / name, codec, rate, options=options, seconds=5.0, video=5.0 if "film" in name else 0)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: round(len(data) * share)])
    with pytest.raises(SoundError, match=rf"{name}: (cut off|not a sound that can be read)"):
        whole(tmp_path / name)


def test_a_stream_whose_rate_and_channels_change_goes_on_in_those_of_its_beginning(tmp_path: Path) -> None:
    write(tmp_path / "a.aac", "aac", 44100, 2, 1.0, "adts")
    write(tmp_path / "b.aac", "aac", 22050, 1, 1.0, "adts")
    together = tmp_path / "c.aac"
    together.write_bytes((tmp_path / "a.aac").read_bytes() + (tmp_path / "b.aac").read_bytes())
    with SoundReader(together) as reader:
        assert (reader.sample_rate, reader.channels) == (44100, 2)
    read = whole(together)
    assert read.shape[1] == pytest.approx(2 * 44100, abs=8000)
    later = read[:, 60000:80000]
    assert np.abs(later).max() > 0.1
    assert np.allclose(later[0], later[1])


def test_sixteen_channels_are_read_to_the_bit(tmp_path: Path) -> None:
    """FFmpeg keeps the planes of more than eight elsewhere."""
    sound = write(tmp_path / "a.mov", "pcm_s16le", channels=16)
    assert np.abs(whole(tmp_path / "a.mov") - sound).max() <= 2**-15


def test_a_stream_that_begins_late_is_sound_or_one_error(tmp_path: Path) -> None:
    write(tmp_path / "a.ts", "aac", 48000, 2, 1.0, "mpegts")
    write(tmp_path / "b.ts", "aac", 48000, 2, 1.0, "mpegts", video=1.0)
    (tmp_path / "c.ts").write_bytes((tmp_path / "a.ts").read_bytes() * 40 + (tmp_path / "b.ts").read_bytes())
    with pytest.raises(SoundError, match=r"c\.ts: cut off or damaged after 40\."):
        whole(tmp_path / "c.ts")


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {}\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
    '<AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("name", ["a.m4a", "a.m3u8", "a.wav"])
def test_a_playlist_opens_no_other_file(tmp_path: Path, kind: str, name: str) -> None:
    write(tmp_path / "secret.aac", "aac", format="adts")
    (tmp_path / name).write_text(PLAYLISTS[kind].format(tmp_path / "secret.aac"))
    with pytest.raises(SoundError, match="not a sound that can be read"):
        SoundReader(tmp_path / name)


@pytest.mark.parametrize("name", ["a.m4a", "a.webm", "a.aac", "film.avi"])
def test_damage_anywhere_is_sound_or_one_error(tmp_path: Path, name: str) -> None:
    codec = {"a.webm": "libopus", "film.avi": "libmp3lame"}.get(name, "aac")
    rate = 48000 if codec == "libopus" else 44100
    write(tmp_path / name, codec, rate, seconds=1.0, format="adts" if name == "a.aac" else None)
    data = np.frombuffer((tmp_path / name).read_bytes(), np.uint8)
    random = np.random.default_rng(0)
    for _ in range(40):
        damaged = data.copy()
        places = random.integers(0, len(data), 8)
        damaged[places] = random.integers(0, 256, 8)
        (tmp_path / name).write_bytes(damaged.tobytes())
        with suppress(SoundError):
            whole(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"ftyp" * 1000, b"\x1aE\xdf\xa3" + bytes(200)])
@pytest.mark.parametrize("name", ["a.m4a", "a.webm", "a.mp4"])
def test_what_is_no_container_is_one_error(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SoundError, match=rf"{name}: not a sound that can be read .*; netbend reads WAV"):
        SoundReader(tmp_path / name)
