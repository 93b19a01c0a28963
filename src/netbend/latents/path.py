"""Latents as functions of time: places and moves of a recipe, for a model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from netbend.choices import Space
from netbend.errors import LatentError
from netbend.latents.closed_walk import ClosedWalk
from netbend.latents.directions import Directions, find_directions, load_directions
from netbend.latents.file import load_latents_for
from netbend.latents.journey import Legs, linear, spherical
from netbend.models.base import Latents, Model
from netbend.models.capabilities import HasStyles, classes_of, style_count, styles_of
from netbend.motion import Curve, Number, value_at
from netbend.motion.curves import EASINGS
from netbend.recipe.animation import bind_to_film
from netbend.recipe.places import (
    Filmed,
    Journey,
    Latent,
    LatentFile,
    Mean,
    Move,
    Point,
    Seed,
    Walk,
)

Way: TypeAlias = Callable[[float], Tensor]


@dataclass(frozen=True)
class LatentPath:
    """Where in latent space a film is, at every time by itself.

    way: time in seconds to one latent, of `space`. seed: of its noise, the same at all times.
    still: whether it is in one place at all times. noise_maps: of a projected picture, `(1, 1, H, W)`.
    chosen: see Latents.
    """

    space: Space
    way: Way
    seed: int
    still: bool
    noise_maps: tuple[Tensor, ...] | None = None
    chosen: bool = True

    def at(self, times: Sequence[float]) -> Latents:
        """One latent for each time in seconds, untruncated.

        What comes at a time does not depend on the other times, to the bit.
        """
        # One by one, because sums over batches round differently.
        values = torch.stack([self.way(time) for time in times])
        noise_maps = self.noise_maps and tuple(
            maps.expand(len(times), -1, -1, -1) for maps in self.noise_maps
        )
        return Latents(self.space, values, (self.seed,) * len(times), noise_maps, self.chosen)


def latent_path(
    latent: Latent, model: Model, folder: Path | None = None, *, directions: Directions | None = None
) -> LatentPath:
    """What a recipe says about its latent, for a model.

    Args:
        latent: As `parse_latent` reads it.
        model: That is to play it.
        folder: Where the paths of latents and directions start.
        directions: For moves that name no file; None finds them where they are needed, in about a second.

    Raises:
        LatentError: For files that cannot be used, for what the model does not have, and for lengths that are
            missing.
        SoundError: For sounds that cannot be read.
    """
    try:
        latent = bind_to_film(latent, None, None)
    except ValueError as error:
        raise LatentError(f"latent: {error}") from error
    if directions is not None:
        directions.check(model)
    path = _place_path(latent, model, folder or Path())
    return path if not latent.moves else _moved(path, latent.moves, model, folder or Path(), directions)


def _place_path(latent: Latent, model: Model, folder: Path) -> LatentPath:
    match latent.place:
        case Journey() as journey:
            return _journey_path(journey, model, folder)
        case Walk() as walk:
            return _walk_path(walk, model)
        case Filmed(film):
            from netbend.latents.encoded_film import encoded_film  # reading films takes libraries of its own

            return LatentPath(Space.W_PLUS, encoded_film(folder / film, model), 0, still=False)
        case point:
            return still_path(_Points(model, folder).of(point))


def still_path(latents: Latents) -> LatentPath:
    """One latent, a batch of one, at all times."""
    (seed,) = latents.seeds
    return LatentPath(
        latents.space, lambda _: latents.values[0], seed, True, latents.noise_maps, latents.chosen
    )


class _Points:
    """Points of a recipe as latents of a model; a file is read once."""

    def __init__(self, model: Model, folder: Path):
        self.model = model
        self.folder = folder
        self._read = cache(lambda file, space: load_latents_for(model, folder / file, space))

    def of(self, point: Point) -> Latents:
        """A batch of one. Raises LatentError."""
        match point:
            case Seed(seed):
                return self.model.latents([seed])
            case LatentFile() as file:
                return self._of_file(file)
            case Mean(seeds=()):
                return self.model.mean_latent()
            case Mean(seeds):
                latents = self.model.latents(seeds)
                latents = self.model.to_w(latents) if isinstance(self.model, HasStyles) else latents
                mean = latents.values.mean(dim=0, keepdim=True)
                return replace(latents, values=mean, seeds=seeds[:1])

    def _of_file(self, file: LatentFile) -> Latents:
        latents: Latents = self._read(file.file, None if file.space is None else Space(file.space))
        if file.number >= len(latents):
            raise LatentError(
                f"latents {self.folder / file.file}: number {file.number}: "
                f"there are {len(latents)} in it, the first is 0"
            )
        return latents[file.number]


def _journey_path(journey: Journey, model: Model, folder: Path) -> LatentPath:
    read = _Points(model, folder)
    points = [read.of(point) for point in journey.points]
    all_z = all(point.space is Space.Z for point in points)
    if journey.space == "z" and not all_z:
        raise LatentError("through: `space: z`, but not all of its points are z; leave the space out")
    if not all_z or journey.space == "w":
        points = [styles_of(model).to_w(point) for point in points]
    space = Space.W_PLUS if any(point.space is Space.W_PLUS for point in points) else points[0].space
    values = [_styled(point.values[0], space, model) for point in points]
    # The mean of z is its centre, where no circle leads to.
    round_centre = space is Space.Z and not any(isinstance(point, Mean) for point in journey.points)
    assert journey.seconds is not None  # it is fitted
    legs = Legs(
        values,
        journey.seconds,
        spherical(values[0].shape[0] - len(classes_of(model))) if round_centre else linear,
        loop=journey.loop,
        smooth=journey.smooth,
        ease=EASINGS[journey.easing],
    )
    chosen = all(point.chosen for point in points)
    return LatentPath(space, legs.at, points[0].seeds[0], still=False, chosen=chosen)


def _walk_path(walk: Walk, model: Model) -> LatentPath:
    here = model.latents([walk.seed])
    z_dimensions = here.values.shape[1] - len(classes_of(model))
    classes = here.values[0, z_dimensions:]
    curve = ClosedWalk(walk.seed, z_dimensions, walk.length, walk.smoothness)
    assert walk.seconds is not None  # it is fitted
    seconds = walk.seconds
    return LatentPath(
        here.space, lambda time: torch.cat([curve.at(time / seconds), classes]), walk.seed, False
    )


def _moved(
    path: LatentPath, moves: Sequence[Move], model: Model, folder: Path, directions: Directions | None
) -> LatentPath:
    """The same with steps along directions added in w, or in w+ where some styles move alone."""
    w_at = _in_w(path, model)
    steps = _steps(moves, model, folder, directions)
    per_style = path.space is Space.W_PLUS or any(step.ndim == 2 for _, step in steps)
    space = Space.W_PLUS if per_style else Space.W

    def at(time: float) -> Tensor:
        w = _styled(w_at(time), space, model)
        for by, step in steps:
            w = w + value_at(by, time) * step
        return w

    start = at(0.0)  # a sound that cannot be read is told of now, not in the middle of a film
    moved = replace(path, space=space, chosen=path.chosen and path.space is not Space.Z)
    if path.still and not any(isinstance(by, Curve) for by, _ in steps):
        return replace(moved, way=lambda _: start)
    return replace(moved, way=at, still=False)


def _in_w(path: LatentPath, model: Model) -> Way:
    """The way in w, or in w+ as it is. Raises LatentError if the model has no w."""

    def w_at(time: float) -> Tensor:
        return styles_of(model).to_w(path.at([time])).values[0]

    start = w_at(0.0)
    return (lambda _: start) if path.still else w_at


def _steps(
    moves: Sequence[Move], model: Model, folder: Path, directions: Directions | None
) -> list[tuple[Number, Tensor]]:
    """How far each move goes, and what one standard deviation adds."""

    @cache
    def found(file: str | None) -> Directions:
        if file is not None:
            return load_directions(folder / file, model)
        return find_directions(model) if directions is None else directions

    return [(move.by, _step(move, found(move.of), model)) for move in moves]


def _step(move: Move, directions: Directions, model: Model) -> Tensor:
    """What one standard deviation adds: to w `(D,)`, or to some styles of w+ `(L, D)`."""
    step = directions.step(move.direction)
    if move.layers is None:
        return step
    styles = style_count(model)
    beyond = [layer for layer in move.layers if layer >= styles]
    if beyond:
        raise LatentError(
            f"direction {move.direction}: layer {beyond[0]}: {model.name} has styles 0-{styles - 1}"
        )
    chosen = torch.zeros(styles, 1)
    chosen[list(move.layers)] = 1
    return chosen * step


def _styled(values: Tensor, space: Space, model: Model) -> Tensor:
    """w `(D,)` as w+ `(L, D)` where that is asked for."""
    if space is Space.W_PLUS and values.ndim == 1:
        return values.expand(style_count(model), -1)
    return values
