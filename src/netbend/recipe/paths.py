"""A recipe in another folder: the paths in it lead to the same files."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from netbend.motion import SOUNDTRACK, Follow
from netbend.recipe import Bend, Recipe
from netbend.recipe.clusters import bundled_clusters
from netbend.recipe.places import Filmed, LatentFile, Move
from netbend.recipe.visit import rebuilt
from netbend.recipe.yamlfile import Source

# What in a recipe is a path that starts at its folder.
_PATHS: dict[type, tuple[str, ...]] = {
    Recipe: ("clusters", "soundtrack"),
    Bend: ("mask",),
    LatentFile: ("file",),
    Filmed: ("film",),
    Move: ("of",),
    Follow: ("sound",),
}


def rebase_paths(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe as it has to read in a folder, which need not be there yet."""
    source = Source("<recipe>") if recipe.source is None else recipe.source
    there = _rewritten(recipe, lambda path: _path_from(path, recipe.folder or Path(), folder))
    return replace(there, source=replace(source, folder=folder))


def files_of(recipe: Recipe) -> list[Path]:
    """The files that a recipe names: clusters, masks, latents, directions, sounds and films."""
    named: list[str] = []

    def note(path: str) -> str:
        named.append(path)
        return path

    _rewritten(recipe, note)
    return [(recipe.folder or Path()) / path for path in named]


def _rewritten(value: Any, rewrite: Callable[[str], str]) -> Any:
    """The same data with every path in it rewritten."""
    paths = _PATHS.get(type(value), ())

    def change(name: str | int, part: Any) -> Any:
        is_soundtrack = isinstance(value, Follow) and part == SOUNDTRACK  # a word, and no file
        is_path = name in paths and part is not None and not is_soundtrack
        return rewrite(part) if is_path else _rewritten(part, rewrite)

    return rebuilt(value, change)


def _path_from(path: str, old: Path, new: Path) -> str:
    if Path(path).is_absolute():
        return path
    if not (old / path).exists() and bundled_clusters(path) is not None:
        return path
    target = (old / path).resolve()
    try:
        return Path(os.path.relpath(target, new.resolve())).as_posix()
    except ValueError:  # on another drive there is no way from here to there
        return str(target)
