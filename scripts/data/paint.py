"""Paints drawings that `faces/draw.mjs --svg` wrote, with all processors, into a zip to train on.

    python scripts/data/paint.py faces.svg.txt.xz --size 256 --out faces-256.zip

The file may be compressed as .xz. Needs resvg-py.
"""

import argparse
import lzma
import os
import zipfile
from collections.abc import Iterator
from functools import partial
from itertools import islice
from multiprocessing import Pool
from pathlib import Path

import resvg_py

FOLDER = "images"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("drawings", type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--count", type=int, help="only so many")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    unfinished = chosen.out.with_name(f".unfinished-{chosen.out.name}")
    with Pool(len(os.sched_getaffinity(0))) as pool, zipfile.ZipFile(unfinished, "w") as archive:
        drawings = islice(lines(chosen.drawings), chosen.count)
        for index, png in enumerate(pool.imap(partial(painted, size=chosen.size), drawings, chunksize=64)):
            archive.writestr(f"{FOLDER}/{index:05d}.png", png)
    unfinished.replace(chosen.out)


def lines(file: Path) -> Iterator[str]:
    """The drawings in a file, one a line."""
    with lzma.open(file, "rt") if file.suffix == ".xz" else file.open() as text:
        yield from text


def painted(drawing: str, size: int) -> bytes:
    """A drawing as PNG."""
    return bytes(resvg_py.svg_to_bytes(svg_string=drawing, width=size, height=size, skip_system_fonts=True))


if __name__ == "__main__":
    main()
