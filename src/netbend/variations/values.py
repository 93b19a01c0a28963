"""Transforms and their parameters by chance, within what each transform declares."""

from collections.abc import Collection
from dataclasses import dataclass
from math import exp, inf, log

import numpy as np
from pydantic import ValidationError

from netbend.bending import Layer
from netbend.errors import RecipeError
from netbend.transforms import Parameter, Transform, parameters_of
from netbend.transforms.axes import suffices

LARGEST_SHARE = 8  # a length in pixels is at most this part of a layer's side
JITTER = 0.15  # standard deviation of a small change, as a part of the range


def chance(*entropy: int) -> np.random.RandomState:
    """Random numbers from seeds. RandomState, because its stream is frozen: the same in years to come.

    Raises RecipeError for a negative one.
    """
    if any(seed < 0 for seed in entropy):
        raise RecipeError(f"seed {min(entropy)}: seeds start at 0")
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence(entropy)))


@dataclass(frozen=True)
class Range:
    """Where a parameter's values are drawn from, the middle more often than the ends.

    whole: only whole numbers. Where all are positive and far apart, the middle is that of factors, not
    of differences.
    """

    low: float
    high: float
    whole: bool = False

    @property
    def _by_factor(self) -> bool:
        return self.low > 0 and self.high >= 10 * self.low and not self.whole

    def draw(self, random: np.random.RandomState) -> float:
        """Any value."""
        place = random.triangular(0, 0.5, 1)
        if self._by_factor:
            return self._rounded(exp(log(self.low) + place * log(self.high / self.low)))
        if self.whole:
            return random.randint(int(self.low), int(self.high) + 1)
        return self._rounded(self.low + place * (self.high - self.low))

    def jitter(self, random: np.random.RandomState, value: float) -> float:
        """A value near another. One outside the range, as a user may well have chosen, may stay there."""
        wider = Range(min(self.low, value), max(self.high, value), self.whole)
        step = random.standard_normal() * JITTER
        if wider._by_factor:
            return wider._rounded(value * exp(step * log(wider.high / wider.low)))
        if self.whole and abs(step * (wider.high - wider.low)) < 1:
            return wider._rounded(value + (1 if step > 0 else -1))
        return wider._rounded(value + step * (wider.high - wider.low))

    def _rounded(self, value: float) -> float:
        """As a person would write it."""
        bounded = min(max(value, self.low), self.high)
        return round(bounded) if self.whole else min(max(three_digits(bounded), self.low), self.high)


def three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def range_of(parameter: Parameter, layer: Layer) -> Range | None:
    """The range of a parameter's values: the soft one if it has one, else the hard one; None if there
    is neither, or if it is no number."""
    kinds = parameter.type.replace(" ", "").split("|")
    if "float" not in kinds and "int" not in kinds:
        return None
    low, high = parameter.soft_range or (parameter.minimum, parameter.maximum)
    if low is None or high is None:
        return None
    if parameter.unit == "pixels":
        high = max(low, min(high, min(layer.sizes, default=1) / LARGEST_SHARE))
    low, high = max(low, _or(parameter.minimum, -inf)), min(high, _or(parameter.maximum, inf))
    return Range(low, high, whole="float" not in kinds)


def fits(cls: type[Transform], layer: Layer) -> bool:
    """Whether a layer has the axes that a transform needs at least."""
    return suffices(layer.spatial, cls.axes)


def _usable(cls: type[Transform], layer: Layer) -> list[Parameter]:
    """The parameters of a transform but for that along the height, where a layer has none."""
    has_height = "H" in layer.axes
    return [parameter for parameter in parameters_of(cls) if has_height or parameter.name != cls.upright]


def _or(bound: float | None, otherwise: float) -> float:
    return otherwise if bound is None else bound


def draw_transform(random: np.random.RandomState, cls: type[Transform], layer: Layer) -> Transform:
    """A transform with parameters by chance. What may be left out is left out half of the time.

    Raises RecipeError if it needs a parameter that has no range.
    """
    values = {}
    for parameter in _usable(cls, layer):
        limits = range_of(parameter, layer)
        optional = not parameter.required and parameter.default is None
        left_out = optional and random.uniform() < 0.5
        if limits is not None and not left_out:
            values[parameter.name] = limits.draw(random)
        elif parameter.required:
            raise RecipeError(
                f"transform {cls.name}: its parameter {parameter.name} has no range to draw from; "
                f"leave it out of the transforms"
            )
    return cls(**values)


def jitter_transform(
    random: np.random.RandomState, transform: Transform, layer: Layer, still: Collection[str] = ()
) -> Transform:
    """The transform with every number that has a range moved a little, but for those named in `still`."""
    values = {}
    for parameter in _usable(type(transform), layer):
        limits, value = range_of(parameter, layer), getattr(transform, parameter.name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if limits is not None and number and parameter.name not in still:
            values[parameter.name] = limits.jitter(random, value)
    try:
        return type(transform)(**{**dict(transform), **values})
    except ValidationError:  # of values that do not go together
        return transform
