"""What directions do: pictures at places along each."""

from collections.abc import Iterator, Sequence
from functools import cache

from PIL import Image

from netbend.latents.directions import Directions
from netbend.latents.path import latent_path
from netbend.models.base import Model, Play
from netbend.pictures import to_pictures
from netbend.recipe.places import Latent, Move, Seed

PLACES = (-1.0, -0.5, 0.0, 0.5, 1.0)  # of the way to either side
PICTURE_HEIGHT = 128  # there are many of them on a sheet


def direction_pictures(
    model: Model,
    directions: Directions,
    seeds: Sequence[int],
    reach: float,
    layers: tuple[int, ...] | None,
    play: Play,
) -> Iterator[tuple[str, Image.Image]]:
    """Labels and small pictures, for each direction, for each seed, from -reach to reach deviations.

    layers: the styles that move; None for all. Raises LatentError for styles that the model does not have.
    """

    @cache  # the middle is the same for all directions
    def picture(latent: Latent) -> Image.Image:
        latents = latent_path(latent, model, directions=directions).at([0.0])
        (made,) = to_pictures(model.generate(latents, play))
        if made.height <= PICTURE_HEIGHT:
            return made
        return made.resize((max(1, round(made.width * PICTURE_HEIGHT / made.height)), PICTURE_HEIGHT))

    for direction in range(len(directions)):
        for seed in seeds:
            for place in PLACES:
                by = reach * place
                moves = (Move(direction, by, layers),) if by else ()
                yield f"{direction}: {by:+.3g}" if by else f"seed {seed}", picture(Latent(Seed(seed), moves))
