"""What directions do: pictures at places along each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from netbend.errors import LatentError
from netbend.latents.directions import Directions
from netbend.latents.path import latent_path
from netbend.limits import MAX_SHEET_PIXELS
from netbend.models.base import Model, SynthesisOptions
from netbend.pictures import to_pictures
from netbend.recipe.places import Latent, Move, Seed

PLACES = (-1.0, -0.5, 0.0, 0.5, 1.0)  # of the way to either side
PICTURE_HEIGHT = 128  # there are many of them on a sheet
HARDLY = 0.5  # of the change of the direction that changes most; a row that changes less is hard to tell


@dataclass(frozen=True)
class DirectionStrip:
    """What one direction does.

    pictures: for each seed one at each of PLACES, in that order, with `labels`.
    change: between the two ends, mean over the pictures and seeds, in levels of 255.
    """

    direction: int
    labels: Sequence[str]
    pictures: Sequence[Image.Image]
    change: float


def refuse_large_sheet(directions: int, seeds: int) -> None:
    """Raise LatentError if the strips of so many directions and seeds would not fit one picture."""
    if directions * seeds * len(PLACES) * PICTURE_HEIGHT**2 > MAX_SHEET_PIXELS:
        raise LatentError(
            f"{directions} directions with {len(PLACES)} pictures of {seeds} seeds are more than fit one "
            f"picture; say a smaller --count or fewer --seeds"
        )


def direction_strips(
    model: Model,
    directions: Directions,
    seeds: Sequence[int],
    reach: float,
    layers: tuple[int, ...] | None,
    options: SynthesisOptions,
    track: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> list[DirectionStrip]:
    """What each direction does to the pictures of some seeds, from -reach to reach deviations.

    Args:
        layers: The styles that move; None for all.
        track: Passes the numbers of the directions on, for a progress bar.

    Raises:
        LatentError: For styles that the model does not have.
    """

    @cache  # the middle is the same for all directions
    def picture(latent: Latent) -> Image.Image:
        latents = latent_path(latent, model, directions=directions).at([0.0])
        (made,) = to_pictures(model.generate(latents, options))
        if made.height <= PICTURE_HEIGHT:
            return made
        return made.resize((max(1, round(made.width * PICTURE_HEIGHT / made.height)), PICTURE_HEIGHT))

    return [_strip(direction, seeds, reach, layers, picture) for direction in track(range(len(directions)))]


def _strip(
    direction: int,
    seeds: Sequence[int],
    reach: float,
    layers: tuple[int, ...] | None,
    picture: Callable[[Latent], Image.Image],
) -> DirectionStrip:
    ways = [reach * place for place in PLACES]
    pictures = [
        picture(Latent(Seed(seed), (Move(direction, by, layers),) if by else ()))
        for seed in seeds
        for by in ways
    ]
    labels = [f"{direction}: {by:+.3g}" if by else f"seed {seed}" for seed in seeds for by in ways]
    ends = zip(pictures[:: len(PLACES)], pictures[len(PLACES) - 1 :: len(PLACES)], strict=True)
    return DirectionStrip(direction, labels, pictures, float(np.mean([change(*pair) for pair in ends])))


def change(one: Image.Image, other: Image.Image) -> float:
    """How far two pictures of one size differ, mean over pixels and channels, in levels of 255."""
    return float(np.abs(np.asarray(one, np.float32) - np.asarray(other, np.float32)).mean())


def told_apart(strips: Sequence[DirectionStrip]) -> list[DirectionStrip]:
    """Those that change pictures at least half as much as the one that changes them most."""
    enough = HARDLY * max(strip.change for strip in strips)
    return [strip for strip in strips if strip.change >= enough]
