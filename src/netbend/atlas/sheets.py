"""A PNG sheet for each layer: a row for each cluster, its mean map and what bends of it do."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from netbend.atlas.effects import MINUS, TIMES
from netbend.atlas.entries import ClusterEntry, LayerEntry, Shown
from netbend.atlas.samples import percent
from netbend.pictures import BACKGROUND, INK, thumbnail

FAINT = "#8c8c98"
GAP, MARGIN, LINE = 8, 24, 20
NARROWEST = 120  # pixels of a column: captions need that much
MAP_HEIGHT = 256  # pixels, at most


def draw_sheet(entry: LayerEntry, unbent: Shown, folder: Path) -> Image.Image:
    """The first sample under every bend of every cluster, from the pictures in a folder."""
    rows = [_row(cluster, unbent, folder) for cluster in entry.clusters]
    columns = [max(NARROWEST, *(picture.width for picture in column)) for column in zip(*rows, strict=True)]
    heights = [max(picture.height for picture in row) for row in rows]
    width = 2 * MARGIN + sum(columns) + GAP * (len(columns) - 1)
    height = 2 * MARGIN + 2 * LINE + sum(heights) + len(rows) * (3 * LINE + GAP)
    sheet = Image.new("RGB", (width, height), BACKGROUND)
    draw, font, large = ImageDraw.Draw(sheet), ImageFont.load_default(13), ImageFont.load_default(17)
    layer = entry.layer
    about = f"{layer.height} x {layer.width}, {layer.features} features"
    draw.text((MARGIN, MARGIN - 8), f"{entry.title}  {layer.name}  {about}", fill=INK, font=large)
    y = MARGIN + 2 * LINE - 8
    for cluster, row, row_height in zip(entry.clusters, rows, heights, strict=True):
        features = "1 feature" if cluster.size == 1 else f"{cluster.size} features"
        draw.text((MARGIN, y), f"{cluster.title}, {features}", fill=INK, font=font)
        x = MARGIN
        for (label, caption), picture, column in zip(_captions(cluster), row, columns, strict=True):
            sheet.paste(picture, (x, y + LINE))
            draw.text((x, y + LINE + row_height + 3), label, fill=INK, font=font)
            draw.text((x, y + 2 * LINE + row_height), caption, fill=FAINT, font=font)
            x += column + GAP
        y += row_height + 3 * LINE + GAP
    return sheet


def _row(cluster: ClusterEntry, unbent: Shown, folder: Path) -> list[Image.Image]:
    pictures = []
    for shown in (unbent, *cluster.bends):
        with Image.open(folder / shown.pictures[0]) as picture:
            pictures.append(thumbnail(picture.convert("RGB")))
    with Image.open(folder / cluster.mean) as mean:
        return [_enlarged(mean.convert("RGB"), pictures[0].size), *pictures]


def _enlarged(mean: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A mean map with its pixels visible, as large as fits beside the pictures."""
    zoom = min(size[0] / mean.width, min(size[1], MAP_HEIGHT) / mean.height)
    enlarged = max(1, round(mean.width * zoom)), max(1, round(mean.height * zoom))
    return mean.resize(enlarged, Image.Resampling.NEAREST if zoom > 1 else Image.Resampling.BOX)


def _captions(cluster: ClusterEntry) -> Sequence[tuple[str, str]]:
    return [
        ("mean map", ""),
        ("unbent", ""),
        *((shown.label.replace(TIMES, "x").replace(MINUS, "-"), caption(shown)) for shown in cluster.bends),
    ]


def caption(shown: Shown) -> str:
    """The effect of a bend in a few words."""
    if shown.effect is None or shown.effect.locality is None:
        return "no change"
    return f"{shown.amount} in {percent(shown.effect.locality)}"
