"""Which pixels of a photographed face are eyes, nose, skin ...: masks found by MediaPipe.

    python benchmarks/clustering/photo_parts.py PICTURES OUT

reads PICTURES/...seed0000.png and writes OUT/seed0000.npz for each. MediaPipe 0.10.21 wants numpy 1,
so this runs in an environment of its own, with neither torch nor netbend:

    python -m venv mediapipe-venv
    mediapipe-venv/bin/pip install mediapipe==0.10.21

`load_parts` reads what was written, and needs only torch.
"""

import argparse
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from torch import Tensor

PARTS = ("eyes", "eyebrows", "nose", "mouth", "skin", "hair", "background")
SIZE = 128

# Rings of landmarks of the face mesh. All but the nose are those of MediaPipe's
# face_mesh_connections.py, in the order of the outline.
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_EYEBROW = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
LEFT_EYEBROW = (276, 283, 282, 295, 285, 336, 296, 334, 293, 300)
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
# fmt: off
NOSE = (168, 193, 245, 188, 174, 236, 198, 209, 49, 48, 64, 98, 97, 2,
        326, 327, 294, 278, 279, 429, 420, 456, 399, 412, 465, 417)
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
        148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
# fmt: on
CHIN, NOSE_TIP, FOREHEAD_TOP = 152, 4, 10
OUTLINES = {
    "eyes": (RIGHT_EYE, LEFT_EYE),
    "eyebrows": (RIGHT_EYEBROW, LEFT_EYEBROW),
    "nose": (NOSE,),
    "mouth": (LIPS,),
}


