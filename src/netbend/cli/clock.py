"""Times as musicians write them."""

import re

import typer

_CLOCK = re.compile(r"(?:(?:(\d+):)?([0-5]?\d):)?(\d+(?:\.\d*)?)")


def parse_clock(text: str) -> float:
    """Seconds of `83.5`, `1:23.5` or `0:01:23.5`. Raises BadParameter for anything else."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None or (match[2] is not None and float(match[3]) >= 60):
        raise typer.BadParameter(
            f"{text:.40}: expected seconds or minutes and seconds, such as 83.5 or 1:23.5"
        )
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds
