"""Lists of seeds as people type them."""

from netbend.errors import LatentError
from netbend.limits import MAX_SEEDS
from netbend.ranges import parse_ranges


def parse_seeds(text: str) -> list[int]:
    """Turn `0-15,20,33` into seeds, in that order. Raises LatentError for anything else."""
    try:
        return parse_ranges(text, most=MAX_SEEDS)
    except ValueError as error:
        raise LatentError(f"{text!r:.80}: {error}", where="seeds") from error
