"""The recipes for music measured: what their descriptions say, on every sound of sounds/.

    python scripts/sound_recipes.py

Writes the table of docs/sound.md, and ends with exit code 1 where a recipe does not do what it says. What is
measured are levels, bent and unbent, before phases are found, with the detail that is usual.
"""

from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
from measured import DOCS, ROOT, Criterion, Measured, exit_if_false, table, write_into
from sound_figures import Heard

from netbend.models.base import Model
from netbend.models.catalog import load_model
from netbend.models.output import AudioOutput
from netbend.render.stream import TONAL

RECIPES = ROOT / "recipes" / "music"
LOW, HIGH = 1000.0, 4000.0  # Hz
MIRRORED = 6890.0  # Hz, the tenth column of layer 1
LATE = 0.19  # seconds by which a part of `stammer` comes late
SEEDS = range(4)  # of recipes that are other ones with each

Levels = np.ndarray
"""Decibels above the floor (cuts, frames, bins)."""


def likeness(one: Levels, other: Levels) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def backwards(before: Levels, after: Levels) -> float:
    return likeness(before[:, ::-1], after)


def mirrored(before: Levels, after: Levels) -> float:
    top = round(MIRRORED / 22050 * (before.shape[2] - 1)) + 1
    return likeness(before[:, :, :top][:, :, ::-1], after[:, :, :top])


def stretched(factor: float) -> Callable[[Levels, Levels], float]:
    """Likeness to the spectrum with all frequencies so many times as high."""

    def measure(before: Levels, after: Levels) -> float:
        bins = np.arange(before.shape[2])
        inside = bins / factor < bins[-1]
        return likeness(before[:, :, (bins[inside] / factor).astype(int)], after[:, :, inside])

    return measure


def steepness(before: Levels, after: Levels) -> float:
    """How much levels rise from frame to frame, of what they did."""
    return float(np.maximum(np.diff(after, axis=1), 0).mean() / np.maximum(np.diff(before, axis=1), 0).mean())


def unevenness(before: Levels, after: Levels) -> float:
    """How much the level of a cut varies with time, of what it did."""
    return float(after.mean(2).std(1).mean() / before.mean(2).std(1).mean())


def treble_over_body(before: Levels, after: Levels) -> float:
    """How much more is gained above HIGH than below LOW, in decibels."""
    change, hertz = after - before, np.linspace(0, 22050, before.shape[2])
    return float(change[:, :, hertz > HIGH].mean() - change[:, :, hertz < LOW].mean())


def softer(before: Levels, after: Levels) -> float:
    """Change of level in decibels."""
    return float(10 * np.log10((10 ** (after / 10)).sum() / (10 ** (before / 10)).sum()))


def answers(before: Levels, after: Levels) -> float:
    """How much more like what sounded LATE seconds ago it is than before."""
    frames = round(LATE * 44100 / 256)
    late, now = before[:, :-frames], after[:, frames:]
    return likeness(late, now) - likeness(late, before[:, frames:])


CLAIMS: Mapping[str, tuple[Criterion, Callable[[Levels, Levels], float]]] = {
    "backwards": (Criterion("likeness to the sound told backwards, cut by cut", least=0.85), backwards),
    "blocks": (Criterion("rises of level from frame to frame, times", least=4.5, digits=1), steepness),
    "bones": (Criterion("rises of level from frame to frame, times", least=1.5, digits=1), steepness),
    "glass": (Criterion("gained above 4 kHz over below 1 kHz, dB", least=0.5, digits=1), treble_over_body),
    "hollow": (Criterion("level, dB", most=-3, digits=1), softer),
    "octave-down": (Criterion("likeness to the sound with halved frequencies", least=0.8), stretched(0.5)),
    "octave-up": (Criterion("likeness to the sound with doubled frequencies", least=0.85), stretched(2)),
    "smear": (Criterion("variation of level in time, times", most=0.8), unevenness),
    "stammer": (
        Criterion(
            "likeness to what was 0.19 s ago, more than unbent; choir and guitar lack blows", 0.1, spared=2
        ),
        answers,
    ),
    "upside-down": (
        Criterion("likeness to the sound mirrored below 6.9 kHz; the choir has no treble", 0.45, spared=1),
        mirrored,
    ),
}
DRAWN = {"figure-3": 1.0, "hollow": 0.6}  # dB that the draws of two seeds are apart, at least


def main() -> None:
    model = load_model("music", "cpu")
    assert isinstance(model.output, AudioOutput)
    loops = sorted((ROOT / "sounds").glob("*.flac"))
    found = []
    for name, (criterion, measure) in CLAIMS.items():
        values = [measure(*levels(model, loop, RECIPES / f"{name}.yaml")) for loop in loops]
        found.append(Measured(f"`{name}`", criterion, values))
    for name, least in DRAWN.items():
        criterion = Criterion("draws of four seeds, apart by dB in the mean, least", least=least, digits=1)
        values = [least_apart(model, loop, RECIPES / f"{name}.yaml") for loop in loops]
        found.append(Measured(f"`{name}`", criterion, values))
    lines = table(found)
    write_into(DOCS / "sound.md", "recipes", lines)
    print("\n".join(lines))
    exit_if_false(found)


def levels(model: Model, loop: Path, recipe: Path, seed: int | None = None) -> tuple[Levels, Levels]:
    """Unbent and bent."""
    heard = Heard.of(model, loop, recipe, seed, TONAL)
    decibels = model.output.spectrum.ceiling - model.output.spectrum.floor
    return heard.unbent.numpy() * decibels, heard.bent.numpy() * decibels


def least_apart(model: Model, loop: Path, recipe: Path) -> float:
    drawn = [levels(model, loop, recipe, seed)[1] for seed in SEEDS]
    return min(float(np.abs(one - other).mean()) for one, other in combinations(drawn, 2))


if __name__ == "__main__":
    main()
