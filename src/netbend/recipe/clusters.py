"""Which features of a layer belong together: cluster files, to read and to write."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeGuard

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from netbend.atomic import write_atomic
from netbend.bundled import bundled_file
from netbend.digits import whole_number
from netbend.errors import RecipeError
from netbend.limits import MAX_CLUSTER_NAME, MAX_LISTED_FEATURES
from netbend.recipe.problems import Problems, validated
from netbend.recipe.selection import Indices, parse_selection, selection_data
from netbend.recipe.yamlfile import parse_yaml, read_file

VERSION = 1

LayerKey: TypeAlias = int | str
Members: TypeAlias = Mapping[int, tuple[int, ...]]


@dataclass(frozen=True)
class Clusters:
    """Groups of features that belong together.

    layers: a layer's number, or its name where it has no number -> cluster -> features.
    file: for messages. names: what clusters were called, by layer and cluster.
    model, model_hash: what they were found in; None where the file does not say.
    method: how they were found: preset, samples, seed ...
    """

    layers: Mapping[LayerKey, Members]
    file: str = "<clusters>"
    names: Mapping[LayerKey, Mapping[int, str]] = field(default_factory=dict)
    model: str | None = None
    model_hash: str | None = None
    method: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        counts = ", ".join(f"{layer}: {len(members)}" for layer, members in self.layers.items())
        return f"<Clusters of {self.model or self.file} by layer {{{counts}}}>"

    def find(self, layer: LayerKey, wanted: int | str) -> tuple[int, ...] | None:
        """Features of a layer's cluster by its number or name, of all clusters of that name; None
        if there is none."""
        members, names = self.layers.get(layer, {}), self.names.get(layer, {})
        if wanted in members:
            return members[wanted]  # type: ignore[index]
        named = [members[number] for number in members if names.get(number) == wanted]
        return tuple(sorted(feature for features in named for feature in features)) if named else None

    def known(self, layer: LayerKey) -> str:
        """The clusters of a layer with their names, for messages."""
        names = self.names.get(layer, {})
        members = self.layers.get(layer, {})
        return ", ".join(f"{n} ({names[n]})" if n in names else str(n) for n in members) or "none"


def checked_name(name: object) -> str:
    """The name of a cluster. Raises ValueError unless it is a word or a few, and no number."""
    if not isinstance(name, str) or not name.strip() or name.strip().lstrip("+-").isdecimal():
        raise ValueError(f"expected a name such as eyes, not {name!r:.80}")
    if len(name) > MAX_CLUSTER_NAME or not name.isprintable():
        raise ValueError(
            f"expected a name of at most {MAX_CLUSTER_NAME} printable characters, not {name!r:.80}"
        )
    return name.strip()


def bundled_clusters(name: Path | str) -> Path | None:
    """The file of clusters that come with netbend, by a name such as photo-faces/paper; None if none do."""
    return bundled_file(name, "clusters-{}.yaml")


def bundled_name(file: Path | str) -> str | None:
    """The name by which a file of clusters is known that comes with netbend; None for any other file."""
    name = f"{Path(file).parent.name}/{Path(file).stem.removeprefix('clusters-')}"
    return name if bundled_clusters(name) == Path(file) else None


def clusters_file(path: Path | str, folder: Path | None = None) -> Path:
    """Where clusters lie that are named in a recipe or on the command line.

    path: of a file, from `folder` if that is given; where there is none, the name of bundled clusters.
    """
    here = Path(path) if folder is None else folder / path
    return here if here.exists() else bundled_clusters(path) or here


def load_clusters(path: Path | str) -> Clusters:
    """Read a cluster file, YAML or JSON, or clusters that come with netbend, such as photo-faces/paper.

    Args:
        path: Of what `save_clusters` wrote, or of the older dictionary: layer number -> list of
            {feature_index, cluster_index}.

    Raises:
        RecipeError: By line, for anything else.
    """
    path = clusters_file(path)
    data, source = parse_yaml(read_file(path), str(path), path.parent)
    problems = Problems(source)
    if not isinstance(data, dict):
        problems.add((), "expected `layers:` with the clusters of each, as `netbend cluster` writes them")
        problems.raise_if_any()
    readable = "layers" in data or "version" in data
    clusters = _readable(data, problems) if readable else _older(data, problems)
    problems.raise_if_any()
    assert clusters is not None
    return clusters


class _ClusterForm(BaseModel):
    """One cluster of a layer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[Any, BeforeValidator(lambda name: name if name is None else checked_name(name))] = None
    features: Annotated[Any, BeforeValidator(lambda features: parse_selection({"indices": features}))]


