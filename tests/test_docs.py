"""What the documents show works, and what ships is complete."""

import re
import runpy
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import netbend
from netbend.bending import resolve
from netbend.engine.embedded import read_request
from netbend.models.base import Model
from netbend.models.catalog import CATALOGUE, find_entry
from netbend.recipe import Clusters, Not, load_clusters, parse_recipe
from netbend.recipe.schema import EVERY_LAYER
from netbend.sound.files import read_mono
from netbend.sound.streaming import Analysis
from netbend.transforms import all_transforms, base
from netbend.transforms.axes import suffices

ROOT = Path(__file__).parent.parent
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
SHOWN = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def faces() -> Model:
    return netbend.load_model("faces", device="cpu")


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    known = dict(base._registered)
    yield
    base._registered.clear()
    base._registered.update(known)


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for path in SHOWN:
        found += [
            (path.name, text) for text in re.findall(rf"```{language}\n(.*?)```", path.read_text(), re.S)
        ]
    return found


def test_every_recipe_shown_fits_its_model(faces: Model, tmp_path: Path) -> None:
    shown = blocks("yaml")
    assert len(shown) >= 6
    (tmp_path / "sounds").symlink_to(ROOT / "sounds")
    (tmp_path / "left-half.png").write_bytes((ROOT / "recipes" / "left-half.png").read_bytes())
    clusters = Clusters({5: {number: (number,) for number in range(4)}})
    for file, text in shown:
        recipe = parse_recipe(text, file, tmp_path)
        if any(bend.layer == EVERY_LAYER for bend in recipe.bends):  # of a strip, of every layer in turn
            recipe = replace(recipe, bends=tuple(replace(bend, layer=1) for bend in recipe.bends))
        if recipe.model == "music":  # what follows the soundtrack follows the sound that is bent
            loop = ROOT / "sounds" / "loop_tabla.flac"
            assert resolve(
                recipe, netbend.load_model("music", device="cpu"), seconds=10, soundtrack=loop
            ).bends
        else:
            assert resolve(recipe, faces, clusters=clusters if recipe.clusters else None).bends


def test_the_table_of_transforms_is_complete() -> None:
    table = (ROOT / "docs" / "transforms.md").read_text()
    assert all(f"`{name}`" in table for name in all_transforms())


def test_the_table_of_axes_is_that_of_the_transforms() -> None:
    section = (ROOT / "docs" / "transforms.md").read_text().partition("## Along which axes")[2]
    rows = [row.split("|")[1:-1] for row in section.splitlines() if row.startswith("| `")]
    shown = {
        name: tuple(bool(cell.strip()) for cell in cells)
        for first, *cells in rows
        for name in re.findall(r"`([a-z-]+)`", first)
    }
    kinds = ("", "T", "HW", "DHW")
    classes = {
        name: cls for name, cls in all_transforms().items() if cls.__module__.startswith("netbend.transforms")
    }
    assert shown == {
        name: tuple(suffices(spatial, cls.axes) for spatial in kinds) for name, cls in classes.items()
    }


def test_the_python_shown_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    (tmp_path / "sounds").symlink_to(ROOT / "sounds")
    monkeypatch.chdir(tmp_path)
    for file, text in blocks("python"):
        exec(compile(text, file, "exec"), {})
    assert (tmp_path / "bent.png").exists()
    assert "soften" in all_transforms()


def test_the_tour_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tour.py", str(tmp_path)])
    runpy.run_path(str(ROOT / "docs" / "tour.py"))
    assert len(list(tmp_path.glob("*.png"))) == 4


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_an_example_recipe_changes_every_face_and_says_what_it_does(faces: Model, path: Path) -> None:
    recipe = netbend.load_recipe(path)
    assert recipe.name
    assert recipe.description
    latents = faces.latents([1, 2, 3])
    unbent = faces.generate(latents)
    with netbend.bend(faces, recipe):
        bent = faces.generate(latents)
    assert ((bent - unbent).abs().mean(dim=(1, 2, 3)) > 0.05).all()
    assert torch.equal(faces.generate(latents), unbent)


def test_the_gallery_shows_every_recipe_for_photo_faces() -> None:
    recipes = {
        path.stem: netbend.load_recipe(path) for path in (ROOT / "recipes" / "photo-faces").glob("*.yaml")
    }
    assert len(recipes) == 17
    assert all(recipe.model == "photo-faces" and recipe.description for recipe in recipes.values())
    shown = {
        path.stem: read_request(path) for path in (ROOT / "docs" / "gallery" / "photo-faces").glob("*.png")
    }
    assert {name: request.recipe for name, request in shown.items()} == recipes


