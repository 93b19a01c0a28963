"""From point to point in latent space."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from netbend.latents.walk import slerp

Blend: TypeAlias = Callable[[Tensor, Tensor, float], Tensor]


@dataclass(frozen=True)
class Legs:
    """Points of one shape, and how to go from each to the next.

    seconds: of a leg. loop: the last leg leads back to the first point. smooth: a Catmull-Rom spline.
    ease: what share of the way is done after a share of the time.
    """

    points: Sequence[Tensor]
    seconds: float
    blend: Blend
    loop: bool = False
    smooth: bool = False
    ease: Callable[[float], float] = float

    def at(self, time: float) -> Tensor:
        """The place at a time in seconds; at the ends of legs, the points to the bit."""
        legs = len(self.points) if self.loop else len(self.points) - 1
        # Rounded to what no picture shows: a quotient a little off would miss the points.
        place = round(time / self.seconds, 9)
        place = place % legs if self.loop else min(max(place, 0.0), float(legs))
        leg = int(place)
        share = self.ease(place - leg)
        if share == 0:
            return self.points[leg]
        if self.smooth:
            return _catmull_rom([self._point(leg + step) for step in (-1, 0, 1, 2)], share, self.blend)
        return self.blend(self._point(leg), self._point(leg + 1), share)

    def _point(self, index: int) -> Tensor:
        last = len(self.points) - 1
        return self.points[index % (last + 1) if self.loop else min(max(index, 0), last)]


def linear(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Along a line, as w is to be gone through."""
    return start.lerp(end, share)


def spherical(z_dimensions: int) -> Blend:
    """Along a circle, as normal z is to be gone through; weights of classes behind it along a line."""

    def blend(start: Tensor, end: Tensor, share: float) -> Tensor:
        z = slerp(start[:z_dimensions], end[:z_dimensions], share)
        return torch.cat([z, start[z_dimensions:].lerp(end[z_dimensions:], share)])

    return blend


def _catmull_rom(points: Sequence[Tensor], share: float, blend: Blend) -> Tensor:
    """Between the second and third of four points, by blends of blends (Barry and Goldman 1988).

    With blends along circles it is the spline on the sphere (Schlag 1991).
    """
    first, second, third, fourth = points
    before, between = blend(first, second, share + 1), blend(second, third, share)
    after = blend(third, fourth, share - 1)
    return blend(blend(before, between, (share + 1) / 2), blend(between, after, share / 2), share)
