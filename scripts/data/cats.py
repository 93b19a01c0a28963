"""Draws aligned painted cats: random parts of David Revoy's cat generator, one above the other.

    python scripts/data/cats.py OUT [--count 30000] [--size 64] [--seed 1]

The parts are set 4 of the package robohash (artwork: David Revoy, CC BY 4.0). Changed here:
painted backgrounds, and small shifts, scalings and rotations.
"""

import argparse
import colorsys
import io
import random
from collections import defaultdict
from pathlib import Path

from PIL import Image
from wheel import open_wheel

PACKAGE = "robohash==2.0"
SET = "robohash/sets/set4/"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=30000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True)  # an existing folder is not touched
    layers = load_parts(options.size * 2)
    for index in range(options.count):
        cat = draw(layers, options.size, random.Random(options.seed * 1_000_003 + index))
        cat.save(options.out / f"{index:05d}.png")
        if (index + 1) % 1000 == 0:
            print(f"{index + 1} of {options.count} cats", flush=True)


def load_parts(size: int) -> list[list[Image.Image]]:
    """The variants of every part, back to front, shrunk once."""
    layers = defaultdict(list)
    with open_wheel(PACKAGE) as archive:
        for name in sorted(archive.namelist()):
            if name.startswith(SET) and name.endswith(".png"):
                # Folders are called 000#00body, 001#01fur ...: the second number orders the layers.
                order = name.removeprefix(SET).split("/")[0].split("#")[1]
                with Image.open(io.BytesIO(archive.read(name))) as part:
                    layers[order].append(part.convert("RGBA").resize((size, size), Image.Resampling.LANCZOS))
    return [layers[order] for order in sorted(layers)]


def draw(layers: list[list[Image.Image]], size: int, source: random.Random) -> Image.Image:
    cat = Image.new("RGBA", layers[0][0].size)
    for variants in layers:
        cat.alpha_composite(source.choice(variants))
    if source.random() < 0.5:
        cat = cat.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    angle, zoom = source.uniform(-6, 6), source.uniform(0.92, 1.08)
    side = round(cat.width * zoom)
    cat = cat.rotate(angle, Image.Resampling.BICUBIC).resize((side, side), Image.Resampling.BICUBIC)
    canvas = background(layers[0][0].size, source)
    middle = (canvas.width - side) // 2
    shift = canvas.width // 24
    canvas.alpha_composite(
        cat.crop((max(0, -middle), max(0, -middle), side, side)),
        (max(0, middle + source.randint(-shift, shift)), max(0, middle + source.randint(-shift, shift))),
    )
    return canvas.convert("RGB").resize((size, size), Image.Resampling.LANCZOS)


def background(size: tuple[int, int], source: random.Random) -> Image.Image:
    """A gradient between two colours, at an angle."""
    colours = [
        colorsys.hls_to_rgb(source.random(), source.uniform(0.35, 0.92), source.uniform(0.1, 0.6))
        for _ in range(2)
    ]
    turned = Image.linear_gradient("L").rotate(source.uniform(0, 360))
    mixed = turned.resize(size, box=(38, 38, 218, 218))  # without the corners that turning left empty
    plain = [Image.new("RGBA", size, tuple(round(255 * c) for c in colour)) for colour in colours]
    return Image.composite(plain[0], plain[1], mixed)


if __name__ == "__main__":
    main()
