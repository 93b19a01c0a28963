"""The clusters of two presets side by side, for docs/clusters.md: figures 4b and 4d with both.

python scripts/presets_picture.py [OUT.png]
"""

import sys
from functools import reduce
from pathlib import Path

from PIL import Image

from netbend import Clusters, Recipe
from netbend.bending import resolve
from netbend.models.base import Model, Play
from netbend.models.catalog import load_model
from netbend.pictures import beside, contact_sheet
from netbend.recipe import load_clusters, parse_recipe
from netbend.render.job import Job

OUT = Path(__file__).parent.parent / "docs" / "gallery" / "clusters" / "presets.png"
SEEDS = (1, 4, 7)
PLAY = Play(truncation=0.7)
SIDE = 192
# Caption, clusters (None: those of `quick` that come with the model), layer and cluster, transform.
ROWS = [
    ("quick: layer 1, cluster 4, times -1", None, 1, 4, "transform: multiply, params: {p: -1}"),
    ("quick: layer 4, cluster 4, ablated", None, 4, 4, "transform: ablate"),
    (
        "paper: layer 1, cluster 1, times -1",
        "photo-faces/paper",
        1,
        1,
        "transform: multiply, params: {p: -1}",
    ),
    ("paper: layer 4, cluster @, ablated", "photo-faces/paper", 4, None, "transform: ablate"),
]


def main(out: Path) -> None:
    model = load_model("photo-faces", "cpu")
    rows, captions = [], []
    for caption, name, layer, cluster, transform in ROWS:
        clusters = model.clusters if name is None else load_clusters(name)
        assert clusters is not None
        number = likest(model.clusters, clusters, layer) if cluster is None else cluster
        recipe = parse_recipe(
            f"bends: [{{layer: {layer}, {transform}, features: {{cluster: {number}}}}}]", "<row>"
        )
        rows.append(reduce(beside, [shown(model, seed, recipe, clusters) for seed in SEEDS]))
        captions.append(caption.replace("@", str(number)))
    contact_sheet(rows, captions, columns=2).quantize(256).save(out, optimize=True)


def likest(named: Clusters | None, clusters: Clusters, layer: int) -> int:
    """The cluster that shares most, for its size, with the one called eyes."""
    assert named is not None
    eyes = set(named.find(layer, "eyes") or ())
    return max(
        clusters.layers[layer].items(),
        key=lambda item: len(eyes.intersection(item[1])) / len(eyes.union(item[1])),
    )[0]


def shown(model: Model, seed: int, recipe: Recipe, clusters: Clusters) -> Image.Image:
    plan = resolve(recipe, model, clusters=clusters)
    picture = Job(model, model.latents([seed]), PLAY, recipe, plan).picture()
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
