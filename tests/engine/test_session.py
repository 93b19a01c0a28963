"""A session carries out requests: the same pictures, whatever came before and whoever else asks."""

import json
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

import netbend
from netbend.engine.bound import bind
from netbend.engine.embedded import png_bytes, read_request, request_text, self_contained
from netbend.engine.request import ModelReference, RenderRequest
from netbend.engine.session import Session
from netbend.errors import Cancelled, LatentError, RecipeError, RenderError
from netbend.models.base import Model, SynthesisOptions
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator
from netbend.recipe import Indices, recipe_from_data
from netbend.recipe.places import Latent, Seed

TURN = {"layer": 2, "transform": "rotate", "params": [30], "features": {"random": 0.5}}
ABLATE = {"layer": 1, "transform": "ablate", "features": {"random": 0.3}}
RECIPES: dict[str, dict[str, Any]] = {
    "one bend": {"bends": [TURN]},
    "two bends": {"bends": [ABLATE, TURN]},
    "of a latent": {"latent": 7, "truncation": 0.4, "bends": [TURN]},
    "that moves": {
        "seconds": 4,
        "truncation": {"from": 0.2, "to": 1},
        "bends": [{**TURN, "params": {"angle": {"from": 0, "to": 90}}}],
    },
}


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture)


def request_for(model: Model, name: str = "one bend", **rest: Any) -> RenderRequest:
    return RenderRequest.of(model, recipe_from_data({"seed": 3, **RECIPES[name]}), **rest)


@pytest.mark.parametrize("name", RECIPES)
def test_what_comes_before_a_request_changes_nothing(model: Model, name: str) -> None:
    session = Session(model)
    requests = [
        request_for(model, other, seeds=seeds, selection_seed=draw, compare=compare)
        for other in ("one bend", "two bends", name)
        for seeds in ([1], [2])
        for draw in (None, 9)
        for compare in (False, True)
    ]
    for request in requests + requests[::-1]:
        alone = bind(request, model).still().picture()
        np.testing.assert_array_equal(pixels(session.image(request)), pixels(alone))


def test_several_threads_get_the_pictures_that_each_gets_alone(model: Model) -> None:
    session = Session(model)
    requests = [
        request_for(model, name, seeds=[seed]) for name in ("one bend", "two bends") for seed in range(6)
    ]
    alone = [pixels(bind(request, model).still().picture()) for request in requests]
    with ThreadPoolExecutor(4) as threads:
        for made, expected in zip(threads.map(session.image, requests * 3), alone * 3, strict=True):
            np.testing.assert_array_equal(pixels(made), expected)


def test_a_request_says_before_the_recipe_and_the_recipe_before_the_model(model: Model) -> None:
    own = bind(request_for(model, "of a latent"), model).still()
    assert (own.latents.seeds, own.options.truncation_psi) == ((7,), 0.4)
    options = SynthesisOptions(truncation_psi=-0.3, noise="none", truncation_cutoff=2)
    said = bind(request_for(model, "of a latent", seeds=[5, 6], options=options), model).still()
    assert (said.latents.seeds, said.options.truncation_psi) == ((5, 6), -0.3)
    assert (said.options.noise, said.options.truncation_cutoff) == ("none", 2)
    usual = bind(request_for(model), model).still()
    assert (usual.latents.seeds, usual.options.truncation_psi) == ((0,), 0.7)
    w = model.to_w(model.latents([3]))
    chosen = netbend.Latents(w.space, w.values, w.seeds)
    values = netbend.engine.latent_values.LatentValues.of(chosen)
    assert bind(request_for(model, latents=(values,)), model).still().options.truncation_psi == 1


