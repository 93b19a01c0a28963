"""What the gallery's captions are held by: measures of pictures, on pictures whose measures are known."""

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
SIDE = 128


@pytest.fixture(scope="module")
def criteria() -> ModuleType:
    return _script("figure_criteria")


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    return _script("figures")


@pytest.fixture(scope="module")
def transforms() -> ModuleType:
    return _script("figure_2")


@pytest.fixture(scope="module")
def measured() -> ModuleType:
    return _script("measured")


@pytest.fixture
def scene(transforms: ModuleType) -> Image.Image:
    """Blobs of light, as many as a face has parts."""
    noise = Image.fromarray(np.random.RandomState(3).randint(0, 256, (8, 8, 3)).astype(np.uint8))
    return noise.resize((transforms.SIDE, transforms.SIDE), Image.Resampling.BICUBIC)


def _script(name: str) -> ModuleType:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture
def picture() -> np.ndarray:
    """Coloured noise, coarse enough to have a relief."""
    coarse = np.random.RandomState(0).randint(0, 256, (SIDE // 4, SIDE // 4, 3)).astype(np.uint8)
    return coarse.repeat(4, axis=0).repeat(4, axis=1)


@pytest.fixture
def face(criteria: ModuleType):
    """Landmarks whose parts all have an area: 68 points about the middles that parts have in a face."""
    points = np.random.RandomState(1).rand(68, 2) * 8
    middles = {range(17): (64, 90), range(17, 27): (64, 30), range(27, 36): (64, 70), range(48, 68): (64, 95)}
    for part, middle in (middles | {range(36, 42): (44, 50), range(42, 48): (84, 50)}).items():
        angles = np.linspace(0, 2 * np.pi, len(part), endpoint=False)
        points[list(part)] = np.array(middle) + 9 * np.stack([np.cos(angles), np.sin(angles)], 1)
    return criteria.Face(points, 2.0)


def test_saturation_of_a_picture_half_way_to_grey_is_about_half(criteria: ModuleType) -> None:
    picture = np.full((SIDE, SIDE, 3), (200, 100, 100), np.uint8)
    half = np.full((SIDE, SIDE, 3), (200, 150, 150), np.uint8)
    assert criteria.saturation_ratio(picture, half) == pytest.approx(0.5)
    assert criteria.saturation_ratio(picture, picture // 2) == pytest.approx(1), "darker is not paler"


def test_relief_is_alike_where_light_stays_and_opposite_in_the_negative(
    criteria: ModuleType, picture: np.ndarray, face
) -> None:
    everywhere = np.ones((SIDE, SIDE), bool)
    assert criteria.relief_likeness(picture, picture, face, everywhere) == pytest.approx(1)
    assert criteria.relief_likeness(picture, 255 - picture, face, everywhere) < -0.95


def test_highlights_of_the_negative_are_darker_than_the_face(criteria: ModuleType, picture, face) -> None:
    mask = criteria.face_mask(picture, face)
    lightest = criteria.lightest(picture, mask)
    assert 0.05 * mask.sum() < lightest.sum() < 0.2 * mask.sum()
    assert criteria.highlights(picture, lightest, mask) > 20
    assert criteria.highlights(255 - picture, lightest, mask) < -20


def test_faces_moved_turned_and_enlarged_have_one_shape(criteria: ModuleType, face) -> None:
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    assert criteria.shape_change(face, criteria.Face(1.7 * face.points @ turn + 30, 1.0)) < 1e-9
    moved = face.points.copy()
    moved[60] += (34, 0)
    assert criteria.shape_change(face, criteria.Face(moved, 1.0)) > 0.01


def test_the_width_of_a_nose_is_told_in_distances_of_the_eyes(criteria: ModuleType, face) -> None:
    wider = face.points.copy()
    wider[31], wider[35] = (54, 70), (74, 70)
    assert face.eye_distance == pytest.approx(40)
    assert criteria.Face(wider, 1.0).nose_width == pytest.approx(0.5)


def test_flat_skin_has_no_edges_of_an_eye_left(criteria: ModuleType, picture: np.ndarray, face) -> None:
    one_eye = picture.copy()
    one_eye[:, : SIDE // 2] = 128
    assert criteria.eye_edges_left(picture, np.full_like(picture, 128), face) == pytest.approx(0, abs=1e-6)
    assert criteria.eye_edges_left(picture, one_eye, face) == pytest.approx(1), "the eye that kept more"


def test_the_size_of_eyes_is_told_in_faces(criteria: ModuleType, face) -> None:
    larger = face.points.copy()
    for eye in (range(36, 42), range(42, 48)):
        eye = list(eye)
        larger[eye] = larger[eye].mean(0) + 2 * (larger[eye] - larger[eye].mean(0))
    assert criteria.Face(larger, 1.0).eye_size == pytest.approx(4 * face.eye_size)
    assert criteria.Face(3 * larger, 1.0).eye_size == pytest.approx(4 * face.eye_size)


@pytest.mark.parametrize("angle", [-30, 0, 45])
def test_a_turn_is_found(transforms: ModuleType, scene: Image.Image, angle: int) -> None:
    assert transforms.turned(scene, scene.rotate(angle, Image.Resampling.BILINEAR)) == angle


@pytest.mark.parametrize("size", [0.6, 0.8, 1.0])
def test_a_size_is_found(transforms: ModuleType, scene: Image.Image, size: float) -> None:
    side = round(transforms.SIDE * size)
    canvas = Image.new("RGB", scene.size, "#808080")
    canvas.paste(scene.resize((side, side)), [(transforms.SIDE - side) // 2] * 2)
    assert transforms.shrunk(scene, canvas) == pytest.approx(size, abs=0.051)


def test_every_panel_of_figure_4_is_measured(figures: ModuleType) -> None:
    panels = {path.stem for path in (ROOT / "recipes/photo-faces/clusters").glob("figure-4*.yaml")}
    assert panels == {path.stem for path in figures.FIGURES if path.stem.startswith("figure-4")}
    assert all(path.exists() for path in figures.FIGURES)


def test_no_caption_holds_for_a_bend_that_does_nothing(
    figures: ModuleType, monkeypatch: pytest.MonkeyPatch, picture: np.ndarray, face
) -> None:
    monkeypatch.setattr(figures, "find_face", lambda _: face)
    monkeypatch.setattr(figures, "face_score", lambda _: face.score)
    with np.errstate(invalid="ignore"):
        for path, told in figures.FIGURES.items():
            met = [criterion.met(measure(picture, picture.copy(), face)) for criterion, measure in told]
            assert not all(met), path.stem


def test_a_caption_holds_for_all_but_those_that_it_spares(measured: ModuleType) -> None:
    values = [1.0, 2.0, 3.0, np.nan]
    strict = measured.Measured("it", measured.Criterion("number", least=2), values)
    assert (strict.holds, strict.fails) == (2, True)
    assert not measured.Measured("it", measured.Criterion("number", least=2, spared=2), values).fails
    with pytest.raises(SystemExit, match="it: number"):
        measured.exit_if_false([strict])


def test_numbers_are_written_in_their_place_and_nowhere_else(measured: ModuleType, tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- measured: it -->\nold\n<!-- end of it -->\nafter\n")
    for _ in range(2):
        measured.write_into(document, "it", [r"| \1 |"])
    assert document.read_text() == ("before\n<!-- measured: it -->\n\n| \\1 |\n\n<!-- end of it -->\nafter\n")
    with pytest.raises(SystemExit, match="0 places"):
        measured.write_into(document, "that", [])


# What they show is numbers: plots of benchmarks, and a page of the atlas, which writes them beside pictures.
OF_NUMBERS = re.compile(r"bench/|atlas-layer-")
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")
DOCUMENTS = [ROOT / "README.md", ROOT / "docs/gallery/README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_picture_stands_beside_what_was_measured_of_it(document: Path) -> None:
    for section in re.split(r"^#+ ", document.read_text(), flags=re.MULTILINE):
        shown = [name for name in PICTURE.findall(section) if not OF_NUMBERS.search(name)]
        measures = re.findall(r"<!-- measured: (\S+) -->(.*?)<!-- end of \1 -->", section, re.DOTALL)
        assert not shown or any(re.search(r"\d", numbers) for _, numbers in measures), (document, shown)


def test_every_place_for_numbers_is_filled_by_a_script_of_the_gallery() -> None:
    made = (ROOT / "scripts" / "gallery.sh").read_text()
    scripts = [path.read_text() for path in (ROOT / "scripts").glob("*.py") if path.stem in made]
    for document in DOCUMENTS:
        for name in re.findall(r"<!-- measured: (\S+) -->", document.read_text()):
            assert any(f'"{name}"' in script and document.name in script for script in scripts), (
                document,
                name,
            )
