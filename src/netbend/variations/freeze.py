"""A draw of a recipe as a recipe of its own."""

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from netbend.bending import Plan
from netbend.recipe import Cluster, Drift, Indices, Not, Random, Recipe, Selection
from netbend.recipe.selection import selection_moves
from netbend.recipe.yamlfile import Source


def freeze(
    recipe: Recipe,
    plan: Plan,
    folder: Path | None = None,
    kinds: Collection[type[Selection]] = (Random, Cluster),
) -> Recipe:
    """The recipe with the features that were drawn, by number, in place of selections that can change.

    It makes the same pixels as the plan, whatever the seed and wherever the clusters have gone.
    plan: what `resolve` made of the recipe. folder: where it will be written, so that its masks are
    found from there; None leaves their paths as they are. kinds: of selections to replace.
    """
    bends = tuple(
        replace(bend, features=Indices(planned.indices)) if _is_of(bend.features, kinds) else bend
        for bend, planned in zip(recipe.bends, plan.bends, strict=True)
    )
    seed = recipe.seed if any(_holds(bend.features, Random) for bend in bends) else 0
    clusters = recipe.clusters if any(_holds(bend.features, Cluster) for bend in bends) else None
    return moved(replace(recipe, bends=bends, seed=seed, clusters=clusters), folder)


def draws_features(recipe: Recipe) -> bool:
    """Whether anything is left to the seed."""
    return any(_holds(bend.features, Random) for bend in recipe.bends)


def _is_of(selection: Selection, kinds: Collection[type[Selection]]) -> bool:
    """Whether it is of these kinds, or all but one of them; what moves in time has no fixed features."""
    inner = selection.of if isinstance(selection, Not) else selection
    return isinstance(inner, tuple(kinds)) and not selection_moves(inner)


def _holds(selection: Selection, kind: type[Selection]) -> bool:
    match selection:
        case Not(of=inner) | Drift(within=inner):
            return _holds(inner, kind)
        case _:
            return isinstance(selection, kind)


def moved(recipe: Recipe, folder: Path | None) -> Recipe:
    """The recipe as it has to read in another folder: its paths start there."""
    if folder is None:
        return recipe
    source = Source("<recipe>", folder) if recipe.source is None else replace(recipe.source, folder=folder)

    def from_there(path: str | None) -> str | None:
        return None if path is None else _path_from(path, recipe.folder, folder)

    return replace(
        recipe,
        bends=tuple(replace(bend, mask=from_there(bend.mask)) for bend in recipe.bends),
        clusters=from_there(recipe.clusters),
        soundtrack=from_there(recipe.soundtrack),
        source=source,
    )


def _path_from(path: str, old: Path | None, new: Path) -> str:
    if Path(path).is_absolute():
        return path
    target = (old or Path()) / path
    try:
        return Path(os.path.relpath(target.resolve(), new.resolve())).as_posix()
    except ValueError:  # on another drive there is no way from here to there
        return str(target.resolve())
