"""Spectrograms as pictures: time to the right, frequency upwards, loud is bright."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from netbend.pictures import BACKGROUND, GAP, INK

# From silence to full scale; perceived lightness rises evenly.
COLOURS = ["#0b0b12", "#221a4d", "#55207a", "#95297a", "#d1405f", "#f4793c", "#fbb93d", "#fbf7c0"]
LINE = 18
HEIGHT = 257


@lru_cache(maxsize=1)
def _palette() -> np.ndarray:
    stops = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in COLOURS], float)
    places = np.linspace(0, len(stops) - 1, 256)
    return np.stack([np.interp(places, range(len(stops)), stops[:, c]) for c in range(3)], 1).astype(np.uint8)


def draw_spectrogram(levels: Tensor, height: int = HEIGHT) -> Image.Image:
    """Levels `(frames, bins)`, 0 to 1, as a picture, frequency on a linear scale."""
    grey = (levels.detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8).T.flip(0).numpy()
    picture = Image.fromarray(_palette()[grey])
    return picture.resize((picture.width, height), Image.Resampling.BOX)


def spectrogram_sheet(rows: Sequence[tuple[str, Sequence[Tensor]]], height: int = HEIGHT) -> Image.Image:
    """Rows of spectrograms, each row with its label above; all on one scale."""
    drawn = [(label, [draw_spectrogram(levels, height) for levels in row]) for label, row in rows]
    widest = max(sum(picture.width + GAP for picture in row) for _, row in drawn)
    sheet = Image.new("RGB", (widest + GAP, len(rows) * (height + LINE + GAP) + GAP), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    y = GAP
    for label, row in drawn:
        draw.text((GAP + 2, y), label, fill=INK, font=font)
        x = GAP
        for picture in row:
            sheet.paste(picture, (x, y + LINE))
            x += picture.width + GAP
        y += height + LINE + GAP
    return sheet
