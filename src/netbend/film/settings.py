"""What decides about a film's frames, kept beside its parts: parts of two films are never mixed."""

import hashlib
import json
from dataclasses import dataclass

from netbend import __version__
from netbend.film.frames import Film
from netbend.film.write import Encoding
from netbend.models.run_settings import RunSettings
from netbend.motion import value_at

MOMENTS = 5  # at which bends, latents and truncation are compared


@dataclass(frozen=True)
class FilmSettings(RunSettings):
    """moves: a hash of all that moves or is drawn, at some moments."""

    netbend: str
    model: str
    moves: str
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
        moves=_moves(film),
        frames=len(film),
        fps=film.fps,
        noise=str(film.play.noise),
        compare=film.compare,
        height=encoding.height,
        quality=encoding.quality,
        kind=kind,
    )


def _moves(film: Film) -> str:
    digest = hashlib.sha256()
    for moment in range(MOMENTS):
        time = film.seconds * moment / MOMENTS
        digest.update(film.path.at([time]).values.numpy().tobytes())
        digest.update(json.dumps([str(film.nonfinite), value_at(film.truncation, time)]).encode())
        for bend in film.plan.at(time).bends:
            parameters = [bend.transform.name, bend.transform.model_dump(mode="json")]
            fixed = [bend.layer.name, *parameters, bend.indices, bend.mix]
            digest.update(json.dumps(fixed).encode())
            if bend.mask is not None:
                digest.update(bend.mask.numpy().tobytes())
    return digest.hexdigest()
