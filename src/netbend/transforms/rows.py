"""Erosion and dilation row by row, compiled: from a row of maps to a row of results within the caches.

Only the last rows are kept of the maps and of the result of each pass, as many as later passes reach
back. Values are compared as integers in the same order, NaN above all, in registers.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate, product
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netbend.transforms.disc import disc_growth
from netbend.transforms.kernels import bend_rows
from netbend.transforms.passes import Pass, disc_passes
from netbend.transforms.threads import run_together

CACHED_VALUES = 1 << 20  # of all rows that are kept, 4 MiB: narrower pieces cost more than a larger cache
MOST_VALUES = 1 << 22
FEWEST_FEATURES = 64  # side by side, when they are cut: copies of fewer are slow
SHARED_READS = 1 << 23  # of values; with fewer another thread takes longer to wake than to help

Ints = NDArray[np.integer]


def extremum_by_rows(planes: Tensor, made: Tensor, radius: int, largest: bool) -> bool:
    """The largest, or smallest, value under a disc of float32 planes `(B, H, W, V)`, dense, on a CPU.

    Writes into `made`. False, and nothing is done, where the rows to keep would take too much memory.
    """
    program = _program(radius, *planes.shape[1:])
    if program.places > MOST_VALUES:
        return False
    threads = torch.get_num_threads() if program.reads * planes.numel() > SHARED_READS else 1
    parts = _parts(program, len(planes), threads)
    given, bent = planes.numpy().reshape(-1).view(np.int32), made.numpy().reshape(-1).view(np.int32)
    run_together([partial(_bend, program, given, bent, largest, pieces) for pieces in parts])
    return True


_own = threading.local()  # memory to work in: a thread other than the first would get it anew, page by page


def _bend(program: "_Program", given: Ints, bent: Ints, largest: bool, pieces: Ints) -> None:
    if getattr(_own, "memory", np.empty(0)).size < program.places:
        _own.memory = np.empty(program.places, np.int32)
    bend_rows(given, bent, largest, program.shape, program.table, pieces, _own.memory)


@dataclass(frozen=True, eq=False)
class _Program:
    """What the kernel needs to know, but for the planes: see `bend_rows`.

    places: values that are kept. reads: for each result. columns, features: of a piece.
    """

    shape: Ints
    table: tuple[Ints, ...]
    places: int
    reads: int
    columns: int
    features: int


@lru_cache(maxsize=256)
def _parts(program: _Program, planes: int, threads: int) -> list[Ints]:
    """For each thread the pieces to do one by one, `(pieces, 7)`: plane, rows, columns and features."""
    height, width, values = program.shape.tolist()
    features, strips = program.features, 1
    side_by_side = planes * ceil(width / program.columns) * ceil(values / features)
    if threads > 1 and side_by_side < 8 * threads:
        # Features cut have no margins, strips of rows have: those of low maps would be mostly margin.
        margins = 2 * int(program.table[0][0])
        if margins * threads * 8 > height and features >= threads * FEWEST_FEATURES:
            features = ceil(features / threads)
        else:
            strips = threads
    pieces = [
        (plane, *rows, *columns, *some)
        for plane, rows, columns, some in product(
            range(planes),
            _cut(height, ceil(height / strips)),
            _cut(width, program.columns),
            _cut(values, features),
        )
    ]
    return [np.array(pieces[first::threads]) for first in range(min(threads, len(pieces)))]


@lru_cache(maxsize=256)
def _program(radius: int, height: int, width: int, values: int) -> _Program:
    growth, passes = disc_growth(radius, height, width), disc_passes(radius, height, width)
    delays = _delays(passes)
    kept = _kept(passes, delays)
    first, last = _spans(passes, growth.start[1])
    margins = np.array([growth.rows, growth.columns, growth.start[0]])
    operands = np.array([(read.source, read.rows, read.columns) for one in passes for read in one])
    ends = np.array([0, *accumulate(map(len, passes))])
    table = (margins, operands, ends, np.array(delays), np.array(kept), np.array(first), np.array(last))
    rows, margin = sum(kept), growth.columns
    features, columns = _piece(rows, margin, width, values)
    places = rows * (columns + 2 * margin) * features
    return _Program(np.array([height, width, values]), table, places, len(operands) + 2, columns, features)


def _delays(passes: Sequence[Pass]) -> list[int]:
    """How many rows above the row of the maps that was read last the row of each pass lies."""
    delays = [0]
    for one in passes:
        delays.append(max(delays[read.source] + read.rows for read in one))
    return delays


def _kept(passes: Sequence[Pass], delays: Sequence[int]) -> list[int]:
    """How many rows are kept of the maps and of each pass."""
    kept = [1] * (len(passes) + 1)
    for delay, one in zip(delays[1:], passes, strict=True):
        for read in one:
            kept[read.source] = max(kept[read.source], delay - delays[read.source] - read.rows + 1)
    return kept


def _spans(passes: Sequence[Pass], start: int) -> tuple[list[int], list[int]]:
    """How much wider than a piece the rows of the maps and of each pass are, at both sides, in columns."""
    first, last = [start], [start]
    for number in range(len(passes) - 1, -1, -1):
        across = [read.columns for read in passes[number] if read.source == number] or [0]
        first.insert(0, first[0] + min(0, *across))
        last.insert(0, last[0] + max(0, *across))
    return first, last


def _piece(rows: int, margin: int, width: int, values: int) -> tuple[int, int]:
    """Features and columns of a piece: as many as the caches hold, rather columns where margins are wide."""
    most = CACHED_VALUES // rows
    features = values
    while (min(width, 4 * margin + 8) + 2 * margin) * features > most and features >= 2 * FEWEST_FEATURES:
        features = ceil(features / 2)
    columns = max(most // features - 2 * margin, 2 * margin, 8)
    return features, ceil(width / ceil(width / columns))


def _cut(length: int, size: int) -> list[tuple[int, int]]:
    return [(first, min(first + size, length)) for first in range(0, length, size)]
