"""The pass after a convolution in bfloat16, compiled: to the bit what `finish` does by operations of torch.

Numbers of bfloat16 are the upper halves of float32: widened they are exact, and rounded to the nearest,
halves to even.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from netbend.transforms.kernels import compiled_loop

SPAN = 8192  # values of a row that are low-passed at once, so that they stay in the first cache
NAN = np.uint16(0x7FC0)
SLOPE = np.float32(0.2)
HALF_BITS, BELOW_HALF, ONE = np.uint32(16), np.uint32(0x7FFF), np.uint32(1)


def _cast(given: Any, made: Any, llvm_type: Any) -> Any:
    """A function that reads the same bits as another type."""

    def cast(_typing: Any, _value: Any) -> Any:
        def make(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            return builder.bitcast(values[0], llvm_type)

        return made(given), make

    return intrinsic(cast)


_as_number = _cast(types.uint32, types.float32, ir.FloatType())
_as_bits = _cast(types.float32, types.uint32, ir.IntType(32))


@compiled_loop
def _widened(bits: Any) -> Any:
    return _as_number(np.uint32(np.uint32(bits) << HALF_BITS))


@compiled_loop
def _rounded(number: Any) -> Any:
    bits = _as_bits(number)
    odd = np.uint32(np.uint32(bits >> HALF_BITS) & ONE)
    nearest = np.uint16(np.uint32(bits + BELOW_HALF + odd) >> HALF_BITS)
    return nearest if number == number else NAN


@compiled_loop
def _finished(value: Any, factor: Any, bias: Any, noise: Any, clamp: Any) -> Any:
    value = np.float32(np.float32(np.float32(value * factor) + bias) + noise)
    value = value if value > np.float32(0) else np.float32(value * SLOPE)
    value = -clamp if value < -clamp else value
    return _rounded(clamp if value > clamp else value)


@compiled_loop
def finish(maps: Any, factors: Any, bias: Any, noise: Any, clamp: Any, first: Any, last: Any) -> None:
    """Pixels first to last of maps, in place.

    maps: uint16, `(pixels, features)` as one dimension. factors, bias: float32, of each feature. noise:
    float32, of each pixel. clamp: float32.
    """
    features = factors.size
    for pixel in range(first, last):
        row = maps[pixel * features : (pixel + 1) * features]
        for feature in range(features):
            value = _widened(row[feature])
            row[feature] = _finished(value, factors[feature], bias[feature], noise[pixel], clamp)


@compiled_loop
def finish_doubled(
    made: Any,
    between: Any,
    factors: Any,
    bias: Any,
    noise: Any,
    clamp: Any,
    width: Any,
    above: Any,
    first: Any,
    last: Any,
) -> None:
    """Rows first to last of maps of a width, low-passed from `between`, which is a column wider.

    above: rows of zeros above `between`, of which row 0 of the maps takes the first four. All others as
    for `finish`.
    """
    features = factors.size
    length = (width + 1) * features
    rows = between.size // length
    span = max(1, SPAN // features)
    sums = np.empty((span + 3) * features, np.float32)
    zeros = np.zeros((span + 3) * features, np.uint16)
    for y in range(first, last):
        for x in range(0, width, span):
            count = min(span, width - x)
            left, right = max(0, x - 1), min(width + 1, x + count + 2)  # columns of `between`
            start, values = (left - x + 1) * features, (right - left) * features
            sums[:start] = np.float32(0)
            sums[start + values : (count + 3) * features] = np.float32(0)
            from_above = y - above
            reads = sums[start : start + values]
            _add_rows(
                reads,
                _row(between, from_above, rows, length, left * features, values, zeros),
                _row(between, from_above + 1, rows, length, left * features, values, zeros),
                _row(between, from_above + 2, rows, length, left * features, values, zeros),
                _row(between, from_above + 3, rows, length, left * features, values, zeros),
            )
            pixel = y * width + x
            onto = made[pixel * features : (pixel + count) * features]
            _add_columns(onto, sums, factors, bias, noise[pixel : pixel + count], clamp)


@compiled_loop
def _row(between: Any, row: Any, rows: Any, length: Any, start: Any, values: Any, zeros: Any) -> Any:
    if row < 0 or row >= rows:
        return zeros[:values]
    return between[row * length + start : row * length + start + values]


@compiled_loop
def _low_passed(a: Any, b: Any, c: Any, d: Any) -> Any:
    """By [1, 3, 3, 1]: sums of neighbours, three times."""
    middle = np.float32(b + c)
    return np.float32(np.float32(np.float32(a + b) + middle) + np.float32(middle + np.float32(c + d)))


@compiled_loop
def _add_rows(sums: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    for i in range(sums.size):
        sums[i] = _low_passed(_widened(a[i]), _widened(b[i]), _widened(c[i]), _widened(d[i]))


@compiled_loop
def _add_columns(made: Any, sums: Any, factors: Any, bias: Any, noise: Any, clamp: Any) -> None:
    features = factors.size
    for pixel in range(noise.size):
        start = pixel * features
        a = sums[start : start + features]
        b = sums[start + features : start + 2 * features]
        c = sums[start + 2 * features : start + 3 * features]
        d = sums[start + 3 * features : start + 4 * features]
        onto = made[start : start + features]
        for feature in range(features):
            value = _low_passed(a[feature], b[feature], c[feature], d[feature])
            onto[feature] = _finished(value, factors[feature], bias[feature], noise[pixel], clamp)
