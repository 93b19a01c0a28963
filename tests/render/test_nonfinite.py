"""NaN and infinity of a network that nothing bends: an error, a warning, or replaced, wherever it plays."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from netbend.bending import Plan, bend
from netbend.choices import Space
from netbend.engine.batch import render_batch
from netbend.engine.frames import Film
from netbend.engine.still import Still
from netbend.errors import NonFiniteError
from netbend.latents.path import latent_path
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.models.dcgan.model import DCGAN
from netbend.models.dcgan.network import Architecture as DCGANArchitecture
from netbend.models.dcgan.network import Generator as DCGANGenerator
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture as VAEArchitecture
from netbend.models.spectrogram_vae.network import SpectrogramVAE
from netbend.models.stylegan2.model import StyleGAN2
from netbend.recipe import Bend, Recipe
from netbend.recipe.places import Latent, Seed
from netbend.render.sound import SoundJob
from netbend.render.stream import SoundStream, sing
from netbend.transforms import build_transform
from netbend.variations.grid import make_grid

from ..conftest import tiny_generator

UNBENT = "the network, with no bend in it, made (NaN|infinity); look for a truncation or latents"
HUGE = SynthesisOptions(truncation_psi=1e38)


def vae() -> SpectrogramModel:
    torch.manual_seed(0)
    return SpectrogramModel(SpectrogramVAE(VAEArchitecture.of_width(1 / 32, 16)), "tiny", "0" * 64)


def broken(model: Model) -> Model:
    """A network with a weight that is NaN."""
    *_, last = (values for values in model.network.parameters() if values.ndim == 4)
    last[0, 0, 0, 0] = torch.nan
    return model


def dcgan() -> Model:
    torch.manual_seed(0)
    return DCGAN(DCGANGenerator(DCGANArchitecture((12, 8), z_dim=6)), "tiny", "0" * 64)


def w_of(value: float) -> Latents:
    return Latents(Space.W, torch.full((1, 16), value), (0,))


# What is generated, by a model of the fixture or another, with how it is to be played.
CASES: dict[str, Callable[[Model, SynthesisOptions], Tensor]] = {
    "truncation": lambda model, options: model.generate(
        model.latents([1]), replace(options, truncation_psi=1e38)
    ),
    "latents": lambda model, options: model.generate(w_of(3e38), options),
    "NaN latents": lambda model, options: model.generate(w_of(torch.nan), options),
    "weights": lambda model, options: broken(model).generate(model.latents([1]), options),
    "batch": lambda model, options: model.generate(
        model.latents([1, 2, 3]), replace(options, truncation_psi=1e38)
    ),
    "clamps": lambda _, options: StyleGAN2(tiny_generator(clamp=256.0), "tiny", "").generate(
        w_of(3e38), options
    ),
    "bfloat16": lambda model, options: model.bfloat16().generate(w_of(3e38), options),
    "DCGAN": lambda _, options: broken(dcgan()).generate(dcgan().latents([1]), options),
    "VAE": lambda _, options: broken(vae()).generate(vae().latents([1]), options),
}


@pytest.mark.parametrize("case", CASES)
def test_generating_follows_the_policy(model: Model, case: str) -> None:
    generate = CASES[case]
    with pytest.raises(NonFiniteError, match=UNBENT):
        generate(model, SynthesisOptions())
    with pytest.warns(UserWarning, match=UNBENT):
        assert not generate(model, SynthesisOptions(nonfinite="warn")).isfinite().all()
    assert generate(model, SynthesisOptions(nonfinite="replace")).isfinite().all()


@pytest.mark.parametrize("recipe", [Recipe(()), Recipe((Bend(4, build_transform("flip-h")),))])
def test_a_block_has_the_last_word(model: Model, recipe: Recipe) -> None:
    with bend(model, recipe, nonfinite="replace"):
        assert model.generate(model.latents([1]), HUGE).isfinite().all()
    with bend(model, recipe, nonfinite="warn"), pytest.warns(UserWarning, match="the network") as warnings:
        model.generate(model.latents([1]), HUGE)
    assert len(warnings) == 1
    with pytest.raises(NonFiniteError, match="the network"), bend(model, recipe):
        model.generate(model.latents([1]), replace(HUGE, nonfinite="warn"))


def test_large_but_finite_numbers_are_pictures(model: Model) -> None:
    far = model.generate(model.latents([1]), SynthesisOptions(1e6))
    assert far.isfinite().all()
    z = model.latents([1])
    longer = replace(z, values=z.values * 1e30)
    torch.testing.assert_close(model.generate(longer), model.generate(z), rtol=1e-3, atol=1e-3)


def film_of(model: Model, nonfinite: str, options: SynthesisOptions = SynthesisOptions()) -> Film:
    path = latent_path(Latent(Seed(0)), model)
    return Film(model, Plan(()), path, 3, options=options, truncation=1e38, nonfinite=nonfinite)


# What makes pictures, given a policy.
MAKERS: dict[str, Callable[[Model, str], object]] = {
    "render": lambda model, policy: Still(model, model.latents([1]), HUGE, nonfinite=policy).picture(),
    "compare": lambda model, policy: Still(
        model, model.latents([1]), HUGE, compare=True, nonfinite=policy
    ).picture(),
    "vary": lambda model, policy: dict(
        render_batch([Still(model, model.latents([1]), HUGE, nonfinite=policy)] * 2)
    ),
    "film": lambda model, policy: list(film_of(model, policy).frames()),
    "grid": lambda model, policy: make_grid(
        "seed=1,2", "p=1,2", model, RECIPE, truncation=1e38, nonfinite=policy
    ),
}
RECIPE = Recipe((Bend(4, build_transform("multiply", [1.0])),))


@pytest.mark.parametrize("maker", MAKERS)
def test_pictures_follow_the_policy(model: Model, maker: str) -> None:
    make = MAKERS[maker]
    with pytest.raises(NonFiniteError, match="the network"):
        make(model, "error")
    with pytest.warns(UserWarning, match="the network"):
        make(model, "warn")
    make(model, "replace")


def test_sound_follows_the_policy(tmp_path: Path) -> None:
    model = broken(vae())
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 60_000)).astype(np.float32)

    def streamed(policy: str) -> np.ndarray:
        stream = SoundStream(model, nonfinite=policy)
        return np.concatenate([stream.push(noise), stream.flush()], axis=1)

    def sung(policy: str) -> np.ndarray:
        return next(sing(model, Plan(()), iter([model.latents([0])]), nonfinite=policy))

    soundfile.write(tmp_path / "a.wav", noise[0], 44100)
    for make in (streamed, sung):
        with pytest.raises(NonFiniteError, match=UNBENT):
            make("error")
        assert np.isfinite(make("replace")).all()
    with pytest.raises(NonFiniteError, match=UNBENT):
        SoundJob(model).write(tmp_path / "a.wav", tmp_path / "b.wav")
    assert not (tmp_path / "b.wav").exists()


def test_the_look_is_one_pass_over_the_pictures(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[tuple[int, ...]] = []
    aminmax = torch.aminmax

    def noted(values: Tensor) -> object:
        looks.append(tuple(values.shape))
        return aminmax(values)

    monkeypatch.setattr(torch, "aminmax", noted)
    model.generate(model.latents([1, 2]))
    assert looks == [(2 * 3 * 16 * 16,)]
    looks.clear()
    with bend(model, Recipe((Bend(4, build_transform("flip-h")),))):
        model.generate(model.latents([1, 2]))
    assert looks == [(2 * 3 * 16 * 16,)], "a bent picture is looked at once, too"
