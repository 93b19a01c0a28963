"""Films as files: frames, colours, rates, sound; going on after an interruption."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from netbend.choices import Encoder, NoiseMode
from netbend.engine.frames import Film
from netbend.errors import RenderError, SoundError
from netbend.film.folder import unfinished
from netbend.film.formats import FORMATS, Encoding, format_of
from netbend.film.settings import settings_of
from netbend.film.video import check_gpu
from netbend.film.write import at_height, fraction, write_film
from netbend.models.base import SynthesisOptions

from .conftest import Bound_of, Drawn, is_empty, noise_picture, plain

OWN = Encoding(height=32)  # of the pictures that are written here


def decoded(path: Path) -> list[np.ndarray]:
    """Its frames; a GIF puts equal ones together, they are given as often as they last 1/25 s."""
    if path.suffix == ".gif":
        with Image.open(path) as gif:
            return [
                np.asarray(gif.convert("RGB"))
                for _ in frames_of(gif)
                for _ in range(gif.info["duration"] // 40)
            ]
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def frames_of(gif: Image.Image) -> Iterator[int]:
    for number in range(gif.n_frames):  # type: ignore[attr-defined]
        gif.seek(number)
        yield number


def sounding(path: Path) -> tuple[np.ndarray, int]:
    """The sound of a film `(channels, samples)` from the time 0 on, and its rate."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = list(container.decode(stream))
        start = round(float(frames[0].pts * frames[0].time_base) * stream.rate)
        planar = [np.atleast_2d(frame.to_ndarray()) for frame in frames]
    samples = np.concatenate(planar, axis=1)
    if frames[0].format.is_packed:
        samples = samples.reshape(-1, frames[0].layout.nb_channels).T
    scale = {"s16": 2**15, "s32": 2**31}.get(frames[0].format.packed.name, 1)
    return np.pad(samples / scale, ((0, 0), (max(0, start), 0)))[:, max(0, -start) :], stream.rate


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_has_all_frames_in_order_and_at_their_rate(tmp_path: Path, ending: str) -> None:
    greys = [20 + 3 * number for number in range(70)]  # over several parts
    film = Drawn(lambda number: plain((greys[number],) * 3), 70)
    write_film(film, tmp_path / f"film{ending}", Encoding(height=64))
    frames = decoded(tmp_path / f"film{ending}")
    assert len(frames) == 70
    assert [frame.mean() for frame in frames] == pytest.approx(greys, abs=3)
    with av.open(str(tmp_path / f"film{ending}")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 25
        assert container.duration / 1e6 == pytest.approx(70 / 25, abs=0.02)
    assert [path.name for path in tmp_path.iterdir()] == [f"film{ending}"]


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(24, Fraction(24)), (29.97, Fraction(30000, 1001)), (60, Fraction(60)), (12.5, Fraction(25, 2))],
)
@pytest.mark.parametrize("ending", [".mp4", ".webm", ".mkv"])
def test_rates_are_exact(tmp_path: Path, fps: float, rate: Fraction, ending: str) -> None:
    write_film(Drawn(noise_picture, 40, fps), tmp_path / f"film{ending}", OWN)
    with av.open(str(tmp_path / f"film{ending}")) as container:
        stream = container.streams.video[0]
        times = [frame.time for frame in container.decode(stream)]
        assert float(stream.average_rate) == pytest.approx(float(rate), rel=1e-3)
    assert times == pytest.approx([float(number / rate) for number in range(40)], abs=0.001)


def test_ratios_are_those_that_encoders_know() -> None:
    known = {
        23.976: Fraction(24000, 1001),
        59.94: Fraction(60000, 1001),
        30: Fraction(30),
        7.5: Fraction(15, 2),
    }
    assert {fps: fraction(fps) for fps in known} == known


def test_a_lossless_film_and_a_folder_hold_the_very_pixels(tmp_path: Path) -> None:
    film = Drawn(noise_picture, 40)
    write_film(film, tmp_path / "film.mkv", OWN)
    write_film(film, tmp_path / "frames", OWN)
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert names == [f"frame-{number:06d}.png" for number in range(40)]
    for number, frame in enumerate(decoded(tmp_path / "film.mkv")):
        assert np.array_equal(frame, np.asarray(noise_picture(number)))
        assert np.array_equal(np.asarray(Image.open(tmp_path / "frames" / names[number])), frame)


