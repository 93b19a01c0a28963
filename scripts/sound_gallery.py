"""Every recipe for music, seen, heard and measured: the gallery of sounds.

    python scripts/sound_gallery.py

Writes into docs/gallery/music: RECIPE.png - source, reconstruction, result - for a loop of sounds/, that
result as a FLAC, the sounds through the network unbent, and two songs; docs/pictures/figure-3.png, for the
README, shows four variations of one loop. Measures each FLAC beside its source, for the table of
docs/sound.md, and ends with exit code 1 where a sound through the network, unbent, is no longer like itself.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measured import DOCS, ROOT, Criterion, Measured, exit_if_false, write_into
from PIL import Image
from sound_likeness import BANDS, RATE, Likeness, likeness

from netbend.models.catalog import load_model
from netbend.recipe import load_recipe
from netbend.render.sound import SoundJob
from netbend.render.sound_picture import compared
from netbend.sound.files import read_mono
from netbend.sound.writer import write_sound

SECONDS = 6.0
SOURCES = ["loop_tabla", "loop_garzul", "choir_phrase"]  # blows, a dense mix, soft tones


def main() -> None:
    model = load_model("music", "cpu")
    gallery = ROOT / "docs" / "gallery" / "music"
    gallery.mkdir(parents=True, exist_ok=True)
    for old in gallery.iterdir():
        old.unlink()
    measured: list[tuple[str, str, Likeness]] = []
    with tempfile.TemporaryDirectory() as scratch:
        excerpts = [excerpt(name, Path(scratch)) for name in SOURCES]
        for source in excerpts:
            result = gallery / f"{source.stem}-unbent.flac"
            SoundJob(model).write(source, result)
            measured.append(("unbent", source.stem, beside(source, result)))
        for index, path in enumerate(sorted((ROOT / "recipes" / "music").glob("*.yaml"))):
            recipe, source = load_recipe(path), excerpts[index % len(excerpts)]
            result = gallery / f"{source.stem}-{path.stem}.flac"
            SoundJob(model).bent(recipe, recipe.seed).write(source, result)
            measured.append((f"`{path.stem}`", source.stem, beside(source, result)))
            picture = compared(model, source, [(f"{path.stem}: {source.stem}", result)])
            save(picture, gallery / f"{path.stem}.png")
        variations = []
        recipe = load_recipe(ROOT / "recipes" / "music" / "figure-3.yaml")
        for seed in range(3, 7):
            result = Path(scratch) / f"variation-{seed}.flac"
            SoundJob(model).bent(recipe, seed).write(excerpts[0], result)
            variations.append((f"seed {seed}", result))
        save(compared(model, excerpts[0], variations), ROOT / "docs" / "pictures" / "figure-3.png")
    for seed in (0, 1):
        SoundJob(model).write_song(seed, gallery / f"song-{seed}.flac", seconds=8.0, pace=3.0)
    write_into(DOCS / "sound.md", "gallery", table(measured))
    unbent = [each for of, _, each in measured if of == "unbent"]
    exit_if_false(Measured("unbent", criterion, [of(each) for each in unbent]) for criterion, of in UNBENT)


# What a sound has to keep on its way through the network, of all three.
UNBENT: list[tuple[Criterion, Callable[[Likeness], float]]] = [
    (Criterion("onsets", least=0.85), lambda each: each.onsets),
    (Criterion("chroma", least=0.95), lambda each: each.chroma),
    (Criterion("centroid, octaves", least=-1, most=1), lambda each: each.centroid),
    (Criterion("SI-SDR, dB", least=5), lambda each: each.si_sdr),
]


def beside(source: Path, result: Path) -> Likeness:
    return likeness(*(read_mono(path, RATE)[None] for path in (source, result)))


def table(measured: list[tuple[str, str, Likeness]]) -> list[str]:
    lines = [f"| sound | source | onsets | chroma | centroid, octaves | SI-SDR, dB | {' | '.join(BANDS)} |"]
    lines.append("|---" * (6 + len(BANDS)) + "|")
    for of, source, each in measured:
        bands = ["-" if np.isnan(change) else f"{change:+.1f}" for change in each.bands]
        numbers = [f"{each.onsets:.2f}", f"{each.chroma:.2f}", f"{each.centroid:+.2f}", f"{each.si_sdr:.1f}"]
        lines.append(f"| {' | '.join([of, source, *numbers, *bands])} |")
    return lines


def save(picture: Image.Image, path: Path) -> None:
    picture.quantize(128).save(path, optimize=True)


def excerpt(name: str, folder: Path) -> Path:
    path = folder / f"{name}.flac"
    write_sound(path, read_mono(ROOT / "sounds" / f"{name}.flac", 44100, SECONDS)[None], 44100, "PCM_16")
    return path


if __name__ == "__main__":
    main()
