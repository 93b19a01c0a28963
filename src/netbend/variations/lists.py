"""Lists as people type them."""

import json
import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from netbend.errors import RenderError
from netbend.limits import MAX_LISTED_VALUES, MAX_SEED

_RANGE = re.compile(r"([0-9]{1,19})(?:-([0-9]{1,19}))?")


def words(text: str, what: str) -> list[int | str]:
    """`1-3,b8.conv1` as 1, 2, 3 and b8.conv1. Raises RenderError, led by `what`."""
    found: list[int | str] = []
    for part in (part.strip() for part in text.split(",")):
        bounds = _RANGE.fullmatch(part)
        if not part:
            raise RenderError(f"{what} {text!r}: expected names, numbers and ranges such as 0-3,7")
        found.extend(_range(bounds, what) if bounds else [part])
    return _checked(found, text, what)


def numbers(text: str, what: str) -> list[int]:
    """`0-15,20,33` as whole numbers, up to what seeds can be. Raises RenderError, led by `what`."""
    if any(part.strip().startswith("-") for part in text.split(",")):
        raise RenderError(f"{what} {text!r:.80}: seeds start at 0; a range is written as 0-15")
    found = words(text, what)
    if any(isinstance(word, str) or word > MAX_SEED for word in found):
        raise RenderError(f"{what} {text!r}: expected numbers and ranges such as 0-15,20,33")
    return [int(word) for word in found]


def ends(text: str, what: str) -> tuple[float, float]:
    """`0.2-0.8` as both ends, `2` as both being it. Raises RenderError, led by `what`."""
    bounds = re.fullmatch(r"\s*([0-9.]+)(?:-([0-9.]+))?\s*", text)
    low = _number(bounds[1]) if bounds else None
    high = _number(bounds[2] or bounds[1]) if bounds else None
    if low is None or high is None:
        raise RenderError(f"{what} {text!r}: expected a number, or two such as 1-3")
    return low, high


def values(text: str, what: str) -> list[Any]:
    """`0,15.5,30` as they stand, `1-3` as 1, 2 and 3, `0..90/7` as seven numbers at even distances, ends
    included.

    Raises RenderError, led by `what`.
    """
    evenly = re.fullmatch(r"\s*(.+?)\.\.(.+)/([0-9]{1,9})\s*", text)
    if evenly is None:
        if ".." in text:
            raise RenderError(f"{what} {text!r}: expected a number of steps, such as 0..90/7")
        return _checked([entry for part in _parts(text) for entry in _values(part, what)], text, what)
    low, high, count = _number(evenly[1]), _number(evenly[2]), int(evenly[3])
    if low is None or high is None or not 2 <= count <= MAX_LISTED_VALUES:
        raise RenderError(
            f"{what} {text!r}: expected two numbers and 2 to {MAX_LISTED_VALUES} steps, as 0..90/7"
        )
    steps = [float(f"{step:.6g}") for step in np.linspace(low, high, count)]
    return _checked([int(step) if step.is_integer() else step for step in steps], text, what)


def _values(part: str, what: str) -> Sequence[Any]:
    bounds = _RANGE.fullmatch(part.strip())
    return _range(bounds, what) if bounds else [value(part)]


def _number(text: str) -> float | None:
    try:
        return float(text) if isfinite(float(text)) else None
    except ValueError:
        return None


def value(text: str) -> Any:
    """A number, list, true or false; anything else is text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def _parts(text: str) -> list[str]:
    """What stands between commas, those in brackets apart."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _range(bounds: re.Match[str], what: str) -> Sequence[int]:
    low, high = int(bounds[1]), int(bounds[2] or bounds[1])
    if high < low:
        raise RenderError(f"{what}: the range {bounds[0]} runs backwards")
    if high - low >= MAX_LISTED_VALUES:
        raise RenderError(f"{what}: {bounds[0]} is more than {MAX_LISTED_VALUES} at once")
    return range(low, high + 1)


def _checked(found: list[Any], text: str, what: str) -> list[Any]:
    if len(found) > MAX_LISTED_VALUES:
        raise RenderError(f"{what}: more than {MAX_LISTED_VALUES} at once")
    twice = [entry for index, entry in enumerate(found) if entry in found[:index]]
    if twice:
        raise RenderError(f"{what} {text!r}: {twice[0]} comes twice")
    return found
