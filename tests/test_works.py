"""The works of section 7.5 run on the model that comes with netbend, and do what they say."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import netbend
from netbend.engine.bound import bind
from netbend.engine.frames import Film
from netbend.engine.request import RenderRequest
from netbend.models.base import Model
from netbend.models.catalog import find_entry
from netbend.recipe import Cluster, Indices, Not, load_clusters
from netbend.recipe.places import Filmed, Latent, LatentFile
from netbend.transforms import build_transform

ROOT = Path(__file__).parent.parent
WORKS = sorted((ROOT / "recipes" / "works").glob("*.yaml"))
ON_FACES = {path.name: path for path in (ROOT / "recipes/works/faces").glob("*.yaml")}
FPS = 4


@pytest.fixture(scope="module")
def faces() -> Model:
    return netbend.load_model("faces", device="cpu")


def film_of(path: Path, model: Model) -> Film:
    """The work on faces; a portrait for photo-faces is replaced by the drawn one."""
    recipe = netbend.load_recipe(ON_FACES.get(path.name, path))
    latent = recipe.latent
    if latent is not None and isinstance(latent.place, LatentFile):
        latent = Latent(LatentFile("drawn-portrait.npz"))
    request = RenderRequest.of(model, replace(recipe, latent=latent), seconds=3.0, fps=FPS)
    return Film.of(bind(request, model))


@pytest.mark.parametrize("path", WORKS, ids=lambda path: path.stem)
def test_every_work_is_described_shown_and_runs_on_faces(path: Path, faces: Model) -> None:
    recipe = netbend.load_recipe(path)
    assert recipe.name
    assert len(recipe.description or "") > 80
    assert f"recipes/works/{path.name}" in (ROOT / "docs" / "works.md").read_text()
    film = replace(film_of(path, faces), compare=True)
    for frame in film.frames(end=2):
        both = np.asarray(frame, float)
        unbent, bent = both[:, :64], both[:, 64:]
        assert np.abs(unbent - bent).mean() > 2


@pytest.mark.parametrize("name", ["fragments-of-self", "disembodied-gaze", "you-are-here"])
def test_films_move(name: str, faces: Model) -> None:
    frames = [np.asarray(frame, float) for frame in film_of(WORKS[0].with_stem(name), faces).frames()]
    assert len(frames) == 12
    changes = [np.abs(one - next_one).mean() for one, next_one in pairwise(frames)]
    assert min(changes) > 0.3


def test_fragments_of_self_ablate_a_moving_part_of_layer_2_and_close(faces: Model) -> None:
    film = film_of(WORKS[0].with_stem("fragments-of-self"), faces)
    taken = [set(film.plan.at(time).bends[0].indices) for time in np.arange(0, 20, 0.5)]
    shares = [len(features) / 256 for features in taken]
    assert min(shares) < 0.4 < 0.85 < max(shares)
    assert all(one != next_one for one, next_one in pairwise(taken))
    assert set(film.plan.at(20.0).bends[0].indices) == taken[0]


def test_you_are_here_follows_the_faces_of_another_film(faces: Model) -> None:
    recipe = netbend.load_recipe(WORKS[0].with_stem("you-are-here"))
    assert isinstance(recipe.latent.place, Filmed)
    path = netbend.latent_path(recipe.latent, faces, recipe.folder)
    values = path.at([0.0, 0.01, 2.0, 4.0, 100.0, 200.0]).values
    assert (values[0] == values[1]).all()  # one frame of the source
    assert (values[4] == values[5]).all()  # its last
    assert (values[2] - values[3]).norm() > 0.2 * values[2].norm()


def test_works_for_photo_faces_name_clusters_that_come_with_it() -> None:
    found = 0
    for path in WORKS:
        recipe = netbend.load_recipe(path)
        clusters = load_clusters(recipe.clusters or ROOT / "src/netbend/data/photo-faces/clusters.yaml")
        assert clusters.model_hash == find_entry("photo-faces").hash
        for bend in recipe.bends:
            selection = bend.features.of if isinstance(bend.features, Not) else bend.features
            if recipe.model == "photo-faces" and isinstance(selection, Cluster):
                assert all(clusters.find(bend.layer, cluster) for cluster in selection.ids)
                found += 1
    assert found >= 2


def test_five_sleeves_were_kept_with_their_features_fixed() -> None:
    kept = [netbend.load_recipe(path) for path in sorted((ROOT / "recipes/works/ep").glob("*.yaml"))]
    assert len(kept) == 5
    chosen = {tuple(bend.features.indices for bend in recipe.bends) for recipe in kept}
    assert len(chosen) == 5
    assert all(isinstance(bend.features, Indices) for recipe in kept for bend in recipe.bends)


EIGHT = [2, 7, 26, 29, 39, 46, 1, 5]


def change_on(faces: Model, recipe: netbend.Recipe) -> np.ndarray:
    """Mean over channels, in levels of 255, `(8, 64, 64)`."""
    latents, options = faces.latents(EIGHT), netbend.SynthesisOptions(truncation_psi=0.7)
    unbent = faces.generate(latents, options).clamp(-1, 1)
    with netbend.bend(faces, recipe):
        bent = faces.generate(latents, options).clamp(-1, 1)
    return np.asarray((bent - unbent).abs().mean(dim=1) * 127.5)


def test_figure_6_on_faces_is_hardly_missed_and_changes_much_when_multiplied(faces: Model) -> None:
    recipe = netbend.load_recipe(ON_FACES["figure-6.yaml"])
    ablated = replace(recipe, bends=(replace(recipe.bends[0], transform=build_transform("ablate", {})),))
    ablation, multiplication = (change_on(faces, each).mean((1, 2)) for each in (ablated, recipe))
    assert ablation.max() < 10
    assert (multiplication / ablation).min() > 2


def test_figure_1_on_faces_changes_the_eyes_more_than_the_rest(faces: Model) -> None:
    change = change_on(faces, netbend.load_recipe(ON_FACES["figure-1.yaml"]))
    eyes = np.zeros((64, 64), bool)
    eyes[26:40, 14:50] = True
    assert (change[:, eyes].mean(1) / change[:, ~eyes].mean(1)).min() > 2
