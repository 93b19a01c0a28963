"""Faces turned, centred and cropped as those of the data sets that models of faces are trained on.

The rule is that of Karras et al. 2018 (Progressive GAN, arXiv 1710.10196, appendix C), by which
FFHQ was aligned too; it follows from the eyes and the mouth alone.
"""

from dataclasses import dataclass
from math import hypot
from pathlib import Path

import numpy as np
from PIL import Image

from netbend.errors import RenderError

Point = tuple[float, float]
MOST_SIDE = 4096  # pixels of an aligned picture


@dataclass(frozen=True)
class Face:
    """Where a face is, in pixels from the top left: the eyes as one sees them, the middle of the mouth."""

    left_eye: Point
    right_eye: Point
    mouth: Point


@dataclass(frozen=True)
class Square:
    """A square of a picture, that may be turned, in pixels from the top left.

    right: the way from the centre to the middle of its right side.
    """

    centre: Point
    right: Point


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


def aligned(picture: Image.Image, square: Square, path: Path) -> Image.Image:
    """A square of a picture, upright; beyond its edges the picture is mirrored. path: for messages.

    Raises RenderError if it is far too small or too large, or its centre lies outside.
    """
    centre, right = square.centre, square.right
    half = hypot(*right)
    far = any(not 0 <= place < side for place, side in zip(centre, picture.size, strict=True))
    if far or not 1 <= half <= 2 * max(picture.size):
        raise RenderError(
            f"{path}: the eyes and the mouth are no face in its {picture.width}x{picture.height} pixels"
        )
    if 2 * half > MOST_SIDE:
        return aligned(*_smaller(picture, square, MOST_SIDE / (2.1 * half)), path)
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


def square_around(face: Face) -> Square:
    """The square that data sets of faces cut around one (appendix C)."""
    eyes = _middle(face.left_eye, face.right_eye)
    across = (face.right_eye[0] - face.left_eye[0], face.right_eye[1] - face.left_eye[1])
    along = (face.mouth[0] - eyes[0], face.mouth[1] - eyes[1])
    # The mean of eye to eye, and eyes to mouth turned by a right angle: level also with a tilted mouth.
    x, y = across[0] + along[1], across[1] - along[0]
    length = max(hypot(x, y), 1e-9)
    half = max(2.0 * hypot(*across), 1.8 * hypot(*along))
    centre = (eyes[0] + 0.1 * along[0], eyes[1] + 0.1 * along[1])
    return Square(centre, (x / length * half, y / length * half))


def _smaller(picture: Image.Image, square: Square, factor: float) -> tuple[Image.Image, Square]:
    width, height = (max(1, round(side * factor)) for side in picture.size)
    smaller = picture.resize((width, height), Image.Resampling.LANCZOS)
    (x, y), (across, down) = square.centre, square.right
    return smaller, Square((x * factor, y * factor), (across * factor, down * factor))


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
