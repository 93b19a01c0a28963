"""A recipe as a film in a file, gone on with if it was cut off."""

from json import dumps
from pathlib import Path

from netbend import __version__
from netbend.atomic import exists_already, folder_of
from netbend.choices import Encoder, NonFinite
from netbend.errors import RenderError
from netbend.film.finish import refuse_others_frames
from netbend.film.folder import is_free, tidied_up, unfinished, working_in
from netbend.film.formats import QUALITY, Encoding, check_out, format_of
from netbend.film.frames import Film
from netbend.film.scene import Scene
from netbend.film.settings import settings_of
from netbend.film.write import Report, fraction, write_film
from netbend.models.base import Play
from netbend.recipe import recipe_to_data


def make_film(
    scene: Scene,
    out: Path | str,
    fps: float = 30,
    play: Play = Play(),
    *,
    compare: bool = False,
    nonfinite: NonFinite = NonFinite.ERROR,
    height: int | None = None,
    quality: int = QUALITY,
    encoder: Encoder = Encoder.SOFTWARE,
    report: Report = lambda _: None,
    begin_anew: bool = False,
) -> Film:
    """Make a film of a recipe, in place of what is there, and give its frames.

        scene = Scene(load_model("faces"), load_recipe("mine.yaml"), seconds=8)
        make_film(scene, "film.mp4", fps=25)

    What was cut off lies in `unfinished(out)`; the same call goes on from there, also to another length or
    with another sound.

    Args:
        scene: Model, recipe, latents, length and sound.
        out: film.mp4, .webm, .mkv, .gif, or a folder for a PNG of each frame.
        fps: Frames a second.
        play: But for its truncation, which is the scene's.
        compare: Put the unbent picture at the left of the bent.
        nonfinite: What to do about NaN or infinity.
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
    check_out(out, fps, height)
    film = scene.film(fps, play, compare=compare, nonfinite=nonfinite)
    encoding = encoding_of(scene, film, out, height, quality, encoder)
    write_or_keep(scene, film, out, encoding, report, begin_anew=begin_anew)
    return film


def encoding_of(
    scene: Scene,
    film: Film,
    out: Path,
    height: int | None = None,
    quality: int = QUALITY,
    encoder: Encoder = Encoder.SOFTWARE,
) -> Encoding:
    """How a scene's film is encoded: with its sound, if the format has any, and what it was made from."""
    format = format_of(out)
    sound = scene.sound if format is not None and format.audio is not None else None
    made_with = {
        "netbend": __version__,
        "model": scene.model.name,
        "model_hash": scene.model.hash,
        "recipe": recipe_to_data(scene.whole_recipe),
        "fps": film.fps,
        "noise": str(film.play.noise),
        "sound": None if scene.sound is None else scene.sound.name,
    }
    return Encoding(height, quality, sound, dumps(made_with, separators=(",", ":")), encoder)


def write_or_keep(
    scene: Scene,
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
    settings = settings_of(film, encoding, out.suffix.lower(), scene.made_from)
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
