"""Words that choose are the same as what they name, wherever they are given; all others are one error."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import pytest
import torch

from netbend.bending import Plan, apply, bend
from netbend.choices import NoiseMode, NonFinite, Perceptual, Phase, Precision, Preset, Space, Start
from netbend.clustering import Settings as ClusterSettings
from netbend.engine.frames import Film
from netbend.engine.still import Still
from netbend.errors import LatentError, NetbendError, OptionError
from netbend.latents.file import load_latents
from netbend.latents.path import latent_path
from netbend.latents.projection.perceptual import loss_of
from netbend.latents.projection.settings import Settings as ProjectionSettings
from netbend.latents.projection.start import encoder_of
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.models.precision import wants_bfloat16
from netbend.motion.curves import Follow, Key, Ramp, Wave
from netbend.recipe import Recipe
from netbend.recipe.places import Journey, Latent, LatentFile, Seed
from netbend.render.sound import SoundJob
from netbend.render.stream import Listening

CPU = torch.device("cpu")


def film_of(model: Model, nonfinite: object) -> Film:
    return Film(model, Plan(()), latent_path(Latent(Seed(0)), model), 1, nonfinite=nonfinite)


# What a word is given to, what it is kept as, and the words that there are.
PLACES: dict[str, tuple[Callable[[Model, object], object], type[StrEnum]]] = {
    "SynthesisOptions.noise": (lambda _, word: SynthesisOptions(noise=word).noise, NoiseMode),
    "SynthesisOptions.nonfinite": (lambda _, word: SynthesisOptions(nonfinite=word).nonfinite, NonFinite),
    "Latents.space": (lambda _, word: Latents(word, torch.zeros(1, 4), (0,)).space, Space),
    "bend": (lambda model, word: bend(model, Recipe(()), nonfinite=word).policy, NonFinite),
    "Still": (lambda model, word: Still(model, model.latents([0]), nonfinite=word).nonfinite, NonFinite),
    "SoundJob": (lambda model, word: SoundJob(model, nonfinite=word).nonfinite, NonFinite),
    "Film": (lambda model, word: film_of(model, word).nonfinite, NonFinite),
    "Listening.phase": (lambda _, word: Listening(phase=word).phase, Phase),
    "ClusterSettings": (lambda _, word: ClusterSettings(None, (), word).preset, Preset),
    "perceptual": (lambda _, word: ProjectionSettings(perceptual=word).perceptual, Perceptual),
    "start": (lambda _, word: ProjectionSettings(start=word).start, Start),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_word_is_what_it_names(model: Model, place: str) -> None:
    give, kind = PLACES[place]
    for member in kind:
        assert give(model, str(member.value)) is member
        assert give(model, member) is member
    for wrong in ("", "constnt", str(next(iter(kind))).upper(), None, 3):
        with pytest.raises(OptionError, match=f"expected {', '.join(kind)}".replace("+", r"\+")):
            give(model, wrong)


def test_text_gives_the_same_pictures(model: Model) -> None:
    latents = model.latents([1, 2])
    for mode in NoiseMode:
        as_text, as_member = (
            model.generate(latents, SynthesisOptions(noise=word)) for word in (str(mode.value), mode)
        )
        assert torch.equal(as_text, as_member), mode
    for given in (latents, model.to_w(latents)):
        as_text = Latents(str(given.space.value), given.values, given.seeds)
        assert torch.equal(
            model.generate(as_text, SynthesisOptions(0.8)), model.generate(given, SynthesisOptions(0.8))
        )


# Calls that take words and keep nothing.
CALLS: dict[str, Callable[[object], object]] = {
    "apply": lambda word: apply(None, torch.zeros(1), word),
    "loss_of": lambda word: loss_of(word, CPU),
    "encoder_of": lambda word: encoder_of(None, word),
    "wants_bfloat16": lambda word: wants_bfloat16(word, CPU),
    "load_latents": lambda word: load_latents(Path(__file__), word),
    "Ramp": lambda word: Ramp(0, 1, 1, word),
    "Key": lambda word: Key(0, 1, word),
    "Wave": lambda word: Wave(word, 0, 1, 1),
    "Follow": lambda word: Follow("a.wav", word, 0, 1),
    "Journey.easing": lambda word: Journey((Seed(0), Seed(1)), easing=word),
    "Journey.space": lambda word: Journey((Seed(0), Seed(1)), space=word),
    "LatentFile": lambda word: LatentFile("a.npz", 0, word),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_word_is_an_error_that_names_the_right_ones(call: str) -> None:
    with pytest.raises(OptionError, match=r"'sidewise': expected \w+"):
        CALLS[call]("sidewise")


def test_calls_take_text() -> None:
    assert not wants_bfloat16("float32", CPU)
    assert wants_bfloat16("auto", CPU) == wants_bfloat16(Precision.AUTO, CPU)
    assert loss_of("pixel", CPU).perceptual is None


@pytest.mark.parametrize("psi", ["0.7", float("nan")])
def test_a_truncation_that_means_nothing_is_refused(psi: object) -> None:
    with pytest.raises(LatentError, match="truncation"):
        SynthesisOptions(truncation_psi=psi)


@pytest.mark.parametrize("cutoff", [-1, 2.5])
def test_a_cutoff_that_means_nothing_is_refused(cutoff: object) -> None:
    with pytest.raises(LatentError, match="cutoff"):
        SynthesisOptions(truncation_cutoff=cutoff)


def test_wrong_words_are_errors_of_netbend_and_of_python() -> None:
    assert issubclass(OptionError, NetbendError)
    assert issubclass(OptionError, ValueError)
