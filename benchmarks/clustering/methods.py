"""Ways to cluster features that netbend's presets are measured against.

    python -m benchmarks.clustering.methods METHOD MODEL SEED SAMPLES OUT.yaml

writes a cluster file, and prints seconds and the peak of memory as JSON. Every method runs in a process
of its own, so that the peak is its own.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.cluster import AgglomerativeClustering, KMeans, SpectralClustering
from torch import Tensor

from netbend import SynthesisOptions, load_model
from netbend.clustering import cluster_features, default_settings
from netbend.clustering.activations import sampled_maps
from netbend.clustering.correlation import pooled
from netbend.clustering.grouping import RESTARTS, count_for
from netbend.clustering.settings import layers_to_cluster
from netbend.models.base import Model
from netbend.recipe import Clusters
from netbend.recipe.clusters import save_clusters


def kmeans(points: Tensor, count: int, seed: int) -> np.ndarray:
    return KMeans(count, init="random", n_init=RESTARTS, random_state=seed).fit_predict(points.numpy())


def on_mean_maps(maps: Tensor, count: int, seed: int) -> np.ndarray:
    """k-means on the mean pooled map of each feature, freed of its mean and brought to length one."""
    mean = maps.float().mean(0).flatten(1)
    mean = mean - mean.mean(1, keepdim=True)
    return kmeans(mean / mean.norm(dim=1, keepdim=True).clamp(min=1e-6), count, seed)


def on_components(maps: Tensor, count: int, seed: int) -> np.ndarray:
    """k-means on 10 principal components of the pooled maps of all samples, as they are."""
    return kmeans(principal_components(products(maps.float().flatten(2)), 10), count, seed)


def on_correlations(maps: Tensor, count: int, seed: int) -> np.ndarray:
    """k-means on principal components, one less than clusters, of the correlations of maps."""
    return kmeans(principal_components(correlations(maps), count - 1), count, seed)


def plain_spectral(maps: Tensor, count: int, seed: int) -> np.ndarray:
    """Spectral clustering of the positive correlations, as scikit-learn does it."""
    affinity = correlations(maps).clamp(min=0).numpy()
    return SpectralClustering(count, affinity="precomputed", random_state=seed).fit_predict(affinity)


def agglomerative(maps: Tensor, count: int, seed: int) -> np.ndarray:  # noqa: ARG001 - nothing is random
    """Average linkage on one minus the correlation of maps."""
    distances = (1 - correlations(maps)).clamp(min=0).fill_diagonal_(0).numpy()
    return AgglomerativeClustering(count, metric="precomputed", linkage="average").fit_predict(distances)


def at_random(maps: Tensor, count: int, seed: int) -> np.ndarray:
    """Groups of equal size, drawn."""
    return np.random.RandomState(seed).permutation(np.arange(maps.shape[1]) % count)


def correlations(maps: Tensor) -> Tensor:
    """The mean correlation of features `(F, F)`."""
    flat = maps.float().flatten(2)
    flat = flat - flat.mean(2, keepdim=True)
    return products(flat / flat.norm(dim=2, keepdim=True).clamp(min=1e-6))


def principal_components(gram: Tensor, dimensions: int) -> Tensor:
    """Coordinates `(F, dimensions)` of F points from products `(F, F)`, on the axes of most variance."""
    centred = gram.double() - gram.double().mean(0)
    values, axes = torch.linalg.eigh(centred - centred.mean(1, keepdim=True))
    return axes.flip(1)[:, :dimensions] * values.flip(0)[:dimensions].clamp(min=0).sqrt()


def products(flat: Tensor) -> Tensor:
    return sum((each @ each.T for each in flat), torch.zeros(flat.shape[1], flat.shape[1])) / len(flat)


METHODS: dict[str, Callable[[Tensor, int, int], np.ndarray]] = {
    "mean maps": on_mean_maps,
    "PCA of maps": on_components,
    "PCA of correlations": on_correlations,
    "plain spectral": plain_spectral,
    "agglomerative": agglomerative,
    "random": at_random,
}


def cluster(method: str, model: Model, seed: int, samples: int) -> Clusters:
    """Clusters by one of METHODS or `quick`; seeds share no sample."""
    if method == "quick":
        return cluster_features(model, default_settings(model, samples=samples, seed=seed))
    layers = layers_to_cluster(model)
    seeds = range(seed * samples, (seed + 1) * samples)
    kept: dict[str, list[Tensor]] = {layer.name: [] for layer in layers}
    options = SynthesisOptions(truncation_psi=1.0)
    for maps in sampled_maps(model, layers, lambda s: model.generate(model.latents(s), options), seeds):
        for name, parts in kept.items():
            parts.append(pooled(maps[name]).half())
    found = {}
    for layer in layers:
        labels = METHODS[method](torch.cat(kept.pop(layer.name)), count_for(layer), seed)
        found[layer.key] = {int(c): tuple(np.flatnonzero(labels == c).tolist()) for c in np.unique(labels)}
    return Clusters(found, model=model.name, model_hash=model.hash, method={"preset": method, "seed": seed})


def main(method: str, name: str, seed: str, samples: str, out: str) -> None:
    model = load_model(name)
    start = time.perf_counter()
    clusters = cluster(method, model, int(seed), int(samples))
    seconds = time.perf_counter() - start
    save_clusters(replace(clusters, file=out), Path(out))
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(seconds, 1), "megabytes": round(megabytes)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
