"""Recipes: what to bend, as plain data, from YAML and to it."""

from pathlib import Path
from typing import Any

from netbend.choices import FiveItems
from netbend.errors import RecipeError
from netbend.recipe.clusters import Clusters, load_clusters, save_clusters
from netbend.recipe.legacy import is_strip, parse_five_items
from netbend.recipe.readable import parse_readable, recipe_schema, recipe_to_data, recipe_to_yaml
from netbend.recipe.schema import Bend, Recipe
from netbend.recipe.selection import All, Cluster, Drift, Indices, Not, Random, Selection
from netbend.recipe.yamlfile import Source, parse_yaml, read_file

__all__ = [
    "All",
    "Bend",
    "Cluster",
    "Clusters",
    "Drift",
    "Indices",
    "Not",
    "Random",
    "Recipe",
    "Selection",
    "load_clusters",
    "load_recipe",
    "parse_recipe",
    "recipe_from_data",
    "recipe_schema",
    "recipe_to_data",
    "recipe_to_yaml",
    "save_clusters",
]


def load_recipe(path: Path | str, five_items: FiveItems | str = FiveItems.REFERENCE) -> Recipe:
    """Read a recipe file, in our form or the five-item form of the paper.

    Args:
        path: The file.
        five_items: What a recipe in the five-item form means, see `FiveItems`. One in our own form
            has one meaning.

    Raises:
        RecipeError: With `file:line:column` and the remedy for everything that is wrong in it.
    """
    path = Path(path)
    return parse_recipe(read_file(path), str(path), path.parent, five_items)


def parse_recipe(
    text: str,
    file: str = "<recipe>",
    folder: Path | None = None,
    five_items: FiveItems | str = FiveItems.REFERENCE,
) -> Recipe:
    """Read a recipe from YAML text. file: for messages. folder: where its paths start."""
    data, source = parse_yaml(text, file, folder)
    return _parse(data, source, FiveItems(five_items))


def recipe_from_data(data: Any) -> Recipe:
    """The recipe that `recipe_to_data` made this of."""
    return _parse(data, Source("<recipe>"), FiveItems.REFERENCE)


def _parse(data: Any, source: Source, five_items: FiveItems) -> Recipe:
    if not isinstance(data, dict):
        raise RecipeError(f"{source.at(())}: expected keys such as `name:` and `bends:`, not {data!r:.60}")
    if is_strip(data) or ("transforms" in data and "bends" not in data):
        return parse_five_items(data, source, five_items)
    return parse_readable(data, source)
