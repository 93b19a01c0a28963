"""Puts PNGs into 256 colours, a third of their size, for the documents; what is written in them stays.

python scripts/in_256_colours.py OUT.png < IN.png
"""

import sys

from PIL import Image, PngImagePlugin


def main(out: str) -> None:
    with Image.open(sys.stdin.buffer) as picture:
        chunks = PngImagePlugin.PngInfo()
        for key, text in picture.text.items():
            chunks.add_itxt(key, text, zip=True)
        picture.convert("RGB").quantize(256).save(out, optimize=True, pnginfo=chunks)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
