"""Films made in Python: what is cut off is gone on with, and never mixed with another."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

import netbend
from netbend.engine.frames import Film
from netbend.engine.request import RenderRequest
from netbend.errors import NonFiniteError, RenderError, SoundError
from netbend.film import settings, write
from netbend.film.folder import unfinished
from netbend.models.base import Model
from netbend.recipe import recipe_from_data

from .conftest import is_empty

MakeFilm = Callable[..., Film]


Turn = dict[str, Any]


def turning(angle: float = 90, turn: object = None, **rest: Any) -> Turn:
    """The fields of a request for a film of a turning bend, at most so far."""
    bend = {"layer": 3, "transform": "rotate", "params": {"angle": turn or {"from": 0, "to": angle}}}
    return {"recipe": recipe_from_data({"latent": 3, "bends": [bend]}), "seconds": 4, "fps": 10, **rest}


@pytest.fixture
def make_film(model: Model) -> MakeFilm:
    """Make a film of such a request, as `netbend.make_film` does."""

    def make_film(request: Turn, out: Path | str, fps: float | None = None, **rest: Any) -> Film:
        fields = request if fps is None else {**request, "fps": fps}
        return netbend.make_film(model, RenderRequest.of(model, **fields), out, **rest)

    return make_film


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_a_film_has_the_pixels_of_its_frames_and_says_what_it_was_made_from(
    make_film: MakeFilm, tmp_path: Path
) -> None:
    told: list[int] = []
    film = make_film(turning(), str(tmp_path / "o/film.mkv"), height=16, report=told.append)
    assert isinstance(film, netbend.Film)
    made = pictures(tmp_path / "o/film.mkv")
    assert (len(made), sum(told)) == (40, 40)
    np.testing.assert_array_equal(made[17], np.asarray(film.frame(17)))
    with av.open(str(tmp_path / "o/film.mkv")) as container:
        record = json.loads(container.metadata["COMMENT"])
    assert (record["seconds"], record["fps"], record.get("soundtrack")) == (4, 10, None)
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["film.mkv"]


def test_its_sound_is_beneath_it_where_the_format_has_any(make_film: MakeFilm, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "tone.wav", np.sin(np.arange(8000) / 10), 8000)
    scene = turning(seconds=None, soundtrack=tmp_path / "tone.wav")
    make_film(scene, tmp_path / "film.mkv")
    with av.open(str(tmp_path / "film.mkv")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    make_film(scene, tmp_path / "frames")
    assert len(list((tmp_path / "frames").iterdir())) == 10


@pytest.mark.parametrize("name", ["phone.m4a", "other.mp4", "browser.webm"])
def test_the_sound_of_phones_and_films_goes_beneath_it(
    make_film: MakeFilm, tmp_path: Path, name: str
) -> None:
    rate = 48000
    tone = (8000 * np.sin(np.arange(rate) / 20)).astype(np.int16)[None]
    with av.open(str(tmp_path / name), "w") as file:
        stream = file.add_stream("libopus" if name.endswith("webm") else "aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone, "s16", "mono")
        frame.sample_rate = rate
        file.mux([*stream.encode(frame), *stream.encode(None)])
    make_film(turning(seconds=None, soundtrack=tmp_path / name), tmp_path / "film.mkv")
    with av.open(str(tmp_path / "film.mkv")) as container:
        heard = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert heard.shape[1] == pytest.approx(rate, abs=1500)
    spectrum = np.abs(np.fft.rfft(heard[0, 10_000:30_000].astype(float) * np.hanning(20_000)))
    assert np.argmax(spectrum) * rate / 20_000 == pytest.approx(rate / 20 / (2 * np.pi), abs=3)


def test_a_sound_that_ends_before_it_says_is_told_before_the_first_frame(
    make_film: MakeFilm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "cut.flac", np.random.default_rng(0).uniform(-1, 1, 80_000), 8000)
    (tmp_path / "cut.flac").write_bytes((tmp_path / "cut.flac").read_bytes()[:100_000])
    failing_from(0, monkeypatch)
    with pytest.raises(SoundError, match=r"cut\.flac: cut off or damaged after"):
        make_film(turning(seconds=10, soundtrack=tmp_path / "cut.flac"), tmp_path / "film.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["cut.flac"]


def failing_from(frame: int, monkeypatch: pytest.MonkeyPatch) -> None:
    grouped = Film._grouped

    def failing(film: Film, number: int) -> list[Image.Image]:
        if number * film.group >= frame:
            raise KeyboardInterrupt
        return grouped(film, number)

    monkeypatch.setattr(Film, "_grouped", failing)


def test_what_was_stopped_goes_on_and_another_film_is_not_mixed_in(
    make_film: MakeFilm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_film(turning(), tmp_path / "at-once.mkv")
    with monkeypatch.context() as patched:
        failing_from(33, patched)
        with pytest.raises(KeyboardInterrupt):
            make_film(turning(), tmp_path / "film.mkv")
    assert (tmp_path / "film.mkv.unfinished" / "00000000.mkv").exists()
    with pytest.raises(RenderError, match=r"\(recipe, latents or sound\); .* say --overwrite to begin anew"):
        make_film(turning(angle=80), tmp_path / "film.mkv")
    make_film(turning(), tmp_path / "film.mkv")
    assert (tmp_path / "film.mkv").read_bytes() == (tmp_path / "at-once.mkv").read_bytes()


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 16 frames, to save time."""
    for module in (settings, write):
        monkeypatch.setattr(module, "PART_FRAMES", 16)


