"""What variations are shown on where the command line leaves it open."""

from dataclasses import replace

from netbend.latents.path import latent_path
from netbend.latents.truncation import truncation_psi
from netbend.models.base import Latents, Model, Play
from netbend.motion import value_at
from netbend.recipe import Recipe
from netbend.recipe.moving import fitted_recipe

SEED = 0


def latent_of(model: Model, seed: int | None, recipe: Recipe | None) -> Latents:
    """A batch of one: of the seed, else what the recipe says, at the beginning of its film, else of seed 0.

    Raises NetbendError for a recipe whose latent cannot be had.
    """
    if seed is None and recipe is not None and recipe.latent is not None:
        latent = fitted_recipe(recipe).latent
        assert latent is not None
        return latent_path(latent, model, recipe.folder).at([0.0])
    return model.latents([SEED if seed is None else seed])


def play_of(play: Play, recipe: Recipe | None, model: Model, latent: Latents) -> Play:
    """How a latent is generated at the beginning of a recipe's film, with the truncation that holds then."""
    fitted = None if recipe is None or play.truncation is not None else fitted_recipe(recipe)
    psi = truncation_psi(play.truncation, fitted, model, latent)
    return replace(play, truncation=value_at(psi, 0))
