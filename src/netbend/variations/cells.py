"""The pictures of an unfinished sheet, kept beside it until it is whole."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from PIL import Image

from netbend.atomic import UNFINISHED, folder_of, is_there, write_atomic
from netbend.engine.batch import Rendered, render_batch
from netbend.engine.embedded import png_bytes, request_text
from netbend.engine.request import RenderRequest
from netbend.engine.still import Still
from netbend.errors import NetbendError, RenderError
from netbend.folder_lock import LOCK, locked
from netbend.render.resume import already_made

CELL = "cell-"

Shown = Callable[[Image.Image], Image.Image]
Track = Callable[[Rendered], Rendered]


@dataclass
class Cells:
    """Pictures as a sheet shows them, each with the request of what it was made from.

    folder: where they lie. size: their height, part of their names; None for thumbnails. made: which of
    them are there, by their places on the sheet.
    """

    folder: Path
    size: int | None = None
    made: list[int] = field(default_factory=list)

    def find(self, stills: Sequence[Still]) -> dict[int, Image.Image]:
        """Those that are there, by their places."""
        requests = {self._path(place): _request(still) for place, still in enumerate(stills)}
        there = already_made({path: request for path, request in requests.items() if request is not None})
        found = {}
        for place in range(len(stills)):
            if self._path(place) in there:
                with Image.open(self._path(place)) as picture:
                    found[place] = picture.copy()
        self.made[:] = found
        return found

    def keep(self, place: int, picture: Image.Image, still: Still) -> None:
        request = _request(still)
        if request is None:
            return
        write_atomic(self._path(place), png_bytes(picture, request), RenderError, overwrite=True)
        self.made.append(place)

    def remove(self) -> None:
        """Remove them, and the folder unless something else is in it."""
        for path in [*self.folder.glob(f"{CELL}*.png"), *self.folder.glob(f"{UNFINISHED}*")]:
            path.unlink(missing_ok=True)

    def _path(self, place: int) -> Path:
        height = "" if self.size is None else f"-of-{self.size}"
        return self.folder / f"{CELL}{place:04d}{height}.png"


def _request(still: Still) -> RenderRequest | None:
    """None for latents that are too large for one."""
    try:
        request = still.request()
        request_text(request)
    except RenderError:
        return None
    return request


def digest(stills: Iterable[Still]) -> str:
    """SHA-256 of all that pictures are made from, also of what lies in files that recipes name."""
    total = hashlib.sha256()
    for still in stills:
        total.update(json.dumps(still.request().data()).encode())
    return total.hexdigest()


def unfinished_sheet(sheet: Path) -> Path:
    """The folder of a sheet's pictures."""
    return sheet.with_name(f"{sheet.name}.unfinished")


def refuse_unfinished(sheet: Path, *, resume: bool, overwrite: bool) -> None:
    """Raise RenderError for pictures of a sheet that was stopped, unless asked what to do with them."""
    folder = unfinished_sheet(sheet)
    if is_there(folder, RenderError) and not folder.is_dir():
        raise RenderError(f"{folder}: is in the way; name another --out")
    if not (resume or overwrite) and any(folder.glob(f"{CELL}*.png")):
        raise RenderError(
            f"{folder}: has pictures of a command that was stopped; say --resume to go on with them, "
            f"--overwrite to begin anew, or name another --out"
        )


@contextmanager
def kept_cells(
    sheet: Path, size: int | None = None, *, resume: bool, keep: bool, made: list[int] | None = None
) -> Iterator[Cells | None]:
    """Hold the folder of a sheet's pictures; it is removed when the sheet is whole, or cannot be made.

    What is stopped or killed leaves it. resume: use what is in it. keep: False for no such folder.
    made: grows by what is in it.
    """
    if not keep:
        yield None
        return
    cells = Cells(unfinished_sheet(sheet), size, [] if made is None else made)
    try:
        with folder_of(cells.folder / LOCK, RenderError), locked(cells.folder, RenderError):
            if not resume:
                cells.remove()
            try:
                yield cells
            except NetbendError:
                cells.remove()
                raise
            cells.remove()
    finally:
        with suppress(OSError):  # something is in it
            cells.folder.rmdir()


def shown_pictures(
    stills: Sequence[Still],
    shown: Shown,
    cells: Cells | None = None,
    track: Track = iter,
    at_hand: Mapping[int, Image.Image] = MappingProxyType({}),
) -> list[Image.Image]:
    """Render stills of one picture each, but for those in `cells`, as `shown` makes them for a sheet.

    at_hand: pictures that were made before, by the places of their stills.
    """
    made = {} if cells is None else cells.find(stills)
    missing = {place: still for place, still in enumerate(stills) if place not in made}
    for place, picture in track(all_pictures(missing, at_hand)):
        made[place] = shown(picture)
        if cells is not None:
            cells.keep(place, made[place], stills[place])
    return [made[place] for place in range(len(stills))]


def all_pictures(stills: Mapping[int, Still], at_hand: Mapping[int, Image.Image]) -> Rendered:
    """The pictures of stills by their places: those that were made before, and then the others, rendered."""
    yield from ((place, at_hand[place]) for place in stills if place in at_hand)
    places = [place for place in stills if place not in at_hand]
    for number, picture in render_batch([stills[place] for place in places]):
        yield places[number], picture
