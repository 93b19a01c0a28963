"""Tensors as pictures, pictures beside each other, contact sheets."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from netbend.errors import RenderError

BACKGROUND = "#16161a"
INK = "#d8d8de"
GAP = 4
SHEET_HEIGHT = 256  # of the largest pictures on a contact sheet
# From little to much; perceived lightness rises evenly.
COLOURS = ["#0b0b12", "#221a4d", "#55207a", "#95297a", "#d1405f", "#f4793c", "#fbb93d", "#fbf7c0"]


def to_pictures(images: Tensor) -> list[Image.Image]:
    """Turn images into 8-bit pictures.

    Args:
        images: `(N, C, H, W)`, -1 black to 1 white, C = 1 or 3.
    """
    if images.shape[1] not in (1, 3):
        raise RenderError(f"cannot make a picture of {images.shape[1]} channels; expected 1 or 3")
    levels = images.detach().float().clamp(-1, 1).add_(1).mul_(127.5).round_()
    pixels = levels.byte().permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(picture.squeeze(2) if picture.shape[2] == 1 else picture) for picture in pixels]


def paint(values: Tensor) -> Image.Image:
    """Values `(H, W)`, 0 dark to 1 bright, as a picture of 256 colours."""
    levels = (values.detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    picture = Image.fromarray(levels).convert("P")
    picture.putpalette(_palette())
    return picture


@lru_cache(maxsize=1)
def _palette() -> bytes:
    stops = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in COLOURS], float)
    places = np.linspace(0, len(stops) - 1, 256)
    columns = [np.interp(places, range(len(stops)), stops[:, channel]) for channel in range(3)]
    return np.stack(columns, 1).astype(np.uint8).tobytes()


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two pictures of one height in one, without a gap."""
    both = Image.new("RGB", (left.width + right.width, left.height))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    return both


def thumbnail(picture: Image.Image) -> Image.Image:
    """A picture as contact sheets show it: small ones enlarged, large ones reduced."""
    height = picture.height
    zoom = max(1, 128 // height) if height <= SHEET_HEIGHT else SHEET_HEIGHT / height
    if zoom == 1:
        return picture
    size = max(1, round(picture.width * zoom)), round(height * zoom)
    return picture.resize(size, Image.Resampling.BICUBIC)


def contact_sheet(
    pictures: Sequence[Image.Image], labels: Sequence[str], columns: int | None = None
) -> Image.Image:
    """Thumbnails of pictures of one size in a grid, each with its label below."""
    thumbnails = [thumbnail(picture) for picture in pictures]
    width, height = thumbnails[0].size
    columns = columns or max(1, min(len(pictures), 8, round(1600 / (width + GAP))))
    rows = -(-len(pictures) // columns)
    font = ImageFont.load_default(13)
    line = 18 if any(labels) else 0
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + line + GAP) + GAP), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for index, (picture, label) in enumerate(zip(thumbnails, labels, strict=True)):
        x = GAP + index % columns * (width + GAP)
        y = GAP + index // columns * (height + line + GAP)
        sheet.paste(picture, (x, y))
        draw.text((x + 2, y + height + 1), label, fill=INK, font=font)
    return sheet
