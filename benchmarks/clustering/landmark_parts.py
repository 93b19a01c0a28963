"""Which clusters of `photo-faces` light up at eyes, nose and mouth? Prints a table of docs/clusters.md.

    python -m benchmarks.clustering.landmark_parts photo-faces/paper photo-faces/fine [CLUSTERS.yaml ...]

The maps of five pictures are compared with dlib's landmarks in them: the share of a map's contrast within a
part, over the part's share of the picture; 1 is chance. A cluster's number is the mean of its features, and a
layer's that of its best cluster.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from netbend.clustering.activations import watched
from netbend.models.base import SynthesisOptions
from netbend.models.catalog import load_model
from netbend.pictures import to_pictures
from netbend.recipe import load_clusters

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "scripts"))
from figure_criteria import LIPS, NOSE, eye_masks, find_face, inside

SEEDS = range(1, 6)
LAYERS = range(1, 9)


@torch.no_grad()
def main(files: list[str]) -> None:
    model = load_model("photo-faces", "cpu")
    layers = [layer for layer in model.layers if layer.number in LAYERS]
    lifts: dict[int | str, list[Tensor]] = {layer.key: [] for layer in layers}
    with watched(model, layers) as maps:
        for seed in SEEDS:
            (picture,) = to_pictures(model.generate(model.latents([seed]), SynthesisOptions(0.7)))
            pixels = np.asarray(picture)
            face = find_face(pixels)
            if face is None:
                sys.exit(f"seed {seed}: no face found")
            eyes = np.any(eye_masks(pixels, face), axis=0)
            masks = [eyes, inside(pixels, face, [NOSE]), inside(pixels, face, [LIPS])]
            parts = torch.from_numpy(np.stack(masks)).float()
            for layer in layers:
                lifts[layer.key].append(lift(maps[layer.name][0], parts))
    assert model.clusters is not None
    print("| layer | clusters of | eyes | nose | mouth |\n|---|---|---|---|---|")
    named = {"quick": model.clusters} | {file: load_clusters(file) for file in files}
    for layer in layers:
        of_features = torch.stack(lifts[layer.key]).mean(0)
        for name, clusters in named.items():
            members = clusters.layers.get(layer.key, {})
            if members:
                means = torch.stack([of_features[:, list(each)].mean(1) for each in members.values()])
                best = " | ".join(f"{value:.1f}" for value in means.amax(0))
                print(f"| {layer.key} | `{name}` ({len(members)}) | {best} |")


def lift(maps: Tensor, parts: Tensor) -> Tensor:
    """`(P, F)` of maps `(F, H, W)` and masks `(P, height, width)`."""
    areas = torch.nn.functional.adaptive_avg_pool2d(parts[None], maps.shape[1:])[0]
    contrast = (maps - maps.mean((1, 2), keepdim=True)).abs()
    shares = torch.einsum("fhw,phw->pf", contrast, areas) / contrast.sum((1, 2)).clamp_min(1e-6)
    return shares / areas.mean((1, 2))[:, None]


if __name__ == "__main__":
    main(sys.argv[1:])
