"""Curves of cost against size, both axes logarithmic."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10

from PIL import Image, ImageDraw, ImageFont

SIZE, MARGIN = (900, 560), 70
COLOURS = ["#888888", "#1f77b4", "#2ca02c", "#d62728", "#9467bd", "#ff7f0e", "#17becf"]

Curve = Sequence[tuple[float, float]]


def plot(curves: Mapping[str, Curve], across: str, up: str) -> Image.Image:
    """One line a curve of (x, y), both above 0, with a dot at each point and its name at its end."""
    image = Image.new("RGB", SIZE, "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    every = [point for curve in curves.values() for point in curve]
    lows, highs = zip(*(_decades([point[axis] for point in every]) for axis in (0, 1)), strict=True)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        shares = [
            (log10(value) - low) / (high - low) for value, low, high in zip(point, lows, highs, strict=True)
        ]
        width, height = SIZE[0] - 3 * MARGIN, SIZE[1] - 2 * MARGIN
        return MARGIN + shares[0] * width, SIZE[1] - MARGIN - shares[1] * height

    for decade in range(lows[0], highs[0] + 1):
        x, bottom = place((10.0**decade, 10.0 ** lows[1]))
        draw.line([(x, bottom), (x, MARGIN)], "#e0e0e0")
        draw.text((x, bottom + 6), f"{10.0**decade:g}", "black", font, "ma")
    for decade in range(lows[1], highs[1] + 1):
        left, y = place((10.0 ** lows[0], 10.0**decade))
        draw.line([(left, y), (SIZE[0] - 2 * MARGIN, y)], "#e0e0e0")
        draw.text((left - 6, y), f"{10.0**decade:g}", "black", font, "rm")
    draw.text(((SIZE[0] - MARGIN) / 2, SIZE[1] - 30), across, "black", font, "ma")
    draw.text((MARGIN, MARGIN - 30), up, "black", font, "lm")
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        points = [place(point) for point in curve]
        draw.line(points, colour, width=2)
        for x, y in points:
            draw.ellipse([x - 3, y - 3, x + 3, y + 3], colour)
        draw.text((points[-1][0] + 8, points[-1][1]), name, colour, font, "lm")
    return image


def _decades(values: Sequence[float]) -> tuple[int, int]:
    return floor(log10(min(values))), ceil(log10(max(values)))