class _FileForm(BaseModel):
    """A cluster file."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    version: int = Field(ge=1, le=VERSION)
    model: str | None = None
    model_hash: str | None = Field(None, alias="model-hash")
    method: dict[str, Any] = {}
    layers: dict[Any, dict[Any, Any]]


def _readable(data: dict[Any, Any], problems: Problems) -> Clusters | None:
    form = validated(_FileForm, data, (), problems)
    if form is None:
        return None
    layers: dict[LayerKey, Members] = {}
    names: dict[LayerKey, Mapping[int, str]] = {}
    listed = 0
    for key, entries in form.layers.items():
        # Keys of JSON are words, also where they are numbers.
        number = whole_number(str(key))
        layer = key if number is None else number
        layers[layer], names[layer] = _clusters_of_layer(key, entries, problems, MAX_LISTED_FEATURES - listed)
        listed += sum(map(len, layers[layer].values()))
    return Clusters(layers, problems.source.file, names, form.model, form.model_hash, form.method)


def _clusters_of_layer(
    key: LayerKey, entries: dict[Any, Any], problems: Problems, left: int
) -> tuple[Members, dict[int, str]]:
    members: dict[int, tuple[int, ...]] = {}
    names: dict[int, str] = {}
    seen: set[int] = set()
    for number, entry in entries.items():
        cluster = whole_number(str(number))
        if cluster is None:
            problems.add(("layers", key, number), "expected the number of a cluster", key=True)
            continue
        form = validated(_ClusterForm, entry, ("layers", key, number), problems)
        if form is None:
            continue
        features = form.features.indices
        left -= len(features)
        if left < 0:
            problems.add(("layers", key, number), f"more than {MAX_LISTED_FEATURES} features in all")
            problems.raise_if_any()
        twice = sorted(seen.intersection(features))
        if twice:
            more = "" if len(twice) == 1 else f", and {len(twice) - 1} more"
            problems.add(
                ("layers", key, number), f"feature {twice[0]} of layer {key} is in two clusters{more}"
            )
        seen.update(features)
        members[cluster] = tuple(sorted(features))
        if form.name is not None:
            names[cluster] = form.name
    return members, names


def _older(data: dict[Any, Any], problems: Problems) -> Clusters:
    layers: dict[LayerKey, Members] = {}
    for key, entries in data.items():
        number = whole_number(str(key))
        if number is None or not isinstance(entries, list):
            problems.add(
                (key,), "expected a layer number with a list of {feature_index, cluster_index}", key=True
            )
            continue
        layers[number] = _older_layer(key, entries, problems)
    return Clusters(layers, problems.source.file)


def _older_layer(key: LayerKey, entries: list[Any], problems: Problems) -> Members:
    members: dict[int, list[int]] = {}
    seen: set[int] = set()
    for index, entry in enumerate(entries):
        valid = isinstance(entry, dict) and len(entry) == 2
        feature = entry.get("feature_index") if valid else None
        cluster = entry.get("cluster_index") if valid else None
        if not _is_index(feature) or not _is_index(cluster):
            problems.add((key, index), "expected {feature_index: number, cluster_index: number}")
        elif feature in seen:
            problems.add((key, index), f"feature {feature} of layer {key} comes twice")
        else:
            seen.add(feature)
            members.setdefault(cluster, []).append(feature)
    return {cluster: tuple(sorted(features)) for cluster, features in sorted(members.items())}


def _is_index(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def save_clusters(clusters: Clusters, path: Path, *, older: bool = False, overwrite: bool = True) -> None:
    """Write a cluster file that reads back as the same: JSON if its name ends so, else YAML.

    Args:
        clusters: To be written.
        path: Of the file.
        older: As the older dictionary, which holds neither names nor what the clusters were found in.
        overwrite: Replace a file that is there.

    Raises:
        RecipeError: If it cannot be written, or is there and `overwrite` is False.
    """
    data = _older_data(clusters) if older else _data(clusters)
    write_atomic(path, _text(data, path), RecipeError, overwrite=overwrite)


def rename_cluster(path: Path, layer: LayerKey, cluster: int, name: str | None) -> str | None:
    """Name a cluster in a file, or take its name away; comments in the file stay. Gives the name before.

    Raises RecipeError for a layer or cluster that is not there, and for the older dictionary.
    """
    clusters = load_clusters(path)
    if cluster not in clusters.layers.get(layer, {}):
        there = (
            f"layer {layer} has the clusters {clusters.known(layer)}"
            if layer in clusters.layers
            else f"there are the layers {', '.join(str(key) for key in clusters.layers)}"
        )
        raise RecipeError(f"{path}: no cluster {cluster} in layer {layer}; {there}")
    data = YAML().load(read_file(path))  # keeps comments and order; JSON is YAML too
    if "layers" not in data:
        raise RecipeError(f"{path}: the older form holds no names; `netbend cluster convert` makes the newer")
    of_layer = next(value for key, value in data["layers"].items() if str(key) == str(layer))
    entry = next(value for key, value in of_layer.items() if str(key) == str(cluster))
    before: str | None = entry.pop("name", None)
    if name is not None:
        entry.insert(0, "name", name)
    write_atomic(path, _text(data, path), RecipeError, overwrite=True)
    return before


def _text(data: Any, path: Path) -> bytes:
    if path.suffix == ".json":
        return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()
    buffer = io.BytesIO()
    yaml = YAML()
    yaml.width = 1_000_000  # one line for each list of features
    yaml.dump(data, buffer)
    return buffer.getvalue()


def _data(clusters: Clusters) -> dict[str, Any]:
    about = {
        "version": VERSION,
        "model": clusters.model,
        "model-hash": clusters.model_hash,
        "method": dict(clusters.method) or None,
    }
    layers = {
        layer: {number: _cluster_data(clusters, layer, number) for number in members}
        for layer, members in clusters.layers.items()
    }
    return {**{key: value for key, value in about.items() if value is not None}, "layers": layers}


def _cluster_data(clusters: Clusters, layer: LayerKey, number: int) -> dict[str, Any]:
    name = clusters.names.get(layer, {}).get(number)
    ranges: Any = selection_data(Indices(clusters.layers[layer][number]))
    features = CommentedSeq(ranges["indices"])
    features.fa.set_flow_style()
    return {**({} if name is None else {"name": name}), "features": features}


def _older_data(clusters: Clusters) -> dict[LayerKey, Any]:
    return {
        layer: [
            {"cluster_index": number, "feature_index": feature}
            for number, features in members.items()
            for feature in features
        ]
        for layer, members in clusters.layers.items()
    }
