"""What commands that make many outcomes of one latent share."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer
from PIL.Image import Image

from netbend.cli.output import print_json, progress_bar
from netbend.cli.stopping import kept_on_stop
from netbend.cli.usage import UsageError, is_given, option
from netbend.models.base import Model
from netbend.models.output import ImageOutput
from netbend.pictures import thumbnail
from netbend.recipe import Recipe
from netbend.variations.cells import unfinished_sheet
from netbend.variations.files import Outcome, Wanted, write_outcomes
from netbend.variations.unlike import Unlike

MAX_AT_HAND = 2**30  # bytes; what goes beyond is rendered again
_OF_PICTURES = [
    *("seeds", "latents", "space", "truncation", "cutoff", "noise", "label"),
    *("nonfinite", "metadata", "precision"),
]


def makes_pictures(context: typer.Context, model: Model) -> bool:
    """False for others, of which recipes alone are written. Raises ModelError for options of pictures."""
    if isinstance(model.output, ImageOutput):
        return True
    for name in _OF_PICTURES:
        if is_given(context, name):
            makes = f"{model.name} makes {model.output.what}"
            raise UsageError(f"{option(name)} is for pictures, {makes}; leave it out")
    return False


@dataclass
class AtHand:
    """Pictures by which recipes were chosen, for sheet and files: nothing is rendered twice.

    whole: for files; for a sheet they are kept small. room: bytes that they may still take.
    """

    whole: bool = False
    room: int = MAX_AT_HAND

    def take(self, chosen_by: object, recipe: Recipe) -> Image | None:
        """The picture of the recipe that was just chosen, if it was chosen by its picture."""
        if not isinstance(chosen_by, Unlike):
            return None
        picture = chosen_by.picture(recipe)
        picture = picture if self.whole else thumbnail(picture)
        self.room -= 3 * picture.width * picture.height
        return picture if self.room >= 0 else None


def typed() -> list[str]:
    """The command as it was typed."""
    return ["netbend", *sys.argv[1:]]


def write_and_say(outcomes: Sequence[Outcome], wanted: Wanted, json: bool, quiet: bool) -> None:
    """Render and write, with a bar on the way, and name what was written, or on Ctrl-C what is kept."""
    sheet = wanted.sheet_path
    kept_in = wanted.folder if sheet is None or wanted.pictures else unfinished_sheet(sheet)
    with (
        kept_on_stop(wanted.made, len(outcomes), kept_in, resume=wanted.command is not None),
        progress_bar(visible=not (json or quiet)) as bar,
    ):
        written = write_outcomes(
            outcomes, wanted, lambda made: bar.track(made, len(outcomes), description="Rendering")
        )
    if json:
        print_json({"files": [str(path) for path in written]})
    elif not quiet:
        print(f"{written[0]}" if len(written) == 1 else f"{len(written)} files in {wanted.folder}")
