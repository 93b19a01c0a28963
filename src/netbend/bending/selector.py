"""Which features a bend takes: draws, lists and clusters, decided before any arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from netbend.bending.layers import Bendable, Layer
from netbend.errors import RecipeError
from netbend.motion import perlin, value_at
from netbend.recipe import (
    All,
    Cluster,
    Clusters,
    Drift,
    Indices,
    Not,
    Random,
    Recipe,
    Selection,
    load_clusters,
)
from netbend.recipe.clusters import clusters_file


@dataclass(frozen=True)
class Selector:
    """Selections of one bend's layer; `entropy` seeds its draws, whatever the other bends do."""

    layer: Layer
    clusters: Clusters | None
    entropy: list[int]
    where: str

    def select(self, selection: Selection) -> set[int]:
        match selection:
            case All():
                return set(range(self.layer.features))
            case Random(fraction=fraction):
                return self._draw(value_at(fraction, 0))
            case Drift():
                return self._drifted(selection)
            case Indices(indices=indices):
                return self._listed(indices)
            case Cluster(ids=ids):
                return {feature for id in ids for feature in self._members(id)}
            case Not(of=of):
                return set(range(self.layer.features)) - self.select(of)
        raise TypeError(f"not a selection: {selection!r}")

    def _draw(self, fraction: float) -> set[int]:
        count = floor(fraction * self.layer.features + 1e-9)  # 0.29 * 100 is a little under 29
        bits = np.random.MT19937(np.random.SeedSequence(self.entropy))
        # RandomState, because its stream is frozen: the same seed draws the same in years to come.
        return set(np.random.RandomState(bits).permutation(self.layer.features)[:count].tolist())

    def _drifted(self, drift: Drift) -> set[int]:
        noise = perlin(
            [drift.time or 0.0],
            drift.seed,
            self.layer.features,
            cell=drift.seconds,
            loop=drift.loop,
            octaves=drift.octaves,
        )
        above = noise[:, 0] > value_at(drift.above, 0)
        return set(np.flatnonzero(above).tolist()) & self.select(drift.within)

    def _listed(self, indices: Sequence[int]) -> set[int]:
        beyond = [index for index in indices if index >= self.layer.features]
        if beyond:
            raise RecipeError(
                f"{self.where}: feature {beyond[0]}: {self.layer} has features 0-{self.layer.features - 1}"
            )
        return set(indices)

    def _members(self, cluster: int | str) -> Sequence[int]:
        if self.clusters is None:
            raise RecipeError(
                f"{self.where}: cluster {cluster}: no cluster file; name one as `clusters:` in the recipe "
                f"or with --clusters, or make one with `netbend cluster`"
            )
        members = self.clusters.find(self.layer.key, cluster)
        if members is None:
            raise RecipeError(
                f"{self.where}: cluster {cluster}: {self.clusters.file} has for {self.layer} "
                f"the clusters {self.clusters.known(self.layer.key)}"
            )
        _refuse_beyond(self.clusters.file, cluster, members, self.layer)
        return members


def clusters_of(recipe: Recipe, model: Bendable, given: Clusters | None) -> Clusters | None:
    """The clusters that a recipe looks up, if it looks up any."""
    if not looks_up_clusters(recipe):
        return None
    if given is None and recipe.clusters is not None:
        given = load_clusters(clusters_file(recipe.clusters, recipe.folder))
    clusters = model.clusters if given is None else given
    if clusters is not None and model.hash is not None:
        check_clusters(clusters, model.hash)
    return clusters


def looks_up_clusters(recipe: Recipe) -> bool:
    """Whether a bend names a cluster."""
    return any(_looks_up(bend.features) for bend in recipe.bends)


def _looks_up(selection: Selection) -> bool:
    match selection:
        case Not(of=inner) | Drift(within=inner):
            return _looks_up(inner)
        case _:
            return isinstance(selection, Cluster)


def check_clusters(clusters: Clusters, model_hash: str) -> None:
    """Raise RecipeError if clusters say that they were found in another model."""
    if clusters.model_hash not in (None, model_hash):
        raise RecipeError(
            f"{clusters.file}: clusters of another model ({clusters.model or 'unnamed'}, hash "
            f"{clusters.model_hash[:12]}); this one has {model_hash[:12]}. `netbend cluster` makes its own; "
            f"`netbend cluster convert --model` takes them over, if it is the same network in another file"
        )


def check_fit(clusters: Clusters, layers: Sequence[Layer]) -> None:
    """Raise RecipeError unless there are all the layers and features that clusters name."""
    by_key = {layer.key: layer for layer in layers}
    for key, members in clusters.layers.items():
        if key not in by_key:
            raise RecipeError(f"{clusters.file}: layer {key}: the model has no such layer")
        for number, features in members.items():
            _refuse_beyond(clusters.file, number, features, by_key[key])


def _refuse_beyond(file: str, cluster: int | str, features: Sequence[int], layer: Layer) -> None:
    beyond = [index for index in features if index >= layer.features]
    if beyond:
        raise RecipeError(
            f"{file}: feature {beyond[0]} of cluster {cluster}: {layer} has features "
            f"0-{layer.features - 1}; these clusters belong to another model"
        )
