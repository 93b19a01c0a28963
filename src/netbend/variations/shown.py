"""What variations are shown on where the command line leaves it open."""

from netbend.choices import Space
from netbend.latents.path import latent_path
from netbend.latents.truncation import usual_truncation
from netbend.models.base import Latents, Model
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


def truncation_of(
    given: float | None, recipe: Recipe | None, space: Space = Space.Z, from_file: bool = False
) -> float:
    """psi: as given, else what the recipe says, at the beginning of its film, else what is usual.

    space, from_file: of the latent, see `usual_truncation`.
    """
    if given is None and recipe is not None:
        said = fitted_recipe(recipe).truncation
        given = None if said is None else value_at(said, 0)
    return usual_truncation(space, from_file) if given is None else given