def test_every_recipe_for_music_says_what_it_does_and_is_shown() -> None:
    recipes = {path.stem: netbend.load_recipe(path) for path in (ROOT / "recipes" / "music").glob("*.yaml")}
    assert len(recipes) >= 6
    assert all(recipe.model == "music" and recipe.description for recipe in recipes.values())
    shown = (ROOT / "docs" / "sound.md").read_text()
    for name in recipes:
        assert f"gallery/music/{name}.png" in shown
        assert (ROOT / "docs" / "gallery" / "music" / f"{name}.png").exists()


CLUSTERED = ["faces", "music"]  # of the models that come with netbend


@pytest.mark.parametrize("name", CLUSTERED)
def test_shipped_clusters_are_of_their_model_and_hold_every_feature_once(name: str) -> None:
    model = netbend.load_model(name, device="cpu")
    clusters = model.clusters
    assert clusters is not None
    assert clusters.model_hash == model.hash
    for layer in model.layers:
        if layer.number is not None and layer.features > 1:
            features = sorted(f for members in clusters.layers[layer.number].values() for f in members)
            assert features == list(range(layer.features))


@pytest.mark.parametrize("folder", ["clusters", "music/clusters"])
def test_recipes_with_clusters_by_name_bend_what_they_say(folder: str) -> None:
    paths = sorted((ROOT / "recipes" / folder).glob("*.yaml"))
    assert len(paths) >= 4
    for path in paths:
        recipe = netbend.load_recipe(path)
        assert recipe.name
        assert recipe.description
        model = netbend.load_model(recipe.model, device="cpu")
        latents = model.latents([1, 2, 3])
        unbent = model.generate(latents)
        with netbend.bend(model, recipe) as plan:
            bent = model.generate(latents)
        assert all(0 < len(planned.indices) < planned.layer.features for planned in plan.bends)
        assert ((bent - unbent).abs().mean(dim=(1, 2, 3)) > 0.002).all()


def test_recipes_for_photo_faces_name_clusters_that_come_with_it() -> None:
    paths = sorted((ROOT / "recipes/photo-faces/clusters").glob("*.yaml"))
    assert {f"figure-4{panel}" for panel in "bcdefh"} <= {path.stem for path in paths}
    for path in paths:
        recipe = netbend.load_recipe(path)
        clusters = load_clusters(recipe.clusters or ROOT / "src/netbend/data/photo-faces/clusters.yaml")
        assert clusters.model_hash == find_entry("photo-faces").hash
        for bend in recipe.bends:
            selection = bend.features.of if isinstance(bend.features, Not) else bend.features
            assert all(clusters.find(bend.layer, cluster) for cluster in selection.ids)


def test_ablating_the_transients_softens_onsets_and_little_else() -> None:
    music = netbend.load_model("music", device="cpu")
    spectrum, frames = music.output.spectrum, music.output.frames
    loop = read_mono(ROOT / "sounds" / "loop_tabla.flac", spectrum.sample_rate, 5.0)
    spectra = Analysis(spectrum, 1).push(torch.from_numpy(loop)[None])
    levels = spectrum.levels(spectra)[0]
    cuts = torch.stack([cut for cut in levels.split(frames) if len(cut) == frames])[:, None]
    latents = music.encode(cuts)
    unbent = music.generate(latents)[:, 0]
    with netbend.bend(music, netbend.load_recipe(ROOT / "recipes/music/clusters/no-transients.yaml")):
        bent = music.generate(latents)[:, 0]
    rise = (unbent[:, 1:] - unbent[:, :-1]).clamp(min=0).mean(dim=2)
    onset = torch.nn.functional.pad(rise > torch.quantile(rise, 0.9), (1, 0))
    decibels = (bent - unbent) * (spectrum.ceiling - spectrum.floor)
    assert decibels[onset].mean() < -2
    assert decibels[~onset].mean().abs() < 0.6


def test_there_are_six_example_recipes_shown_in_the_readme() -> None:
    assert len(RECIPES) == 6
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", (ROOT / "README.md").read_text(), re.S)
    assert pictures
    assert all((ROOT / picture).exists() for picture in pictures)


SHIPPED = [entry for entry in CATALOGUE.values() if entry.package is None]


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda entry: entry.name)
def test_a_shipped_model_is_small_and_has_a_card(entry: object) -> None:
    assert entry.file.stat().st_size < 25_000_000
    card = (entry.file.parent / "CARD.md").read_text()
    for heading in ("Data", "Licence", "Training", "Known faults"):
        assert f"## {heading}" in card


def test_faces_are_varied_and_face_like(faces: Model) -> None:
    """A brightness contrast between eyes and cheeks, and pictures that differ from each other."""
    images = faces.generate(faces.latents(range(16)), netbend.SynthesisOptions(truncation_psi=0.7))
    pixels = images.clamp(-1, 1).numpy()
    assert images.shape == (16, 3, 64, 64)
    distances = [np.abs(pixels[i] - pixels[j]).mean() for i in range(16) for j in range(i)]
    assert min(distances) > 0.02
    assert np.median(distances) > 0.15
