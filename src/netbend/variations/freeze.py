"""A draw of a recipe as a recipe of its own."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from netbend.bending import Plan
from netbend.recipe import Cluster, Drift, Indices, Not, Random, Recipe, Selection
from netbend.recipe.animation import is_animated
from netbend.recipe.paths import rebase_paths


def freeze(
    recipe: Recipe,
    plan: Plan,
    folder: Path | None = None,
    kinds: Collection[type[Selection]] = (Random, Cluster),
) -> Recipe:
    """The recipe with the features that were drawn, by number, in place of selections that can change.

    It makes the same pixels as the plan, whatever the seed and wherever the clusters have gone.

    Args:
        recipe: With selections that are drawn.
        plan: What `resolve` made of it.
        folder: Where it will be written, so that its masks and other files are found from there; None leaves
            their paths as they are.
        kinds: Of selections to replace.
    """
    bends = tuple(
        replace(bend, features=Indices(planned.indices)) if _is_of(bend.features, kinds) else bend
        for bend, planned in zip(recipe.bends, plan.bends, strict=True)
    )
    seed = recipe.seed if any(_holds(bend.features, Random) for bend in bends) else 0
    clusters = recipe.clusters if any(_holds(bend.features, Cluster) for bend in bends) else None
    frozen = replace(recipe, bends=bends, seed=seed, clusters=clusters)
    return frozen if folder is None else rebase_paths(frozen, folder)


def draws_features(recipe: Recipe) -> bool:
    """Whether anything is left to the seed."""
    return any(_holds(bend.features, Random) for bend in recipe.bends)


def _is_of(selection: Selection, kinds: Collection[type[Selection]]) -> bool:
    """Whether it is of these kinds, or all but one of them; what moves in time has no fixed features."""
    inner = selection.of if isinstance(selection, Not) else selection
    return isinstance(inner, tuple(kinds)) and not is_animated(inner)


def _holds(selection: Selection, kind: type[Selection]) -> bool:
    match selection:
        case Not(of=inner) | Drift(within=inner):
            return _holds(inner, kind)
        case _:
            return isinstance(selection, kind)
