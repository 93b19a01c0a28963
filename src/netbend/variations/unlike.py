"""Recipes whose pictures are told from those that are there already."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netbend.bending import resolve
from netbend.engine.still import Still
from netbend.errors import NonFiniteError
from netbend.recipe import Clusters, Recipe

MAX_DRAWS = 20  # of one recipe by chance, until one is accepted
MIN_CHANGE = 40.0  # see `visible_change`; judged by eye on sheets of both models of faces
CHANGED_SHARE = 0.1  # of a picture; a bend may change the eyes alone
SIDE = 64  # pixels, at which pictures are compared: grain does not count

Accept: TypeAlias = Callable[[Recipe], bool]
"""Whether a recipe by chance will do."""


def anything(_: Recipe) -> bool:
    """Accept every recipe."""
    return True


class Unlike:
    """Accepts recipes whose picture differs from the unbent one, and from all that it is to remember."""

    def __init__(self, still: Still):
        """still: an unbent picture, of the latent on which recipes are compared."""
        self._job = still
        self._known = [_small(still.picture())]
        self._last: tuple[Recipe, Image.Image] | None = None  # which most often is wanted again

    def __call__(self, recipe: Recipe) -> bool:
        """Whether the recipe's picture differs from all that are known; never for one of NaN or infinity."""
        try:
            picture = self.picture(recipe)
        except NonFiniteError:
            return False
        return all(_change(_small(picture), known) >= MIN_CHANGE for known in self._known)

    def remember(self, recipe: Recipe, clusters: Clusters | None = None) -> None:
        """Accept nothing like this from now on. Raises NonFiniteError, as rendering it does."""
        self._known.append(_small(self.picture(recipe, clusters)))

    def picture(self, recipe: Recipe, clusters: Clusters | None = None) -> Image.Image:
        """The picture of a recipe; of the one that was asked for last, the same again.

        clusters: see `resolve`. Raises NonFiniteError.
        """
        if self._last is None or self._last[0] is not recipe:
            plan = resolve(recipe, self._job.model, clusters=clusters)
            self._last = recipe, replace(self._job, recipe=recipe, plan=plan).picture()
        return self._last[1]


def visible_change(one: Image.Image, other: Image.Image) -> float:
    """How far two pictures of one size differ where they differ most: mean over a tenth, levels of 255."""
    return _change(_small(one), _small(other))


def _change(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    of_pixels = np.sort(np.abs(one - other).mean(axis=2), axis=None)
    return float(of_pixels[-round(CHANGED_SHARE * of_pixels.size) :].mean())


def _small(picture: Image.Image) -> NDArray[np.float32]:
    return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
