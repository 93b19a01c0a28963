"""A film into a file, part by part: what a killed render wrote is gone on from."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image

from netbend.errors import RenderError
from netbend.film.formats import LOSSLESS, QUALITY, Format, format_of
from netbend.film.frames import Film
from netbend.render.record import png_bytes
from netbend.wholefile import whole_file, write_whole

PART = 32  # frames; a killed render loses at most so many

Report = Callable[[int], None]


@dataclass(frozen=True)
class Encoding:
    """What becomes of a film's frames.

    height: pixels to which they are brought, None for their own. quality: CRF, see `formats`.
    sound: put beneath. comment: kept in the file.
    """

    height: int | None = None
    quality: int = QUALITY
    sound: Path | None = None
    comment: str = ""


def unfinished(out: Path) -> Path:
    """The folder in which the parts of a film lie until it is whole."""
    return out.with_name(f"{out.name}.unfinished")


def write_film(film: Film, out: Path, encoding: Encoding, report: Report = lambda _: None) -> None:
    """Write a film: a file of the kind that its ending says, or a folder of PNG files.

    Parts are kept in `unfinished(out)` until the film is whole; those that are there already are
    taken as they are: it is for the caller to see that they belong to the same film.
    report: called with the number of frames that are there more. Raises RenderError, SoundError.
    """
    folder = unfinished(out)
    format = format_of(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        parts = list(_parts(film, folder, format, encoding, report))
        if format is None:
            _finish_folder(folder, out)
            return
        _finish(film, parts, out, format, encoding)
        shutil.rmtree(folder)
    except OSError as error:
        raise RenderError(f"cannot write {out}: {error.strerror or error}") from error


def _parts(
    film: Film, folder: Path, format: Format | None, encoding: Encoding, report: Report
) -> Iterator[Path]:
    for start in range(0, len(film), PART):
        end = min(start + PART, len(film))
        if format is None:
            yield from _pngs(film, folder, start, end, encoding, report)
            continue
        kept = LOSSLESS if format.container == "gif" else format
        part = folder / f"{start:08d}.{kept.container.replace('matroska', 'mkv')}"
        if part.exists():
            report(end - start)
        else:
            _encode(film, part, start, end, kept, encoding, report)
        yield part


def _encode(
    film: Film, part: Path, start: int, end: int, format: Format, encoding: Encoding, report: Report
) -> None:
    from netbend.film.video import encode

    def reported() -> Iterator[Image.Image]:
        for picture in film.frames(start, end):
            yield at_height(picture, encoding.height)
            report(1)

    with whole_file(part, RenderError) as unfinished_part:
        encode(reported(), unfinished_part, format, fraction(film.fps), encoding.quality)


def _pngs(
    film: Film, folder: Path, start: int, end: int, encoding: Encoding, report: Report
) -> Iterator[Path]:
    paths = [folder / f"frame-{number:06d}.png" for number in range(start, end)]
    missing = [path for path in paths if not path.exists()]
    report(len(paths) - len(missing))
    if missing:
        first = paths.index(missing[0])  # they are written in order
        for path, picture in zip(paths[first:], film.frames(start + first, end), strict=True):
            write_whole(path, png_bytes(at_height(picture, encoding.height), None), RenderError)
            report(1)
    yield from paths


def _finish(film: Film, parts: list[Path], out: Path, format: Format, encoding: Encoding) -> None:
    from netbend.film.gif import write_gif
    from netbend.film.video import join

    fps = fraction(film.fps)
    with whole_file(out, RenderError) as whole:
        if format.container == "gif":
            write_gif(parts, whole, fps, len(film))
        else:
            join(parts, whole, format, fps, len(film), encoding.sound, encoding.comment)


def _finish_folder(folder: Path, out: Path) -> None:
    """Bring finished frames to the place that was asked for."""
    out.mkdir(exist_ok=True)
    for old in out.glob("frame-*.png"):  # of a longer film that this one takes the place of
        old.unlink()
    for frame in sorted(folder.glob("frame-*.png")):
        frame.replace(out / frame.name)
    shutil.rmtree(folder)


def at_height(picture: Image.Image, height: int | None) -> Image.Image:
    """A picture brought to a height, its width even as encoders want it."""
    if height is None or height == picture.height:
        return picture
    width = max(2, 2 * round(picture.width * height / picture.height / 2))
    kind = Image.Resampling.BICUBIC if height > picture.height else Image.Resampling.LANCZOS
    return picture.resize((width, height), kind)


def fraction(fps: float) -> Fraction:
    """Frames a second as an exact ratio: 29.97 is 30000/1001."""
    ntsc = Fraction(round(fps * 1.001) * 1000, 1001)
    return (
        ntsc
        if abs(float(ntsc) - fps) < 0.005 and not float(fps).is_integer()
        else Fraction(fps).limit_denominator(1000)
    )
