"""A frame is what it is, whatever frames were made before it."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from netbend.bending import Plan, bend
from netbend.choices import NoiseMode
from netbend.engine.bound import bind
from netbend.engine.frames import Film
from netbend.engine.request import RenderRequest
from netbend.errors import NonFiniteError, RecipeError, RenderError
from netbend.models.base import Model, SynthesisOptions
from netbend.models.dcgan.model import DCGAN
from netbend.models.dcgan.network import Architecture, Generator
from netbend.models.output import ImageOutput
from netbend.pictures import to_pictures
from netbend.recipe import recipe_from_data

from .conftest import Film_of

WAVE = {"wave": "sine", "from": -60, "to": 90, "seconds": 1.7}
TURN = {"layer": 3, "transform": "rotate", "params": {"angle": WAVE}}
EROSION = {"layer": 2, "transform": "erode", "params": {"r": {"from": 1, "to": 3}}}
FADING = {"layer": 1, "transform": "invert", "mix": {"keys": [[0, 0], [2, 1, "ease-in"]], "loop": 2.5}}
FLICKER = {"layer": 2, "transform": "ablate", "features": {"noise": 3, "above": 0.1, "seconds": 0.4}}
GROWING = {"layer": 4, "transform": "multiply", "params": [-2], "features": {"random": {"from": 0, "to": 1}}}
STILL = {"layer": 1, "transform": "multiply", "params": [1.5], "features": {"random": 0.5}}

RECIPES: dict[str, dict[str, Any]] = {
    "bend": {"latent": 3, "bends": [TURN]},
    "several": {"latent": 3, "bends": [STILL, TURN, FLICKER, GROWING, FADING]},
    "selection": {"bends": [STILL, FLICKER]},
    "whole numbers": {"bends": [EROSION]},
    "latent": {"latent": {"through": [3, 5, 8], "loop": True}, "bends": [STILL]},
    "walk": {"latent": {"walk": 7}, "bends": [FLICKER]},
    "truncation": {"latent": 3, "truncation": WAVE | {"from": 0, "to": 1}, "bends": [STILL]},
    "all": {
        "latent": {"through": [3, 5, 8]},
        "truncation": {"noise": 3, "from": 0.3, "to": 1},
        "bends": [STILL, TURN, FLICKER],
    },
    "nothing": {"latent": 3, "bends": [STILL]},
}


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("compare", [False, True])
def test_a_frame_alone_is_the_frame_of_the_film(film_of: Film_of, name: str, compare: bool) -> None:
    film = film_of(RECIPES[name], compare=compare)
    frames = list(film.frames())
    assert len(frames) == len(film) == 40
    for number in (39, 0, 15, 16, 17, 33):
        alone = film_of(RECIPES[name], compare=compare).frame(number)
        assert np.array_equal(pixels(alone), pixels(frames[number])), number
    assert (film.still, len({frame.tobytes() for frame in frames}) == 1) == ((name == "nothing"),) * 2


class InBatches(Film):
    """As on a GPU."""

    group = 16  # type: ignore[assignment]


def in_batches(film: Film) -> Film:
    return InBatches(**{field.name: getattr(film, field.name) for field in fields(film)})


@pytest.mark.parametrize("name", RECIPES)
def test_frames_are_the_moments_of_the_recipe(film_of: Film_of, model: Model, name: str) -> None:
    """What `netbend render --time` makes, to the bit; of batches, to their rounding."""
    film = film_of(RECIPES[name])
    for number in (0, 7, 22, 39):
        time = film.time(number)
        psi = film.truncation if isinstance(film.truncation, float) else film.truncation.at(time)
        with bend(model, film.plan.at(time)):
            (expected,) = to_pictures(
                model.generate(film.path.at([time]), SynthesisOptions(truncation_psi=psi))
            )
        np.testing.assert_array_equal(pixels(film.frame(number)), pixels(expected))
        together = pixels(in_batches(film).frame(number)).astype(int)
        assert np.abs(pixels(expected) - together).max() <= 1


@pytest.mark.parametrize(("first", "end"), [(0, 1), (15, 17), (16, 32), (5, 40), (39, 99), (20, None)])
def test_any_part_of_a_film_is_that_part(film_of: Film_of, first: int, end: int | None) -> None:
    film = film_of(RECIPES["several"])
    part = [picture.tobytes() for picture in film.frames(first, end)]
    assert part == [picture.tobytes() for picture in film.frames()][first:end]


def test_frames_are_made_one_by_one_on_a_cpu_and_in_batches_elsewhere(film_of: Film_of, model: Model) -> None:
    batches: list[int] = []
    model.network.register_forward_pre_hook(lambda _m, inputs: batches.append(len(inputs[0])))
    for name in ("latent", "all"):
        batches.clear()
        list(film_of(RECIPES[name]).frames())
        assert batches == [1] * 40
        batches.clear()
        list(in_batches(film_of(RECIPES[name])).frames())
        assert batches == [16, 16, 16]


def test_what_does_not_change_is_computed_once(film_of: Film_of, model: Model) -> None:
    ran: list[int] = []
    for number in range(5):
        conv = model.network.get_submodule(f"layers.{number}").conv
        conv.register_forward_pre_hook(lambda _m, _i, number=number: ran.append(number))
    list(film_of({"bends": [STILL, TURN]}).frames())
    assert [ran.count(number) for number in range(5)] == [1, 1, 1, 41, 41]  # once to begin with, and 40
    ran.clear()
    list(film_of({"bends": [STILL, TURN]}, compare=True).frames())
    assert [ran.count(number) for number in range(5)] == [2, 2, 2, 42, 42]


def test_compare_has_the_unbent_picture_at_the_left(film_of: Film_of) -> None:
    for name in ("several", "latent", "truncation"):
        both, bent = film_of(RECIPES[name], compare=True), film_of(RECIPES[name])
        unbent = film_of({**RECIPES[name], "bends": []})
        for number in (0, 21):
            halves = pixels(both.frame(number))
            assert np.array_equal(halves[:, 16:], pixels(bent.frame(number)))
            difference = halves[:, :16].astype(int) - pixels(unbent.frame(number))
            assert np.abs(difference).max() <= 1
            assert (halves[:, 16:] != halves[:, :16]).any()


def test_random_noise_is_the_same_in_all_frames(film_of: Film_of) -> None:
    film = film_of({"bends": [STILL]}, options=SynthesisOptions(noise=NoiseMode.RANDOM))
    assert film.frame(0).tobytes() == film.frame(30).tobytes()
    assert film.frame(0).tobytes() != film_of({"bends": [STILL]}).frame(0).tobytes()


def test_loops_of_the_film_end_where_they_begin(film_of: Film_of) -> None:
    looping = {
        "latent": {"through": [3, 5, 8], "loop": True},
        "bends": [
            {**FLICKER, "features": {"noise": 3, "above": 0.1, "seconds": 0.4, "loop": 4}},
            {**TURN, "params": {"angle": {**WAVE, "seconds": 2}}},
        ],
    }
    film, longer = (
        film_of(looping),
        film_of({**looping, "latent": {**looping["latent"], "seconds": 4 / 3}}, 8),
    )
    assert film.frame(3).tobytes() == longer.frame(3).tobytes() == longer.frame(43).tobytes()
    assert longer.frame(0).tobytes() == longer.frame(40).tobytes()


def test_rates_say_when_frames_are_shown(film_of: Film_of) -> None:
    data = RECIPES["selection"]
    slow, fast = film_of(data, fps=10), film_of(data, fps=60)
    assert (len(slow), len(fast), len(film_of(data, fps=29.97))) == (40, 240, 120)
    assert slow.time(20) == fast.time(120) == 2
    assert np.abs(pixels(slow.frame(20)).astype(int) - pixels(fast.frame(120))).max() <= 1


def test_truncation_that_moves_is_that_of_each_frame() -> None:
    torch.manual_seed(0)
    eyes = DCGAN(Generator(Architecture((8, 6), z_dim=12, classes=("blue", "brown"))), "eyes", "0" * 64)
    recipe = recipe_from_data({"truncation": {"from": 0, "to": 1, "seconds": 3}, "latent": 1, "bends": []})
    film = Film.of(bind(RenderRequest.of(eyes, recipe, seconds=4, fps=10), eyes))
    for number in (0, 15, 39):
        psi = min(1.0, number / 30)
        (expected,) = to_pictures(eyes.generate(eyes.latents([1]), SynthesisOptions(truncation_psi=psi)))
        assert np.abs(pixels(film.frame(number)).astype(int) - pixels(expected)).max() <= 1


def test_there_is_no_frame_beyond_the_film(film_of: Film_of) -> None:
    for number in (-1, 40):
        with pytest.raises(RenderError, match=f"frame {number}: the film has the frames 0-39"):
            film_of(RECIPES["bend"]).frame(number)
    with pytest.raises(RenderError, match=r"0\.01 seconds at 10 frames a second are no frame"):
        film_of(RECIPES["bend"], seconds=0.01)
    with pytest.raises(RenderError, match="a film of 0 frames"):
        Film(None, Plan(()), None, 0)  # type: ignore[arg-type]


def test_nan_in_the_middle_of_a_film_names_its_bend(film_of: Film_of, model: Model) -> None:
    data = {"bends": [{"layer": 4, "transform": "multiply", "params": {"p": {"from": 1, "to": 3.0e38}}}]}
    film = film_of(data)
    with pytest.raises(NonFiniteError, match="`multiply` at layer 4"):
        list(film.frames())
    assert all(not module._forward_hooks for module in model.network.modules())
    assert len(list(film_of(data, options=SynthesisOptions(nonfinite="replace")).frames())) == 40


def test_large_pictures_are_made_one_by_one_and_small_ones_together(model: Model) -> None:
    class Large(type(model)):  # type: ignore[misc]
        output = ImageOutput(3, 512, 512)
        network = torch.nn.Linear(1, 1, device="meta")

    film = Film(Large.__new__(Large), Plan(()), None, 4)  # type: ignore[arg-type]
    assert film.group == 1
    model.network.to("meta")
    assert Film(model, Plan(()), None, 4).group == 16  # type: ignore[arg-type]


LENGTHS: list[tuple[dict[str, Any], float]] = [
    ({}, 10),
    ({"seconds": 3}, 3),
    ({"latent": {"through": [1, 2, 3], "loop": True}}, 9),
    ({"latent": {"through": [1, 2, 3], "seconds": 2}}, 4),
    ({"latent": {"walk": 1, "seconds": 7}}, 7),
    ({"latent": {"walk": 1}}, 10),
]


@pytest.mark.parametrize(("data", "seconds"), LENGTHS, ids=str)
def test_a_film_is_as_long_as_the_recipe_says(model: Model, data: dict[str, Any], seconds: float) -> None:
    request = RenderRequest.of(model, recipe_from_data({"bends": [], **data}), fps=10)
    bound = bind(request, model)
    assert bound.seconds == seconds
    assert len(Film.of(bound)) == 10 * seconds
    assert Film.of(bind(request.but(seconds=2), model)).seconds == 2


def test_what_does_not_fit_the_model_is_told_before_the_first_frame(model: Model, tmp_path: Path) -> None:
    for data, message in [
        ({"bends": [{**TURN, "layer": 9}]}, "layer 9: this model has layers 0-4"),
        ({"truncation": {"sound": "soundtrack", "from": 0, "to": 1}}, "name one as `soundtrack:`"),
        ({"soundtrack": str(tmp_path / "gone.wav"), "seconds": 3, "bends": [FOLLOWING]}, "no such file"),
    ]:
        request = RenderRequest.of(model, recipe_from_data({"bends": [], **data}), fps=10)
        with pytest.raises(RecipeError, match=message):
            bind(request, model)


FOLLOWING = {**TURN, "params": {"angle": {"sound": "soundtrack", "from": 0, "to": 90}}}
