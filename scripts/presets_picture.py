"""The paper's figures of faces by its own parameters, with five clusters a layer of either preset.

    python scripts/presets_picture.py

Draws docs/gallery/clusters/presets.png, the preset `quick` above, `paper` below, and writes the table of
docs/works.md. Of the five clusters each takes the one that meets most of what the caption says on seeds 11 to
13; the numbers are of seeds 1 to 8. To be run again when the clusters that come with the model have changed.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from figure_criteria import Face, Pixels, face_of
from figures import FIGURES, OPTIONS, PANELS, SEEDS, WORKS, bent, in_words, pixels, sheet
from measured import DOCS, Measured, table, write_into

from netbend.engine.still import Still
from netbend.models.base import Model
from netbend.models.catalog import load_model
from netbend.recipe import Clusters, Recipe, load_clusters, recipe_from_data, recipe_to_data

CHOSEN_ON = range(11, 14)
# The paper's bends; 4d takes the eyes of two layers, see docs/works.md.
BENDS: dict[Path, list[dict[str, Any]]] = {
    WORKS / "figure-1.yaml": [{"layer": 4, "transform": "scale", "params": {"kx": 0.6, "ky": 0.6}}],
    PANELS / "figure-4b.yaml": [{"layer": 1, "transform": "multiply", "params": {"p": -1}}],
    PANELS / "figure-4c.yaml": [{"layer": 3, "transform": "multiply", "params": {"p": 5}}],
    PANELS / "figure-4d.yaml": [{"layer": layer, "transform": "ablate"} for layer in (4, 6)],
    PANELS / "figure-4e.yaml": [{"layer": 6, "transform": "dilate", "params": {"r": 2}}],
}


def main() -> None:
    model = load_model("photo-faces", "cpu")
    assert model.clusters is not None
    presets = {"quick": model.clusters, "paper": load_clusters("photo-faces/paper")}
    found, rows = [], []
    for path in BENDS:
        for preset, clusters in presets.items():
            recipe = chosen(model, clusters, path)
            of = f"{path.stem}, {preset}: " + "; ".join(map(in_words, recipe_to_data(recipe)["bends"]))
            pairs = [(*unbent(model, seed), bent(model, recipe, seed, clusters)) for seed in SEEDS]
            measured = numbers(path, pairs)
            found += [
                Measured(of if number == 0 else "", each.criterion, each.values)
                for number, each in enumerate(measured)
            ]
            rows.append(([of, *map(str, measured)], [after for _, _, after in pairs]))
            print(*rows[-1][0], sep="\n", flush=True)
    write_into(DOCS / "works.md", "presets", table(found, "figure, preset"))
    sheet(rows).quantize(256).save(DOCS / "gallery" / "clusters" / "presets.png", optimize=True)


def chosen(model: Model, clusters: Clusters, path: Path) -> Recipe:
    """The figure's bends, each with the cluster that serves its caption best, one after the other."""
    bends: list[dict[str, Any]] = []
    for bend in BENDS[path]:
        tried = [
            recipe_from_data({"bends": [*bends, {**bend, "features": {"cluster": number}}]})
            for number in clusters.layers[bend["layer"]]
        ]
        best = max(tried, key=lambda recipe: serves(model, recipe, clusters, path))
        bends = recipe_to_data(best)["bends"]
    return recipe_from_data({"bends": bends})


def serves(model: Model, recipe: Recipe, clusters: Clusters, path: Path) -> tuple[float, float]:
    """How often it does what the caption says, and then by how much."""
    pairs = [(*unbent(model, seed), bent(model, recipe, seed, clusters)) for seed in CHOSEN_ON]
    measured = numbers(path, pairs)
    first = measured[0]
    way = 1 if first.criterion.least > -np.inf else -1
    by = way * float(np.mean(first.values))
    return sum(each.holds for each in measured), -np.inf if np.isnan(by) else by


def numbers(path: Path, pairs: Sequence[tuple[Pixels, Face, Pixels]]) -> list[Measured]:
    return [
        Measured("", criterion, [measure(before, after, face) for before, face, after in pairs])
        for criterion, measure in FIGURES[path]
    ]


@cache
def unbent(model: Model, seed: int) -> tuple[Pixels, Face]:
    picture = pixels(Still(model, model.latents([seed]), OPTIONS))
    return picture, face_of(picture, f"seed {seed}")


if __name__ == "__main__":
    main()