COLOURS = [(220, 30, 40), (30, 200, 60), (40, 60, 220), (240, 240, 240), (16, 16, 16), (200, 180, 40)]


@pytest.mark.parametrize("ending", FORMATS)
def test_colours_are_close_to_the_source_and_marked_as_what_they_are(tmp_path: Path, ending: str) -> None:
    film = Drawn(lambda number: plain(COLOURS[number]), len(COLOURS))
    write_film(film, tmp_path / f"film{ending}", Encoding(height=64, quality=10))
    for frame, colour in zip(decoded(tmp_path / f"film{ending}"), COLOURS, strict=True):
        assert np.abs(frame.reshape(-1, 3).mean(axis=0) - colour).max() < 4
    with av.open(str(tmp_path / f"film{ending}")) as container:
        context = container.streams.video[0].codec_context
        if FORMATS[ending].is_yuv:
            assert (context.pix_fmt, context.colorspace, context.color_range) == ("yuv420p", 1, 1)
        if ending == ".mp4":
            assert (context.color_primaries, context.color_trc) == (1, 1)


def test_quality_is_how_close_a_film_comes(tmp_path: Path) -> None:
    errors, sizes = [], []
    for quality in (5, 18, 35):
        out = tmp_path / f"{quality}.mp4"
        write_film(Drawn(noise_picture, 5), out, Encoding(32, quality))
        exact = [np.asarray(noise_picture(number)).mean(axis=2) for number in range(5)]
        made = [frame.mean(axis=2) for frame in decoded(out)]
        errors.append(np.abs(np.array(made) - exact).mean())
        sizes.append(out.stat().st_size)
    assert errors == sorted(errors)
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("size", "height", "expected"),
    [
        ((16, 16), None, (512, 512)),
        ((128, 64), None, (1024, 512)),
        ((96, 96), None, (480, 480)),
        ((256, 256), None, (256, 256)),
        ((1024, 1024), None, (1024, 1024)),
        ((128, 64), 100, (200, 100)),
        ((64, 64), 33, (32, 33)),
        ((50, 64), 22, (18, 22)),
        ((2, 64), 16, (2, 16)),
    ],
)
def test_pictures_come_to_a_height(
    size: tuple[int, int], height: int | None, expected: tuple[int, int]
) -> None:
    assert at_height(plain((9, 9, 9), size), height).size == expected


def test_gifs_keep_time_though_their_clock_is_coarse(tmp_path: Path) -> None:
    for fps, length in [(30, 50), (24, 48), (50, 20)]:
        out = tmp_path / f"{fps}.gif"
        write_film(Drawn(noise_picture, length, fps), out, OWN)
        with Image.open(out) as gif:
            durations = [gif.info["duration"] for _ in frames_of(gif)]
            assert gif.info["loop"] == 0
        assert len(durations) == length
        ends = np.cumsum(durations)
        assert np.abs(ends - 1000 * np.arange(1, length + 1) / fps).max() <= 5


def test_gifs_share_their_colours_among_all_frames(tmp_path: Path) -> None:
    film = Drawn(lambda number: plain((250, 10, 10) if number < 20 else (10, 10, 250)), 40)
    write_film(film, tmp_path / "film.gif", Encoding(height=64))
    frames = decoded(tmp_path / "film.gif")
    assert np.abs(frames[3].reshape(-1, 3).mean(axis=0) - (250, 10, 10)).max() < 3
    assert np.abs(frames[33].reshape(-1, 3).mean(axis=0) - (10, 10, 250)).max() < 3


class Stop(Exception):
    pass


def stopping_after(frames: int) -> Callable[[int], None]:
    there = 0

    def report(count: int) -> None:
        nonlocal there
        there += count
        if there >= frames:
            raise Stop

    return report


