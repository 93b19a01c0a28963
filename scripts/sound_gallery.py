"""Every recipe for music, seen and heard: the gallery of sounds.

    python scripts/sound_gallery.py

Writes into docs/gallery/music: RECIPE.png - source, reconstruction, result - for a loop of sounds/, that
result as a FLAC, the sounds through the network unbent, and two songs; docs/pictures/figure-3.png, for the
README, shows four variations of one loop.
"""

import tempfile
from pathlib import Path

from PIL import Image

from netbend.models.catalog import load_model
from netbend.recipe import load_recipe
from netbend.render.sound import SoundJob
from netbend.render.sound_picture import compared
from netbend.sound.files import read_mono
from netbend.sound.writer import write_sound

ROOT = Path(__file__).parent.parent
SECONDS = 6.0
SOURCES = ["loop_tabla", "loop_compus", "guit_e_fifths"]


def main() -> None:
    model = load_model("music", "cpu")
    gallery = ROOT / "docs" / "gallery" / "music"
    gallery.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        excerpts = [excerpt(name, Path(scratch)) for name in SOURCES]
        for source in excerpts:
            SoundJob(model).write(source, gallery / f"{source.stem}-unbent.flac")
        for index, path in enumerate(sorted((ROOT / "recipes" / "music").glob("*.yaml"))):
            recipe, source = load_recipe(path), excerpts[index % len(excerpts)]
            result = gallery / f"{source.stem}-{path.stem}.flac"
            SoundJob(model).bent(recipe, recipe.seed).write(source, result)
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


def save(picture: Image.Image, path: Path) -> None:
    picture.quantize(128).save(path, optimize=True)


def excerpt(name: str, folder: Path) -> Path:
    path = folder / f"{name}.flac"
    write_sound(path, read_mono(ROOT / "sounds" / f"{name}.flac", 44100, SECONDS)[None], 44100, "PCM_16")
    return path


if __name__ == "__main__":
    main()
