"""The growth of a disc in as few passes over the maps as it takes, each taking the largest of many values."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from netbend.transforms.disc import Growth, Point, disc_growth

MOST_OPERANDS = 24
COST_OF_PASS = 2.5  # what writing a result and reading it again costs, in operands

GIVEN = 0  # the maps themselves; other sources are the results of passes, from 1 on


@dataclass(frozen=True)
class Operand:
    """Where a pass reads: so many rows below and columns to the right of where it writes."""

    source: int
    rows: int
    columns: int


Pass = tuple[Operand, ...]


@lru_cache(maxsize=256)
def disc_passes(radius: int, height: int, width: int) -> tuple[Pass, ...]:
    """A disc as passes, each over the result of the one before and over the maps as they were given.

    Steps of its growth are taken together where that makes fewer reads and writes: two steps {0, a} and
    {0, b} are one pass over {0, a, b, a + b}. A result lies where the first pixel of the disc does, as
    seen from the pixel it belongs to.
    """
    growth = disc_growth(radius, height, width)
    cheapest: list[tuple[float, tuple[int, ...]]] = [(0.0, (0,))]  # up to each step: cost, where passes end
    merged = {(first, last): pixels for first, last, pixels in _merged(growth)}
    for last in range(1, len(growth.steps) + 1):
        cheapest.append(
            min(
                (cheapest[first][0] + len(merged[first, last]) + COST_OF_PASS, (*cheapest[first][1], last))
                for first in range(last)
                if (first, last) in merged
            )
        )
    return tuple(
        tuple(Operand(number if on_result else GIVEN, *pixel) for on_result, pixel in merged[span])
        for number, span in enumerate(pairwise(cheapest[-1][1]))
    )


def _merged(growth: Growth) -> Iterator[tuple[int, int, list[tuple[bool, Point]]]]:
    """Steps first to last as one pass, as long as it does not read too much: of the result, or as given."""
    down, right = growth.start
    for first in range(len(growth.steps)):
        of_result: set[Point] = {(0, 0)}
        as_given: set[Point] = set()
        for last, step in enumerate(growth.steps[first:], start=first + 1):
            of_result |= _moved(of_result, step.shift)
            as_given |= _moved(as_given, step.shift)
            as_given |= {(row - down, column - right) for row, column in step.extra}
            if first == 0:  # the result before the first step is what was given
                as_given, of_result = as_given | of_result, set()
            pixels = [(True, pixel) for pixel in sorted(of_result)]
            pixels += [(False, pixel) for pixel in sorted(as_given)]
            if len(pixels) > MOST_OPERANDS and last > first + 1:
                break
            yield first, last, pixels


def _moved(pixels: set[Point], shift: Point) -> set[Point]:
    return {(row + shift[0], column + shift[1]) for row, column in pixels}
