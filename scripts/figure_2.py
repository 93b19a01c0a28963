"""Figure 2 of the paper measured: how far pictures turn and shrink, and what changes, layer by layer.

    python scripts/figure_2.py [MODEL ...]

Bends seeds 1 to 8 of `faces` and `photo-faces` as `netbend grid --figure transforms-by-layer` does, and
writes what it finds into docs/variations.md and docs/works.md. Ends with exit code 1 where the caption does
not hold. All is measured at 64 pixels a side.
"""

import sys
from collections.abc import Callable, Sequence
from itertools import combinations
from math import cos, radians, sin
from typing import Any

import numpy as np
from measured import DOCS, Criterion, Measured, exit_if_false, table, write_into
from PIL import Image

from netbend.bending import resolve
from netbend.engine.still import Still
from netbend.models.base import Model, SynthesisOptions
from netbend.models.catalog import load_model
from netbend.recipe import recipe_from_data
from netbend.variations.unlike import visible_change

SEEDS = range(1, 9)
OPTIONS = SynthesisOptions(truncation_psi=0.7)
SIDE = 64
DISC = 0.55  # of half a side: there the bent picture fills it, turned or made smaller
TURNS = range(-90, 91, 5)  # degrees, anticlockwise
SIZES = np.arange(0.4, 1.3, 0.05)
# The paper's transforms, with the parameters that its caption names.
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("rotate", {"angle": 45}),
    ("scale", {"kx": 0.6, "ky": 0.6}),
    ("threshold", {"t": 0.5}),
    ("dilate", {"r": 2}),
]
DOCUMENTS = {"faces": DOCS / "variations.md", "photo-faces": DOCS / "works.md"}
# Layers whose maps turn the picture as a whole. Before them its parts are still to be formed; and most of
# what the last two of `faces` show has passed them by.
WHOLE = {"faces": range(4, 7), "photo-faces": range(6, 15)}

Row = Sequence[Sequence[Image.Image]]  # pictures of all seeds, for each layer


def main(names: Sequence[str]) -> None:
    found: list[Measured] = []
    for name in names:
        model = load_model(name, "cpu")
        layers = [layer.number for layer in model.layers if layer.number is not None]
        unbent = [small(Still(model, model.latents([seed]), OPTIONS)) for seed in SEEDS]
        rows = [[bent(model, layer, *row) for layer in layers] for row in ROWS]
        measured = captions(WHOLE[name], unbent, rows)
        lines = [*by_layer(layers, unbent, rows), "", *table(measured, "row")]
        write_into(DOCUMENTS[name], "figure-2", lines)
        print("\n".join(lines), flush=True)
        found += measured
    exit_if_false(found)


def bent(model: Model, layer: int, transform: str, params: dict[str, Any]) -> list[Image.Image]:
    """All seeds, with all features of a layer bent."""
    recipe = recipe_from_data({"bends": [{"layer": layer, "transform": transform, "params": params}]})
    plan = resolve(recipe, model)
    return [small(Still(model, model.latents([seed]), OPTIONS, recipe, plan)) for seed in SEEDS]


def small(still: Still) -> Image.Image:
    return still.picture().resize((SIDE, SIDE), Image.Resampling.BOX)


def captions(whole: range, unbent: Sequence[Image.Image], rows: Sequence[Row]) -> list[Measured]:
    """That pictures turn and shrink, and that one transform in two layers makes two pictures."""
    rotated, scaled, *_ = rows
    layers = f"layers {whole[0]} to {whole[-1]}"

    def farthest(
        row: Row, registered: Callable[[Image.Image, Image.Image], float], expected: float
    ) -> list[float]:
        return [
            max(abs(registered(before, row[layer][place]) - expected) for layer in whole)
            for place, before in enumerate(unbent)
        ]

    turn = Criterion(f"{layers}: degrees off a turn by 45", most=10, digits=0)
    size = Criterion(f"{layers}: off a size of 0.6", most=0.06)
    found = [
        Measured("rotate", turn, farthest(rotated, turned, 45)),
        Measured("scale", size, farthest(scaled, shrunk, 0.6)),
    ]
    changes = Criterion(
        "change of the tenth that changes most, in levels, most of all layers", least=40, digits=0
    )
    apart = Criterion("the same between two layers, least of all pairs", least=5, digits=0)
    for (name, _), row in zip(ROWS, rows, strict=True):
        of_seeds = list(zip(*row, strict=True))
        pairs = zip(unbent, of_seeds, strict=True)
        most = [max(visible_change(before, after) for after in cells) for before, cells in pairs]
        closest = [min(visible_change(*two) for two in combinations(cells, 2)) for cells in of_seeds]
        found += [Measured(name, changes, most), Measured(name, apart, closest)]
    return found


def by_layer(layers: Sequence[int], unbent: Sequence[Image.Image], rows: Sequence[Row]) -> list[str]:
    """The middle of the seeds for each picture of the figure."""
    rotated, scaled, thresholded, dilated = rows
    lines = [
        "| layer | " + " | ".join(map(str, layers)) + " |",
        "|---|" + "---|" * len(layers),
    ]
    for label, row, measure, digits in (
        ("rotate: turned by, degrees", rotated, turned, 0),
        ("scale: size", scaled, shrunk, 2),
        ("threshold: change, levels", thresholded, mean_change, 0),
        ("dilate: change, levels", dilated, mean_change, 0),
        ("dilate: edges left", dilated, edges_left, 2),
    ):
        middle = [np.median([measure(*pair) for pair in zip(unbent, cells, strict=True)]) for cells in row]
        lines.append(f"| {label} | " + " | ".join(f"{value:.{digits}f}" for value in middle) + " |")
    return lines


def turned(before: Image.Image, after: Image.Image) -> float:
    """Degrees by which a picture must be turned, anticlockwise, to be most like another."""
    return float(max(TURNS, key=lambda angle: likeness(moved(before, angle, 1.0), after)))


def shrunk(before: Image.Image, after: Image.Image) -> float:
    """The size to which a picture must be brought to be most like another."""
    return float(max(SIZES, key=lambda size: likeness(moved(before, 0.0, size), after)))


def moved(picture: Image.Image, angle: float, size: float) -> Image.Image:
    """Turned anticlockwise about the middle, and made smaller."""
    middle = SIDE / 2
    along, across = cos(radians(angle)) / size, sin(radians(angle)) / size
    x = middle - along * middle + across * middle
    y = middle - across * middle - along * middle
    matrix = (along, -across, x, across, along, y)
    return picture.transform((SIDE, SIDE), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Correlation of luminance within a disc; -1 where one is flat."""
    place = np.arange(SIDE) - (SIDE - 1) / 2
    disc = np.hypot(*np.meshgrid(place, place)) < DISC * SIDE / 2
    values = [luminance(each)[disc] for each in (one, other)]
    return float(np.corrcoef(*values)[0, 1]) if min(map(np.std, values)) > 0 else -1.0


def mean_change(before: Image.Image, after: Image.Image) -> float:
    """Mean absolute change, in levels of 255."""
    return float(np.abs(np.asarray(before, float) - np.asarray(after, float)).mean())


def edges_left(before: Image.Image, after: Image.Image) -> float:
    """How steep the steepest tenth is, of what it was."""
    steep = [np.quantile(np.hypot(*np.gradient(luminance(each))), 0.9) for each in (before, after)]
    return float(steep[1] / steep[0])


def luminance(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"), float)


if __name__ == "__main__":
    main(sys.argv[1:] or list(DOCUMENTS))
