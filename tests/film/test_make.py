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
from netbend.errors import NonFiniteError, RenderError
from netbend.film.frames import Film
from netbend.models.base import Model
from netbend.recipe import recipe_from_data

from .conftest import is_empty

SceneOf = Callable[..., netbend.Scene]


@pytest.fixture
def scene_of(model: Model) -> SceneOf:
    """A scene of a turning bend, at most so far."""

    def scene_of(angle: float = 90, **rest: Any) -> netbend.Scene:
        turn = {"layer": 3, "transform": "rotate", "params": {"angle": {"from": 0, "to": angle}}}
        recipe = recipe_from_data({"latent": 3, "bends": [turn]})
        return netbend.Scene(model, recipe, **{"seconds": 4, **rest})

    return scene_of


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_a_film_has_the_pixels_of_its_frames_and_says_what_it_was_made_from(
    scene_of: SceneOf, tmp_path: Path
) -> None:
    told: list[int] = []
    film = netbend.make_film(scene_of(), str(tmp_path / "o/film.mkv"), 10, height=16, report=told.append)
    assert isinstance(film, netbend.Film)
    made = pictures(tmp_path / "o/film.mkv")
    assert (len(made), sum(told)) == (40, 40)
    np.testing.assert_array_equal(made[17], np.asarray(film.frame(17)))
    with av.open(str(tmp_path / "o/film.mkv")) as container:
        record = json.loads(container.metadata["COMMENT"])
    assert (record["recipe"]["seconds"], record["fps"], record["sound"]) == (4, 10, None)
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["film.mkv"]


def test_its_sound_is_beneath_it_where_the_format_has_any(scene_of: SceneOf, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "tone.wav", np.sin(np.arange(8000) / 10), 8000)
    scene = scene_of(seconds=None, soundtrack=tmp_path / "tone.wav")
    netbend.make_film(scene, tmp_path / "film.mkv", 10)
    with av.open(str(tmp_path / "film.mkv")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    netbend.make_film(scene, tmp_path / "frames", 10)
    assert len(list((tmp_path / "frames").iterdir())) == 10


def failing_from(frame: int, monkeypatch: pytest.MonkeyPatch) -> None:
    grouped = Film._grouped

    def failing(film: Film, number: int) -> list[Image.Image]:
        if number >= frame:
            raise KeyboardInterrupt
        return grouped(film, number)

    monkeypatch.setattr(Film, "_grouped", failing)


def test_what_was_stopped_goes_on_and_another_film_is_not_mixed_in(
    scene_of: SceneOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netbend.make_film(scene_of(), tmp_path / "at-once.mkv", 10)
    with monkeypatch.context() as patched:
        failing_from(33, patched)
        with pytest.raises(KeyboardInterrupt):
            netbend.make_film(scene_of(), tmp_path / "film.mkv", 10)
    assert (tmp_path / "film.mkv.unfinished" / "00000000.mkv").exists()
    with pytest.raises(RenderError, match=r"holds an unfinished film with other settings \(recipe\)"):
        netbend.make_film(scene_of(angle=80), tmp_path / "film.mkv", 10)
    netbend.make_film(scene_of(), tmp_path / "film.mkv", 10)
    assert (tmp_path / "film.mkv").read_bytes() == (tmp_path / "at-once.mkv").read_bytes()


@pytest.mark.parametrize(
    ("out", "options", "message"),
    [
        ("film.avi", {}, "does not write .avi films"),
        ("film.mp4", {"height": 33}, "an even number of rows"),
        ("film.gif", {"fps": 60}, "above 50 frames a second"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(
    scene_of: SceneOf, tmp_path: Path, out: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RenderError, match=message):
        netbend.make_film(scene_of(), tmp_path / out, **options)
    assert is_empty(tmp_path)


def test_nan_leaves_nothing(model: Model, tmp_path: Path) -> None:
    grows = {"keys": [[0, 1], [3.9, 1], [4, 3e38]]}
    bends = [{"layer": 4, "transform": "multiply", "params": {"p": grows}}]
    scene = netbend.Scene(model, recipe_from_data({"latent": 3, "bends": bends}), seconds=6)
    with pytest.raises(NonFiniteError, match="`multiply` at layer 4"):
        netbend.make_film(scene, tmp_path / "film.mkv", 10)
    assert is_empty(tmp_path)
