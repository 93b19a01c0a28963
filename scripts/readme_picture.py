"""Draws docs/pictures/recipes.png: faces, and the same faces bent by each recipe in recipes/."""

from contextlib import nullcontext
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import netbend

SEEDS = [2, 7, 26, 29, 39, 46]
SIDE, GAP, MARGIN = 128, 4, 110
ROOT = Path(__file__).parent.parent


def main() -> None:
    faces = netbend.load_model("faces", device="cpu")
    recipes = [None, *(netbend.load_recipe(path) for path in sorted((ROOT / "recipes").glob("*.yaml")))]
    size = (MARGIN + len(SEEDS) * (SIDE + GAP), len(recipes) * (SIDE + GAP) + GAP)
    picture = Image.new("RGB", size, "#16161a")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(16)
    for row, recipe in enumerate(recipes):
        y = GAP + row * (SIDE + GAP)
        draw.text((10, y + SIDE // 2 - 9), recipe.name if recipe else "unbent", fill="#d8d8de", font=font)
        with netbend.bend(faces, recipe) if recipe else nullcontext():
            images = faces.generate(faces.latents(SEEDS), netbend.Play(truncation=0.7))
        for column, face in enumerate(netbend.to_pictures(images)):
            enlarged = face.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            picture.paste(enlarged, (MARGIN + column * (SIDE + GAP), y))
    out = ROOT / "docs" / "pictures" / "recipes.png"
    out.parent.mkdir(exist_ok=True)
    picture.save(out, optimize=True)


if __name__ == "__main__":
    main()
