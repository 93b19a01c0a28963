"""Which truncation: one answer for every command and for Python."""

from netbend.models.base import Latents, Model
from netbend.motion import Number
from netbend.recipe import Recipe


def truncation_psi(given: float | None, recipe: Recipe | None, model: Model, latents: Latents) -> Number:
    """psi: as given, else what the recipe says, which may move, else the model's default for the latents.

    Args:
        given: By option or argument.
        recipe: Fitted to its length, if its truncation moves.
        model: What plays the latents.
        latents: What is bent.
    """
    if given is not None:
        return given
    if recipe is not None and recipe.truncation is not None:
        return recipe.truncation
    return model.default_psi(latents)
