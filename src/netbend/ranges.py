"""`0-3,7`: whole numbers and ranges of them, as people write them on the command line and in recipes."""

from collections.abc import Hashable, Sequence

from netbend.digits import whole_number

EXPECTED = "expected numbers and ranges such as 0-15,20,33"


def parse_ranges(text: str, *, most: int, largest: int | None = None) -> list[int]:
    """`0-3,7` as 0, 1, 2, 3 and 7.

    Args:
        text: Numbers from 0 and ranges of them, with commas between them.
        most: How many there may be in all; more are refused before they are listed.
        largest: The largest number that there may be.

    Raises:
        ValueError: Saying what is wrong, without the text itself.
    """
    numbers: list[int] = []
    for part in map(str.strip, text.split(",")):
        bounds = _range(part)
        if bounds is None:
            below_zero = part.startswith("-")
            raise ValueError("they start at 0; a range is written as 0-15" if below_zero else EXPECTED)
        numbers.extend(_listed(bounds, most - len(numbers), most, largest))
    return numbers


def parse_names_and_ranges(text: str, *, most: int) -> list[int | str]:
    """`1-3,b8.conv1` as 1, 2, 3 and b8.conv1.

    Raises:
        ValueError: As `parse_ranges`, and where nothing stands.
    """
    found: list[int | str] = []
    for part in map(str.strip, text.split(",")):
        if not part:
            raise ValueError("expected names, numbers and ranges such as 1-4,b32.conv0")
        bounds = _range(part)
        found.extend([part] if bounds is None else _listed(bounds, most - len(found), most, None))
    return found


def ranges_in(data: object, *, most: int, largest: int) -> list[int]:
    """The same from YAML: `3`, `0-7,12`, or a list of such.

    Raises:
        ValueError: As `parse_ranges`, led by what stands there.
    """
    entries = list(data) if isinstance(data, list | tuple) else [data]
    plain = all(isinstance(entry, int | str) and not isinstance(entry, bool) for entry in entries)
    text = ",".join(map(str, entries)) if plain else str(data)
    try:
        if not plain or not entries:
            raise ValueError(EXPECTED)
        return parse_ranges(text, most=most, largest=largest)
    except ValueError as error:
        raise ValueError(f"{text!r:.60}: {error}") from error


def is_range(text: str) -> bool:
    """Whether a text is one number or one range."""
    return _range(text.strip()) is not None


def refuse_twice(found: Sequence[Hashable]) -> None:
    """Raise ValueError for what stands in a list more than once."""
    seen: set[Hashable] = set()
    for entry in found:
        if entry in seen:
            raise ValueError(f"{entry} comes twice")
        seen.add(entry)


def _range(part: str) -> tuple[int, int] | None:
    """Both ends of `8-15`, or of `7`; None for anything else."""
    first, dash, last = part.partition("-")
    low, high = whole_number(first.strip()), whole_number((last if dash else first).strip())
    return None if low is None or high is None else (low, high)


def _listed(bounds: tuple[int, int], room: int, most: int, largest: int | None) -> range:
    low, high = bounds
    if high < low:
        raise ValueError(f"the range {low}-{high} runs backwards")
    if largest is not None and high > largest:
        raise ValueError(f"{high} is more than {largest}, the largest there can be")
    if high - low >= room:
        raise ValueError(f"more than {most} at once")
    return range(low, high + 1)
