"""Curves of cost against size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from math import ceil, floor, log10

from PIL import Image, ImageDraw, ImageFont
from sklearn.isotonic import isotonic_regression

FINE = 2  # everything is drawn twice as large and then halved, which smooths the lines
SIZE, MARGIN, GAP = (1000 * FINE, 620 * FINE), 70 * FINE, 16 * FINE
GREY = "#888888"
COLOURS = ["#1f77b4", "#2ca02c", "#d62728", "#9467bd", "#ff7f0e", "#17becf"]
COLOURS += ["#8c564b", "#e377c2", "#111111", "#bcbd22"]

Curve = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """ticks: labels by the values they stand at, in rising order; round numbers if None."""

    name: str
    logarithmic: bool = True
    ticks: Mapping[float, str] | None = None

    def marked(self, values: Sequence[float]) -> Mapping[float, str]:
        """The ticks of an axis that has room for some values."""
        if self.ticks is not None:
            return self.ticks
        rounded = _round_in_decades if self.logarithmic else _round_in_steps
        return {tick: f"{tick:g}" for tick in rounded(min(values), max(values))}

    def share(self, value: float, ticks: Sequence[float]) -> float:
        """How far along the axis a value is, 0 at the first tick and 1 at the last."""
        low, here, high = ((log10(v) if self.logarithmic else v) for v in (ticks[0], value, ticks[-1]))
        return (here - low) / (high - low) if high > low else 0.5


def plot(curves: Mapping[str, Curve], limits: Mapping[str, Curve], across: Axis, up: Axis) -> Image.Image:
    """One line a curve of (x, y), with a dot at each point and its name at its end; limits are grey."""
    every = {**limits, **curves}
    colours = {**dict.fromkeys(limits, GREY), **dict(zip(curves, cycle(COLOURS), strict=False))}
    image = Image.new("RGB", SIZE, "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(14 * FINE)
    points = [point for curve in every.values() for point in curve]
    x_ticks, y_ticks = (a.marked([p[i] for p in points]) for i, a in enumerate((across, up)))
    right = SIZE[0] - MARGIN - max(font.getlength(name) for name in every)
    bottom = SIZE[1] - MARGIN

    def place(x: float, y: float) -> tuple[float, float]:
        along, high = across.share(x, list(x_ticks)), up.share(y, list(y_ticks))
        return MARGIN + along * (right - MARGIN), bottom - high * (bottom - MARGIN)

    for value, label in x_ticks.items():
        x, _ = place(value, next(iter(y_ticks)))
        draw.line([(x, bottom), (x, MARGIN)], "#e0e0e0", FINE)
        draw.text((x, bottom + 6 * FINE), label, "black", font, "ma", align="center")
    for value, label in y_ticks.items():
        _, y = place(next(iter(x_ticks)), value)
        draw.line([(MARGIN, y), (right, y)], "#e0e0e0", FINE)
        draw.text((MARGIN - 6 * FINE, y), label, "black", font, "rm")
    draw.text(((MARGIN + right) / 2, SIZE[1] - 22 * FINE), across.name, "black", font, "ma")
    draw.text((MARGIN // 4, MARGIN - 30 * FINE), up.name, "black", font, "lm")

    placed = {name: [place(*point) for point in curve] for name, curve in every.items()}
    heights = _spread({name: curve[-1] for name, curve in placed.items()})
    for name, curve in placed.items():
        draw.line(curve, colours[name], 2 * FINE)
        for x, y in curve:
            draw.ellipse([x - 3 * FINE, y - 3 * FINE, x + 3 * FINE, y + 3 * FINE], colours[name])
    for name, curve in placed.items():
        (x, y), colour = curve[-1], colours[name]
        text = x + 26 * FINE, heights[name]
        draw.line([(x + 5 * FINE, y), (text[0] - 3 * FINE, text[1])], colour, FINE)
        # White around it: curves that go on may pass behind.
        draw.text(text, name, colour, font, "lm", stroke_width=2 * FINE, stroke_fill="white")
    return image.reduce(FINE)


def _spread(ends: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Heights of labels as near to the ends of their curves as they can be without touching."""
    heights: dict[str, float] = {}
    for x in {x for x, _ in ends.values()}:
        names = sorted((name for name in ends if ends[name][0] == x), key=lambda name: ends[name][1])
        packed = isotonic_regression([ends[name][1] - GAP * place for place, name in enumerate(names)])
        heights |= {name: packed[place] + GAP * place for place, name in enumerate(names)}
    return heights


def _round_in_decades(low: float, high: float) -> list[float]:
    """1, 2, 5, 10 ... or, of many decades, powers of ten alone."""
    steps = (1, 2, 5) if high < 100 * low else (1,)
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    first = max(place for place, tick in enumerate(ticks) if tick <= low)
    last = min(place for place, tick in enumerate(ticks) if tick >= high)
    return ticks[first : max(last, first + 1) + 1]


def _round_in_steps(low: float, high: float) -> list[float]:
    """A few multiples of 1, 2 or 5 times a power of ten."""
    least = max(high - low, 1e-9) / 6
    power = 10.0 ** floor(log10(least))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= least)
    return [
        step * place for place in range(floor(low / step), max(ceil(high / step), floor(low / step) + 1) + 1)
    ]
