"""Groups of features that lie near each other: k-means (section 4.3)."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Protocol

import numpy as np
from torch import Tensor

from netbend.bending import Layer
from netbend.digits import whole_number
from netbend.errors import ClusterError

RESTARTS = 20  # of the preset `quick`
PAPER_RESTARTS = 1  # section 4.3 names Lloyd's method and Forgy's start, and no restarts
# Tables 1 and 2: (largest number of positions in a map, clusters).
COUNTS = [(64**2, 5), (256**2, 4)]
LARGEST_MAPS_COUNT = 3
AUTOMATIC = "auto"
AUTOMATIC_MOST = 12
AUTOMATIC_STARTS = 3
AGREEMENT = 0.9


def count_for(layer: Layer) -> int:
    """Clusters of tables 1 and 2 for a layer: 5 up to 64x64, 4 up to 256x256, 3 beyond."""
    return next((count for most, count in COUNTS if prod(layer.sizes) <= most), LARGEST_MAPS_COUNT)


@dataclass(frozen=True)
class Counts:
    """How many clusters: for all layers, or for some by number or name. None: those of the tables."""

    of_all: int | str | None = None
    of_layer: Mapping[str, int | str] = field(default_factory=dict)

    def of(self, layer: Layer) -> int | str:
        """A number, or `auto`."""
        for key in (layer.name, str(layer.number)):
            if key in self.of_layer:
                return self.of_layer[key]
        return count_for(layer) if self.of_all is None else self.of_all


def parse_counts(text: str) -> Counts:
    """Read `5`, `auto`, or `1:8,3:auto` with an optional count for the other layers, as in `6,1:8`.

    Raises ClusterError.
    """
    of_all: int | str | None = None
    of_layer: dict[str, int | str] = {}
    for entry in text.split(","):
        key, _, count = entry.strip().rpartition(":")
        value = count if count == AUTOMATIC else whole_number(count)
        if value is None or (isinstance(value, int) and value < 2):
            raise ClusterError(f"--k {text:.80}: expected 2 or more, auto, or a list such as 6,1:8,3:auto")
        if key:
            of_layer[key] = value
        else:
            of_all = value
    return Counts(of_all, of_layer)


class FeatureSpace(Protocol):
    """Where features that are alike lie near each other."""

    samples: int

    def vectors(self, count: int, half: int | None = None) -> Tensor:
        """Feature vectors `(F, D)` for so many clusters, of all samples or of one half of them."""
        ...


def group(
    space: FeatureSpace, count: int | str, seed: int, restarts: int = RESTARTS
) -> list[tuple[int, ...]]:
    """Group features by k-means: Lloyd's algorithm from Forgy's start, the best of some.

    count: of clusters, or `auto`, see `best_count`. restarts: how many starts.
    Returns the features of each cluster, the largest first.
    """
    if count == AUTOMATIC:
        count = best_count(space, seed, restarts)
    labels = _kmeans(space.vectors(int(count)), int(count), seed, restarts)
    groups = [tuple(np.flatnonzero(labels == label).tolist()) for label in range(int(count))]
    return sorted((members for members in groups if members), key=lambda members: (-len(members), members))


def best_count(space: FeatureSpace, seed: int, restarts: int = RESTARTS) -> int:
    """The largest number of clusters, up to 12, that both halves of the samples give alike.

    Alike: an adjusted Rand index of AGREEMENT or more, the mean of a few starts. More clusters than
    that would follow the samples rather than the model. 2 if nothing agrees.
    """
    from sklearn.metrics import adjusted_rand_score

    features = len(space.vectors(2))
    for count in range(min(AUTOMATIC_MOST, features - 1), 2, -1):
        halves = [space.vectors(count, half) for half in (0, 1)]
        scores = [
            adjusted_rand_score(*(_kmeans(half, count, seed + start, restarts) for half in halves))
            for start in range(AUTOMATIC_STARTS)
        ]
        if np.mean(scores) >= AGREEMENT:
            return count
    return min(2, features)


def _kmeans(vectors: Tensor, count: int, seed: int, restarts: int) -> np.ndarray:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Fewer distinct points than clusters: some stay empty, which is no fault.
        warnings.simplefilter("ignore", ConvergenceWarning)
        kmeans = KMeans(count, init="random", algorithm="lloyd", n_init=restarts, random_state=seed)
        labels: np.ndarray = kmeans.fit_predict(vectors.double().numpy())
    return labels