@pytest.mark.parametrize("name", ["film.mp4", "film.webm", "film.mkv", "film.gif", "frames"])
def test_an_interrupted_film_goes_on_and_is_the_same(tmp_path: Path, name: str) -> None:
    film = Drawn(noise_picture, 100)
    write_film(film, tmp_path / "at-once" / name, OWN)
    drawn: list[int] = []

    def noted(number: int) -> Image.Image:
        drawn.append(number)
        return noise_picture(number)

    again = Drawn(noted, 100)
    with pytest.raises(Stop):
        write_film(again, tmp_path / name, OWN, stopping_after(64))
    assert not (tmp_path / name).exists()
    kept = sorted(path for path in unfinished(tmp_path / name).iterdir())
    if name == "frames":
        assert len(kept) >= 64
    else:
        assert [len(decoded(path)) for path in kept][:2] == [32, 32]  # what is there can be played
    drawn.clear()
    counts: list[int] = []
    write_film(again, tmp_path / name, OWN, counts.append)
    assert min(drawn) >= 64
    assert sum(counts) == 100
    assert not unfinished(tmp_path / name).exists()

    def content(path: Path) -> list[bytes]:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        return [file.read_bytes() for file in files]

    assert content(tmp_path / name) == content(tmp_path / "at-once" / name)


def test_a_folder_of_frames_takes_the_place_of_a_longer_film(tmp_path: Path) -> None:
    write_film(Drawn(noise_picture, 40), tmp_path / "frames", OWN)
    others = [tmp_path / "frames" / name for name in ("notes.txt", "frame-000012b.png", "frame-000099.png")]
    for other in others:
        other.write_text("mine")
    write_film(Drawn(noise_picture, 3), tmp_path / "frames", OWN)
    frames = [tmp_path / "frames" / f"frame-{number:06d}.png" for number in range(3)]
    assert sorted((tmp_path / "frames").iterdir()) == sorted([*others, *frames])
    assert {other.read_text() for other in others} == {"mine"}


def test_a_picture_of_a_frames_name_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    plain((1, 2, 3)).save(tmp_path / "frames" / "frame-000001.png")
    before = (tmp_path / "frames" / "frame-000001.png").read_bytes()
    with pytest.raises(RenderError, match=r"frame-000001\.png: is no frame that netbend wrote"):
        write_film(Drawn(noise_picture, 3), tmp_path / "frames", OWN)
    assert (tmp_path / "frames" / "frame-000001.png").read_bytes() == before
    assert len(list((tmp_path / "frames").iterdir())) == 1


