"""Feature vectors without training: how alike the maps of features are, sample by sample.

The preset `quick`. Each map is pooled, freed of its mean and brought to length one, so that the
product of two is their correlation over positions. The mean of that over samples, for all pairs of
features, is a graph whose nodes are features and whose edges are correlations; its spectral
coordinates are the feature vectors, and k-means on them is spectral clustering. Of the methods
that the benchmark compares, it finds even clusters, and the same again in other samples.
Its cost does not grow with what is kept, and is linear in the samples.
"""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import functional as F

from netbend.atomic import write_atomic
from netbend.bending import Bendable, Layer
from netbend.clustering.activations import Run, sampled_maps
from netbend.clustering.halves import HalvedMean
from netbend.clustering.progress import Report, Tell, silent
from netbend.errors import ClusterError

POOLED = 16  # positions to which a side of a map is pooled at most
SIDES = {1: POOLED**2, 2: POOLED, 3: 6}  # about as many positions in all, by the number of spatial axes
POOL: dict[int, Any] = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
LEAST_LENGTH = 1e-6
SECONDS_PER_CHECKPOINT = 10.0


class Correlation(HalvedMean):
    """The mean correlation of a layer's features, two by two, in each half of the samples."""

    def __init__(self, features: int):
        super().__init__(features, features)

    def add(self, maps: Tensor) -> None:
        """Take in maps `(N, F, ...)` of N more samples."""
        flat = pooled(maps).flatten(2)
        flat = flat - flat.mean(dim=2, keepdim=True)
        flat = flat / flat.norm(dim=2, keepdim=True).clamp(min=LEAST_LENGTH)
        self.take_in(flat, _products)

    def vectors(self, count: int, half: int | None = None) -> Tensor:
        """Feature vectors `(F, count)`: near for features whose maps correlate.

        count: of clusters that they are for. half: from one half of the samples, 0 or 1, only.
        """
        return spectral_coordinates(self.mean(half), count)


def _products(flat: Tensor) -> Tensor:
    """Of all features `(F, F)`, added up over the samples of `(N, F, P)`."""
    by_feature = flat.transpose(0, 1).flatten(1)
    return by_feature @ by_feature.T


def pooled(maps: Tensor) -> Tensor:
    """Maps `(N, F, ...)` averaged over areas, in float32, to at most POOLED x POOLED and the like."""
    axes = maps.ndim - 2
    averaged: Tensor = POOL[axes](maps.float(), [min(side, SIDES[axes]) for side in maps.shape[2:]])
    return averaged


def spectral_coordinates(correlation: Tensor, dimensions: int) -> Tensor:
    """Coordinates `(F, dimensions)`, of length one, of F nodes of a graph with edges `(F, F)`.

    Negative edges are left out. The first eigenvectors of the graph's normalised Laplacian, with
    rows brought to length one (Ng, Jordan and Weiss 2002); the mean edge is added to every edge,
    without which a few features with few neighbours take whole clusters (Amini et al. 2013).
    Eigenvectors have their largest coordinate positive, so that the same graph gives the same.
    """
    edges = correlation.double().clamp(min=0)
    edges = edges + edges.mean().clamp(min=LEAST_LENGTH)
    scale = edges.sum(dim=1).rsqrt()
    _, vectors = torch.linalg.eigh(scale[:, None] * edges * scale)
    coordinates = vectors.flip(1)[:, :dimensions]
    largest = coordinates.gather(0, coordinates.abs().argmax(dim=0, keepdim=True))
    coordinates = coordinates * largest.sign()
    return (coordinates / coordinates.norm(dim=1, keepdim=True).clamp(min=LEAST_LENGTH)).float()


def correlate(
    model: Bendable,
    layers: Sequence[Layer],
    run: Run,
    samples: Sequence[int],
    checkpoint: Path | None = None,
    tell: Tell = silent,
) -> dict[str, Correlation]:
    """The correlations of all layers, by name, in one pass over the samples.

    checkpoint: a file to go on from, written now and then and when the pass is interrupted.
    """
    found = {layer.name: Correlation(layer.features) for layer in layers}
    done = 0 if checkpoint is None else _resume(found, checkpoint)
    written = monotonic()
    try:
        for maps in sampled_maps(model, layers, run, samples[done:], pooled):
            for name, correlation in found.items():
                correlation.add(maps[name])
            done = next(iter(found.values())).samples
            tell(Report("Correlating maps", done, len(samples)))
            if checkpoint is not None and monotonic() - written > SECONDS_PER_CHECKPOINT:
                _save(found, checkpoint)
                written = monotonic()
    except KeyboardInterrupt:
        # Between two layers their counts differ; then the last checkpoint is what there is.
        if checkpoint is not None and len({each.samples for each in found.values()}) == 1:
            _save(found, checkpoint)
        raise
    return found


def _save(found: dict[str, Correlation], checkpoint: Path) -> None:
    samples = str(next(iter(found.values())).samples)
    content = save({name: each.totals for name, each in found.items()}, metadata={"samples": samples})
    write_atomic(checkpoint, content, ClusterError, overwrite=True)


def _resume(found: dict[str, Correlation], checkpoint: Path) -> int:
    from safetensors import safe_open

    if not checkpoint.exists():
        return 0
    with safe_open(checkpoint, "pt") as file:
        samples = int(file.metadata()["samples"])
    totals = load(checkpoint.read_bytes())
    for name, each in found.items():
        each.totals, each.samples = totals[name], samples
    return samples
