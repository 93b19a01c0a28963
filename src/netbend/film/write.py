"""A film into a file, part by part: what a killed render wrote is gone on from."""

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image

from netbend.atomic import atomic_write, write_atomic
from netbend.errors import RenderError
from netbend.film.formats import LOSSLESS, QUALITY, Format, format_of
from netbend.film.frames import Film
from netbend.render.record import png_bytes

PART = 32  # frames; a killed render loses at most twice as many
SMALL, ENLARGED = 256, 512  # smaller pictures are enlarged to this height

Report = Callable[[int], None]


@dataclass(frozen=True)
class Encoding:
    """What becomes of a film's frames.

    height: pixels to which they are brought; None for their own, small ones enlarged. quality: CRF,
    see `formats`. sound: put beneath. comment: kept in the file.
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
        if format is None:
            _write_parts(film, _png_parts(film, folder, encoding), report)
            _finish_folder(folder, out)
            return
        parts = _video_parts(film, folder, LOSSLESS if format.container == "gif" else format, encoding)
        _write_parts(film, parts, report)
        _finish(film, [part.last for part in parts], out, format, encoding)
        shutil.rmtree(folder)
    except OSError as error:
        raise RenderError(f"cannot write {out}: {error.strerror or error}") from error


@dataclass(frozen=True)
class _Part:
    """Frames from `start` up to `end`, without it. last: the file that is there once all of them are."""

    start: int
    end: int
    last: Path
    write: Callable[[list[Image.Image]], None]


def _write_parts(film: Film, parts: Sequence[_Part], report: Report) -> None:
    """Write the parts that are missing, each while the frames of the next are made."""

    def write(part: _Part, pictures: list[Image.Image]) -> None:
        part.write(pictures)
        report(part.end - part.start)

    with ThreadPoolExecutor(max_workers=1) as beside:
        written: Future[None] | None = None
        for part in parts:
            if part.last.exists():
                report(part.end - part.start)
                continue
            pictures = list(film.frames(part.start, part.end))
            if written is not None:
                written.result()
            written = beside.submit(write, part, pictures)
        if written is not None:
            written.result()


def _video_parts(film: Film, folder: Path, format: Format, encoding: Encoding) -> list[_Part]:
    ending = "mkv" if format is LOSSLESS else format.container
    fps = fraction(film.fps)

    def part(start: int) -> _Part:
        path = folder / f"{start:08d}.{ending}"

        def write(pictures: list[Image.Image]) -> None:
            from netbend.film.video import encode

            with atomic_write(path, RenderError, overwrite=True) as whole:
                resized = (at_height(picture, encoding.height) for picture in pictures)
                encode(resized, whole, format, fps, encoding.quality)

        return _Part(start, min(start + PART, len(film)), path, write)

    return [part(start) for start in range(0, len(film), PART)]


def _png_parts(film: Film, folder: Path, encoding: Encoding) -> list[_Part]:
    def part(start: int) -> _Part:
        end = min(start + PART, len(film))
        paths = [folder / f"frame-{number:06d}.png" for number in range(start, end)]

        def write(pictures: list[Image.Image]) -> None:
            for path, picture in zip(paths, pictures, strict=True):
                if not path.exists():
                    write_atomic(
                        path,
                        png_bytes(at_height(picture, encoding.height), None),
                        RenderError,
                        overwrite=True,
                    )

        return _Part(start, end, paths[-1], write)

    return [part(start) for start in range(0, len(film), PART)]


def _finish(film: Film, parts: list[Path], out: Path, format: Format, encoding: Encoding) -> None:
    from netbend.film.gif import write_gif
    from netbend.film.video import join

    fps = fraction(film.fps)
    with atomic_write(out, RenderError, overwrite=True) as whole:
        if format.container == "gif":
            write_gif(parts, whole, fps, len(film))
        else:
            join(parts, whole, format, fps, len(film), encoding.sound, encoding.comment)


def _finish_folder(folder: Path, out: Path) -> None:
    """Bring finished frames to the place that was asked for."""
    for other in set(folder.iterdir()) - set(folder.glob("frame-*.png")):
        other.unlink()
    if not out.exists() or not any(out.iterdir()):
        folder.replace(out)  # at one stroke: what is killed now leaves no half of a film
        return
    for old in out.glob("frame-*.png"):  # of the film that this one takes the place of
        old.unlink()
    for frame in sorted(folder.iterdir()):
        frame.replace(out / frame.name)
    folder.rmdir()


def at_height(picture: Image.Image, height: int | None = None) -> Image.Image:
    """A picture brought to a height, its width even as encoders want it.

    height: None leaves it, but enlarges small pictures by a whole number.
    """
    if height is None:
        height = picture.height if picture.height >= SMALL else picture.height * (ENLARGED // picture.height)
    if height == picture.height:
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
