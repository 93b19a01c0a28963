"""The recipes that come for the model `faces` do something to every face, and leave a picture of it."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import netbend
from netbend.models.base import Model

ROOT = Path(__file__).parent.parent
RECIPES = sorted([*(ROOT / "recipes").glob("*.yaml"), *(ROOT / "recipes" / "clusters").glob("*.yaml")])
SEEDS = [2, 7, 26, 29, 39, 46, 1, 5]
MIN_CHANGE = 8  # mean over a picture, in levels of 255
MIN_EDGES = 0.6  # of what they were; blurs and smears fall below a half


@pytest.fixture(scope="module")
def faces() -> Model:
    return netbend.load_model("faces", device="cpu")


def pictures(model: Model, recipe: Path | None = None) -> Tensor:
    """`(N, 3, 64, 64)` in levels from 0 to 255."""
    options = netbend.SynthesisOptions(truncation_psi=0.7)
    if recipe is None:
        images = model.generate(model.latents(SEEDS), options)
    else:
        with netbend.bend(model, netbend.load_recipe(recipe)):
            images = model.generate(model.latents(SEEDS), options)
    return (images.clamp(-1, 1) + 1) * 127.5


def edges(images: Tensor) -> Tensor:
    """How strong the strongest fiftieth of all edges is, for each picture."""
    down = images[..., 1:, 1:] - images[..., :-1, 1:]
    across = images[..., 1:, 1:] - images[..., 1:, :-1]
    return (down.square() + across.square()).mean(dim=1).sqrt().flatten(1).quantile(0.98, dim=1)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_changes_every_face_and_does_not_smear_it(faces: Model, recipe: Path) -> None:
    unbent, bent = pictures(faces), pictures(faces, recipe)
    assert (bent - unbent).abs().mean(dim=(1, 2, 3)).min() >= MIN_CHANGE
    assert edges(bent).sum() >= MIN_EDGES * edges(unbent).sum()


def test_a_moustache_grows_on_every_face(faces: Model) -> None:
    def dark(images: Tensor) -> Tensor:
        mouth = images[:, :, 40:52, 20:44].mean(dim=1)
        return (mouth < 60).sum(dim=(1, 2))

    grown = dark(pictures(faces, ROOT / "recipes" / "clusters" / "moustache.yaml"))
    assert torch.all(grown > dark(pictures(faces)))
    assert grown.sum() > 150


def test_hollow_eyes_lose_their_whites_on_every_face(faces: Model) -> None:
    def white(images: Tensor) -> Tensor:
        eyes = images[:, :, 26:40, 14:50].amin(dim=1)
        return (eyes > 187).sum(dim=(1, 2))

    left = white(pictures(faces, ROOT / "recipes" / "clusters" / "hollow-eyes.yaml"))
    assert torch.all(left < white(pictures(faces)))
    assert left.sum() < 0.6 * white(pictures(faces)).sum()


# Rows and columns in which a drawn face has its parts, and the background is nothing else.
PARTS = {
    "background": (slice(0, 16), slice(0, 8)),
    "clothes": (slice(57, 64), slice(14, 50)),
    "eyes": (slice(26, 40), slice(14, 50)),
    "hair": (slice(4, 20), slice(18, 46)),
    "mouth": (slice(40, 52), slice(20, 44)),
}
MIN_TENTH = 35  # change of the tenth of a picture that changes most, in levels of 255


def test_a_named_cluster_changes_what_it_is_named_after_and_enough_of_it(faces: Model) -> None:
    assert faces.clusters is not None
    named = {(layer, name) for layer, names in faces.clusters.names.items() for name in names.values()}
    assert {name for _, name in named} == set(PARTS)
    unbent = pictures(faces)
    for layer, name in sorted(named):
        ablated, multiplied = (
            (bent_cluster(faces, layer, name, transform) - unbent).abs().mean(dim=1)
            for transform in ({"transform": "ablate"}, {"transform": "multiply", "params": {"p": 5}})
        )
        inside = torch.zeros(64, 64, dtype=torch.bool)
        inside[PARTS[name]] = True
        part, rest = ablated[:, inside].mean(dim=1), ablated[:, ~inside].mean(dim=1)
        assert (part / rest).median() > 1.1, (layer, name)
        tenth = multiplied.flatten(1).topk(410, dim=1).values.mean(dim=1)
        assert tenth.min() > MIN_TENTH, (layer, name)


def bent_cluster(model: Model, layer: int | str, name: str, transform: dict[str, object]) -> Tensor:
    data = {"bends": [{"layer": layer, "features": {"cluster": name}, **transform}]}
    with netbend.bend(model, data):
        images = model.generate(model.latents(SEEDS), netbend.SynthesisOptions(truncation_psi=0.7))
    return (images.clamp(-1, 1) + 1) * 127.5
