"""Arrays and numbers of numpy out of the records of an inert pickle, as tensors and plain numbers."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netbend.limits import MAX_TENSOR_DIMENSIONS, MAX_TENSOR_NUMBERS

KINDS = "biuf"  # truth values, whole numbers with and without sign, floating-point numbers


@dataclass(frozen=True)
class NumberType:
    """A numpy type of plain numbers."""

    dtype: np.dtype[Any]


def number_type(args: list[Any], state: Any) -> NumberType | None:
    """What `numpy.dtype(*args)` with this state is, None for anything but plain numbers."""
    code = args[0] if args else None
    if (
        not isinstance(code, str)
        or not 2 <= len(code) <= 3
        or code[0] not in KINDS
        or not code[1:].isdecimal()
    ):
        return None
    order = state[1] if isinstance(state, list) and len(state) > 1 else "="
    if order not in ("<", ">", "=", "|") or int(code[1:]) not in (1, 2, 4, 8):
        return None
    try:
        return NumberType(np.dtype(order + code))
    except TypeError:  # such as a floating-point number of one byte
        return None


def number(args: list[Any]) -> bool | int | float | None:
    """A numpy scalar of a type and its bytes; None for what is none."""
    match args:
        case [NumberType(dtype), bytes() | str() as raw]:
            data = as_bytes(raw)
            if len(data) == dtype.itemsize:
                value: bool | int | float = np.frombuffer(data, dtype)[0].item()
                return value
    return None


def array(kind: Any, shape: Any, raw: Any, columns_first: bool) -> Tensor | None:
    """An array as a tensor with memory of its own; None for what is no array of plain numbers.

    columns_first: the first index is that which varies fastest (Fortran's order).
    """
    if not isinstance(kind, NumberType) or not isinstance(raw, bytes | bytearray | str):
        return None
    if not isinstance(shape, list) or len(shape) > MAX_TENSOR_DIMENSIONS:
        return None
    if not all(type(size) is int and 0 <= size < MAX_TENSOR_NUMBERS for size in shape):
        return None
    data = as_bytes(raw)
    if prod(shape) * kind.dtype.itemsize != len(data):
        return None
    values = np.frombuffer(data, kind.dtype).reshape(shape, order="F" if columns_first else "C")
    signed = np.int64 if kind.dtype.kind == "u" and kind.dtype.itemsize > 1 else kind.dtype.newbyteorder("=")
    return torch.from_numpy(values.astype(signed, order="C"))


def as_bytes(raw: bytes | bytearray | str) -> bytes:
    """Python 2 wrote bytes as text of their codes."""
    return raw.encode("latin1") if isinstance(raw, str) else bytes(raw)
