"""Every recipe for faces that comes with netbend, measured on eight of them: what its description says.

    python scripts/recipes_measured.py

Writes the tables of docs/gallery/README.md, and sentences of README.md. Ends with exit code 1 where a recipe
does not do what it says. In photographs landmarks say where the face is; drawn faces all lie in one place.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from figure_2 import SIDE, shrunk, turned
from figure_criteria import (
    Face,
    Pixels,
    change,
    face_mask,
    face_of,
    face_score,
    fine_edges,
    luminance,
    relief_likeness,
    steepness,
)
from measured import DOCS, ROOT, Criterion, Measured, exit_if_false, table, write_into
from PIL import Image

from netbend.bending import resolve
from netbend.engine.still import Still
from netbend.models.base import Model, SynthesisOptions
from netbend.models.catalog import load_model
from netbend.recipe import load_recipe

OPTIONS = SynthesisOptions(truncation_psi=0.7)
RECIPES = ROOT / "recipes"
LEAST_CHANGE = 8.0  # levels of 255, mean over a picture; by every recipe, of every face
SEEDS = {"faces": [2, 7, 26, 29, 39, 46, 1, 5], "photo-faces": list(range(1, 9))}
# Rows and columns of 64 in a drawn face.
EYES = (slice(26, 40), slice(14, 50))
MOUTH = (slice(40, 52), slice(20, 44))
MIDDLE = (slice(24, 52), slice(16, 48))
BEHIND = (slice(0, 16), slice(0, 8))
LEFT, RIGHT = (slice(None), slice(0, 30)), (slice(None), slice(34, 64))
WHOLE = (slice(None), slice(None))
DARK, WHITE = 60, 187  # levels
SHIFT = 0.15  # of the width, by which `stutter` moves

Measure = Callable[[Pixels, Pixels, Face | None], float]
"""A number of pictures before and after, and of the face in the one before if it is a photograph."""
Told = Mapping[str, tuple[Criterion, Measure]]
Registered = Callable[[Image.Image, Image.Image], float]


def correlation(where: tuple[slice, slice], before: Pixels, after: Pixels, _face: Face | None) -> float:
    one, other = (luminance(each)[where].ravel() for each in (before, after))
    return float(np.corrcoef(one, other)[0, 1])


def change_over(
    one: tuple[slice, slice], other: tuple[slice, slice], before: Pixels, after: Pixels, _face: Face | None
) -> float:
    everywhere = np.ones(before.shape[:2], bool)
    parts = [change(before[part], after[part], everywhere[part]) for part in (one, other)]
    return parts[0] / parts[1] if parts[1] else np.nan


def whites_left(before: Pixels, after: Pixels, _face: Face | None) -> float:
    return float((after[EYES].min(2) > WHITE).sum() / (before[EYES].min(2) > WHITE).sum())


def dark_about_mouth(before: Pixels, after: Pixels, _face: Face | None) -> float:
    was, now = ((luminance(each)[MOUTH] < DARK).sum() for each in (before, after))
    return float(now) - float(was)


def edges_left(before: Pixels, after: Pixels, _face: Face | None) -> float:
    return fine_edges(after) / fine_edges(before)


def detail_of_face(before: Pixels, after: Pixels, face: Face | None) -> float:
    mask = face_mask(before, there(face))
    return float(steepness(after)[mask].mean() / steepness(before)[mask].mean())


def face_lighter(before: Pixels, after: Pixels, face: Face | None) -> float:
    return float((luminance(after) - luminance(before))[face_mask(before, there(face))].mean())


def lighter(before: Pixels, after: Pixels, _face: Face | None) -> float:
    return float((luminance(after) - luminance(before)).mean())


def negative_of_face(before: Pixels, after: Pixels, face: Face | None) -> float:
    mask = face_mask(before, there(face))
    return float(np.corrcoef(luminance(before)[mask], luminance(after)[mask])[0, 1])


def relief_of_face(before: Pixels, after: Pixels, face: Face | None) -> float:
    return relief_likeness(before, after, there(face), face_mask(before, there(face)))


def seen_twice(before: Pixels, after: Pixels, face: Face | None) -> float:
    """How much more like the picture laid over itself, moved, than like the picture it is."""
    moved = np.roll(before, round(SHIFT * before.shape[1]), axis=1)
    twice = ((before.astype(float) + moved) / 2).astype(np.uint8)
    return negative_of_face(twice, after, face) - negative_of_face(before, after, face)


def found_at(
    registered: Callable[[Image.Image, Image.Image], float], before: Pixels, after: Pixels, _face: Face | None
) -> float:
    size = (SIDE, SIDE)
    pair = (Image.fromarray(each).resize(size, Image.Resampling.BOX) for each in (before, after))
    return registered(*pair)


def score_after(_before: Pixels, after: Pixels, _face: Face | None) -> float:
    return face_score(after)


def there(face: Face | None) -> Face:
    assert face is not None
    return face


def least(says: str, bound: float, measure: Measure, digits: int = 2) -> tuple[Criterion, Measure]:
    return Criterion(says, least=bound, digits=digits), measure


def most(says: str, bound: float, measure: Measure, digits: int = 2) -> tuple[Criterion, Measure]:
    return Criterion(says, most=bound, digits=digits), measure


NO_FACE = "score of the face detector, 0 or more for a face"
RELIEF = "likeness of the face's light and shade"
DETAIL = "detail in the face, times"

DRAWN: Told = {
    "cubist": most("likeness of the eyes", 0.7, partial(correlation, EYES)),
    "goggles": least("white about the eyes, times", 1.5, whites_left),
    "infrared": most("likeness of the whole; a negative's is -1", 0.6, partial(correlation, WHOLE)),
    "mosaic": least("edges, times", 0.8, edges_left),
    "neon": most("likeness of the eyes; a negative's is -1", -0.2, partial(correlation, EYES)),
    "two-faced": least(
        "the left half changes more than the right, times", 10, partial(change_over, LEFT, RIGHT), 0
    ),
    "gaze": least("likeness of the eyes", 0.3, partial(correlation, EYES)),
    "hollow-eyes": most("whites of the eyes left", 0.8, whites_left),
    "moustache": least("dark pixels more about the mouth, of 288", 3, dark_about_mouth, 0),
    "night-behind": least(
        "the background changes more than the face, times", 1, partial(change_over, BEHIND, MIDDLE)
    ),
}
PHOTOGRAPHED: Told = {
    "bark": least(DETAIL, 1.05, detail_of_face),
    "blank": most(RELIEF, 0.6, relief_of_face),
    "carpet": most(NO_FACE, 0, score_after),
    "chrome": most(RELIEF, 0.4, relief_of_face),
    "engraving": most("the face, likeness; a negative's is -1", -0.4, negative_of_face),
    "fauve": most("the face, likeness; a negative's is -1", 0.3, negative_of_face),
    "fever": least("lighter, levels", 3, lighter, 0),
    "frame": most("size at which it is found", 0.7, partial(found_at, shrunk)),
    "marble": least("edges, times", 0.9, edges_left),
    "neon": most("the face lighter, levels", -40, face_lighter, 0),
    "nocturne": most("the face lighter, levels", -25, face_lighter, 0),
    "poster": most(DETAIL, 0.9, detail_of_face),
    "sand": least(DETAIL, 1.3, detail_of_face),
    "stutter": least("likeness to the face seen twice, above that to the face", 0.03, seen_twice),
    "teratome": most(NO_FACE, 0, score_after),
    "tilt": least("degrees by which it is found turned", 30, partial(found_at, turned), 0),
    "x-ray": most("the face, likeness; a negative's is -1", -0.2, negative_of_face),
}
CHANGE = Criterion("change, levels of 255", least=LEAST_CHANGE, digits=0)


def main() -> None:
    drawn = list(measured("faces", [RECIPES, RECIPES / "clusters"], DRAWN))
    photographed = list(measured("photo-faces", [RECIPES / "photo-faces"], PHOTOGRAPHED))
    write_into(DOCS / "clusters.md", "faces", [sentence(drawn, "gallery/README.md")])
    for name, found in (("faces", drawn), ("photo-faces", photographed)):
        write_into(DOCS / "gallery" / "README.md", name, table(found))
        write_into(ROOT / "README.md", name, [sentence(found, "docs/gallery/README.md")])
        print(*table(found), sep="\n", flush=True)
    exit_if_false([*drawn, *photographed])


def measured(
    name: str, folders: Sequence[Path], told: Mapping[str, tuple[Criterion, Measure]]
) -> Iterator[Measured]:
    """Each recipe's change of every face, and what it says of itself."""
    model = load_model(name, "cpu")
    unbent = {seed: picture(model, seed) for seed in SEEDS[name]}
    faces = {
        seed: face_of(before, f"seed {seed}") if name == "photo-faces" else None
        for seed, before in unbent.items()
    }
    paths = {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}
    assert set(paths) == set(told)
    for stem, (criterion, measure) in told.items():
        bent = {seed: picture(model, seed, paths[stem]) for seed in SEEDS[name]}
        everywhere = np.ones(unbent[SEEDS[name][0]].shape[:2], bool)
        yield Measured(f"`{stem}`", CHANGE, [change(unbent[seed], bent[seed], everywhere) for seed in bent])
        yield Measured("", criterion, [measure(unbent[seed], bent[seed], faces[seed]) for seed in bent])


def sentence(found: Sequence[Measured], where: str) -> str:
    changes = [value for each in found if each.criterion is CHANGE for value in each.values]
    recipes = sum(each.criterion is CHANGE for each in found)
    return (
        f"*Each of the {recipes} recipes changes each of eight faces by {min(changes):.0f} to "
        f"{max(changes):.0f} levels of 255 in the mean; what each says of itself is "
        f"[measured]({where}).*"
    )


def picture(model: Model, seed: int, path: Path | None = None) -> Pixels:
    still = Still(model, model.latents([seed]), OPTIONS)
    if path is not None:
        recipe = load_recipe(path)
        still = Still(model, still.latents, OPTIONS, recipe, resolve(recipe, model))
    return np.asarray(still.picture())


if __name__ == "__main__":
    main()
