"""What decides about a film's frames, kept beside its parts: parts of two films are never mixed."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from netbend import __version__
from netbend.choices import Target
from netbend.engine.bound import Bound
from netbend.engine.duration import soundtrack_of
from netbend.engine.frames import Film
from netbend.errors import RenderError
from netbend.film.formats import PART_FRAMES, Encoding, parts_ending
from netbend.models.run_settings import RunSettings
from netbend.motion import value_at
from netbend.recipe import recipe_to_data
from netbend.recipe.animation import bind_recipe, followed_sounds
from netbend.recipe.places import Filmed

MAX_MOMENTS = 1000  # at which bends, latents and truncation are compared, and as many shortly after


@dataclass(frozen=True)
class FilmSettings(RunSettings):
    """Settings of the frames that are finished. The film's length and its sound are none of them.

    recipe: a hash of it as far as it decides about frames. moments: hashes of all that moves or is drawn
    at some frames, by their numbers: what a recipe names in files may change, too. parts: ending of the
    files in which frames are kept.
    """

    netbend: str
    model: str
    bf16: bool
    recipe: str
    fps: float
    noise: str
    cutoff: int | None
    label: str | None
    nonfinite: str
    compare: bool
    height: int | None
    quality: int
    parts: str
    moments: dict[str, str]
    encoder: str = "software"

    def __post_init__(self) -> None:
        if not isinstance(self.moments, dict):  # as a file may have it
            raise TypeError("its moments are no table")

    def difference(self, other: "FilmSettings") -> list[str]:
        """Names of the settings that differ, so that finished frames would be others."""
        changed = [name for name in super().difference(other) if name != "moments"]
        both = self.moments.keys() & other.moments.keys()
        if not changed and any(self.moments[frame] != other.moments[frame] for frame in both):
            return ["recipe"]
        return changed


def settings_of(bound: Bound, film: Film, encoding: Encoding, ending: str) -> FilmSettings:
    """Settings of a film.

    Args:
        bound: What it is made from.
        film: Its frames.
        encoding: What becomes of them.
        ending: That of its file, such as `.mp4`; empty for a folder.
    """
    return FilmSettings(
        netbend=__version__,
        model=film.model.hash,
        bf16=film.model.bf16,
        recipe=_digest(film, _made_from(bound)),
        fps=film.fps,
        noise=str(film.options.noise),
        cutoff=film.options.truncation_cutoff,
        label=film.options.label,
        nonfinite=str(film.nonfinite),
        compare=film.compare,
        height=encoding.height,
        quality=encoding.quality,
        parts=parts_ending(ending),
        encoder=str(encoding.encoder),
        moments={str(frame): _moment(film, frame) for frame in _chosen(len(film))},
    )


def _made_from(bound: Bound) -> str:
    """What decides about the frames, as far as it stands in the recipe or is a sound or film in a file:
    not its length, unless something lasts as long as the film, nor a sound that nothing follows."""
    about = {"name", "description", "model", "seconds", "soundtrack"}
    recipe = bound.whole_recipe
    fitted = bind_recipe(recipe, bound.seconds, soundtrack_of(bound.request))
    said = {key: value for key, value in recipe_to_data(fitted).items() if key not in about}
    files = followed_sounds(fitted)
    place = None if fitted.latent is None else fitted.latent.place
    if isinstance(place, Filmed):
        files = [*files, (recipe.folder or Path()) / place.film]
    return json.dumps([said, [_hash(file) for file in files]])


def _hash(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise RenderError(f"{file}: cannot be read ({error.strerror})") from error


def _digest(film: Film, recipe: str) -> str:
    """Of what does not move."""
    digest = hashlib.sha256(recipe.encode())
    latents = film.path.at([0.0])
    digest.update(json.dumps(latents.seeds).encode())
    for maps in latents.noise_maps or ():
        digest.update(maps.numpy().tobytes())
    return digest.hexdigest()


def _chosen(length: int) -> list[int]:
    """First and last frames of parts, of longer films those of every second part, or fourth: what is
    chosen of a film is chosen of the longer one too, or can be compared with it."""
    step = PART_FRAMES
    while length > step * MAX_MOMENTS:
        step *= 2
    starts = range(0, length, step)
    return [frame for start in starts for frame in (start, start + PART_FRAMES - 1) if frame < length]


def _moment(film: Film, frame: int) -> str:
    time = film.time(frame)
    digest = hashlib.sha256(film.path.at([time]).values.numpy().tobytes())
    psi = film.options.truncation_psi if film.truncation is None else value_at(film.truncation, time)
    digest.update(json.dumps(psi).encode())
    for bend in film.plan.at(time).bends:
        parameters = [bend.transform.name, bend.transform.model_dump(mode="json")]
        digest.update(json.dumps([bend.layer.name, *parameters, bend.indices, bend.mix]).encode())
        if bend.on is not Target.ACTIVATIONS:
            digest.update(bend.on.encode())
        if bend.mask is not None:
            digest.update(bend.mask.numpy().tobytes())
    return digest.hexdigest()[:16]
