"""From a model to clusters of its features."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from netbend.bending import Bendable, Layer
from netbend.choices import Preset
from netbend.clustering.activations import Run
from netbend.clustering.correlation import correlate
from netbend.clustering.grouping import AUTOMATIC, PAPER_RESTARTS, RESTARTS, Counts, FeatureSpace, group
from netbend.clustering.paper import Networks, embed_latents, learn, save_networks
from netbend.clustering.progress import Tell, silent
from netbend.clustering.settings import Settings, layers_to_cluster
from netbend.errors import ClusterError
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.recipe import Clusters

TABLES = Counts()
UNTRUNCATED = SynthesisOptions(truncation_psi=1.0)


def cluster_features(
    model: Bendable,
    settings: Settings | None = None,
    *,
    counts: Counts = TABLES,
    run: Run | None = None,
    work: Path | None = None,
    networks: Path | None = None,
    tell: Tell = silent,
) -> Clusters:
    """Group the features of each layer by how alike their activation maps are (section 4).

    Args:
        model: A model, or any network that `wrap` has looked at.
        settings: Which layers, samples and preset; by default all layers by the preset `quick`.
        counts: How many clusters; by default those of tables 1 and 2.
        run: Makes the network generate from the latents of some seeds; models of netbend know how.
        work: Folder to keep unfinished work in; a run with the same settings goes on from it.
        networks: File to keep the paper's metric networks in, see `load_networks`.
        tell: Called with Reports.

    Returns:
        The clusters of every layer, the largest first.

    Raises:
        ClusterError: If a layer is not there or too small, or the work cannot be kept.
    """
    settings = default_settings(model) if settings is None else settings
    layers = layers_to_cluster(model, settings.layers)
    _check_counts(layers, counts)
    run = _runner(model, settings.truncation) if run is None else run
    with ExitStack() as stack:
        method: dict[str, Any] = dict(settings.method())
        if settings.preset == Preset.QUICK:
            checkpoint = None if work is None else work / "correlations.safetensors"
            spaces: Mapping[str, FeatureSpace] = correlate(
                model, layers, run, settings.latent_seeds, checkpoint, tell
            )
        else:
            _check_planes(layers)
            work = work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            learnt = learn(model, layers, run, settings, work, tell)
            if networks is not None:
                save_networks({name: each.network for name, each in learnt.items()}, networks, model.hash)
            spaces = learnt
            method["accuracy"] = {layer.key: round(learnt[layer.name].accuracy, 3) for layer in layers}
    return _clusters(model, layers, spaces, counts, settings.seed, settings.restarts, method)


def default_settings(model: Bendable, layers: Sequence[int | str] = (), **rest: Any) -> Settings:
    """Settings for a model. layers: numbers or names, all that can be grouped if none are given."""
    names = tuple(layer.name for layer in layers_to_cluster(model, layers))
    return Settings(model.hash, names, **rest)


def cluster_latents(
    model: Model,
    latents: Latents,
    *,
    layers: Sequence[int | str] = (),
    counts: Counts = TABLES,
    networks: Networks | None = None,
    options: SynthesisOptions = UNTRUNCATED,
    seed: int = 0,
) -> Clusters:
    """Group features by the maps of one latent, or of a few: customised clusters (section 4.3).

    Args:
        model: That the latents are for.
        latents: One, or a few.
        layers: Numbers or names; by default all numbered ones with enough features.
        counts: How many clusters; by default those of tables 1 and 2.
        networks: Metric networks taught before; without them, by the correlation of maps.
        options: Truncation, noise and the like.
        seed: Of k-means.

    Raises:
        ClusterError: If a layer is not there or too small.
        LatentError: If the latents do not fit the model.
    """

    def run(indices: Sequence[int]) -> None:
        model.generate(latents.take(indices), options)

    chosen = layers_to_cluster(model, layers)
    samples = range(len(latents))
    _check_counts(chosen, counts)
    if any(counts.of(layer) == AUTOMATIC for layer in chosen) and len(latents) < 2:
        raise ClusterError("auto compares the clusters of two halves of the samples; one latent has none")
    if networks is None:
        spaces: Mapping[str, FeatureSpace] = correlate(model, chosen, run, samples)
    else:
        spaces = embed_latents(model, chosen, run, samples, networks)
    method = {"preset": str(Preset.QUICK if networks is None else Preset.PAPER), "seed": seed}
    method["latents"] = len(latents)
    restarts = RESTARTS if networks is None else PAPER_RESTARTS
    return _clusters(model, chosen, spaces, counts, seed, restarts, method)


def _runner(model: Bendable, truncation: float) -> Run:
    if not isinstance(model, Model):
        raise ClusterError("say how this network generates: run=lambda seeds: network(latents of the seeds)")
    options = SynthesisOptions(truncation)
    return lambda seeds: model.generate(model.latents(seeds), options)


def _check_planes(layers: Sequence[Layer]) -> None:
    """The paper's networks see maps of height and width."""
    for layer in layers:
        if layer.spatial != "HW":
            raise ClusterError(f"{layer}: axes {layer.axes}; the preset paper needs maps, use quick")


def _check_counts(layers: Sequence[Layer], counts: Counts) -> None:
    for layer in layers:
        count = counts.of(layer)
        if count != AUTOMATIC and int(count) > layer.features:
            raise ClusterError(f"{layer}: {count} clusters of {layer.features} features")


def _clusters(
    model: Bendable,
    layers: Sequence[Layer],
    spaces: Mapping[str, FeatureSpace],
    counts: Counts,
    seed: int,
    restarts: int,
    method: Mapping[str, Any],
) -> Clusters:
    found = {
        layer.key: dict(enumerate(group(spaces[layer.name], counts.of(layer), seed, restarts)))
        for layer in layers
    }
    name = getattr(model, "name", None)
    return Clusters(found, model=name, model_hash=model.hash, method=dict(method))
