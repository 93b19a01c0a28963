"""Recipes whose pictures are told from those that are there already."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netbend.bending import resolve
from netbend.errors import NonFiniteError
from netbend.recipe import Clusters, Recipe
from netbend.render.job import Job

MAX_DRAWS = 20  # of one recipe by chance, until one is accepted
MIN_CHANGE = 4.0  # mean over pixels and channels, in levels of 255; of less nobody tells two pictures apart
SIDE = 64  # pixels, at which pictures are compared: what a change is does not depend on grain

Accept: TypeAlias = Callable[[Recipe], bool]
"""Whether a recipe by chance will do."""


def anything(_: Recipe) -> bool:
    """Accept every recipe."""
    return True


class Unlike:
    """Accepts recipes whose picture differs from the unbent one, and from all that it is to remember."""

    def __init__(self, job: Job, clusters: Clusters | None = None):
        """job: an unbent picture, of the latent on which recipes are compared. clusters: see `resolve`."""
        self._job, self._clusters = job, clusters
        self._known = [_small(job.picture())]

    def __call__(self, recipe: Recipe) -> bool:
        """Whether the recipe's picture differs from all that are known; never for one of NaN or infinity."""
        picture = self._picture(recipe)
        if picture is None:
            return False
        return all(np.abs(picture - known).mean() >= MIN_CHANGE for known in self._known)

    def remember(self, recipe: Recipe) -> None:
        """Accept nothing like this from now on."""
        picture = self._picture(recipe)
        if picture is not None:
            self._known.append(picture)

    def _picture(self, recipe: Recipe) -> NDArray[np.float32] | None:
        plan = resolve(recipe, self._job.model, clusters=self._clusters)
        job = Job(
            self._job.model, self._job.latents, self._job.play, recipe, plan, nonfinite=self._job.nonfinite
        )
        try:
            return _small(job.picture())
        except NonFiniteError:
            return None


def _small(picture: Image.Image) -> NDArray[np.float32]:
    return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
