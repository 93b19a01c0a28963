"""A recipe as a film in a file, gone on with if it was cut off."""

from json import dumps
from pathlib import Path

from netbend import __version__
from netbend.atomic import folder_of, write_atomic
from netbend.choices import NonFinite
from netbend.errors import RenderError
from netbend.film.folder import kept_or_removed, refuse_another_film
from netbend.film.formats import QUALITY, check_out, format_of
from netbend.film.frames import Film
from netbend.film.scene import Scene
from netbend.film.settings import settings_of
from netbend.film.write import Encoding, Report, unfinished, write_film
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
    report: Report = lambda _: None,
) -> Film:
    """Make a film of a recipe, in place of what is there, and give its frames.

        scene = Scene(load_model("faces"), load_recipe("mine.yaml"), seconds=8)
        make_film(scene, "film.mp4", fps=25)

    out: film.mp4, .webm, .mkv, .gif, or a folder for a PNG of each frame. fps: frames a second.
    play: but for its truncation, which is the scene's.
    compare: the unbent picture at the left of the bent. height, quality: see `Encoding`.
    report: called with the number of frames that are there more, from another thread.
    What was cut off lies in `unfinished(out)`; the same call goes on from there.
    Raises RenderError for what cannot be written, and if another film lies unfinished there; RecipeError
    and LatentError for what does not fit the model, SoundError, NonFiniteError.
    """
    out = Path(out)
    check_out(out, fps, height)
    film = scene.film(fps, play, compare=compare, nonfinite=nonfinite)
    write_or_keep(film, out, encoding_of(scene, film, out, height, quality), report)
    return film


def encoding_of(
    scene: Scene, film: Film, out: Path, height: int | None = None, quality: int = QUALITY
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
    return Encoding(height, quality, sound, dumps(made_with, separators=(",", ":")))


def write_or_keep(film: Film, out: Path, encoding: Encoding, report: Report = lambda _: None) -> None:
    """Write a film; if that fails, keep the parts that are finished, and the next time go on from them.

    Raises RenderError, also if parts of another film lie there; SoundError, NonFiniteError.
    """
    settings, folder = settings_of(film, encoding, out.suffix.lower()), unfinished(out)
    refuse_another_film(folder, settings)
    with folder_of(out, RenderError), kept_or_removed(folder):
        write_atomic(folder / "settings.json", settings.content(), RenderError, overwrite=True)
        write_film(film, out, encoding, report)