def stopped(make_film: MakeFilm, scene: Turn, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts of 16 frames are finished then."""
    with monkeypatch.context() as patched:
        failing_from(32, patched)
        with pytest.raises(KeyboardInterrupt):
            make_film(scene, out)
    parts = 32 if out.suffix == "" else 2
    assert len(list(unfinished(out).glob("[f0]*"))) == parts


@pytest.mark.usefixtures("short_parts")
def test_what_was_stopped_is_begun_anew_where_asked_but_nobody_elses_file_is_removed(
    make_film: MakeFilm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "film.mkv"
    stopped(make_film, turning(), out, monkeypatch)
    (unfinished(out) / "notes.txt").write_text("mine")
    with pytest.raises(RenderError, match=r"but also notes\.txt, which stays"):
        make_film(turning(angle=80), out, begin_anew=True)
    (unfinished(out) / "notes.txt").unlink()
    make_film(turning(angle=80), out, begin_anew=True)
    assert len(pictures(out)) == 40
    assert list(tmp_path.iterdir()) == [out]


CHANGES: list[dict[str, Any]] = [{"seconds": 3.4}, {"seconds": 4.9}, {"soundtrack": "tone.wav"}]


@pytest.mark.usefixtures("short_parts")
@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("name", ["film.mkv", "frames"])
def test_an_unfinished_film_takes_another_length_or_sound(
    make_film: MakeFilm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], name: str
) -> None:
    """Its finished frames are used, and the film has the bytes of one that was made so at once."""
    soundfile.write(tmp_path / "tone.wav", np.sin(np.arange(8000) / 10), 8000)
    change = {key: tmp_path / value if key == "soundtrack" else value for key, value in change.items()}
    moving = {"seconds": 4, "turn": {"wave": "sine", "from": 0, "to": 90, "seconds": 2}}
    make_film(turning(**{**moving, **change}), tmp_path / "o" / name)
    stopped(make_film, turning(**moving), tmp_path / name, monkeypatch)
    made: list[int] = []
    grouped = Film._grouped

    def noted(film: Film, number: int) -> list[Image.Image]:
        made.append(number * film.group)
        return grouped(film, number)

    monkeypatch.setattr(Film, "_grouped", noted)
    make_film(turning(**{**moving, **change}), tmp_path / name)
    assert min(made) == 32
    assert content(tmp_path / name) == content(tmp_path / "o" / name)
    assert not unfinished(tmp_path / name).exists()


def content(path: Path) -> dict[str, bytes]:
    files = path.iterdir() if path.is_dir() else [path]
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.usefixtures("short_parts")
def test_another_sound_that_is_followed_is_another_film(
    make_film: MakeFilm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it differs only where no frame is compared."""
    follows = {"sound": "soundtrack", "of": "level", "from": 0, "to": 90}
    for name, place in (("a.wav", 4000), ("b.wav", 4400)):
        click = np.zeros(32_000)
        click[place : place + 40] = 0.5
        soundfile.write(tmp_path / name, click, 8000)
    stopped(
        make_film,
        turning(turn=follows, soundtrack=tmp_path / "a.wav", seconds=10),
        tmp_path / "f.mkv",
        monkeypatch,
    )
    with pytest.raises(RenderError, match=r"other settings \(recipe, latents or sound\)"):
        make_film(turning(turn=follows, soundtrack=tmp_path / "b.wav", seconds=10), tmp_path / "f.mkv")
    (tmp_path / "a.wav").rename(tmp_path / "c.wav")
    make_film(turning(turn=follows, soundtrack=tmp_path / "c.wav", seconds=10), tmp_path / "f.mkv")


def damaged(path: Path) -> Path:
    """Whole by its header, and broken in the middle."""
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 32_000), 8000)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 400] = bytes(400)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["gone.flac", "text.flac", "damaged.flac", "nine.wav", "folder.flac"])
def test_sounds_are_read_before_the_first_frame(
    make_film: MakeFilm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "text.flac").write_text("no sound")
    (tmp_path / "folder.flac").mkdir()
    damaged(tmp_path / "damaged.flac")
    soundfile.write(tmp_path / "nine.wav", np.zeros((4000, 9)), 8000)
    before = sorted(tmp_path.iterdir())
    with monkeypatch.context() as patched:
        failing_from(0, patched)
        with pytest.raises(SoundError, match=name):
            make_film(turning(soundtrack=tmp_path / name), tmp_path / "film.mp4")
    assert sorted(tmp_path.iterdir()) == before


