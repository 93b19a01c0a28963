"""Lists of seeds as people type them."""

from netbend.errors import LatentError
from netbend.limits import MAX_SEEDS


def parse_seeds(text: str) -> list[int]:
    """Turn `0-15,20,33` into seeds, in that order. Raises LatentError for anything else."""
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()) or part.strip().endswith("-"):
            raise LatentError(f"seeds {text!r}: expected numbers and ranges such as 0-15,20,33")
        low, high = int(first), int(last or first)
        if high < low:
            raise LatentError(f"seeds {text!r}: the range {part.strip()} runs backwards")
        if len(seeds) + high - low >= MAX_SEEDS:
            raise LatentError(f"seeds {text!r}: more than {MAX_SEEDS} at once")
        seeds.extend(range(low, high + 1))
    return seeds
