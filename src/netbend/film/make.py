"""A recipe as a film in a file, gone on with if it was cut off."""

from json import dumps
from pathlib import Path

from netbend.atomic import exists_already, folder_of
from netbend.choices import Encoder
from netbend.engine.bound import Bound, bind
from netbend.engine.duration import soundtrack_of
from netbend.engine.frames import FPS, Film
from netbend.engine.request import RenderRequest
from netbend.errors import RenderError
from netbend.film.finish import refuse_others_frames
from netbend.film.folder import is_free, tidied_up, unfinished, working_in
from netbend.film.formats import QUALITY, Encoding, check_out, format_of
from netbend.film.settings import settings_of
from netbend.film.write import Report, fraction, write_film
from netbend.models.base import Model


def make_film(
    model: Model,
    request: RenderRequest,
    out: Path | str,
    *,
    height: int | None = None,
    quality: int = QUALITY,
    encoder: Encoder = Encoder.SOFTWARE,
    report: Report = lambda _: None,
    begin_anew: bool = False,
) -> Film:
    """Make a film of a request, in place of what is there, and give its frames.

        faces = load_model("faces")
        make_film(faces, RenderRequest.of(faces, "mine.yaml", seconds=8, fps=25), "film.mp4")

    What was cut off lies in `unfinished(out)`; the same call goes on from there, also to another length or
    with another sound.

    Args:
        model: That the request names.
        request: Recipe, latents, options, length, frames a second and sound.
        out: film.mp4, .webm, .mkv, .gif, or a folder for a PNG of each frame.
        height: Of the film, see `Encoding`.
        quality: Of the film, see `Encoding`.
        encoder: What encodes it.
        report: Called with the number of frames that are there more, from another thread.
        begin_anew: Remove what lies there of another film.

    Raises:
        RenderError: For what cannot be written, and if another film lies unfinished there.
        RecipeError: For a recipe that does not fit the model.
        LatentError: For latents that do not.
        SoundError: For a sound that cannot be read.
        NonFiniteError: If a bend makes NaN or infinity.
    """
    out = Path(out)
    check_out(out, request.fps or FPS, height)
    bound = bind(request, model)
    film = Film.of(bound)
    encoding = encoding_of(bound, film, out, height, quality, encoder)
    write_or_keep(bound, film, out, encoding, report, begin_anew=begin_anew)
    return film


def encoding_of(
    bound: Bound,
    film: Film,
    out: Path,
    height: int | None = None,
    quality: int = QUALITY,
    encoder: Encoder = Encoder.SOFTWARE,
) -> Encoding:
    """How a film is encoded: with its sound, if the format has any, and the request it was made from."""
    format = format_of(out)
    sound = soundtrack_of(bound.request) if format is not None and format.audio is not None else None
    request = bound.complete_request().but(fps=film.fps)
    return Encoding(height, quality, sound, dumps(request.data(), separators=(",", ":")), encoder)


def write_or_keep(
    bound: Bound,
    film: Film,
    out: Path,
    encoding: Encoding,
    report: Report = lambda _: None,
    *,
    overwrite: bool = True,
    begin_anew: bool = False,
) -> None:
    """Write a film; if that fails, keep the parts that are finished, and the next time go on from them.

    overwrite: whether to take the place of another. begin_anew: whether to remove parts of another film
    that lie unfinished there. Raises RenderError, SoundError, NonFiniteError.
    """
    settings = settings_of(bound, film, encoding, out.suffix.lower())
    if tidied_up(out, settings):
        report(len(film))
        return
    if not overwrite and not is_free(out):
        raise RenderError(exists_already(out))
    _check(film, out, encoding)
    with (
        folder_of(out, RenderError),
        working_in(unfinished(out), settings, begin_anew=begin_anew),
    ):
        report(0)  # all is well, and the work begins
        write_film(film, out, encoding, report, overwrite=overwrite)


def _check(film: Film, out: Path, encoding: Encoding) -> None:
    """Find out before the first frame what would fail after the last one."""
    format = encoding.format(out)
    if format is None:
        if out.is_dir():
            refuse_others_frames(out, len(film))
        return
    from netbend.film.sound_track import check_codecs, check_track

    check_codecs(format, with_sound=encoding.sound is not None)
    if encoding.encoder is Encoder.GPU:
        from netbend.film.video import check_gpu

        check_gpu(format, fraction(film.fps), encoding.quality)
    if encoding.sound is not None:
        check_track(encoding.sound, format, len(film) / fraction(film.fps))
