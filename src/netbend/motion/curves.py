"""Values that move: numbers as functions of time, each defined at every time by itself."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import cos, floor, pi
from pathlib import Path
from typing import TypeAlias

from netbend.choices import check_word
from netbend.motion.noise import DIGITS, perlin

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "ease-in": lambda x: x**3,
    "ease-out": lambda x: 1 - (1 - x) ** 3,
    "ease-in-out": lambda x: 4 * x**3 if x < 0.5 else 1 - (2 - 2 * x) ** 3 / 2,
    "hold": lambda x: floor(x),
}
WAVES: dict[str, Callable[[float], float]] = {  # a period is 0 to 1; all begin and end at 0
    "sine": lambda x: (1 - cos(2 * pi * x)) / 2,
    "triangle": lambda x: 1 - abs(2 * x - 1),
    "saw": lambda x: x,
    "square": lambda x: float(x >= 0.5),
}
MEASURES = ("level", "onset", "bass", "mid", "treble")
SOUNDTRACK = "soundtrack"  # in place of a file: the sound of the film, or the one that is bent


@dataclass(frozen=True)
class Ramp:
    """From one value to another and no further. seconds: None for the whole length of the film."""

    start: float
    end: float
    seconds: float | None = None
    easing: str = "linear"

    def __post_init__(self) -> None:
        check_word(self.easing, EASINGS, "easing")

    def at(self, time: float) -> float:
        if self.seconds is None:
            raise ValueError("a ramp of no length; a film that it is bound to gives it one")
        share = min(1.0, max(0.0, time / self.seconds))
        return _between(self.start, self.end, EASINGS[self.easing](share))

    @property
    def bounds(self) -> tuple[float, float]:
        return min(self.start, self.end), max(self.start, self.end)


@dataclass(frozen=True)
class Key:
    """A value at a time. easing: how it is come to from the key before."""

    time: float
    value: float
    easing: str = "linear"

    def __post_init__(self) -> None:
        check_word(self.easing, EASINGS, "easing")


@dataclass(frozen=True)
class Keys:
    """Key frames, times ascending. loop: seconds after which they begin again."""

    keys: tuple[Key, ...]
    loop: float | None = None

    def at(self, time: float) -> float:
        if self.loop is not None:
            time = round(time % self.loop, DIGITS) % self.loop
        place = bisect_right(self.keys, time, key=lambda key: key.time)
        if place in (0, len(self.keys)):
            return self.keys[max(0, place - 1)].value
        earlier, later = self.keys[place - 1 : place + 1]
        share = (time - earlier.time) / (later.time - earlier.time)
        return _between(earlier.value, later.value, EASINGS[later.easing](share))

    @property
    def bounds(self) -> tuple[float, float]:
        values = [key.value for key in self.keys]
        return min(values), max(values)


@dataclass(frozen=True)
class Wave:
    """An oscillator: from one value to another and back, every so many seconds. phase: 0 to 1."""

    shape: str
    start: float
    end: float
    seconds: float
    phase: float = 0.0

    def __post_init__(self) -> None:
        check_word(self.shape, WAVES, "wave")

    def at(self, time: float) -> float:
        place = round(time / self.seconds + self.phase, DIGITS) % 1
        return _between(self.start, self.end, WAVES[self.shape](place))

    @property
    def bounds(self) -> tuple[float, float]:
        return min(self.start, self.end), max(self.start, self.end)


@dataclass(frozen=True)
class Noise:
    """Perlin noise between two values, see `perlin`. seconds: how long until it is another."""

    seed: int
    start: float
    end: float
    seconds: float = 1.0
    loop: float | None = None
    octaves: int = 1

    def at(self, time: float) -> float:
        noise = perlin([time], self.seed, cell=self.seconds, loop=self.loop, octaves=self.octaves)
        return _between(self.start, self.end, (noise.item() + 1) / 2)

    @property
    def bounds(self) -> tuple[float, float]:
        return min(self.start, self.end), max(self.start, self.end)


@dataclass(frozen=True)
class Follow:
    """What is measured of a sound file: the quietest gives `start`, the loudest `end`.

    sound: path as recipes have it, or SOUNDTRACK. of: level, onset, bass, mid, treble, or a band in Hz.
    smooth: seconds over which it falls. path: the file itself.
    """

    sound: str
    of: str | tuple[float, float]
    start: float
    end: float
    smooth: float = 0.1
    path: Path | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.of, tuple):
            check_word(self.of, MEASURES, "follow")

    def at(self, time: float) -> float:
        from netbend.motion.measure import measured  # reading sound takes libraries of its own

        if self.path is None:
            raise ValueError("no soundtrack to follow; a film that it is bound to gives it one")
        return _between(self.start, self.end, measured(self.path, self.of, self.smooth).at(time))

    @property
    def bounds(self) -> tuple[float, float]:
        return min(self.start, self.end), max(self.start, self.end)


Curve: TypeAlias = Ramp | Keys | Wave | Noise | Follow
Number: TypeAlias = float | Curve


def value_at(number: Number, time: float) -> float:
    """A number that moves or not, at a time in seconds."""
    return number.at(time) if isinstance(number, Curve) else number


def bounds_of(number: Number) -> tuple[float, float]:
    """The least and the greatest it can become."""
    return number.bounds if isinstance(number, Curve) else (number, number)


def scaled(number: Number, factor: float) -> Number:
    """A number times a factor, at every time."""
    if isinstance(number, Keys):
        return replace(number, keys=tuple(replace(key, value=key.value * factor) for key in number.keys))
    if isinstance(number, Curve):
        return replace(number, start=number.start * factor, end=number.end * factor)
    return number * factor


def bind_number(number: Number, seconds: float | None, soundtrack: Path | None) -> Number:
    """The same with a length for ramps without one, and with the sound that is called the soundtrack.

    Raises ValueError if it needs one of them and none is given.
    """
    if isinstance(number, Ramp) and number.seconds is None:
        if seconds is None:
            raise ValueError(
                "from ... to without `seconds:` lasts the whole film, which has no length here; give it "
                "`seconds:`, or the recipe"
            )
        return replace(number, seconds=seconds)
    if isinstance(number, Follow) and number.sound == SOUNDTRACK:
        if soundtrack is None and number.path is None:
            raise ValueError(
                "follows the soundtrack, and there is none; name one as `soundtrack:` in the recipe, or for "
                "a film with --sound"
            )
        return replace(number, path=soundtrack or number.path)
    return number


def _between(start: float, end: float, share: float) -> float:
    # Exact at both ends, so that what returns to a value returns to the same pixels.
    return start + (end - start) * share if share < 0.5 else end - (end - start) * (1 - share)
