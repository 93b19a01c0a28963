"""Which features of a layer belong together: the cluster dictionary."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from netbend.recipe.problems import Problems
from netbend.recipe.yamlfile import parse_yaml, read_file


@dataclass(frozen=True)
class Clusters:
    """layers: layer number -> cluster -> features. file: for messages."""

    layers: Mapping[int, Mapping[int | str, tuple[int, ...]]]
    file: str = "<clusters>"


def load_clusters(path: Path | str) -> Clusters:
    """Read the dictionary form: layer number -> list of {feature_index, cluster_index}.

    YAML or JSON. Raises RecipeError, by line, for anything else.
    """
    path = Path(path)
    data, source = parse_yaml(read_file(path), str(path), path.parent)
    problems = Problems(source)
    if not isinstance(data, dict):
        problems.add((), "expected layer numbers, each with a list of {feature_index, cluster_index}")
        problems.raise_if_any()
    layers = {}
    for key, entries in data.items():
        number = int(key) if str(key).isdecimal() else None
        if number is None or not isinstance(entries, list):
            problems.add(
                (key,), "expected a layer number with a list of {feature_index, cluster_index}", key=True
            )
            continue
        layers[number] = _layer(key, entries, problems)
    problems.raise_if_any()
    return Clusters(layers, str(path))


def _layer(key: str | int, entries: list[Any], problems: Problems) -> dict[int | str, tuple[int, ...]]:
    members: dict[int | str, list[int]] = {}
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
