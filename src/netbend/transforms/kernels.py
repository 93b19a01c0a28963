"""What is compiled, the first time that it is used; the machine keeps it for the next process."""

from typing import Any

import numpy as np
from numba import njit

_SPAN = 2048  # values that a pass takes at once, so that they stay in the first cache
_SIGN, _REST, _INFINITY = np.int32(-(2**31)), np.int32(2**31 - 1), np.int32(0x7F800000)
_LOWEST = _SIGN  # below the key of any number


def compiled_loop(function: Any) -> Any:
    """To be compiled when it is first called, and kept on the disk; lets go of Python while it runs."""
    try:
        return njit(function, nogil=True, cache=True, error_model="numpy")
    except RuntimeError:  # nowhere to keep it
        return njit(function, nogil=True, error_model="numpy")


@compiled_loop
def _keys_of(keys: Any, bits: Any, flip: Any) -> None:
    """Integers in the order of the numbers whose bits these are, NaN the largest; `flip` turns the order."""
    for i in range(keys.size):
        number = np.int32(bits[i] ^ flip)
        key = np.int32(number ^ np.int32(np.int32(number >> np.int32(31)) & _REST))
        keys[i] = _REST if np.int32(number & _REST) > _INFINITY else key


@compiled_loop
def _bits_of(bits: Any, keys: Any, flip: Any) -> None:
    """Back."""
    for i in range(keys.size):
        key = keys[i]
        bits[i] = np.int32(np.int32(key ^ np.int32(np.int32(key >> np.int32(31)) & _REST)) ^ flip)


@compiled_loop
def _fill(keys: Any, value: Any) -> None:
    for i in range(keys.size):
        keys[i] = value


@compiled_loop
def _larger_of_2(made: Any, a: Any, b: Any) -> None:
    for i in range(made.size):
        made[i] = max(a[i], b[i])


