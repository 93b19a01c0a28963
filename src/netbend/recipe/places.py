"""Places in latent space, still or moving: plain data, turned into latents elsewhere."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from netbend.choices import Space, check_word, choose
from netbend.motion import Number
from netbend.motion.curves import EASINGS


@dataclass(frozen=True)
class Seed:
    """The random latent of a seed."""

    seed: int


@dataclass(frozen=True)
class LatentFile:
    """One of the latents in a file. space: z, w or w+, where the file does not say.

    file: path as recipes have it. number: which of them, from 0.
    """

    file: str
    number: int = 0
    space: str | None = None

    def __post_init__(self) -> None:
        if self.space is not None:
            choose(Space, self.space, "space")


@dataclass(frozen=True)
class Mean:
    """The mean of the latents of some seeds, or of all that there are."""

    seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Journey:
    """Through points, one after the other. seconds: of each leg; None shares out the whole film.

    loop: back to the first and on; else it stays at the last. smooth: a spline, without corners.
    easing: of each leg. space: z or w; None for z where it has all points, else w.
    """

    points: "tuple[Point, ...]"
    seconds: float | None = None
    loop: bool = False
    smooth: bool = False
    easing: str = "linear"
    space: str | None = None

    def __post_init__(self) -> None:
        check_word(self.easing, EASINGS, "easing")
        if self.space is not None:
            check_word(self.space, (Space.Z, Space.W), "space")

    @property
    def legs(self) -> int:
        return len(self.points) if self.loop else len(self.points) - 1


@dataclass(frozen=True)
class Walk:
    """A closed curve among the random latents. seconds: until it closes; None for the whole film.

    length: in ways from one random latent to another. smoothness: 1 restless, 10 sweeping.
    """

    seed: int
    seconds: float | None = None
    length: float = 8.0
    smoothness: float = 3.0


@dataclass(frozen=True)
class Filmed:
    """Frame by frame what the model's encoder makes of another film; after its end it stays at the last."""

    film: str


@dataclass(frozen=True)
class Move:
    """Along a direction of w, see `netbend directions`. by: how far, in standard deviations.

    layers: the styles that move; None for all. of: a file of directions; None for the model's own.
    """

    direction: int
    by: Number
    layers: tuple[int, ...] | None = None
    of: str | None = None


Point: TypeAlias = Seed | LatentFile | Mean
Place: TypeAlias = Point | Journey | Walk | Filmed


@dataclass(frozen=True)
class Latent:
    """A place, which may change with time, and moves away from it."""

    place: Place
    moves: tuple[Move, ...] = ()


def bind_length(place: Journey | Walk, seconds: float | None) -> Journey | Walk:
    """The same with the length of a film, in seconds, where it has none of its own.

    Raises ValueError if it needs one and none is given.
    """
    if place.seconds is not None:
        return place
    if seconds is None:
        kind = "through" if isinstance(place, Journey) else "walk"
        raise ValueError(f"{kind}: without `seconds:` it lasts the whole film, which has no length here")
    return replace(place, seconds=seconds / place.legs if isinstance(place, Journey) else seconds)
