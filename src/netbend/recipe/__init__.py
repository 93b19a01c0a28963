"""Recipes: what to bend, as plain data, from YAML and to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from netbend.choices import FiveItems, choose
from netbend.errors import RecipeError
from netbend.recipe.clusters import Clusters, load_clusters, save_clusters
from netbend.recipe.legacy import is_strip, parse_five_items
from netbend.recipe.readable import parse_readable, recipe_schema, recipe_to_data, recipe_to_yaml
from netbend.recipe.schema import Bend, Recipe
from netbend.recipe.selection import All, Cluster, Drift, Indices, Not, Random, Selection
from netbend.recipe.yamlfile import KeyPath, Source, parse_yaml, read_file

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
    "RecipeLike",
    "Selection",
    "given_clusters",
    "given_recipe",
    "load_clusters",
    "load_recipe",
    "parse_recipe",
    "recipe_from_data",
    "recipe_schema",
    "recipe_to_data",
    "recipe_to_yaml",
    "save_clusters",
]

RecipeLike: TypeAlias = Recipe | Path | str | Mapping[str, Any]


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
    """Read a recipe from YAML text.

    Args:
        text: Of the recipe.
        file: Its name in messages.
        folder: Where its paths start.
        five_items: What the paper's five-item form means: as in its reference implementation, or ours.

    Raises:
        RecipeError: With line and column of every mistake.
    """
    data, source = parse_yaml(text, file, folder)
    return _parse(data, source, choose(FiveItems, five_items, "five_items"))


def recipe_from_data(data: Any) -> Recipe:
    """The recipe that `recipe_to_data` made this of."""
    return _parse(data, Source("<recipe>"), FiveItems.REFERENCE)


def given_recipe(recipe: RecipeLike) -> Recipe:
    """A recipe as Python code gives it: itself, the path of its file, or what the file would hold.

        given_recipe({"bends": [{"layer": 4, "transform": "rotate", "params": {"angle": 45}}]})

    Raises:
        RecipeError: With line and column of a file, or the place in what was given.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, str) and "\n" in recipe:
        raise RecipeError("recipe: expected the path of a file; parse_recipe reads the text of one")
    if isinstance(recipe, Path | str):
        return load_recipe(recipe)
    if isinstance(recipe, Mapping):
        return _parse(dict(recipe), _Given("recipe", Path()), FiveItems.REFERENCE)
    raise RecipeError(f"recipe: expected a Recipe, the path of a file, or a dict, not {recipe!r:.60}")


def given_clusters(clusters: Clusters | Path | str | None) -> Clusters | None:
    """Clusters as Python code gives them: themselves, or the path of their file."""
    return load_clusters(clusters) if isinstance(clusters, Path | str) else clusters


class _Given(Source):
    """What stands in no file: messages name the keys that lead there."""

    def at(self, path: KeyPath, *, key: bool = False) -> str:  # noqa: ARG002
        return self.file + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def _parse(data: Any, source: Source, five_items: FiveItems) -> Recipe:
    if not isinstance(data, dict):
        raise RecipeError(f"{source.at(())}: expected keys such as `name:` and `bends:`, not {data!r:.60}")
    if is_strip(data) or ("transforms" in data and "bends" not in data):
        return parse_five_items(data, source, five_items)
    return parse_readable(data, source)
