"""Pictures made together have the pixels that each has alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import netbend
from netbend.bending import resolve
from netbend.engine.batch import render_batch
from netbend.engine.still import Still
from netbend.models.base import Model, SynthesisOptions
from netbend.recipe import Bend, Random, Recipe
from netbend.transforms import build_transform


@pytest.fixture(scope="module")
def faces() -> Model:
    return netbend.load_model("faces", device="cpu")


def still_of(model: Model, *bends: Bend, seed: int = 0, latent: int = 3) -> Still:
    recipe = Recipe(bends)
    return Still(
        model, model.latents([latent]), SynthesisOptions(0.7), recipe, resolve(recipe, model, seed=seed)
    )


def at(layer: int, transform: str, *params: float, share: float = 1.0) -> Bend:
    return Bend(layer, build_transform(transform, list(params)), Random(share))


def test_draws_share_what_comes_before_them_and_keep_their_pixels(
    faces: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    bends = at(1, "multiply", 1.5), at(6, "rotate", 30, share=0.5), at(7, "dilate", 1, share=0.3)
    stills = [still_of(faces, *bends, seed=seed) for seed in range(4)]
    alone = [np.asarray(still.picture()) for still in stills]
    runs = _count_runs(faces.network.get_submodule("layers.3"), monkeypatch)
    made = dict(render_batch(stills))
    assert len(runs) == 1
    assert all((np.asarray(made[place]) == alone[place]).all() for place in range(4))
    assert (alone[0] != alone[1]).any()


def test_jobs_of_many_kinds_come_each_under_its_place(faces: Model) -> None:
    stills = [
        still_of(faces, at(layer, transform, *params), latent=latent)
        for latent in (3, 4)
        for transform, params in (("rotate", [45]), ("threshold", [0.5]))
        for layer in (5, 2, 7)
    ]
    stills += [
        replace(stills[0], compare=True),
        stills[0].unbent(),
        stills[1],
    ]
    made = dict(render_batch(stills))
    assert sorted(made) == list(range(len(stills)))
    for place, still in enumerate(stills):
        assert (np.asarray(made[place]) == np.asarray(still.picture())).all()


def test_the_order_of_bends_and_their_masks_tell_plans_apart(faces: Model) -> None:
    bends = at(5, "multiply", 2), at(5, "threshold", 0.2), at(7, "ablate", share=0.5)
    swapped = bends[1], bends[0], bends[2]
    still = still_of(faces, *bends)
    mask = torch.zeros(32, 32)
    mask[:16] = 1
    masked = netbend.Plan((replace(still.plan.bends[0], mask=mask), *still.plan.bends[1:]))
    stills = [still, still_of(faces, *swapped), replace(still, plan=masked)]
    for place, picture in render_batch(stills):
        assert (np.asarray(picture) == np.asarray(stills[place].picture())).all()


def _count_runs(module: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    runs: list[int] = []
    forward = type(module).forward

    def counted(self: torch.nn.Module, *inputs: object, **named: object) -> object:
        if self is module:
            runs.append(1)
        return forward(self, *inputs, **named)

    monkeypatch.setattr(type(module), "forward", counted)
    return runs
