"""Draws the README's pictures: faces, and the same faces bent by recipes, a row for each.

    python scripts/readme_picture.py          docs/pictures/recipes.png, every recipe in recipes/
    python scripts/readme_picture.py photo    docs/pictures/photo-faces.jpg, some of recipes/photo-faces

Photographs need the model photo-faces (`netbend models install photo-faces`).
"""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import netbend

SIDE, GAP, MARGIN = 128, 4, 110
ROOT = Path(__file__).parent.parent
# Chosen by looking at all recipes of the folder and at 48 by chance, on eight seeds.
PHOTOGRAPHS = ["neon", "fauve", "poster", "bark", "chrome", "nocturne", "tilt"]


def main(photographs: bool) -> None:
    if photographs:
        recipes = [ROOT / "recipes" / "photo-faces" / f"{name}.yaml" for name in PHOTOGRAPHS]
        picture = draw("photo-faces", recipes, [4, 1, 12, 21, 33, 27])
        picture.save(ROOT / "docs" / "pictures" / "photo-faces.jpg", quality=88, optimize=True)
    else:
        picture = draw("faces", sorted((ROOT / "recipes").glob("*.yaml")), [2, 7, 26, 29, 39, 46])
        picture.save(ROOT / "docs" / "pictures" / "recipes.png", optimize=True)


def draw(name: str, recipes: Sequence[Path], seeds: Sequence[int]) -> Image.Image:
    """A row of unbent pictures of the seeds, and one for each recipe, with its name before it."""
    model = netbend.load_model(name, device="cpu")
    rows = [None, *(netbend.load_recipe(path) for path in recipes)]
    size = (MARGIN + len(seeds) * (SIDE + GAP), len(rows) * (SIDE + GAP) + GAP)
    picture = Image.new("RGB", size, "#16161a")
    canvas, font = ImageDraw.Draw(picture), ImageFont.load_default(16)
    for row, recipe in enumerate(rows):
        y = GAP + row * (SIDE + GAP)
        canvas.text((10, y + SIDE // 2 - 9), recipe.name if recipe else "unbent", fill="#d8d8de", font=font)
        with netbend.bend(model, recipe) if recipe else nullcontext():
            for column, seed in enumerate(seeds):
                images = model.generate(model.latents([seed]), netbend.SynthesisOptions(truncation_psi=0.7))
                (face,) = netbend.to_pictures(images)
                shown = face.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
                picture.paste(shown, (MARGIN + column * (SIDE + GAP), y))
    return picture


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["photo"]):
        sys.exit(__doc__)
    main(photographs=sys.argv[1:] == ["photo"])
