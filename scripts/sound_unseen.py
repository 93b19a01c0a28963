"""Music that `music` was not trained on, through it unbent: the tables of docs/sound.md.

    python scripts/sound_unseen.py [FOLDER]

Takes ten seconds of each of eight tracks from Debian packages, which are fetched into FOLDER (default:
out/data/unseen) where they are not there. They are measured and not kept. Ends with exit code 1 where
`--detail tonal` is not nearer to the source, or phases from slopes are not better than random ones.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from measured import DOCS, ROOT, write_into
from sound_likeness import RATE, SPECTRUM, Sound, chroma_likeness, error, levels, onset_correlation
from torch import Tensor

from netbend.bending import Plan
from netbend.choices import NonFinite
from netbend.models.base import Model
from netbend.models.catalog import load_model
from netbend.models.output import AudioOutput
from netbend.render.stream import TONAL, Listening, SoundStream, through_model
from netbend.sound.files import read_mono
from netbend.sound.griffin_lim import Phasing, griffin_lim

sys.path.insert(0, str(Path(__file__).parent / "data"))
from music import fetch

SECONDS = 10
EXCERPTS = [  # package, track below it, second at which the excerpt begins
    ("asc-music", "games/asc/music/frontiers.mp3", 60),
    ("asc-music", "games/asc/music/machine_wars.mp3", 40),
    ("drascula-music", "scummvm/drascula/audio/track2.ogg", 40),
    ("drascula-music", "scummvm/drascula/audio/track11.ogg", 30),
    ("drascula-music", "scummvm/drascula/audio/track23.ogg", 30),
    ("drascula-music", "scummvm/drascula/audio/track30.ogg", 50),
    ("planetblupi-music-ogg", "planetblupi/music/music003.ogg", 40),
    ("planetblupi-music-ogg", "planetblupi/music/music007.ogg", 60),
]
DETAILS: list[float | str] = [0.0, TONAL, 1.0]
PART, ITERATIONS = 96, (8, 32)  # frames that a stream finds phases for at once; of Griffin-Lim


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    model = load_model("music", "cpu")
    assert isinstance(model.output, AudioOutput)
    excerpts = [excerpt(folder, *each) for each in EXCERPTS]
    details = np.array([[through(model, sound, detail) for detail in DETAILS] for sound in excerpts])
    phases = np.array([[converged(each) for each in magnitudes(model, sound)] for sound in excerpts])
    write_into(DOCS / "sound.md", "unseen", detail_table(details))
    write_into(DOCS / "sound.md", "phases", phase_table(phases))
    none, tonal = details.mean(axis=0)[:2]
    if not ((tonal[:2] < none[:2]).all() and (tonal[2:] > none[2:]).all()):
        sys.exit(f"--detail tonal {tonal} is not better than none {none}")
    if not (phases[..., 0, :] > phases[..., 1, :]).all():
        sys.exit("phases from slopes are not always better than random ones")


def excerpt(folder: Path, package: str, track: str, start: int) -> Sound:
    """Samples `(1, n)`."""
    unpacked = folder / package
    if not unpacked.exists():
        subprocess.run(["dpkg-deb", "-x", fetch(package, folder), unpacked], check=True)
    sound = read_mono(unpacked / "usr" / "share" / track, RATE, start + SECONDS)
    return sound[None, start * RATE :]


def through(model: Model, sound: Sound, detail: float | str) -> list[float]:
    """Errors of levels as the network gives them and as they are heard, dB; chroma and onsets."""
    stream = SoundStream(model, Plan(()), 1, Listening(detail=detail), ceiling=None)
    heard = np.concatenate([stream.push(sound), stream.flush()], axis=1)
    source = cuts(model, sound)
    given = through_model(model, Plan(()), source, detail, NonFinite.ERROR)
    return [
        error(given.clamp(max=1), source),
        error(levels(heard), levels(sound)),
        chroma_likeness(sound, heard),
        onset_correlation(sound, heard),
    ]


def cuts(model: Model, sound: Sound) -> Tensor:
    """Levels `(N, frames, bins)`, cut to what the network takes."""
    (whole,) = levels(sound)
    return torch.stack([cut for cut in whole.split(model.output.frames) if len(cut) == model.output.frames])


def magnitudes(model: Model, sound: Sound) -> list[Tensor]:
    """Those of the source, and those of the network `(F, bins)`."""
    source = cuts(model, sound)
    given = through_model(model, Plan(()), source, TONAL, NonFinite.ERROR)
    return [SPECTRUM.magnitudes(each).flatten(0, 1) for each in (source, given)]


def converged(wanted: Tensor) -> list[list[float]]:
    """Spectral convergence, dB: from random phases, and from slopes in parts, after each of `ITERATIONS`."""
    turns = torch.rand(wanted.shape, generator=torch.Generator().manual_seed(0))
    random = torch.polar(torch.ones_like(turns), 2 * torch.pi * turns)
    from_random, from_slopes = [], []
    for iterations in ITERATIONS:
        spectra = griffin_lim(wanted, SPECTRUM, start=random, iterations=iterations)
        from_random.append(convergence(spectra, wanted))
        phasing = Phasing(SPECTRUM, iterations)
        ready = [phasing.push(part[None]) for part in wanted.split(PART)]
        from_slopes.append(convergence(torch.cat([*ready, phasing.flush()], dim=1)[0], wanted))
    return [from_random, from_slopes]


def convergence(spectra: Tensor, wanted: Tensor) -> float:
    heard = SPECTRUM.analyse(SPECTRUM.synthesise(spectra)).abs()
    inside = slice(4, -4)
    return 20 * float(((heard - wanted)[inside].norm() / wanted[inside].norm()).log10())


def detail_table(found: np.ndarray) -> list[str]:
    lines = ["| `--detail` | levels, dB | as heard, dB | chroma | onsets |", "|---|---|---|---|---|"]
    for detail, (given, heard, chroma, onsets) in zip(DETAILS, found.mean(axis=0), strict=True):
        name = detail if isinstance(detail, str) else f"{detail:g}"
        lines.append(f"| {name} | {given:.2f} | {heard:.2f} | {chroma:.3f} | {onsets:.3f} |")
    return lines


def phase_table(found: np.ndarray) -> list[str]:
    of = ("the source", "the network, unbent")
    lines = ["| magnitudes of | iterations | from random phases, dB | from slopes, dB |", "|---|---|---|---|"]
    for name, (random, slopes) in zip(of, found.mean(axis=0), strict=True):
        for each in zip(ITERATIONS, random, slopes, strict=True):
            lines.append("| {} | {} | {:.1f} | {:.1f} |".format(name, *each))
    return lines


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "out" / "data" / "unseen")