def test_two_commands_do_not_make_one_film(
    make_film: MakeFilm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grouped, told = Film._grouped, []

    def meanwhile(film: Film, number: int) -> list[Image.Image]:
        if told:
            return grouped(film, number)
        with pytest.raises(RenderError, match="another netbend is at work in it; wait for it") as raised:
            make_film(turning(), tmp_path / "film.mkv")
        told.append(raised)
        return grouped(film, number)

    monkeypatch.setattr(Film, "_grouped", meanwhile)
    make_film(turning(), tmp_path / "film.mkv")
    assert len(told) == 1
    assert len(pictures(tmp_path / "film.mkv")) == 40
    assert [path.name for path in tmp_path.iterdir()] == ["film.mkv"]


@pytest.mark.parametrize(
    ("out", "options", "message"),
    [
        ("film.avi", {}, "does not write .avi films"),
        ("film.mp4", {"height": 33}, "an even number of rows"),
        ("film.gif", {"fps": 60}, "above 50 frames a second"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(
    make_film: MakeFilm, tmp_path: Path, out: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RenderError, match=message):
        make_film(turning(), tmp_path / out, **options)
    assert is_empty(tmp_path)


def test_nan_leaves_nothing(make_film: MakeFilm, tmp_path: Path) -> None:
    grows = {"keys": [[0, 1], [3.9, 1], [4, 3e38]]}
    bends = [{"layer": 4, "transform": "multiply", "params": {"p": grows}}]
    scene = {"recipe": recipe_from_data({"latent": 3, "bends": bends}), "seconds": 6, "fps": 10}
    with pytest.raises(NonFiniteError, match="`multiply` at layer 4"):
        make_film(scene, tmp_path / "film.mkv")
    assert is_empty(tmp_path)