@compiled_loop
def _largest_of_4(made: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    for i in range(made.size):
        made[i] = max(max(a[i], b[i]), max(c[i], d[i]))


@compiled_loop
def _largest_of_5(made: Any, a: Any, b: Any, c: Any, d: Any, e: Any) -> None:
    for i in range(made.size):
        made[i] = max(max(max(a[i], b[i]), max(c[i], d[i])), e[i])


@compiled_loop
def _largest_with_4(made: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    # Not by way of _largest_of_5: what may overlap is not done several values at a time.
    for i in range(made.size):
        made[i] = max(max(max(made[i], a[i]), max(b[i], c[i])), d[i])


@compiled_loop
def _largest(memory: Any, result: Any, places: Any, away: Any, size: Any) -> None:
    """The largest of spans of memory of the same size, at least two, `away` from a result and its places."""
    count = places.size
    last = count - 1
    made = memory[result + away : result + away + size]
    a, b, c = places[0] + away, places[1] + away, places[min(2, last)] + away
    d, e = places[min(3, last)] + away, places[min(4, last)] + away
    if count == 2:
        _larger_of_2(made, memory[a : a + size], memory[b : b + size])
    elif count <= 4:
        _largest_of_4(
            made, memory[a : a + size], memory[b : b + size], memory[c : c + size], memory[d : d + size]
        )
    else:
        _largest_of_5(
            made,
            memory[a : a + size],
            memory[b : b + size],
            memory[c : c + size],
            memory[d : d + size],
            memory[e : e + size],
        )
    for next_one in range(5, count, 4):
        a, b = places[next_one] + away, places[min(next_one + 1, last)] + away
        c, d = places[min(next_one + 2, last)] + away, places[min(next_one + 3, last)] + away
        _largest_with_4(
            made, memory[a : a + size], memory[b : b + size], memory[c : c + size], memory[d : d + size]
        )


@compiled_loop
def _read_row(
    row: Any, given: Any, start: Any, before: Any, pixels: Any, values: Any, stride: Any, flip: Any
) -> None:
    """A row of keys from pixels that begin at `start`: `before` values outside, the pixels, outside again."""
    end = before + pixels * values
    _fill(row[:before], _LOWEST)
    _fill(row[end:], _LOWEST)
    if values == stride:
        _keys_of(row[before:end], given[start : start + pixels * values], flip)
    else:
        for pixel in range(pixels):
            to, of = before + pixel * values, start + pixel * stride
            _keys_of(row[to : to + values], given[of : of + values], flip)


@compiled_loop
def _write_row(made: Any, start: Any, row: Any, pixels: Any, values: Any, stride: Any, flip: Any) -> None:
    if values == stride:
        _bits_of(made[start : start + pixels * values], row, flip)
    else:
        for pixel in range(pixels):
            to, of = start + pixel * stride, pixel * values
            _bits_of(made[to : to + values], row[of : of + values], flip)


@compiled_loop
def bend_rows(given: Any, made: Any, largest: Any, shape: Any, table: Any, pieces: Any, memory: Any) -> None:
    """The largest, or smallest, values under a shape, piece by piece.

    given, made: the bits of planes `(B, H, W, V)`, as int32, one after the other. shape: H, W and V.
    table: margins - rows, columns and the shape's first row -; operands - source, rows, columns -;
    where those of each pass end; and for the maps and each pass: the rows it lies behind, the rows
    that are kept, and the columns its rows begin and end beyond a piece's.
    pieces: plane, and from where to where in rows, columns and values. memory: to work in, int32, as
    many places as the rows of a piece take.
    """
    margins, operands, ends, delays, kept, first, last = table
    height, width, stride = shape
    margin_rows, margin, start_row = margins
    passes = delays.size - 1
    flip = np.int32(0) if largest else _SIGN
    base = np.empty(passes + 1, np.int64)  # where the rows of each begin in memory
    places = np.empty(operands.shape[0], np.int64)
    for piece in range(pieces.shape[0]):
        plane, top, bottom, left, right, low, high = pieces[piece]
        values = high - low
        length = (right - left + 2 * margin) * values
        needed = 0
        for source in range(passes + 1):
            base[source] = needed
            needed += kept[source] * length
        from_column, to_column = max(left - margin, 0), min(right + margin, width)
        before = (from_column - left + margin) * values
        for y in range(top - margin_rows, bottom + margin_rows):
            row = base[0] + y % kept[0] * length
            if 0 <= y < height:
                start = ((plane * height + y) * width + from_column) * stride + low
                pixels = to_column - from_column
                _read_row(memory[row : row + length], given, start, before, pixels, values, stride, flip)
            else:
                _fill(memory[row : row + length], _LOWEST)
            for number in range(1, passes + 1):
                at = y - delays[number]
                if at < top + start_row:
                    break
                row = base[number] + at % kept[number] * length
                reads = places[: ends[number] - ends[number - 1]]
                for read in range(reads.size):
                    source, down, across = operands[ends[number - 1] + read]
                    reads[read] = base[source] + (at + down) % kept[source] * length + across * values
                begin, end = (margin + first[number]) * values, length - (margin - last[number]) * values
                for span in range(begin, end, _SPAN):
                    _largest(memory, row, reads, span, min(_SPAN, end - span))
            at = y - delays[passes]
            if at >= top + start_row:
                row = base[passes] + at % kept[passes] * length + (margin + first[passes]) * values
                start = ((plane * height + at - start_row) * width + left) * stride + low
                count = (right - left) * values
                _write_row(made, start, memory[row : row + count], right - left, values, stride, flip)


@compiled_loop
def gather(taken: Any, given: Any, features: Any, width: Any, first: Any, last: Any) -> None:
    """Of rows first to last, each so many values wide, those of some features."""
    count = features.size
    for pixel in range(first, last):
        into = taken[pixel * count : (pixel + 1) * count]
        row = given[pixel * width : (pixel + 1) * width]
        for place in range(count):
            into[place] = row[features[place]]


@compiled_loop
def copy_with(made: Any, given: Any, features: Any, values: Any, width: Any, first: Any, last: Any) -> None:
    """Rows first to last, each so many values wide, but for some features those of `values`."""
    count = features.size
    for pixel in range(first, last):
        into = made[pixel * width : (pixel + 1) * width]
        row = given[pixel * width : (pixel + 1) * width]
        for feature in range(width):
            into[feature] = row[feature]
        new = values[pixel * count : (pixel + 1) * count]
        for place in range(count):
            into[features[place]] = new[place]
