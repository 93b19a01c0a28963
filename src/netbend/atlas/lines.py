"""Lines to copy from the page: a recipe's bend of a cluster, and the command that names it."""

import json
import re
import shlex
from importlib.resources import files
from pathlib import Path

from netbend.bending import Layer
from netbend.recipe import Clusters

PLAIN = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)
RESERVED = {"true", "false", "null", "yes", "no", "on", "off"}  # words that YAML takes for values


def recipe_line(clusters: Clusters, layer: Layer, number: int) -> str:
    """The line of a recipe that ablates a cluster, called by its name if no other has that."""
    names = clusters.names.get(layer.key, {})
    name = names.get(number)
    unique = name is not None and list(names.values()).count(name) == 1
    wanted = _yaml(name if unique and name is not None else number)
    return f"- {{layer: {_yaml(layer.key)}, transform: ablate, features: {{cluster: {wanted}}}}}"


def naming_line(clusters: Clusters, layer: Layer, number: int) -> str | None:
    """The command that names a cluster in its file; None for those without a file of the user's."""
    path = Path(clusters.file)
    if not path.is_file() or path.resolve().is_relative_to(Path(str(files("netbend.data"))).resolve()):
        return None
    key = shlex.quote(str(layer.key))
    return f"netbend cluster name {key} {number} NAME --clusters {shlex.quote(clusters.file)}"


def _yaml(value: int | str) -> str:
    plain = isinstance(value, int) or (PLAIN.fullmatch(value) and value.lower() not in RESERVED)
    return str(value) if plain else json.dumps(value, ensure_ascii=False)
