"""A disc as a sum of segments, which makes a running maximum over it cheap.

The largest value under a shape S + {0, v} is the larger of two values that are already there, those
under S at a pixel and at v from it. A convex shape is nearly the Minkowski sum of the edges of its
hull, so a disc of radius 16, of 833 pixels in 33 rows, takes 21 such steps for all pixels at once.
Where a sum of segments misses pixels of the shape, the step names them, and they are compared one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import gcd, sqrt

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]  # rows down, columns to the right
Ints = NDArray[np.int64]


def disc(radius: int) -> list[int]:
    """A disc as OpenCV draws its elliptical structuring element of size 2r + 1.

    For each row from -r to r, how far it reaches to both sides of the centre, in pixels.
    """
    return [round(sqrt(radius**2 - row**2)) for row in range(-radius, radius + 1)]


@dataclass(frozen=True)
class Step:
    """One step from a shape to a larger one: itself, itself moved by `shift`, and `extra` pixels."""

    shift: Point
    extra: tuple[Point, ...]


@dataclass(frozen=True)
class Growth:
    """How a shape grows from one pixel, `start`."""

    start: Point
    steps: tuple[Step, ...]
    rows: int  # the furthest it reaches up and down
    columns: int  # ... and to the left and right

    @property
    def shifts(self) -> list[Point]:
        return [step.shift for step in self.steps]


@lru_cache(maxsize=256)
def disc_growth(radius: int, height: int, width: int) -> Growth:
    """A disc, without what lies outside of `height` x `width` maps from all of their pixels."""
    reach = [
        min(half, width - 1)
        for row, half in zip(range(-radius, radius + 1), disc(radius), strict=True)
        if abs(row) < height
    ]
    columns = np.array(reach)
    shape = _Shape(-(len(reach) // 2), -columns, columns)
    steps = []
    while shape.size > 1:
        step, shape = _last_step(shape)
        steps.append(step)
    return Growth((shape.top, int(shape.left[0])), tuple(reversed(steps)), len(reach) // 2, max(reach))


@dataclass(frozen=True)
class _Shape:
    """Pixels, one run a row: rows from `top` down, columns from `left` to `right`."""

    top: int
    left: Ints
    right: Ints

    @property
    def size(self) -> int:
        return int(_lengths(self.left, self.right).sum())


def _last_step(shape: _Shape) -> tuple[Step, _Shape]:
    """The step to a shape that has to name the fewest pixels, of those the one from the smallest shape."""
    choices = []
    for shift in _shifts(shape):
        core = _core(shape, shift)
        if 0 < core.size < shape.size:
            missing = int(_missing(shape, core, shift)[0].sum())
            choices.append(((missing, core.size), shift, core))
    _, shift, core = min(choices, key=lambda choice: choice[0])
    return Step(shift, _missing_pixels(shape, core, shift)), _trimmed(core)


def _shifts(shape: _Shape) -> Iterator[Point]:
    """Edges of the hull, whole, halved and by single pixels: down, in the order of the outline."""
    width, height = int(_lengths(shape.left, shape.right).max()), len(shape.left)
    top_edge = int(shape.right[0] - shape.left[0])
    edges = [*_right_edges(shape), (0, width - 1), (height - 1, 0), (0, top_edge)]
    for down, across in dict.fromkeys(edges):
        pieces = gcd(down, across)
        for count in sorted({pieces, (pieces + 1) // 2, pieces // 2, min(pieces, 1)} - {0}, reverse=True):
            yield down // pieces * count, across // pieces * count


def _right_edges(shape: _Shape) -> list[Point]:
    """The hull on the right, from corner to corner, from top to bottom (Andrew's monotone chain)."""
    corners: list[Point] = []
    for row, column in enumerate(shape.right.tolist()):
        while len(corners) > 1 and _is_flat(corners[-2], corners[-1], (row, column)):
            corners.pop()
        corners.append((row, column))
    return [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(corners)]


def _is_flat(a: Point, b: Point, c: Point) -> bool:
    """Whether b does not stick out to the right of the line from a down to c."""
    return (b[1] - a[1]) * (c[0] - a[0]) <= (c[1] - a[1]) * (b[0] - a[0])


def _core(shape: _Shape, shift: Point) -> _Shape:
    """The pixels of a shape that lie in it also when moved by the shift."""
    down, across = shift
    rows = len(shape.left) - down
    return _Shape(
        shape.top,
        np.maximum(shape.left[:rows], shape.left[down:] - across),
        np.minimum(shape.right[:rows], shape.right[down:] - across),
    )


def _missing(shape: _Shape, core: _Shape, shift: Point) -> tuple[Ints, tuple[Ints, Ints], tuple[Ints, Ints]]:
    """How many pixels of each row neither the core nor the moved core has, and the runs of both."""
    down, across = shift
    rows = len(shape.left) - down
    here = np.ones_like(shape.left), np.zeros_like(shape.left)  # nothing in each row
    moved = here[0].copy(), here[1].copy()
    here[0][:rows], here[1][:rows] = core.left, core.right
    moved[0][down:], moved[1][down:] = core.left + across, core.right + across
    both = _lengths(np.maximum(here[0], moved[0]), np.minimum(here[1], moved[1]))
    covered = _lengths(*here) + _lengths(*moved) - both
    return _lengths(shape.left, shape.right) - covered, here, moved


def _missing_pixels(shape: _Shape, core: _Shape, shift: Point) -> tuple[Point, ...]:
    counts, *covering = _missing(shape, core, shift)
    return tuple(
        (shape.top + row, column)
        for row in np.flatnonzero(counts).tolist()
        for column in range(int(shape.left[row]), int(shape.right[row]) + 1)
        if not any(left[row] <= column <= right[row] for left, right in covering)
    )


def _trimmed(shape: _Shape) -> _Shape:
    """Without empty rows above and below."""
    filled = np.flatnonzero(_lengths(shape.left, shape.right))
    first, last = int(filled[0]), int(filled[-1])
    return _Shape(shape.top + first, shape.left[first : last + 1], shape.right[first : last + 1])


def _lengths(left: Ints, right: Ints) -> Ints:
    return np.maximum(right - left + 1, 0)
