"""Lists of seeds as people type them."""

from netbend.digits import whole_number
from netbend.errors import LatentError
from netbend.limits import MAX_SEEDS


def parse_seeds(text: str) -> list[int]:
    """Turn `0-15,20,33` into seeds, in that order. Raises LatentError for anything else."""
    seeds: list[int] = []
    for part in text.split(","):
        if part.strip().startswith("-"):
            raise LatentError(f"seeds {text!r:.80}: seeds start at 0; a range is written as 0-15")
        first, _, last = part.strip().partition("-")
        low, high = whole_number(first), whole_number(last or first)
        if low is None or high is None or part.strip().endswith("-"):
            raise LatentError(f"seeds {text!r:.80}: expected numbers and ranges such as 0-15,20,33")
        if high < low:
            raise LatentError(f"seeds {text!r}: the range {part.strip()} runs backwards")
        if len(seeds) + high - low >= MAX_SEEDS:
            raise LatentError(f"seeds {text!r}: more than {MAX_SEEDS} at once")
        seeds.extend(range(low, high + 1))
    return seeds
