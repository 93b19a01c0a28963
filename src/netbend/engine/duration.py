"""How long what moves lasts."""

from pathlib import Path

from netbend.engine.latent_values import LatentValues
from netbend.engine.request import RenderRequest
from netbend.latents.encoded_film import seconds_of
from netbend.recipe import Recipe
from netbend.recipe.places import Filmed, Journey, Latent, Walk
from netbend.sound.files import SoundReader

SECONDS = 10.0  # where nothing else says it
SECONDS_A_LEG = 3.0  # of a journey that nothing else gives a length


def length_of(request: RenderRequest) -> float:
    """Seconds: as asked for, or the recipe's, or as long as the sound, or once through the latents.

    Raises SoundError, LatentError for a sound or film that cannot be read.
    """
    recipe = request.recipe or Recipe(())
    if request.seconds is not None or recipe.seconds is not None:
        return request.seconds or recipe.seconds or SECONDS
    sound = soundtrack_of(request)
    if sound is not None:
        with SoundReader(sound) as reader:
            return reader.seconds
    return _length_of_latent(request.latents[0] if request.latents else recipe.latent, recipe.folder)


def soundtrack_of(request: RenderRequest) -> Path | None:
    """The sound file that goes with a film."""
    if request.soundtrack is not None:
        return Path(request.soundtrack)
    recipe = request.recipe
    if recipe is None or recipe.soundtrack is None:
        return None
    return (recipe.folder or Path()) / recipe.soundtrack


def _length_of_latent(latent: Latent | LatentValues | None, folder: Path | None) -> float:
    match latent.place if isinstance(latent, Latent) else None:
        case Filmed(film):
            return seconds_of((folder or Path()) / film)
        case Journey() as journey:
            return journey.legs * (journey.seconds or SECONDS_A_LEG)
        case Walk(seconds=float(seconds)):
            return seconds
        case _:
            return SECONDS
