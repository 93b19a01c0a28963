"""Makes the pictures of docs/pictures that one command makes, and measures what is said of those and others.

    python scripts/doc_pictures.py

Writes the numbers into docs/transforms.md, docs/recipes.md, docs/variations.md, docs/latents.md and
docs/projecting.md. Exit code 1 says that one is out of its bounds. Projections take a photograph, held-out
drawings and minutes: they are measured as they lie in docs/pictures.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from measured import DOCS, ROOT, Criterion, Measured, exit_if_false, table, write_into
from PIL import Image

from netbend.bending import bend, resolve
from netbend.engine.still import Still
from netbend.models.base import SynthesisOptions
from netbend.models.catalog import load_model
from netbend.pictures import to_pictures
from netbend.recipe import load_recipe
from netbend.variations.axes import transform_data
from netbend.variations.unlike import MIN_CHANGE, visible_change

PICTURES = DOCS / "pictures"
MADE = Path("out/pictures")  # of the project; pictures hold the command, so that it is the same everywhere
LATENT = 7
VARY = ["vary", "--surprise", "--count", "24", "--selection-seed", "28", "--seeds", f"{LATENT}"]
PARENTS = [ROOT / "recipes" / "goggles.yaml", ROOT / "recipes" / "mosaic.yaml"]
BREED = [
    "breed",
    *(str(path.relative_to(ROOT)) for path in PARENTS),
    "--count",
    "14",
    "--seeds",
    f"{LATENT}",
]
DIRECTIONS = ["directions", "faces", "--seeds", "1,2", "--json"]
MORE = (
    "add 0.5; clamp -0.2 0.4; quantize 1; abs; sign; blur 1.5; sharpen 4; sobel; fft-filter high=0.3; "
    "normalize; noise 0.3; roll 0.3; shuffle"
)
MORE_SEED = 29
ON_WEIGHTS = "rotate 90; flip-h; multiply -1; noise 1; shuffle; normalize"
BY_LAYER = ["grid", "--figure", "transforms-by-layer", "--seeds", "29"]


def main() -> None:
    netbend(*BY_LAYER, "--out", MADE / "grid.png")
    keep(MADE / "grid.png", "transforms-by-layer")
    found: list[Measured] = []
    for document, name, numbers in (
        ("transforms.md", "more-transforms", more_transforms(MADE / "more.png")),
        ("recipes.md", "weights", of_weights(MADE / "weights.png")),
        ("variations.md", "surprise", surprises(MADE / "surprise")),
        ("variations.md", "children", children(MADE / "children")),
        ("latents.md", "directions", directions(MADE / "directions")),
        ("projecting.md", "projection", drawn_faces()),
        ("projecting.md", "projected-portrait", portrait()),
        ("projecting.md", "likeness", likenesses()),
    ):
        lines = table(numbers, "measured on")
        write_into(DOCS / document, name, lines)
        print(*lines, sep="\n", flush=True)
        found += numbers
    exit_if_false(found)


def netbend(*arguments: object) -> str:
    """What a command prints."""
    command = [Path(sys.executable).with_name("netbend"), *arguments, "--overwrite"]
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True, cwd=ROOT).stdout


def keep(sheet: Path, name: str) -> None:
    """Put a picture into docs/pictures, in 256 colours."""
    with (ROOT / sheet).open("rb") as picture:
        script = ROOT / "scripts" / "in_256_colours.py"
        subprocess.run([sys.executable, script, PICTURES / f"{name}.png"], stdin=picture, check=True)


def more_transforms(sheet: Path) -> list[Measured]:
    """Each transform changes the face at some layer so that nobody can miss it."""
    return by_layer("more-transforms", MORE, sheet)


def of_weights(sheet: Path) -> list[Measured]:
    """Each transform of kernels changes the face at some layer so that nobody can miss it."""
    recipe = ROOT / sheet.with_suffix(".yaml")
    recipe.write_text("bends:\n  - {layer: 3, transform: flip-h, on: weights}\n")
    return by_layer("weights", ON_WEIGHTS, sheet, recipe, on="weights")


def by_layer(
    name: str, transforms: str, sheet: Path, *recipe: Path, on: str = "activations"
) -> list[Measured]:
    """A grid of transforms by layers, and how much each changes the picture where it does most."""
    axes = ["--rows", f"transform={transforms}", "--columns", "layer=0-8"]
    netbend("grid", *recipe, *axes, "--seeds", MORE_SEED, "--height", 72, "--out", sheet)
    keep(sheet, name)
    model = load_model("faces", "cpu")
    latents = model.latents([MORE_SEED])
    (unbent,) = to_pictures(model.generate(latents))
    numbers = [layer.number for layer in model.layers if layer.number is not None]

    def change(data: dict[str, Any], layer: int) -> float:
        with bend(model, {"bends": [{**data, "layer": layer, "on": on}]}):
            (picture,) = to_pictures(model.generate(latents))
        return visible_change(unbent, picture)

    kinds = [transform_data(text, "transform") for text in transforms.split(";")]
    most = [max(change(data, number) for number in numbers) for data in kinds]
    says = "change of the tenth that changes most, at the layer where it does, in levels"
    return [Measured(f"the {len(most)}", Criterion(says, least=MIN_CHANGE, digits=0), most)]


def surprises(out: Path) -> list[Measured]:
    """Recipes by chance that change the face that is shown."""
    netbend(*VARY, "--out", out)
    keep(out / "surprise-variations.png", "surprise")
    unbent, *bent = pictures([None, *sorted((ROOT / out).glob("*.yaml"))])
    says = "change of the tenth that changes most, in levels"
    return [
        Measured(
            "the two dozen",
            Criterion(says, least=MIN_CHANGE, digits=0),
            [visible_change(unbent, each) for each in bent],
        )
    ]


def children(out: Path) -> list[Measured]:
    """Children that are none of their parents, nor of each other."""
    netbend(*BREED, "--out", out)
    keep(out / "children.png", "children")
    shown = pictures([None, *PARENTS, *sorted((ROOT / out).glob("*.yaml"))])
    others = [shown[:place] + shown[place + 1 :] for place in range(len(shown))]
    nearest = [
        min(visible_change(one, each) for each in rest) for one, rest in zip(shown, others, strict=True)
    ]
    says = "the tenth that differs most from the nearest other, a parent or the unbent picture, in levels"
    return [Measured("the fourteen", Criterion(says, least=MIN_CHANGE, digits=0), nearest[3:])]


def directions(out: Path) -> list[Measured]:
    """Those that are shown change pictures at least half as much as the one that changes them most."""
    told = json.loads(netbend(*DIRECTIONS, "--out", out))
    keep(out / "faces-directions.png", "directions")
    shown = [told["changes"][number] for number in told["on_the_sheet"]]
    rest = [change for change in told["changes"] if change not in shown]
    says, half = "change of the pictures from end to end, in levels", max(shown) / 2
    return [
        Measured("the eight that are shown", Criterion(says, least=round(half, 1), digits=0), shown),
        Measured("the other eight", Criterion(says, most=round(half, 1), digits=0), rest),
    ]


def drawn_faces() -> list[Measured]:
    rows = cells(PICTURES / "projection.png", 128, 4, 150)
    target, *found = rows
    return [
        Measured(f"the six, {space}", Criterion("pixel error", most=most, digits=0), errors(target, row))
        for space, most, row in zip(("w", "w+"), (30, 15), found, strict=True)
    ]


def portrait() -> list[Measured]:
    ((photograph, found, _),) = cells(PICTURES / "projected-portrait.png", 240, 0, 240)
    return [
        Measured("the portrait", Criterion("pixel error", most=25, digits=0), errors([photograph], [found]))
    ]


def likenesses() -> list[Measured]:
    target, guessed, stepped = cells(PICTURES / "likeness.png", 256, 0, 260)
    return [
        Measured(f"all above, {what}", Criterion("pixel error", most=most, digits=0), errors(target, row))
        for what, most, row in (("as guessed", 70, guessed), ("after 16 steps", 55, stepped))
    ]


def pictures(recipes: Sequence[Path | None]) -> list[Image.Image]:
    """One drawn face, bent by each."""
    model = load_model("faces", "cpu")
    unbent = Still(model, model.latents([LATENT]), SynthesisOptions(truncation_psi=0.7))
    loaded = [None if path is None else load_recipe(path) for path in recipes]
    plans = [unbent.plan if recipe is None else resolve(recipe, model) for recipe in loaded]
    return [
        Still(model, unbent.latents, unbent.options, *pair).picture()
        for pair in zip(loaded, plans, strict=True)
    ]


def cells(sheet: Path, side: int, margin: int, row_height: int) -> list[list[np.ndarray]]:
    """The pictures of a sheet, row by row."""
    with Image.open(sheet) as picture:
        whole = np.asarray(picture.convert("RGB"), float)
    gap = 4 if row_height > side else 0
    return [
        [
            whole[top : top + side, left : left + side]
            for left in range(margin, whole.shape[1] - side + 1, side + gap)
        ]
        for top in range(margin, whole.shape[0] - side + 1, row_height)
    ]


def errors(targets: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> list[float]:
    """Root mean square differences, of levels of 255."""
    return [float(np.sqrt(np.square(one - other).mean())) for one, other in zip(targets, found, strict=True)]


if __name__ == "__main__":
    main()
