"""Gradient noise over time (Perlin 1985, with the fade of Perlin 2002), many rows of it at once."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
Hashes = NDArray[np.uint64]

DIGITS = 9  # of seconds, to which times within a loop are rounded: remainders are a little off

# Odd multipliers and shifts of a 64-bit mixer: every bit of the input changes half of those that come out.
_MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_STEP = np.uint64(0x9E3779B97F4A7C15)


def perlin(
    times: ArrayLike,
    seed: int,
    rows: int = 1,
    *,
    cell: float = 1.0,
    loop: float | None = None,
    octaves: int = 1,
) -> Values:
    """Noise `(rows, T)` at times `(T,)` in seconds, -1 to 1, mostly near 0; each row is a curve of its own.

    cell: seconds from one independent slope to the next. loop: seconds after which all comes again,
    exactly; the cell becomes the nearest length that fits. octaves: each adds half as much again,
    twice as fast. The same on every machine.
    """
    cells = None if loop is None else max(1, round(loop / cell))
    if loop is not None and cells is not None:
        # Times are brought into the first loop here: a quotient that is rounded would not close exactly.
        times = np.mod(np.round(np.mod(np.asarray(times, np.float64), loop), DIGITS), loop)
        cell = loop / cells
    places = np.asarray(times, np.float64) / cell
    total = np.zeros((rows, places.size))
    for octave in range(octaves):
        period = None if cells is None else cells << octave
        total += _octave(places * 2**octave, _row_hashes(seed, octave, rows), period) / 2**octave
    return np.clip(total / (2 - 2 ** (1 - octaves)), -1, 1)


def _octave(places: Values, row_hashes: Hashes, period: int | None) -> Values:
    # Gradient noise is 0 at every slope. Rows are shifted, or all of them would vanish at one time.
    shifted = places[None] + _unit(_mixed(row_hashes))[:, None]
    whole = np.floor(shifted)
    part = shifted - whole
    left, right = (_slopes(whole + step, row_hashes, period) for step in (0, 1))
    fade = part**3 * (part * (part * 6 - 15) + 10)
    return 2 * ((1 - fade) * left * part + fade * right * (part - 1))


def _slopes(lattice: Values, row_hashes: Hashes, period: int | None) -> Values:
    """-1 to 1, for each row and lattice point; the same again after a period."""
    points = (lattice if period is None else np.mod(lattice, period)).astype(np.int64).astype(np.uint64)
    return 2 * _unit(_mixed(row_hashes[:, None] + points * _STEP)) - 1


def _row_hashes(seed: int, octave: int, rows: int) -> Hashes:
    start = _mixed(np.array([seed], np.uint64) + np.array([octave], np.uint64) * _STEP)
    return _mixed(start + np.arange(1, rows + 1, dtype=np.uint64) * _STEP)


def _mixed(values: Hashes) -> Hashes:
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * _MULTIPLIERS[0]
        values = (values ^ (values >> np.uint64(27))) * _MULTIPLIERS[1]
        return values ^ (values >> np.uint64(31))


def _unit(hashes: Hashes) -> Values:
    """0 to 1, from the upper 53 bits."""
    return (hashes >> np.uint64(11)).astype(np.float64) / 2**53
