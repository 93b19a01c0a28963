"""The paper's figures of faces, each with what its caption says measured over eight seeds.

    python scripts/figures.py [OUT]

Writes OUT/figures.png, a row for each recipe, OUT/figures.md, the table of measures, and OUT/figure-1.png;
OUT is docs/gallery/works by default. Ends with exit code 1 where a caption does not hold for as many seeds as
FIGURES says. What is measured knows nothing of the bends: see figure_criteria.py.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from figure_criteria import (
    LIPS,
    NOSE,
    Face,
    Pixels,
    change,
    corners,
    eye_edges_left,
    eye_masks,
    face_mask,
    face_score,
    find_face,
    highlights,
    inside,
    lightest,
    relief_likeness,
    saturation_ratio,
    shape_change,
)
from PIL import Image, ImageDraw, ImageFont

from netbend.bending import resolve
from netbend.clustering.activations import watched
from netbend.models.base import Model, Play
from netbend.models.catalog import load_model
from netbend.pictures import paint, to_pictures
from netbend.recipe import Cluster, load_recipe
from netbend.render.job import Job
from netbend.transforms import build_transform

ROOT = Path(__file__).parent.parent
PANELS = ROOT / "recipes" / "photo-faces" / "clusters"
WORKS = ROOT / "recipes" / "works"
SEEDS = range(1, 9)
PLAY = Play(truncation=0.7)
SHOWN = 160  # pixels of a picture on the sheet
LINE = 20
BACKGROUND, INK = "#111318", "#d8dce4"

FIGURE_6_FACTOR = 2.0
Measure = Callable[[Pixels, Pixels, Face], float]


@dataclass(frozen=True)
class Criterion:
    """What a caption says, as a number with a bound.

    says: in words. least, most: bounds of the number. holds: of how many of SEEDS, at least.
    """

    says: str
    measure: Measure
    least: float = -np.inf
    most: float = np.inf
    holds: int = len(SEEDS)
    digits: int = 2

    def met(self, value: float) -> bool:
        return self.least <= value <= self.most

    @property
    def bound(self) -> str:
        if self.least > -np.inf:
            return f"at least {self.least:g}"
        return f"at most {self.most:g}"


def times(one: float, other: float) -> float:
    """One change over another; NaN, which no bound admits, where nothing has changed."""
    return one / other if other else np.nan


def rest_of(mask: Callable[[Pixels, Face], np.ndarray]) -> Measure:
    """How many times as much a part changes as what is outside of it."""

    def measure(before: Pixels, after: Pixels, face: Face) -> float:
        part = mask(before, face)
        return times(change(before, after, part), change(before, after, ~part))

    return measure


def both_eyes(picture: Pixels, face: Face) -> np.ndarray:
    return np.asarray(np.any(eye_masks(picture, face), axis=0))


def eyes_seen(before: Pixels, after: Pixels, face: Face) -> float:
    """Of the eye that is more like what it was."""
    return max(relief_likeness(before, after, face, eye) for eye in eye_masks(before, face))


def nose_and_mouth(before: Pixels, after: Pixels, face: Face) -> float:
    parts = (inside(before, face, [NOSE]), inside(before, face, [LIPS]))
    return max(relief_likeness(before, after, face, part) for part in parts)


def formed_anew(_before: Pixels, after: Pixels, face: Face) -> float:
    found = find_face(after)
    return np.inf if found is None else shape_change(face, found)


def nose_growth(_before: Pixels, after: Pixels, face: Face) -> float:
    found = find_face(after)
    return 0.0 if found is None else found.nose_width / face.nose_width


def highlights_after(before: Pixels, after: Pixels, face: Face) -> float:
    mask = face_mask(before, face)
    return highlights(after, lightest(before, mask), mask)


def background_over_face(before: Pixels, after: Pixels, face: Face) -> float:
    return times(change(before, after, corners(before)), change(before, after, face_mask(before, face)))


FIGURES: dict[Path, Sequence[Criterion]] = {
    WORKS / "figure-1.yaml": [
        Criterion("the eyes change more than the rest of the picture, times", rest_of(both_eyes), least=2)
    ],
    PANELS / "figure-4b.yaml": [
        Criterion(
            "score of the face detector, 0 or more for a face",
            lambda _, a, __: face_score(a),
            most=0,
            holds=7,
        )
    ],
    PANELS / "figure-4c.yaml": [
        Criterion(
            "landmarks move against each other, of the distance of the eyes",
            formed_anew,
            least=0.02,
            digits=3,
        ),
    ],
    PANELS / "figure-4d.yaml": [
        Criterion("likeness of the light and shade of the eye that is more alike", eyes_seen, most=0.6),
        Criterion("the eyes change more than the rest of the picture, times", rest_of(both_eyes), least=2),
    ],
    PANELS / "figure-4e.yaml": [
        Criterion("width of the nose between landmarks, over that before", nose_growth, least=1.02, holds=7)
    ],
    PANELS / "figure-4f.yaml": [
        Criterion(
            "the face's lightest tenth against its middle, in levels", highlights_after, most=0, digits=0
        )
    ],
    PANELS / "figure-4h.yaml": [
        Criterion("mean saturation, over that before", lambda b, a, _: saturation_ratio(b, a), most=0.9)
    ],
    PANELS / "behind.yaml": [
        Criterion("the background changes more than the face, times", background_over_face, least=2, holds=7)
    ],
    PANELS / "gaze.yaml": [
        Criterion("edges left in the eye that has kept more", eye_edges_left, least=0.5),
        Criterion("likeness of the light and shade of nose and mouth", nose_and_mouth, most=0.5),
        Criterion("score of the face detector, 0 or more for a face", lambda _, a, __: face_score(a), most=0),
    ],
}


def main(out: Path) -> None:
    model = load_model("photo-faces", "cpu")
    out.mkdir(parents=True, exist_ok=True)
    before = {seed: pixels(Job(model, model.latents([seed]), PLAY)) for seed in SEEDS}
    faces = {seed: face_of(picture, seed) for seed, picture in before.items()}
    rows = [(["unbent, seeds 1 to 8, psi 0.7"], list(before.values()))]
    table = ["| recipe | what is measured | bound | of eight seeds | lowest | middle | highest |"]
    table.append("|---|---|---|---|---|---|---|")
    failures = []
    for path, criteria in FIGURES.items():
        after = {seed: pixels(bent(model, path, seed)) for seed in SEEDS}
        captions = []
        for each in criteria:
            values = [each.measure(before[seed], after[seed], faces[seed]) for seed in SEEDS]
            holds = sum(map(each.met, values))
            low, middle, high = (f"{value:.{each.digits}f}" for value in np.quantile(values, [0, 0.5, 1]))
            table.append(
                f"| `{path.stem}` | {each.says} | {each.bound} | {holds} | {low} | {middle} | {high} |"
            )
            captions.append(f"{each.says}: {middle} ({low} to {high}), {each.bound} in {holds} of 8")
            print(path.stem, captions[-1], [f"{value:.2f}" for value in values], flush=True)
            if holds < each.holds:
                failures.append(f"{path.stem}: {captions[-1]}; expected {each.holds}")
        captions[0] = f"{path.stem}: {captions[0]}"
        rows.append((captions, list(after.values())))
    values = [ablated_and_multiplied(model, seed, before[seed]) for seed in SEEDS]
    factors = [multiplied / ablated for ablated, multiplied in values]
    holds = sum(factor >= FIGURE_6_FACTOR for factor in factors)
    low, middle, high = (f"{value:.1f}" for value in np.quantile(factors, [0, 0.5, 1]))
    says = "multiplied by 5 the cluster changes the picture more than ablated, times"
    table.append(
        f"| `figure-6` | {says} | at least {FIGURE_6_FACTOR:g} | {holds} | {low} | {middle} | {high} |"
    )
    print("figure-6", says, values, flush=True)
    if holds < len(SEEDS):
        failures.append(f"figure-6: {says}: {holds} of 8")
    sheet(rows).quantize(256).save(out / "figures.png", optimize=True)
    (out / "figures.md").write_text("\n".join(table) + "\n", encoding="utf-8")
    figure_1(model, before[4]).quantize(256).save(out / "figure-1.png", optimize=True)
    if failures:
        sys.exit("captions that do not hold:\n" + "\n".join(failures))


def ablated_and_multiplied(model: Model, seed: int, before: Pixels) -> tuple[float, float]:
    """How many levels the cluster of figure 6 changes the picture by, ablated and multiplied by 5."""
    recipe = load_recipe(WORKS / "figure-6.yaml")
    (bend,) = recipe.bends
    changes = []
    for transform in (build_transform("ablate", {}), build_transform("multiply", {"p": 5})):
        treated = replace(recipe, bends=(replace(bend, transform=transform),))
        job = Job(model, model.latents([seed]), PLAY, treated, resolve(treated, model))
        changes.append(change(before, pixels(job), np.ones(before.shape[:2], bool)))
    return changes[0], changes[1]


def bent(model: Model, path: Path, seed: int) -> Job:
    recipe = load_recipe(path)
    return Job(model, model.latents([seed]), PLAY, recipe, resolve(recipe, model))


def pixels(job: Job) -> Pixels:
    return np.asarray(job.picture())


def face_of(picture: Pixels, seed: int) -> Face:
    face = find_face(picture)
    if face is None:
        sys.exit(f"seed {seed}: no face is found in the unbent picture; the measures need one")
    return face


def sheet(rows: Sequence[tuple[Sequence[str], Sequence[Pixels]]]) -> Image.Image:
    """Rows of pictures, each with the lines of its caption below."""
    height = sum(SHOWN + LINE * len(captions) for captions, _ in rows)
    canvas = Image.new("RGB", (SHOWN * len(rows[0][1]), height), BACKGROUND)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    top = 0
    for captions, pictures in rows:
        for column, picture in enumerate(pictures):
            canvas.paste(shrunk(Image.fromarray(picture), SHOWN), (column * SHOWN, top))
        top += SHOWN
        for caption in captions:
            draw.text((4, top + 2), caption, fill=INK, font=font)
            top += LINE
    return canvas


def shrunk(picture: Image.Image, side: int) -> Image.Image:
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def figure_1(model: Model, unbent: Pixels) -> Image.Image:
    """The unbent picture, eight maps of the cluster before and after the bend, and the bent picture."""
    path = WORKS / "figure-1.yaml"
    recipe = load_recipe(path)
    plan = resolve(recipe, model)
    (planned,) = plan.bends
    assert isinstance(recipe.bends[0].features, Cluster)
    with watched(model, [planned.layer]) as maps, torch.no_grad():
        model.generate(model.latents([4]), PLAY)
        found = maps[planned.layer.name][0, list(planned.indices)]
    strongest = found.flatten(1).std(1).argsort(descending=True)[:4]
    chosen = found[strongest]
    scaled = planned.transform(chosen[None])[0]
    side, small = 384, 96
    canvas = Image.new("RGB", (2 * side + 2 * small + 40, side), BACKGROUND)
    canvas.paste(shrunk(Image.fromarray(unbent), side), (0, 0))
    for row, (one, other) in enumerate(zip(chosen, scaled, strict=True)):
        low, high = float(one.min()), float(one.max())
        for column, each in enumerate((one, other)):
            picture = paint((each - low) / (high - low)).convert("RGB")
            place = (side + 10 + column * (small + 20), row * small)
            canvas.paste(picture.resize((small - 4, small - 4), Image.Resampling.NEAREST), place)
    after = to_pictures(
        torch.from_numpy(pixels(bent(model, path, 4)).copy()).permute(2, 0, 1)[None] / 127.5 - 1
    )[0]
    canvas.paste(shrunk(after, side), (side + 2 * small + 40, 0))
    return canvas


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "gallery" / "works")