def click_at(path: Path, time: float, seconds: float, rate: int = 44100, channels: int = 2) -> Path:
    """Silence with a burst of noise of 5 ms."""
    samples = np.zeros((round(seconds * rate), channels), np.float32)
    burst = 0.5 * np.random.default_rng(0).standard_normal((rate // 200, 1))
    samples[round(time * rate) :][: len(burst)] += burst
    soundfile.write(path, samples, rate)
    return path


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".mkv"])
@pytest.mark.parametrize("fps", [24, 29.97])
def test_a_click_and_a_flash_come_at_the_same_time(tmp_path: Path, ending: str, fps: float) -> None:
    flash = round(1.5 * fps)
    sound = click_at(tmp_path / "click.wav", flash / fps, 3)
    film = Drawn(lambda number: plain((255,) * 3 if number == flash else (0,) * 3), round(2.5 * fps), fps)
    out = tmp_path / f"film{ending}"
    write_film(film, out, Encoding(height=64, sound=sound))
    samples, rate = sounding(out)
    heard = np.flatnonzero(np.abs(samples).max(axis=0) > 0.1)[0] / rate
    with av.open(str(out)) as container:
        seen = next(
            frame.time for frame in container.decode(video=0) if frame.to_ndarray(format="gray").mean() > 99
        )
    assert seen == pytest.approx(flash / fps, abs=0.002)
    assert heard == pytest.approx(seen, abs=0.005)


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".mkv"])
@pytest.mark.parametrize(("seconds", "expected"), [(1.0, 1.0), (5.0, 2.0)])
def test_a_long_sound_is_cut_and_a_short_one_ends_before_the_film(
    tmp_path: Path, ending: str, seconds: float, expected: float
) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * 22050)) / 22050)
    soundfile.write(tmp_path / "tone.wav", tone, 22050)
    out = tmp_path / f"film{ending}"
    write_film(Drawn(noise_picture, 50), out, Encoding(height=32, sound=tmp_path / "tone.wav"))
    samples, rate = sounding(out)
    assert len(samples) == 1
    loud = np.flatnonzero(np.abs(samples[0]) > 0.05)
    assert loud[0] / rate == pytest.approx(0, abs=0.01)
    assert loud[-1] / rate == pytest.approx(expected, abs=0.04)
    assert len(decoded(out)) == 50


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6, 8])
def test_no_channel_is_lost(tmp_path: Path, channels: int) -> None:
    """Each sounds by itself for a while; but the bass channel of surround sound, as FFmpeg mixes."""
    rate = 24000
    samples = np.zeros((channels, rate // 4 * channels))
    for channel in range(channels):
        start = channel * rate // 4
        samples[channel, start : start + rate // 4] = 0.5 * np.sin(
            2 * np.pi * 440 * np.arange(rate // 4) / rate
        )
    soundfile.write(tmp_path / "many.wav", samples.T, rate)
    film = Drawn(noise_picture, round(25 * channels / 4))
    write_film(film, tmp_path / "film.mkv", Encoding(height=32, sound=tmp_path / "many.wav"))
    heard, rate = sounding(tmp_path / "film.mkv")
    assert len(heard) == min(2, channels)
    for channel in range(channels):
        part = heard[:, round((channel + 0.3) * rate / 4) : round((channel + 0.7) * rate / 4)]
        is_bass = channels >= 6 and channel == 3
        assert (np.abs(part).max() > 0.05) != is_bass, channel


def test_sounds_that_do_not_fit_are_refused_and_leave_the_pictures(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nine.wav", np.zeros((4000, 9)), 8000)
    (tmp_path / "text.wav").write_text("no sound")
    for name, message in [
        ("nine.wav", "9 channels; up to 8 can go beneath a film"),
        ("text.wav", "not a sound that can be read"),
        ("gone.wav", "no such file"),
    ]:
        encoding = Encoding(height=32, sound=tmp_path / name)
        with pytest.raises(SoundError, match=message):
            write_film(Drawn(noise_picture, 3), tmp_path / "o" / "film.mp4", encoding)
        assert [path.name for path in (tmp_path / "o").iterdir()] == ["film.mp4.unfinished"]


def test_what_a_film_was_made_from_is_kept_in_it(tmp_path: Path) -> None:
    for ending in (".mp4", ".webm", ".mkv"):
        write_film(
            Drawn(noise_picture, 2), tmp_path / f"film{ending}", Encoding(height=32, comment='{"a": 1}')
        )
        with av.open(str(tmp_path / f"film{ending}")) as container:
            metadata = {key.lower(): value for key, value in container.metadata.items()}
        assert metadata["comment"] == '{"a": 1}'


def test_errors_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RenderError, match=r"cannot write .*film\.mp4: Not a directory"):
        write_film(Drawn(noise_picture, 2), tmp_path / "file" / "film.mp4", OWN)
    with pytest.raises(RenderError, match=r"netbend does not write \.avi films; choose \.mp4"):
        format_of(tmp_path / "film.avi")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


TURN = {"layer": 3, "transform": "rotate", "params": {"angle": {"from": 0, "to": 90}}}
OTHERS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"bends": [{**TURN, "layer": 2}]}, {}, "recipe"),
    (
        {"bends": [{**TURN, "params": {"angle": {"keys": [[0, 0], [0.51, 5], [0.52, 0], [4, 90]]}}}]},
        {},
        "recipe",
    ),
    ({"latent": 4}, {}, "recipe"),
    ({}, {"seconds": 5}, "recipe"),  # what lasts as long as the film is another in all of its frames
    ({}, {"fps": 25}, "fps"),
    ({}, {"compare": True}, "compare"),
    ({}, {"options": SynthesisOptions(truncation_cutoff=2)}, "cutoff"),
    ({}, {"options": SynthesisOptions(noise=NoiseMode.NONE)}, "noise"),
    ({}, {"encoding": {"height": 64}}, "height"),
    ({}, {"encoding": {"quality": 30}}, "quality"),
    ({}, {"kind": ".webm"}, "parts"),
]