def test_selections_are_drawn_from_the_request_the_recipe_or_what_is_recorded(model: Model) -> None:
    drawn = [bind(request_for(model, selection_seed=seed), model).plan.bends[0].indices for seed in (3, 4)]
    own = bind(request_for(model), model)
    assert own.plan.bends[0].indices == drawn[0] != drawn[1]
    recorded = bind(request_for(model, selection_seed=4), model).complete_request()
    assert bind(recorded.but(selection_seed=8), model).plan.bends[0].indices == drawn[1]


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("time", [0.0, 1.5])
def test_a_request_survives_its_text_and_makes_the_same_picture(
    model: Model, name: str, time: float, tmp_path: Path
) -> None:
    request = request_for(model, name, seeds=[4], selection_seed=5, time=time)
    made = bind(request, model).still()
    path = tmp_path / "picture.png"
    path.write_bytes(png_bytes(made.picture(), made.request()))
    again = bind(self_contained(read_request(path)), model).still()
    np.testing.assert_array_equal(pixels(again.picture()), pixels(made.picture()))
    assert request_text(again.request()) == request_text(made.request())
    through_text = RenderRequest.model_validate(json.loads(json.dumps(request.data())))
    assert through_text == request
    assert pickle.loads(pickle.dumps(request)) == request


