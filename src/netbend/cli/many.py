"""What commands that make many outcomes of one latent share."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netbend.cli.output import print_json, progress_bar

if TYPE_CHECKING:
    from netbend.variations.files import Outcome, Wanted


def typed() -> list[str]:
    """The command as it was typed."""
    return ["netbend", *sys.argv[1:]]


def write_and_say(outcomes: "Sequence[Outcome]", wanted: "Wanted", json: bool, quiet: bool) -> None:
    """Render and write, with a bar on the way, and name what was written."""
    from netbend.variations.files import write_outcomes

    with progress_bar(visible=not (json or quiet)) as bar:
        written = write_outcomes(outcomes, wanted, lambda jobs: bar.track(jobs, description="Rendering"))
    if json:
        print_json({"files": [str(path) for path in written]})
    elif not quiet:
        print(f"{written[0]}" if len(written) == 1 else f"{len(written)} files in {wanted.folder}")
