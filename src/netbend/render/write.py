"""The pictures of a still into files, one by one as they are made."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from netbend.atomic import write_atomic
from netbend.engine.embedded import png_bytes
from netbend.engine.request import RenderRequest
from netbend.engine.still import Still
from netbend.errors import RenderError
from netbend.pictures import thumbnail
from netbend.render.files import nothing_left_on_error, refuse_existing
from netbend.render.resume import already_made, refuse_others

Track = Callable[[Sequence[int]], Iterable[int]]


@dataclass
class PictureFiles:
    """Where the pictures of a still go.

    pictures: a file for each. sheet: for a contact sheet of all. metadata: keep a request in each.
    overwrite: replace what is there. resume: leave what is there and is the very picture wanted.
    made: the pictures that are there so far.
    """

    pictures: Sequence[Path]
    sheet: Path | None = None
    metadata: bool = True
    overwrite: bool = False
    resume: bool = False
    made: list[Path] = field(default_factory=list)

    def write(self, still: Still, track: Track = iter) -> None:
        """Render and write what is missing; if that fails, remove what was new, if it is stopped, keep it.

        track: passes on the numbers of pictures, for a progress bar. Raises RenderError, before anything
        is rendered for files that are in the way.
        """
        requests = [still[number].request() for number in range(len(still))] if self.metadata else []
        there = self._there(still, requests)
        self.made[:] = [path for path in self.pictures if path in there]
        new: list[Path] = []
        thumbnails = []
        with nothing_left_on_error(new):
            for number in track(range(len(still))):
                path = self.pictures[number]
                if path not in there:
                    picture = still[number].picture()
                    self._write(path, picture, requests[number] if requests else None, new)
                    self.made.append(path)
                elif self.sheet is not None:
                    picture = _opened(path)
                if self.sheet is not None:
                    thumbnails.append(thumbnail(picture))
            if self.sheet is not None and self.sheet not in there:
                request = still.request(sheet=True) if self.metadata else None
                self._write(self.sheet, still.sheet(thumbnails), request, new)

    def _there(self, still: Still, requests: Sequence[RenderRequest]) -> set[Path]:
        if not self.resume:
            refuse_existing([*self.pictures, *([self.sheet] if self.sheet else [])], self.overwrite)
            return set()
        wanted = dict(zip(self.pictures, requests, strict=True))
        if self.sheet is not None:
            wanted[self.sheet] = still.request(sheet=True)
        there = already_made(wanted)
        refuse_others(wanted, there, overwrite=self.overwrite)
        return there

    def _write(
        self, path: Path, picture: Image.Image, request: RenderRequest | None, new: list[Path]
    ) -> None:
        is_new = not path.exists()
        write_atomic(path, png_bytes(picture, request), RenderError, overwrite=self.overwrite)
        new.extend([path] if is_new else [])


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.copy()