def test_a_session_opens_again_where_it_is_unpickled(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    session = Session.open("tiny.safetensors", "cpu")
    copy = pickle.loads(pickle.dumps(session))
    request = request_for(session.model, seeds=[2])
    assert copy.model is not session.model
    np.testing.assert_array_equal(pixels(copy.image(request)), pixels(session.image(request)))
    with pytest.raises(TypeError, match="only a session that Session"):
        pickle.dumps(Session(session.model))


def test_the_frames_of_a_request_are_its_pictures_over_time(model: Model) -> None:
    session = Session(model)
    request = request_for(model, "that moves", seeds=[4], fps=2)
    frames = list(session.frames(request))
    assert len(frames) == 8
    for number, frame in enumerate(frames):
        still = session.image(request.but(time=number / 2))
        np.testing.assert_array_equal(pixels(frame), pixels(still))


def test_latents_of_one_request_are_of_one_kind(model: Model) -> None:
    w = netbend.engine.latent_values.LatentValues.of(model.to_w(model.latents([3])))
    request = request_for(model, latents=(Latent(Seed(1)), w))
    with pytest.raises(LatentError, match="latents of different kinds in one request: w, z"):
        bind(request, model)


def test_a_request_for_another_model_is_refused(model: Model) -> None:
    request = request_for(model).but(model=ModelReference(name="other", hash="f" * 64))
    with pytest.raises(RenderError, match=r"made with .other., whose weights have the hash ffffffffffff"):
        bind(request, model)


def test_what_is_wrong_with_a_request_is_one_error(model: Model) -> None:
    for wrong, message in [
        ({"time": -1}, "request: time"),
        ({"options": {"nonfinite": "maybe"}}, "request: options"),
        ({"options": {"evil": 1}}, "request: options"),
        ({"evil": 1}, "request: evil"),
        ({"seconds": float("nan")}, "request: seconds"),
    ]:
        with pytest.raises(RenderError, match=message):
            RenderRequest.of(model, **wrong)
    with pytest.raises(RecipeError, match="layer 9"):
        bind(RenderRequest.of(model, {"bends": [{**TURN, "layer": 9}]}), model)


NAMING: dict[str, tuple[dict[str, Any], str]] = {
    "a latent in a file": ({"latents": [{"file": "secret.npz"}]}, "secret.npz"),
    "a film": ({"latents": [{"film": "secret.mp4"}]}, "secret.mp4"),
    "a direction in a file": (
        {"latents": [{"seed": 1, "direction": 0, "by": 1, "of": "secret.npz"}]},
        "secret.npz",
    ),
    "a sound that is followed": (
        {
            "recipe": {"bends": [{**TURN, "mix": {"sound": "secret.wav", "from": 0, "to": 1}}]},
            "selected": [{"features": [1]}],
        },
        "secret.wav",
    ),
    "clusters to look up": (
        {"recipe": {"clusters": "secret.yaml", "bends": [{**TURN, "features": {"cluster": 1}}]}},
        "features of every bend",
    ),
}


@pytest.mark.parametrize("case", NAMING)
def test_a_request_out_of_a_file_opens_no_other(case: str, model: Model) -> None:
    fields, message = NAMING[case]
    data = {"version": "1", "model": {"name": model.name, "hash": model.hash}, **fields}
    request = RenderRequest.model_validate(data)
    with pytest.raises(RenderError, match=message):
        self_contained(request)


def test_what_a_request_has_in_it_is_not_looked_for_in_files(model: Model) -> None:
    recipe = {
        "clusters": "gone.yaml",
        "soundtrack": "gone.wav",
        "bends": [{**TURN, "features": {"cluster": 1}, "mask": "gone.png"}],
    }
    data = {
        "version": "1",
        "model": {"name": model.name},
        "recipe": recipe,
        "selected": [{"features": [1, 2]}],
        "soundtrack": "gone.wav",
    }
    bound = bind(self_contained(RenderRequest.model_validate(data)), model)
    assert bound.plan.bends[0].indices == (1, 2)
    assert bound.plan.bends[0].mask is None
    assert bound.recipe is not None
    assert bound.recipe.bends[0].features != Indices((1, 2))


def test_a_thousand_seeds_are_drawn_as_one_batch(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    latents: Callable[..., Any] = model.latents
    monkeypatch.setattr(model, "latents", lambda seeds: (asked.append(len(seeds)), latents(seeds))[1])
    still = bind(RenderRequest.of(model, seeds=range(1000)), model).still()
    assert len(still) == 1000
    assert len(asked) <= 3
    assert torch.equal(still.latents.values[-1], latents([999]).values[0])


def test_a_film_names_no_file_of_latents_that_it_does_not_need(model: Model, tmp_path: Path) -> None:
    values = model.to_w(model.latents([3])).values.numpy()
    np.savez(tmp_path / "w.npz", w=values)
    recipe = recipe_from_data({"latent": str(tmp_path / "w.npz"), "bends": [TURN]})
    for latents in ((), (Latent(Seed(3)),)):
        bound = bind(RenderRequest.of(model, recipe, latents=latents, fps=2), model)
        again = bind(self_contained(bound.complete_request()), model)
        np.testing.assert_array_equal(again.latents(1.0).values, bound.latents(1.0).values)
        assert again.truncation == bound.truncation == (0.7 if latents else 1.0)


def test_progress_is_told_layer_by_layer_and_changes_nothing(model: Model) -> None:
    session, told = Session(model), []
    request = request_for(model, "two bends", seeds=[2])
    alone = bind(request, model).still().picture()
    np.testing.assert_array_equal(pixels(session.image(request, told.append)), pixels(alone))
    total = len(model.layers)
    assert [event.done for event in told] == list(range(1, total + 1))
    assert {(event.what, event.total) for event in told} == {("layer", total)}
    told.clear()
    list(session.frames(request.but(seconds=1, fps=4), first=1, progress=told.append))
    assert [(event.what, event.done, event.total) for event in told] == [("frame", n, 3) for n in (1, 2, 3)]


@pytest.mark.parametrize("after", [1, 3, 7])
def test_what_is_cancelled_leaves_no_trace(model: Model, after: int) -> None:
    session = Session(model)
    request = request_for(model, "two bends", seeds=[2])
    session.image(request)
    with pytest.raises(Cancelled, match=f"cancelled after layer {after} of 9"):
        session.image(request.but(selection_seed=5), lambda event: event.done < after)
    assert all(not module._forward_hooks for module in model.network.modules())
    assert all(not module._forward_pre_hooks for module in model.network.modules())
    for seed in (5, 3):
        again = request.but(selection_seed=seed)
        np.testing.assert_array_equal(
            pixels(session.image(again)), pixels(bind(again, model).still().picture())
        )
    frames = session.frames(request.but(seconds=1, fps=9), progress=lambda event: event.done < 3)
    with pytest.raises(Cancelled, match="cancelled after frame 3 of 9"):
        list(frames)


def test_clusters_that_come_with_netbend_are_looked_up_again_by_name() -> None:
    faces = netbend.load_model("faces", device="cpu")
    bend = {**TURN, "layer": 4, "features": {"noise": 3, "above": 0.0, "within": {"cluster": 1}}}
    recipe = recipe_from_data({"clusters": "faces/paper", "bends": [bend]})
    bound = bind(RenderRequest.of(faces, recipe, fps=2), faces)
    first = self_contained(bound.complete_request())
    again = self_contained(bind(first, faces).complete_request())
    for request in (first, again):
        for time in (0.0, 1.0):
            assert bind(request, faces).plan.at(time).bends == bound.plan.at(time).bends


GROWING = {**TURN, "features": {"random": {"from": 0.2, "to": 0.8, "seconds": 2}}}
FLICKERING = {**TURN, "features": {"noise": 3, "above": 0.0, "within": {"cluster": 1}}}


def test_a_selection_that_moves_is_drawn_again_from_the_same_seed(model: Model) -> None:
    recipe = recipe_from_data({"seed": 3, "bends": [GROWING]})
    bound = bind(RenderRequest.of(model, recipe, selection_seed=8, fps=2), model)
    again = bind(self_contained(bound.complete_request()), model)
    for time in (0.0, 1.0, 2.0):
        assert again.plan.at(time).bends == bound.plan.at(time).bends
    own = bind(RenderRequest.of(model, recipe, fps=2), model)
    assert own.plan.at(1.0).bends != bound.plan.at(1.0).bends


@pytest.mark.parametrize("said_by", ["the request", "the recipe"])
def test_a_selection_that_moves_within_clusters_of_a_file_is_not_guessed(
    model: Model, said_by: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    netbend.save_clusters(netbend.Clusters({2: {1: (0, 2, 4)}}), file)
    of_recipe = {"clusters": str(file)} if said_by == "the recipe" else {}
    recipe = recipe_from_data({**of_recipe, "bends": [FLICKERING]})
    given = {} if of_recipe else {"clusters": netbend.load_clusters(file)}
    bound = bind(RenderRequest.of(model, recipe, fps=2, **given), model)
    assert set(bound.plan.at(1.0).bends[0].indices) <= {0, 2, 4}
    with pytest.raises(RenderError, match=r"looks up clusters in .*mine\.yaml"):
        self_contained(bound.complete_request())


SLOW: dict[str, tuple[Any, str]] = {
    "a million seeds": ([{"seed": 1}] * 1001, "latents: 1001 of them; a sheet shows at most 1000"),
    "means": ([{"mean": "0-9999"}] * 2, "expected seeds or values where there are several"),
    "ranges": (["0-9999"] * 2, "expected seeds or values where there are several"),
    "directions": ([{"direction": 3, "by": 1}] * 2, "expected seeds or values where there are several"),
    "walks": ([{"walk": 1, "length": 1000}] * 2, "expected seeds or values where there are several"),
    "a length beyond all numbers": ([{"walk": 1, "length": 10**400}], "length: expected a number above 0"),
    "a file with the word's name": ([{"file": "soundtrack"}], "follows 'soundtrack'"),
    "a film with the word's name": ([{"film": "soundtrack"}], "follows 'soundtrack'"),
    "directions with the word's name": (
        [{"seed": 1, "direction": 1, "by": 1, "of": "soundtrack"}],
        "follows 'soundtrack'",
    ),
    "a journey to the word's name": ([{"through": ["soundtrack", 1], "seconds": 1}], "follows 'soundtrack'"),
}


@pytest.mark.parametrize("case", SLOW)
def test_latents_out_of_a_file_are_few_or_quick(case: str, model: Model, tmp_path: Path) -> None:
    latents, message = SLOW[case]
    path = tmp_path / "picture.png"
    chunks = PngImagePlugin.PngInfo()
    data = {"version": "1", "model": {"name": model.name}, "latents": latents}
    chunks.add_itxt("netbend", json.dumps(data), zip=True)
    Image.new("RGB", (8, 8)).save(path, pnginfo=chunks)
    with pytest.raises(RenderError, match=message) as caught:
        self_contained(read_request(path))
    assert len(str(caught.value)) < 2000


def test_of_several_latents_that_are_no_sheet_the_first_is_drawn(model: Model) -> None:
    request = RenderRequest.of(model, seeds=[5, 6])
    assert bind(self_contained(request), model).still().latents.seeds == (5,)
    assert bind(self_contained(request.but(sheet=True)), model).still().latents.seeds == (5, 6)


def test_a_file_of_the_name_of_clusters_that_come_with_netbend_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces/paper").write_text("secret")
    faces = netbend.load_model("faces", device="cpu")
    bend = {**TURN, "layer": 4, "features": {"noise": 3, "above": 0.0, "within": {"cluster": 1}}}
    data = {
        "version": "1",
        "model": {"name": "faces"},
        "clusters": "faces/paper",
        "recipe": {"bends": [bend]},
        "selected": [{}],
    }
    request = self_contained(RenderRequest.model_validate(data))
    assert bind(request, faces).complete_request().clusters == "faces/paper"
