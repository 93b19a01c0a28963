"""Pictures that are made in groups - of a film, a grid, variations - are those that each recipe makes alone.

Of networks whose noise, biases and styles are large, at sizes where large maps are treated in their own ways.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from netbend.bending import Plan, bend, resolve
from netbend.choices import NoiseMode
from netbend.engine.batch import render_batch
from netbend.engine.bound import bind
from netbend.engine.frames import Film
from netbend.engine.request import RenderRequest
from netbend.engine.still import Still
from netbend.models.base import Model, SynthesisOptions
from netbend.models.dcgan.model import DCGAN
from netbend.models.dcgan.network import Architecture as DCGANArchitecture
from netbend.models.dcgan.network import Generator as DCGANGenerator
from netbend.models.mobilestylegan.model import MobileStyleGAN
from netbend.models.mobilestylegan.network import Architecture as MobileArchitecture
from netbend.models.mobilestylegan.network import Generator as MobileGenerator
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Architecture, Generator
from netbend.pictures import to_pictures
from netbend.recipe import recipe_from_data


def randomized(network: torch.nn.Module) -> Any:
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                parameter.add_(0.3 * torch.randn_like(parameter).sign())
        for name, buffer in network.named_buffers():
            if name.endswith("w_mean"):
                buffer.normal_(std=0.3)
    return network


def stylegan2() -> Model:
    torch.manual_seed(1)
    return StyleGAN2(randomized(Generator(Architecture((16, 12, 10, 8, 6, 4), 8, 8, 2))), "tiny", "0" * 64)


def mobile() -> Model:
    torch.manual_seed(1)
    generator = randomized(MobileGenerator(MobileArchitecture((16, 12, 12, 8, 8), 8, 8, 2)))
    for name, parameter in generator.synthesis.named_parameters():
        if name.endswith("weight"):
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        if name.endswith("style.bias"):
            torch.nn.init.normal_(parameter, mean=1.0, std=0.3)
    return MobileStyleGAN(generator, "tiny", "0" * 64)


def dcgan() -> Model:
    torch.manual_seed(1)
    generator = randomized(DCGANGenerator(DCGANArchitecture((12, 10, 8, 6, 4), 6)))
    for parameter in generator.parameters():
        if parameter.ndim == 4:
            torch.nn.init.normal_(parameter, std=(4 * len(parameter)) ** -0.5)
    return DCGAN(generator, "tiny", "0" * 64)


MODELS = [stylegan2, mobile, dcgan]
MOVING = {"from": 0.5, "to": 2, "seconds": 1}
# What moves: the latent alone, a bend of an early and of a late layer, the truncation, all of them.
FILMS: dict[str, dict[str, Any]] = {
    "latent": {"latent": {"through": [1, 2], "seconds": 1}, "bends": []},
    "early": {"latent": 3, "bends": [{"layer": 1, "transform": "multiply", "params": {"p": MOVING}}]},
    "late": {
        "latent": 3,
        "bends": [
            {"layer": 1, "transform": "flip-h", "features": {"random": 0.5}},
            {
                "layer": 4,
                "transform": "dilate",
                "params": {"r": 2},
                "mix": {"from": 0, "to": 1, "seconds": 1},
            },
        ],
    },
    "truncation": {"latent": 3, "truncation": {"from": 0.2, "to": 1, "seconds": 1}, "bends": []},
    "all": {
        "latent": {"through": [1, 2], "seconds": 1},
        "truncation": {"from": 0.2, "to": 1, "seconds": 1},
        "bends": [
            {"layer": 4, "transform": "rotate", "params": {"angle": {"from": 0, "to": 90, "seconds": 1}}},
            {"layer": 2, "transform": "threshold", "params": {"t": 0.1}, "features": {"random": 0.5}},
        ],
    },
}


def difference(one: Image.Image, other: Image.Image) -> int:
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other)).max())


def alone(film: Film, number: int) -> Image.Image:
    """A frame by nothing but a bent model and one latent."""
    time = film.time(number)
    latents = film.path.at([time])
    with bend(film.model, film.plan.at(time)):
        images = film.model.generate(latents, film._options(time))
    (picture,) = to_pictures(images)
    return picture


@pytest.mark.parametrize("noise", list(NoiseMode))
@pytest.mark.parametrize("moves", FILMS)
@pytest.mark.parametrize("make", MODELS)
def test_frames_are_the_pictures_that_each_moment_makes_alone(
    make: Callable[[], Model], moves: str, noise: NoiseMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    if make is dcgan and noise is NoiseMode.RANDOM:
        pytest.skip("it has no noise to draw")
    model = make()
    options = SynthesisOptions(noise=noise)
    request = RenderRequest.of(model, recipe_from_data(FILMS[moves]), options=options, seconds=1, fps=7)
    film = Film.of(bind(request, model))
    monkeypatch.setattr(Film, "group", 4)  # as on a GPU
    frames = list(film.frames())
    assert len(frames) == 7
    assert difference(frames[0], frames[-1]) > 4
    for number, frame in enumerate(frames):
        assert difference(frame, alone(film, number)) <= 1, f"frame {number}"
        assert difference(frame, film.frame(number)) == 0, f"frame {number} by itself"


@pytest.mark.parametrize("noise", ["constant", "random", "none"])
@pytest.mark.parametrize("make", MODELS)
def test_variations_are_the_pictures_that_each_recipe_makes_alone(
    make: Callable[[], Model], noise: str
) -> None:
    if make is dcgan and noise == "random":
        pytest.skip("it has no noise to draw")
    model = make()
    kinds = [
        [{"layer": 1, "transform": "multiply", "params": {"p": p}}, {"layer": 4, "transform": t, **params}]
        for p in (1.5, -1)
        for t, params in (("flip-h", {}), ("erode", {"params": {"r": 1}, "features": {"random": 0.5}}))
    ]
    recipes = [recipe_from_data({"bends": bends}) for bends in kinds]
    options = SynthesisOptions(0.8, noise=noise)
    stills = [
        Still(model, model.latents([seed]), options, recipe, resolve(recipe, model))
        for seed in (1, 2)
        for recipe in recipes
    ]
    made = dict(render_batch(stills))
    for place, still in enumerate(stills):
        assert difference(made[place], still.picture()) == 0
    assert len({made[place].tobytes() for place in made}) == len(stills)


@pytest.mark.parametrize("make", MODELS)
def test_plans_of_a_batch_may_differ_in_their_masks_alone(make: Callable[[], Model]) -> None:
    model = make()
    plan = resolve(
        recipe_from_data({"bends": [{"layer": 3, "transform": "multiply", "params": [-3]}]}), model
    )
    (planned,) = plan.bends
    mask = torch.zeros(planned.layer.height, planned.layer.width)
    plans = [Plan((replace(planned, mask=mask + value),)) for value in (0.0, 1.0)]
    latents, options = model.latents([1, 1]), SynthesisOptions(0.8)
    with bend(model, plans):
        first, second = model.generate(latents, options)
    for image, one in zip((first, second), plans, strict=True):
        with bend(model, one):
            torch.testing.assert_close(image[None], model.generate(latents[0], options), atol=1e-4, rtol=1e-4)
    assert (first - second).abs().max() > 0.1
