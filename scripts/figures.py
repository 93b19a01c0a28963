"""The paper's figures of faces, each with what its caption says measured over eight seeds.

    python scripts/figures.py

Writes docs/gallery/works/figures.png, a row for each recipe, figure-1.png, and the tables of docs/works.md.
Ends with exit code 1 where a caption does not hold. What is measured knows nothing of the bends: see
figure_criteria.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from figure_1 import draw as draw_figure_1
from figure_criteria import (
    Face,
    Pixels,
    both_eyes,
    change,
    corners,
    eye_edges_left,
    eyes_seen,
    face_mask,
    face_of,
    face_score,
    find_face,
    highlights,
    lightest,
    nose_and_mouth,
    saturation_ratio,
    shape_change,
)
from measured import DOCS, ROOT, Criterion, Measured, exit_if_false, in_a_sentence, table, write_into
from PIL import Image, ImageDraw, ImageFont

from netbend.bending import resolve
from netbend.engine.still import Still
from netbend.models.base import Model, SynthesisOptions
from netbend.models.catalog import load_model
from netbend.recipe import Clusters, Recipe, load_recipe, recipe_to_data
from netbend.transforms import build_transform

OUT = DOCS / "gallery" / "works"
PANELS = ROOT / "recipes" / "photo-faces" / "clusters"
WORKS = ROOT / "recipes" / "works"
SEEDS = range(1, 9)
OPTIONS = SynthesisOptions(truncation_psi=0.7)
SHOWN = 160  # pixels of a picture on the sheet
LINE = 20
BACKGROUND, INK = "#111318", "#d8dce4"

Measure = Callable[[Pixels, Pixels, Face], float]
"""A number of pictures before and after, and the face in the one before."""


def times(one: float, other: float) -> float:
    """One change over another; NaN, which no bound admits, where nothing has changed."""
    return one / other if other else np.nan


def eyes_over_rest(before: Pixels, after: Pixels, face: Face) -> float:
    eyes = both_eyes(before, face)
    return times(change(before, after, eyes), change(before, after, ~eyes))


def score_after(_before: Pixels, after: Pixels, _face: Face) -> float:
    return face_score(after)


def formed_anew(_before: Pixels, after: Pixels, face: Face) -> float:
    found = find_face(after)
    return np.nan if found is None else shape_change(face, found)


def eye_growth(_before: Pixels, after: Pixels, face: Face) -> float:
    found = find_face(after)
    return np.nan if found is None else found.eye_size / face.eye_size


def nose_growth(_before: Pixels, after: Pixels, face: Face) -> float:
    found = find_face(after)
    return np.nan if found is None else found.nose_width / face.nose_width


def highlights_after(before: Pixels, after: Pixels, face: Face) -> float:
    mask = face_mask(before, face)
    return highlights(after, lightest(before, mask), mask)


def background_over_face(before: Pixels, after: Pixels, face: Face) -> float:
    return times(change(before, after, corners(before)), change(before, after, face_mask(before, face)))


def saturation_left(before: Pixels, after: Pixels, _face: Face) -> float:
    return saturation_ratio(before, after)


NO_FACE = (Criterion("score of the face detector, 0 or more for a face", most=0), score_after)
STILL_A_FACE = (Criterion(NO_FACE[0].says, least=0), score_after)
EYES_GONE = (Criterion("likeness of the light and shade of the eye that is more alike", most=0.6), eyes_seen)
NOSE_AND_MOUTH_GONE = (
    Criterion("likeness of the light and shade of nose and mouth", most=0.5),
    nose_and_mouth,
)
EYES_ABOVE_ALL = (
    Criterion("the eyes change more than the rest of the picture, times", least=2),
    eyes_over_rest,
)

FIGURES: dict[Path, Sequence[tuple[Criterion, Measure]]] = {
    WORKS / "figure-1.yaml": [
        (Criterion("size of the eyes between landmarks, over that before", most=0.9), eye_growth),
        EYES_ABOVE_ALL,
    ],
    PANELS / "figure-4b.yaml": [NO_FACE, EYES_GONE, NOSE_AND_MOUTH_GONE],
    PANELS / "figure-4c.yaml": [
        (
            Criterion("landmarks move against each other, of the distance of the eyes", least=0.04, digits=3),
            formed_anew,
        ),
        STILL_A_FACE,
    ],
    PANELS / "figure-4d.yaml": [EYES_GONE, EYES_ABOVE_ALL],
    PANELS / "figure-4e.yaml": [
        (Criterion("width of the nose between landmarks, over that before", least=1.02), nose_growth)
    ],
    PANELS / "figure-4f.yaml": [
        (
            Criterion("the face's lightest tenth against its middle, in levels", most=0, digits=0),
            highlights_after,
        ),
        STILL_A_FACE,
    ],
    PANELS / "figure-4h.yaml": [(Criterion("mean saturation, over that before", most=0.9), saturation_left)],
    PANELS / "behind.yaml": [
        (Criterion("the background changes more than the face, times", least=2), background_over_face)
    ],
    PANELS / "gaze.yaml": [
        (Criterion("edges left in the eye that has kept more", least=0.5), eye_edges_left),
        NOSE_AND_MOUTH_GONE,
        NO_FACE,
    ],
}
FIGURE_6 = Criterion(
    "multiplied by 5 the cluster changes the picture more than ablated, times", least=2, digits=1
)
ABLATED = Criterion("change when ablated, levels of 255", most=10, digits=1)


def main() -> None:
    model = load_model("photo-faces", "cpu")
    before = {seed: pixels(Still(model, model.latents([seed]), OPTIONS)) for seed in SEEDS}
    faces = {seed: face_of(picture, f"seed {seed}") for seed, picture in before.items()}
    rows = [(["unbent, seeds 1 to 8, psi 0.7"], list(before.values()))]
    found = []
    for path, criteria in FIGURES.items():
        recipe = load_recipe(path)
        after = {seed: bent(model, recipe, seed) for seed in SEEDS}
        measured = [
            Measured(
                f"`{path.stem}`: {described(recipe)}" if number == 0 else "",
                criterion,
                [measure(before[seed], after[seed], faces[seed]) for seed in SEEDS],
            )
            for number, (criterion, measure) in enumerate(criteria)
        ]
        captions = [str(each) for each in measured]
        print(path.stem, *captions, sep="\n", flush=True)
        rows.append(([f"{path.stem}: {captions[0]}", *captions[1:]], list(after.values())))
        found += measured
    write_into(DOCS / "works.md", "figures", table(found))
    write_into(DOCS / "works.md", "figure-1", table(found[:2]))
    sentence = "seeds 1 to 8 - eyes gone, a nose larger, colours paler"
    write_into(
        ROOT / "README.md", "figures", [in_a_sentence(found, sentence, "docs/works.md#figures-of-the-paper")]
    )
    write_into(
        DOCS / "clusters.md", "figures", [in_a_sentence(found, sentence, "works.md#figures-of-the-paper")]
    )
    figure_6 = ablated_and_multiplied(model, before)
    write_into(DOCS / "works.md", "figure-6", table(figure_6))
    sheet(rows).quantize(256).save(OUT / "figures.png", optimize=True)
    draw_figure_1(model, load_recipe(WORKS / "figure-1.yaml"), OPTIONS).save(
        OUT / "figure-1.png", optimize=True
    )
    exit_if_false([*found, *figure_6])


def described(recipe: Recipe) -> str:
    """Its bends, in a cell of a table."""
    return "; ".join(in_words(bend) for bend in recipe_to_data(recipe)["bends"])


def in_words(bend: dict[str, Any]) -> str:
    selection = bend["features"]
    taken = selection.get("not", selection)["cluster"]
    clusters = ", ".join(map(str, taken if isinstance(taken, list) else [taken]))
    params = "".join(f" {key} {value:g}" for key, value in bend.get("params", {}).items())
    mix = f", mix {bend['mix']:g}" if "mix" in bend else ""
    but = "all but " if "not" in selection else ""
    return f"layer {bend['layer']}, {but}{clusters}: {bend['transform']}{params}{mix}"


def ablated_and_multiplied(model: Model, before: dict[int, Pixels]) -> list[Measured]:
    """How much the cluster of figure 6 changes pictures, ablated and multiplied by 5."""
    recipe = load_recipe(WORKS / "figure-6.yaml")
    (bend,) = recipe.bends
    ablated, multiplied = (
        [
            change(unbent, bent(model, treated, seed), np.ones(unbent.shape[:2], bool))
            for seed, unbent in before.items()
        ]
        for treated in (
            replace(recipe, bends=(replace(bend, transform=build_transform(name, params)),))
            for name, params in (("ablate", {}), ("multiply", {"p": 5}))
        )
    )
    factors = [times(*pair) for pair in zip(multiplied, ablated, strict=True)]
    return [Measured("`figure-6`", FIGURE_6, factors), Measured("", ABLATED, ablated)]


def bent(model: Model, recipe: Recipe, seed: int, clusters: Clusters | None = None) -> Pixels:
    plan = resolve(recipe, model, clusters=clusters)
    return pixels(Still(model, model.latents([seed]), OPTIONS, recipe, plan))


def pixels(still: Still) -> Pixels:
    return np.asarray(still.picture())


def sheet(rows: Sequence[tuple[Sequence[str], Sequence[Pixels]]]) -> Image.Image:
    """Rows of pictures, each with the lines of its caption below."""
    height = sum(SHOWN + LINE * len(captions) for captions, _ in rows)
    canvas = Image.new("RGB", (SHOWN * len(rows[0][1]), height), BACKGROUND)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    top = 0
    for captions, pictures in rows:
        for column, picture in enumerate(pictures):
            small = Image.fromarray(picture).resize((SHOWN, SHOWN), Image.Resampling.LANCZOS)
            canvas.paste(small, (column * SHOWN, top))
        top += SHOWN
        for caption in captions:
            draw.text((4, top + 2), caption, fill=INK, font=font)
            top += LINE
    return canvas


if __name__ == "__main__":
    main()
