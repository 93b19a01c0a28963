"""Faces upright and of one size, wherever they were."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from netbend.errors import ModelError, RenderError
from netbend.latents.projection import align, landmarks
from netbend.latents.projection.align import Face, Square, aligned, parse_face, square_around
from netbend.latents.projection.landmarks import find_face

PATH = Path("p.png")
EYES_AND_MOUTH = [(-40.0, 0.0), (40.0, 0.0), (0.0, 80.0)]


def drawn(centre: tuple[float, float], angle: float, scale: float) -> tuple[Image.Image, Square]:
    """A face of three dots, eyes red and green and mouth blue, turned by degrees, and its square."""
    turn = np.exp(1j * np.radians(angle)) * scale
    points = []
    for x, y in EYES_AND_MOUTH:
        place = complex(*centre) + turn * complex(x, y)
        points.append((place.real, place.imag))
    picture = Image.new("RGB", (600, 500), (90, 90, 90))
    for (x, y), colour in zip(points, [(255, 0, 0), (0, 255, 0), (0, 0, 255)], strict=True):
        ImageDraw.Draw(picture).ellipse((x - 5, y - 5, x + 5, y + 5), colour)
    return picture, square_around(Face(*points))


def places(picture: Image.Image) -> np.ndarray:
    """Centres of the three dots, in parts of the side."""
    pixels = np.asarray(picture).astype(float)
    found = []
    for channel in range(3):
        others = [other for other in range(3) if other != channel]
        rows, columns = np.nonzero(pixels[:, :, channel] - pixels[:, :, others].max(axis=2) > 100)
        found.append((columns.mean() / picture.width, rows.mean() / picture.height))
    return np.array(found)


@pytest.mark.parametrize(
    ("centre", "angle", "scale"), [((300, 200), 0, 1), ((260, 220), 30, 0.7), ((350, 250), -75, 0.8)]
)
def test_eyes_and_mouth_come_to_the_same_places(centre: tuple[int, int], angle: float, scale: float) -> None:
    # From the paper's rule by hand: the side is max(4 * 80, 3.6 * 80), the centre 0.1 * 80 below the eyes.
    expected = [(0.5 - 40 / 320, 0.5 - 8 / 320), (0.5 + 40 / 320, 0.5 - 8 / 320), (0.5, 0.5 + 72 / 320)]
    picture = aligned(*drawn(centre, angle, scale), PATH)
    assert picture.width == picture.height == pytest.approx(320 * scale, abs=1)
    np.testing.assert_allclose(places(picture), expected, atol=0.01)


def test_beyond_its_edges_a_picture_is_mirrored() -> None:
    picture = Image.fromarray(np.arange(60, dtype=np.uint8)[None].repeat(60, 0)).convert("RGB")
    around = np.asarray(aligned(picture, square_around(Face((5, 30), (25, 30), (15, 50))), PATH))[40, :, 0]
    assert around.shape == (80,)
    np.testing.assert_allclose(around[25:], np.arange(55), atol=1)  # the square begins at -25
    np.testing.assert_allclose(around[:25], np.arange(25)[::-1], atol=1)


def test_a_large_face_is_made_smaller_first(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = places(aligned(*drawn((300, 200), 20, 1), PATH))
    monkeypatch.setattr(align, "MOST_SIDE", 200)
    picture = aligned(*drawn((300, 200), 20, 1), PATH)
    assert 180 < picture.width <= 200
    np.testing.assert_allclose(places(picture), whole, atol=0.01)


@pytest.mark.parametrize("text", ["", "1,2,3,4,5", "1,2,3,4,5,x", "1,2,3,4,5,nan"])
def test_other_faces_are_refused(text: str) -> None:
    with pytest.raises(RenderError, match="expected left eye, right eye and mouth"):
        parse_face(text)


def test_a_face_is_six_numbers() -> None:
    assert parse_face("1,2, 3.5,4,5,6") == Face((1, 2), (3.5, 4), (5, 6))


@pytest.mark.parametrize(
    "face",
    [Face((3, 3), (3, 3), (3, 3)), Face((900, 3), (950, 3), (925, 60)), Face((0, 0), (599, 499), (0, 499))],
)
def test_what_is_no_face_in_the_picture_is_refused(face: Face) -> None:
    with pytest.raises(RenderError, match=r"p\.png: the eyes and the mouth are no face in its 600x500"):
        aligned(Image.new("RGB", (600, 500)), square_around(face), PATH)


def test_dlib_needs_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landmarks, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"pip install 'netbend\[align\]'; or leave it out"):
        find_face(Image.new("RGB", (8, 8)), PATH)


class Box(SimpleNamespace):
    def area(self) -> int:
        return self.size


@pytest.mark.parametrize("count", [0, 2])
def test_the_largest_face_is_taken(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """With a stand-in for dlib: landmark n of a box lies at (n, its size)."""
    boxes = [Box(size=10), Box(size=30)][:count]

    def predicted(_pixels: np.ndarray, box: Box) -> SimpleNamespace:
        return SimpleNamespace(part=lambda number: SimpleNamespace(x=number, y=box.size))

    dlib = SimpleNamespace(
        get_frontal_face_detector=lambda: lambda pixels, doublings: boxes,  # noqa: ARG005
        shape_predictor=lambda path: predicted,  # noqa: ARG005
    )
    monkeypatch.setitem(__import__("sys").modules, "dlib", dlib)
    monkeypatch.setattr(
        landmarks, "find_spec", lambda _: SimpleNamespace(submodule_search_locations=["models"])
    )
    if count == 0:
        with pytest.raises(RenderError, match=r"p\.png: no face found"):
            find_face(Image.new("RGB", (8, 8)), PATH)
    else:
        assert find_face(Image.new("RGB", (8, 8)), PATH) == Face((38.5, 30), (44.5, 30), (51, 30))
