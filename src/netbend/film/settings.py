"""What decides about a film's frames, kept beside its parts: parts of two films are never mixed."""

import hashlib
import json
from dataclasses import dataclass

from netbend import __version__
from netbend.film.frames import Film
from netbend.film.write import PART, Encoding
from netbend.models.run_settings import RunSettings
from netbend.motion import value_at

MOST_MOMENTS = 1000  # at which bends, latents and truncation are compared


@dataclass(frozen=True)
class FilmSettings(RunSettings):
    """recipe: a hash of it, and of all that moves or is drawn, at some moments."""

    netbend: str
    model: str
    recipe: str
    frames: int
    fps: float
    noise: str
    compare: bool
    height: int | None
    quality: int
    kind: str


def settings_of(film: Film, encoding: Encoding, kind: str) -> FilmSettings:
    """kind: the ending of its file."""
    return FilmSettings(
        netbend=__version__,
        model=f"{film.model.hash}{' in bfloat16' if film.model.bf16 else ''}",
        recipe=_digest(film, encoding),
        frames=len(film),
        fps=film.fps,
        noise=str(film.play.noise),
        compare=film.compare,
        height=encoding.height,
        quality=encoding.quality,
        kind=kind,
    )


def _digest(film: Film, encoding: Encoding) -> str:
    """Of the recipe as the film keeps it, and of what comes of it: files that it names may change."""
    digest = hashlib.sha256(encoding.comment.encode())
    latents = film.path.at([0.0])
    play = [film.play.cutoff, film.play.label]
    digest.update(json.dumps([str(film.nonfinite), latents.seeds, *play]).encode())
    for maps in latents.noise_maps or ():
        digest.update(maps.numpy().tobytes())
    for frame in range(0, len(film), max(PART, len(film) // MOST_MOMENTS)):
        time = film.time(frame)
        digest.update(film.path.at([time]).values.numpy().tobytes())
        psi = film.play.truncation if film.truncation is None else value_at(film.truncation, time)
        digest.update(json.dumps(psi).encode())
        for bend in film.plan.at(time).bends:
            parameters = [bend.transform.name, bend.transform.model_dump(mode="json")]
            fixed = [bend.layer.name, *parameters, bend.indices, bend.mix]
            digest.update(json.dumps(fixed).encode())
            if bend.mask is not None:
                digest.update(bend.mask.numpy().tobytes())
    return digest.hexdigest()
