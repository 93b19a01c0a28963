"""Spectrograms as pictures: time to the right, frequency upwards, loud is bright."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from netbend.pictures import BACKGROUND, GAP, INK, paint

LINE = 18
HEIGHT = 257


def draw_spectrogram(levels: Tensor, height: int = HEIGHT) -> Image.Image:
    """Levels `(frames, bins)`, 0 to 1, as a picture, frequency on a linear scale."""
    picture = paint(levels.T.flip(0)).convert("RGB")
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