def load_parts(folder: Path, seeds: Sequence[int]) -> tuple[tuple[str, ...], "Tensor"]:
    """The names of the parts, and their masks for these seeds: bool `(N, P, 128, 128)`."""
    import torch

    masks = []
    for seed in seeds:
        path = masks_file(folder, seed)
        if not path.exists():
            raise FileNotFoundError(
                f"seed {seed}: no {path}; either no picture of it was read, or no face was found in it"
            )
        try:
            with np.load(path) as stored:
                names, found = tuple(stored["names"].tolist()), stored["masks"]
        except (KeyError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: not a file of masks; make it again") from error
        if names != PARTS:
            raise ValueError(
                f"{path}: expected parts {PARTS}, got {names}; make it again with photo_parts.py"
            )
        masks.append(torch.from_numpy(found))
    return PARTS, torch.stack(masks) if masks else torch.zeros(0, len(PARTS), SIZE, SIZE, dtype=torch.bool)


def main() -> None:
    parser = argparse.ArgumentParser(description="Find the parts of photographed faces.")
    parser.add_argument("pictures", type=Path, help="folder of PNGs whose names end in seed0000.png")
    parser.add_argument("out", type=Path, help="folder for the masks, seed0000.npz")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    pictures = numbered_pictures(options.pictures)
    skipped = 0
    with part_finder() as find:
        for seed, path in pictures.items():
            masks = find(np.asarray(Image.open(path).convert("RGB")))
            if masks is None:
                print(f"{path.name}: no face found, skipped")
                masks_file(options.out, seed).unlink(missing_ok=True)
                skipped += 1
            else:
                np.savez_compressed(masks_file(options.out, seed), masks=masks, names=np.array(PARTS))
    print(f"masks of {len(pictures) - skipped} of {len(pictures)} pictures in {options.out}")


def masks_file(folder: Path, seed: int) -> Path:
    return folder / f"seed{seed:04d}.npz"


def numbered_pictures(folder: Path) -> dict[int, Path]:
    """The pictures of a folder by the seed in their names."""
    names = {path: re.search(r"seed(\d+)\.png$", path.name) for path in sorted(folder.glob("*.png"))}
    pictures: dict[int, Path] = {}
    for path, name in names.items():
        if name and int(name[1]) in pictures:
            raise ValueError(f"{path} and {pictures[int(name[1])]} are of one seed; keep one of them")
        if name:
            pictures[int(name[1])] = path
    if not pictures:
        raise FileNotFoundError(f"{folder}: no pictures named ...seed0000.png")
    return pictures


@contextmanager
def part_finder() -> Iterator[Callable[[np.ndarray], np.ndarray | None]]:
    """A function from a picture, uint8 `(H, W, 3)`, to masks bool `(P, 128, 128)`; None without a face."""
    try:
        import mediapipe
    except ImportError as error:
        raise SystemExit(
            "mediapipe is missing. It wants numpy 1, so give it an environment of its own:\n"
            "    python -m venv mediapipe-venv\n"
            "    mediapipe-venv/bin/pip install mediapipe==0.10.21\n"
            "    mediapipe-venv/bin/python benchmarks/clustering/photo_parts.py PICTURES OUT"
        ) from error
    solutions = mediapipe.solutions
    with (
        solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh,
        solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as selfie,
    ):

        def find(picture: np.ndarray) -> np.ndarray | None:
            faces = mesh.process(picture).multi_face_landmarks
            if not faces:
                return None
            height, width = picture.shape[:2]
            landmarks = np.array([(mark.x * width, mark.y * height) for mark in faces[0].landmark])
            person = selfie.process(picture).segmentation_mask > 0.5
            return shrink(label(picture, landmarks, person))

        yield find


def label(picture: np.ndarray, landmarks: np.ndarray, person: np.ndarray) -> np.ndarray:
    """For each pixel the index of its part, or -1: `(H, W)`.

    picture: uint8 `(H, W, 3)`. landmarks: `(478, 2)`, x and y in pixels. person: bool `(H, W)`.
    """
    rows = np.arange(len(person))[:, None]
    face = fill(landmarks, (OVAL,), person.shape)
    above_brows = rows < landmarks[list(RIGHT_EYEBROW + LEFT_EYEBROW), 1].min()
    cheeks = face & (rows > landmarks[list(RIGHT_EYE + LEFT_EYE), 1].max()) & (rows < landmarks[NOSE_TIP, 1])
    around = person & ~face & (rows < landmarks[CHIN, 1])
    crown = around & (rows < landmarks[FOREHEAD_TOP, 1])
    hair = alike(picture, around | (face & above_brows), crown, cheeks)
    skin = pieces_touching(cheeks, (around | face) & ~hair)
    # Lit strands that look like skin come back, collars and shoulders go.
    hair = pieces_touching(above_brows, (around | hair) & ~skin)

    labels = np.full(person.shape, -1)
    labels[~person & ~face] = PARTS.index("background")
    labels[skin] = PARTS.index("skin")
    labels[hair] = PARTS.index("hair")
    for part, rings in OUTLINES.items():
        labels[fill(landmarks, rings, person.shape)] = PARTS.index(part)
    return labels


def alike(picture: np.ndarray, choices: np.ndarray, these: np.ndarray, those: np.ndarray) -> np.ndarray:
    """Which of the chosen pixels have colours like these rather than like those; all bool `(H, W)`.

    Both are normal distributions of colour; a few rounds let `these` lose what belongs to those.
    """
    blurred = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(len(picture) / 256)))
    colours = blurred[choices].astype(np.float64)
    far = strangeness(colours, blurred[those])
    found = these[choices]
    for _ in range(5):
        if found.sum() < 100:
            break
        found = strangeness(colours, colours[found]) < far
    result = np.zeros_like(choices)
    result[choices] = found
    return result


def strangeness(colours: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Minus twice the log likelihood, but for a constant, of colours `(N, 3)` among a sample `(M, 3)`."""
    spread = np.cov(sample.T) + 25 * np.eye(3)  # at least 5 of 255 levels
    apart = colours - np.median(sample, 0)
    return ((apart @ np.linalg.inv(spread)) * apart).sum(1) + np.linalg.slogdet(spread)[1]


def pieces_touching(where: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The connected pieces of a mask that have pixels in `where`; all bool `(H, W)`."""
    import cv2  # comes with mediapipe

    count, pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    wanted = np.bincount(pieces[where & mask], minlength=count) > 0
    return wanted[pieces]


def fill(landmarks: np.ndarray, rings: Sequence[Sequence[int]], shape: tuple[int, int]) -> np.ndarray:
    """The inside of polygons, bool `(H, W)`."""
    canvas = Image.new("1", shape[::-1])
    for ring in rings:
        ImageDraw.Draw(canvas).polygon([tuple(point) for point in landmarks[list(ring)]], fill=1)
    return np.asarray(canvas)


def shrink(labels: np.ndarray) -> np.ndarray:
    """Masks `(P, 128, 128)` from labels `(H, W)`: a part gets the cells of which it covers over half."""
    covers = [Image.fromarray((labels == index) * np.float32(1)) for index in range(len(PARTS))]
    return np.stack([np.asarray(cover.resize((SIZE, SIZE), Image.Resampling.BOX)) > 0.5 for cover in covers])


if __name__ == "__main__":
    main()
