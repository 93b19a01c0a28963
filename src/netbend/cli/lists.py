"""Lists of layers as people type them."""

from netbend.cli.usage import UsageError
from netbend.limits import MAX_LISTED_VALUES
from netbend.ranges import parse_names_and_ranges, parse_ranges


def parse_layers(text: str | None) -> list[int | str]:
    """Read `1-4,7,b32.conv0`: layers by number, ranges of them, and by name; of None nothing.

    Raises UsageError for anything else.
    """
    try:
        return [] if text is None else parse_names_and_ranges(text, most=MAX_LISTED_VALUES)
    except ValueError as error:
        raise UsageError(f"{text!r:.80}: {error}", where="layers") from error


def parse_style_layers(text: str) -> list[int]:
    """Read `4-8`: the numbers of styles. Raises UsageError for anything else."""
    try:
        return parse_ranges(text, most=MAX_LISTED_VALUES)
    except ValueError as error:
        raise UsageError(f"{text!r:.80}: {error}", where="style_layers") from error
