"""Lists as people type them."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any

import numpy as np

from netbend.errors import RenderError
from netbend.limits import MAX_LISTED_VALUES, MAX_SEED
from netbend.ranges import parse_names_and_ranges, parse_ranges, refuse_twice

_RANGE = re.compile(r"\s*[0-9]+-[0-9]+\s*")  # a number alone is read as JSON


def words(text: str, what: str) -> list[int | str]:
    """`1-3,b8.conv1` as 1, 2, 3 and b8.conv1. Raises RenderError, led by `what`."""
    with _led_by(what, text):
        found = parse_names_and_ranges(text, most=MAX_LISTED_VALUES)
        refuse_twice(found)
    return found


def numbers(text: str, what: str) -> list[int]:
    """`0-15,20,33` as whole numbers, up to what seeds can be. Raises RenderError, led by `what`."""
    with _led_by(what, text):
        found = parse_ranges(text, most=MAX_LISTED_VALUES, largest=MAX_SEED)
        refuse_twice(found)
    return found


@contextmanager
def _led_by(what: str, text: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise RenderError(f"{what} {text!r:.80}: {error}") from error


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
    if not _RANGE.fullmatch(part):
        return [value(part)]
    with _led_by(what, part):
        return parse_ranges(part, most=MAX_LISTED_VALUES)


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


def _checked(found: list[Any], text: str, what: str) -> list[Any]:
    if len(found) > MAX_LISTED_VALUES:
        raise RenderError(f"{what}: more than {MAX_LISTED_VALUES} at once")
    twice = [entry for index, entry in enumerate(found) if entry in found[:index]]
    if twice:
        raise RenderError(f"{what} {text!r}: {twice[0]} comes twice")
    return found
