"""A film into a file, part by part: what a killed render wrote is gone on from."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image

from netbend.atomic import atomic_write
from netbend.engine.frames import Film
from netbend.errors import RenderError
from netbend.film.finish import frame_name, place_file, place_frames, write_frame
from netbend.film.folder import WHOLE, remove, unfinished
from netbend.film.formats import LOSSLESS, PART_FRAMES, Encoding, Format

SMALL, ENLARGED = 256, 512  # smaller pictures are enlarged to this height

Report = Callable[[int], None]


def write_film(
    film: Film, out: Path, encoding: Encoding, report: Report = lambda _: None, *, overwrite: bool = True
) -> None:
    """Write a film: a file of the kind that its ending says, or a folder of PNG files.

    Parts are kept in `unfinished(out)` until the film is whole; those that are there already are
    taken as they are: it is for the caller to see that they belong to the same film.
    report: called with the number of frames that are there more. overwrite: take the place of another
    film, of a folder's other files of no other. Raises RenderError, SoundError.
    """
    folder = unfinished(out)
    format = encoding.format(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if format is None:
            _write_parts(film, _png_parts(film, folder, encoding), report)
            place_frames(folder, out, len(film), overwrite=overwrite)
            return
        parts = _video_parts(film, folder, format, encoding)
        _write_parts(film, parts, report)
        whole = folder / f"{WHOLE}{out.suffix}"
        _finish(film, [path for part in parts for path in part.files], whole, format, encoding)
        place_file(whole, out, overwrite=overwrite)
        remove(folder)
    except OSError as error:
        raise RenderError(f"cannot write {out}: {error.strerror or error}") from error


@dataclass(frozen=True)
class _Part:
    """Frames from `start` up to `end`, without it. files: which are there once all of them are."""

    start: int
    end: int
    files: list[Path]
    write: Callable[[list[Image.Image]], None]


def _write_parts(film: Film, parts: Sequence[_Part], report: Report) -> None:
    """Write the parts that are missing, each while the frames of the next are made."""

    def write(part: _Part, pictures: list[Image.Image]) -> None:
        part.write(pictures)
        report(part.end - part.start)

    with ThreadPoolExecutor(max_workers=1) as beside:
        written: Future[None] | None = None
        for part in parts:
            if all(path.exists() for path in part.files):
                report(part.end - part.start)
                continue
            pictures = list(film.frames(part.start, part.end))
            if written is not None:
                written.result()
            written = beside.submit(write, part, pictures)
        if written is not None:
            written.result()


def _video_parts(film: Film, folder: Path, format: Format, encoding: Encoding) -> list[_Part]:
    kept = LOSSLESS if format.container == "gif" else format
    ending = "mkv" if kept is LOSSLESS else kept.container
    fps = fraction(film.fps)

    def part(start: int) -> _Part:
        end = min(start + PART_FRAMES, len(film))
        # A shorter part is not that of the same film when it gets longer.
        shorter = "" if end - start == PART_FRAMES else f"+{end - start}"
        path = folder / f"{start:08d}{shorter}.{ending}"

        def write(pictures: list[Image.Image]) -> None:
            from netbend.film.video import encode

            with atomic_write(path, RenderError, overwrite=True) as whole:
                resized = (at_height(picture, encoding.height) for picture in pictures)
                encode(resized, whole, kept, fps, encoding.quality)

        return _Part(start, end, [path], write)

    return [part(start) for start in range(0, len(film), PART_FRAMES)]


def _png_parts(film: Film, folder: Path, encoding: Encoding) -> list[_Part]:
    def part(start: int) -> _Part:
        end = min(start + PART_FRAMES, len(film))
        paths = [folder / frame_name(number) for number in range(start, end)]

        def write(pictures: list[Image.Image]) -> None:
            for path, picture in zip(paths, pictures, strict=True):
                if not path.exists():
                    with atomic_write(path, RenderError, overwrite=True) as whole:
                        write_frame(at_height(picture, encoding.height), whole)

        return _Part(start, end, paths, write)

    return [part(start) for start in range(0, len(film), PART_FRAMES)]


def _finish(film: Film, parts: list[Path], whole: Path, format: Format, encoding: Encoding) -> None:
    from netbend.film.gif import write_gif
    from netbend.film.video import join

    fps = fraction(film.fps)
    with atomic_write(whole, RenderError, overwrite=True) as unfinished:
        if format.container == "gif":
            write_gif(parts, unfinished, fps, len(film))
        else:
            join(parts, unfinished, format, fps, len(film), encoding.sound, encoding.comment)


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
        if ntsc > 0 and abs(float(ntsc) - fps) < 0.005 and not float(fps).is_integer()
        else Fraction(fps).limit_denominator(1000)
    )