@pytest.mark.parametrize(("recipe", "rest", "changed"), OTHERS, ids=[other[2] for other in OTHERS])
def test_another_film_has_other_settings(
    bound_of: Bound_of, recipe: dict[str, Any], rest: dict[str, Any], changed: str
) -> None:
    data = {"latent": 3, "bends": [TURN]}

    def settings(recipe: dict[str, Any], rest: dict[str, Any]) -> Any:
        rest = dict(rest)
        encoding = Encoding(**rest.pop("encoding", {}))
        kind = rest.pop("kind", ".mp4")
        bound = bound_of(recipe, **rest)
        return settings_of(bound, Film.of(bound), encoding, kind)

    first = settings(data, {})
    assert settings(data, {}).difference(first) == []
    assert ", ".join(settings({**data, **recipe}, rest).difference(first)) == changed


def test_another_label_is_another_film(bound_of: Bound_of) -> None:
    bound = bound_of({"latent": 3, "bends": [TURN]})
    film = Film.of(bound)
    first, other = (
        settings_of(bound, replace(film, options=SynthesisOptions(label=label)), Encoding(), ".mp4")
        for label in ("a", "b")
    )
    assert first.difference(other) == ["label"]


def test_length_and_sound_are_no_settings_where_no_frame_depends_on_them(bound_of: Bound_of) -> None:
    turn = {**TURN, "params": {"angle": {"wave": "sine", "from": 0, "to": 90, "seconds": 2}}}

    def settings(seconds: float, sound: Path | None) -> Any:
        bound = bound_of({"latent": 3, "bends": [turn]}, seconds=seconds)
        return settings_of(bound, Film.of(bound), Encoding(sound=sound, comment=str(sound)), ".mp4")

    assert settings(9.3, Path("a.wav")).difference(settings(4, None)) == []


def test_nothing_else_is_left(tmp_path: Path) -> None:
    write_film(Drawn(noise_picture, 2), tmp_path / "a" / "film.mp4", OWN)
    (tmp_path / "a" / "film.mp4").unlink()
    assert is_empty(tmp_path / "a")


@pytest.fixture
def pretended_gpu(monkeypatch: pytest.MonkeyPatch) -> str:
    """Another encoder in place of a GPU's."""
    monkeypatch.setitem(FORMATS, ".mp4", replace(FORMATS[".mp4"], gpu_codec="mpeg4"))
    return "mpeg4"


def grey(number: int) -> Image.Image:
    return plain((5 * number + 20,) * 3)


def test_a_gpu_encodes_what_it_is_asked_to(tmp_path: Path, pretended_gpu: str) -> None:
    out, encoding = tmp_path / "film.mp4", Encoding(height=32, encoder=Encoder.GPU)
    check_gpu(encoding.format(out), Fraction(30), 18)
    write_film(Drawn(grey, 40), out, encoding)  # more than a part
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.name == pretended_gpu
    exact = [np.asarray(grey(number)).mean() for number in range(40)]
    np.testing.assert_allclose([frame.mean() for frame in decoded(out)], exact, atol=4)


def test_parts_of_two_encoders_are_never_mixed(bound_of: Bound_of) -> None:
    bound = bound_of({"latent": 3, "bends": [TURN]})
    film = Film.of(bound)
    first, other = (settings_of(bound, film, Encoding(encoder=encoder), ".mp4") for encoder in Encoder)
    assert first.difference(other) == ["encoder"]


@pytest.mark.parametrize("name", ["film.webm", "film.mkv", "film.gif", "film"])
def test_gpus_encode_no_other_films(tmp_path: Path, name: str) -> None:
    with pytest.raises(RenderError, match=r"--encoder gpu: GPUs encode .mp4 films"):
        Encoding(encoder=Encoder.GPU).format(tmp_path / name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there may be such an encoder")
def test_a_machine_without_such_an_encoder_is_told_of_before_the_first_frame() -> None:
    format = Encoding(encoder=Encoder.GPU).format(Path("film.mp4"))
    with pytest.raises(
        RenderError, match=r"h264_nvenc does not work on this machine \([^:]*\); .*Leave --encoder out"
    ):
        check_gpu(format, Fraction(30), 18)
