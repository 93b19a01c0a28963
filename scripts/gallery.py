"""The gallery of a model: every recipe of a folder on one sheet, and a small picture of each.

    python scripts/gallery.py MODEL RECIPES OUT SEED [SEED ...]

Writes OUT/MODEL.png, the sheet - each recipe on all seeds, unbent first - and OUT/MODEL/RECIPE.png, 256
pixels high, for the first seed. These hold their records: `netbend render --from` gives the whole picture.
"""

import sys
from functools import reduce
from pathlib import Path

from PIL import Image

from netbend.bending import resolve
from netbend.engine.embedded import png_bytes
from netbend.engine.still import Still
from netbend.models.base import Model, SynthesisOptions
from netbend.models.catalog import load_model
from netbend.pictures import beside, contact_sheet
from netbend.recipe import load_recipe

HEIGHT = 256
OPTIONS = SynthesisOptions(truncation_psi=0.7)


def main(name: str, recipes: Path, out: Path, seeds: list[int]) -> None:
    model = load_model(name)
    (out / name).mkdir(parents=True, exist_ok=True)
    unbent = [shrunk(Still(model, model.latents([seed]), OPTIONS).picture()) for seed in seeds]
    rows, captions = [in_a_row(unbent)], [f"{name}, unbent"]
    for path in sorted(recipes.glob("*.yaml")):
        stills = [bent(model, path, seed) for seed in seeds]
        pictures = [shrunk(still.picture()) for still in stills]
        (out / name / f"{path.stem}.png").write_bytes(png_bytes(pictures[0], stills[0].request()))
        rows.append(in_a_row(pictures))
        captions.append(path.stem)
    captions = [f"{caption}, seeds {', '.join(map(str, seeds))}" for caption in captions]
    contact_sheet(rows, captions, columns=4).quantize(256).save(out / f"{name}.png", optimize=True)


def in_a_row(pictures: list[Image.Image]) -> Image.Image:
    return reduce(beside, pictures)


def bent(model: Model, path: Path, seed: int) -> Still:
    recipe = load_recipe(path)
    return Still(model, model.latents([seed]), OPTIONS, recipe, resolve(recipe, model))


def shrunk(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width * HEIGHT // picture.height, HEIGHT), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), [int(seed) for seed in sys.argv[4:]])
