"""Sound through bends that move: when they are heard, and that blocks and channels do not matter."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from netbend.bending import Plan, resolve
from netbend.models.base import Latents, SynthesisOptions
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture, SpectrogramVAE
from netbend.recipe import Recipe, recipe_from_data
from netbend.render.sound import Mixing, SoundJob
from netbend.render.stream import Listening, SoundStream, chunk_time, sing

RATE = 44100
FAST = Listening(overlap=16, context=80)
LOUD = Mixing(keep_loudness=False)
HALVED = {"layer": 5, "transform": "multiply", "params": {"p": 0.5}}


class Through(SpectrogramModel):
    """Gives levels back as they are, but through its last layer: what is heard is what bends do there."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16)), "through", "0" * 64)
        handle = self.network.get_submodule(self.layers[-1].module)
        handle.register_forward_hook(lambda _m, _i, _o: self.seen)

    def encode(self, levels: torch.Tensor) -> Latents:
        self.seen = levels
        return super().encode(levels)


@pytest.fixture
def through() -> Through:
    return Through()


@pytest.fixture
def tiny() -> SpectrogramModel:
    torch.manual_seed(0)
    vae = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16))
    with torch.no_grad():
        vae.decoder.output.bias.fill_(0.6)
    return SpectrogramModel(vae, "tiny", "0" * 64)


def recipe(*bends: dict[str, Any], **rest: Any) -> Recipe:
    return recipe_from_data({"bends": list(bends), **rest})


def noise(seconds: float, channels: int = 1) -> np.ndarray:
    shape = channels, round(seconds * RATE)
    return np.random.default_rng(0).uniform(-0.3, 0.3, shape).astype(np.float32)


def pushed(stream: SoundStream, sound: np.ndarray, block: int) -> np.ndarray:
    parts = [stream.push(sound[:, start : start + block]) for start in range(0, sound.shape[1], block)]
    return np.concatenate([*parts, stream.flush()], axis=1)


def written(job: SoundJob, sound: np.ndarray, folder: Path) -> np.ndarray:
    soundfile.write(folder / "in.wav", sound.T, RATE, subtype="FLOAT")
    job.write(folder / "in.wav", folder / "out.wav")
    return soundfile.read(folder / "out.wav", always_2d=True)[0].T


def test_keys_change_the_sound_in_their_span_and_nowhere_else(through: Through, tmp_path: Path) -> None:
    keys = {"keys": [[0, 0], [1.5, 1, "hold"], [3, 0, "hold"]]}
    job = SoundJob(through, mixing=LOUD).bent(recipe({**HALVED, "mix": keys}), 0)
    sound = noise(5)
    heard = written(job, sound, tmp_path)
    difference = np.abs(heard - sound)[0].reshape(-1, RATE // 100).max(axis=1)  # by hundredths of a second
    changed = np.flatnonzero(difference > 0.02) / 100
    assert changed.min() == pytest.approx(1.5, abs=0.2)
    assert changed.max() == pytest.approx(3, abs=0.2)
    assert (difference[175:275] > 0.1).all()
    assert difference[:125].max() < 1e-3
    assert difference[325:-5].max() < 1e-3


def test_a_ramp_lasts_the_sound(through: Through, tmp_path: Path) -> None:
    """Half of the decibels below full scale are taken away by and by."""
    p = {"from": 1, "to": 0.5}
    job = SoundJob(through, mixing=LOUD).bent(recipe({**HALVED, "params": {"p": p}}), 0)
    sound = noise(6)
    heard = written(job, sound, tmp_path)
    level = 20 * np.log10(np.sqrt((heard[0].reshape(12, -1) ** 2).mean(axis=1)))
    steps = np.diff(level)
    assert (steps < 0).all()
    assert steps[1:-1] == pytest.approx(np.full(9, steps[1:-1].mean()), abs=0.7)
    assert level[0] - level[-1] > 15


MOVING = [
    {"layer": 2, "transform": "multiply", "params": {"p": {"noise": 3, "from": -1, "to": 3, "seconds": 0.3}}},
    {"layer": 1, "transform": "ablate", "features": {"noise": 5, "above": 0, "seconds": 0.2}},
    {"layer": 5, "transform": "flip-h", "mix": {"wave": "square", "from": 0, "to": 1, "seconds": 0.7}},
]


@pytest.mark.parametrize("block", [64, 5000, 30_011])
def test_blocks_do_not_matter(tiny: SpectrogramModel, block: int) -> None:
    plan = resolve(recipe(*MOVING), tiny)
    sound = noise(2.2, channels=2)
    at_once = pushed(SoundStream(tiny, plan, 2, FAST), sound, sound.shape[1])
    parted = pushed(SoundStream(tiny, plan, 2, FAST), sound, block)
    assert np.abs(parted - at_once).max() < 1e-4 * np.abs(at_once).max()
    unbent = pushed(SoundStream(tiny, Plan(()), 2, FAST), sound, block)
    assert np.abs(parted - unbent).max() > 0.01


def test_channels_are_bent_alike(tiny: SpectrogramModel) -> None:
    sound = np.repeat(noise(1.5), 3, axis=0)
    heard = pushed(SoundStream(tiny, resolve(recipe(*MOVING), tiny), 3, FAST), sound, 10_000)
    np.testing.assert_allclose(heard[1], heard[0], atol=1e-6)
    np.testing.assert_allclose(heard[2], heard[0], atol=1e-6)


def test_what_does_not_move_is_bent_in_whole_chunks_as_ever(tiny: SpectrogramModel, tmp_path: Path) -> None:
    still = recipe({"layer": 2, "transform": "multiply", "params": [2], "features": {"random": 0.5}})
    sound = noise(2)
    heard = written(SoundJob(tiny, mixing=LOUD).bent(still, 3), sound, tmp_path)
    plan = resolve(still, tiny, seed=3)
    np.testing.assert_allclose(heard, pushed(SoundStream(tiny, plan), sound, 99_999), atol=1e-6)
    constant = recipe({**HALVED, "params": {"p": {"keys": [[0, 0.5]]}}})
    moving = written(SoundJob(tiny, mixing=LOUD).bent(constant, 0), sound, tmp_path)
    assert (
        np.abs(moving - written(SoundJob(tiny, mixing=LOUD).bent(recipe(HALVED), 0), sound, tmp_path)).max()
        > 0
    )


def test_a_source_is_followed_as_the_soundtrack(through: Through, tmp_path: Path) -> None:
    following = {"sound": "soundtrack", "of": "level", "from": 1, "to": 0, "smooth": 0}
    job = SoundJob(through, mixing=LOUD).bent(recipe({**HALVED, "mix": following}), 0)
    sound = noise(4)
    sound[:, RATE : 3 * RATE] *= 0.01  # 40 dB softer
    heard = written(job, sound, tmp_path)
    difference = np.abs(heard - sound)[0]
    assert difference[RATE // 4 : 3 * RATE // 4].max() < 0.03 * 0.3
    soft = slice(3 * RATE // 2, 5 * RATE // 2)
    assert difference[soft].max() > 0.5 * np.abs(sound[0, soft]).max()


def test_another_soundtrack_is_followed_if_the_recipe_names_one(through: Through, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "other.wav", np.concatenate([np.zeros(RATE), noise(3)[0]]), RATE)
    following = {"sound": "soundtrack", "of": "level", "from": 0, "to": 1, "smooth": 0}
    data = recipe({**HALVED, "mix": following}, soundtrack=str(tmp_path / "other.wav"))
    sound = noise(3)
    difference = np.abs(written(SoundJob(through, mixing=LOUD).bent(data, 0), sound, tmp_path) - sound)[0]
    assert difference[: RATE // 2].max() < 1e-3
    assert difference[2 * RATE :].max() > 0.1


def test_songs_follow_the_latent_and_the_truncation_of_the_recipe(
    tiny: SpectrogramModel, tmp_path: Path
) -> None:
    journey = {"through": [1, 2], "seconds": 1}

    def song(**data: Any) -> np.ndarray:
        job = SoundJob(tiny, Listening(iterations=2)).bent(recipe(**data), 0)
        job.write_song(None, tmp_path / "song.wav", 2.5, 4.0)
        return soundfile.read(tmp_path / "song.wav")[0]

    moving, still = song(latent=journey), song(latent=1)
    assert len(moving) == len(still) == round(2.5 * RATE)
    assert not np.allclose(moving, still, atol=1e-3)
    assert np.array_equal(moving, song(latent=journey))
    fading = song(latent=1, truncation={"from": 1, "to": 0, "seconds": 2})
    assert not np.allclose(fading, song(latent=1, truncation=0.5), atol=1e-3)


def test_each_chunk_of_a_song_has_the_plan_of_its_time(tiny: SpectrogramModel) -> None:
    keys = {"keys": [[0, 0], [1, 1, "hold"]]}
    plan = resolve(recipe({**HALVED, "mix": keys}), tiny)
    cutting = FAST.cutting(tiny)
    times = [chunk_time(tiny, cutting, number) for number in range(10)]
    assert np.diff(times) == pytest.approx(np.full(9, 32 * 256 / RATE))
    assert times[0] == pytest.approx((32 + 16) / 2 * 256 / RATE)
    listening = Listening(overlap=16, context=80, iterations=2)

    def sung(bent: Plan) -> list[np.ndarray]:
        latents = (tiny.latents([1]) for _ in times)
        return list(sing(tiny, bent, latents, SynthesisOptions(), listening))

    bent, unbent = sung(plan), sung(Plan(()))
    late = int(np.argmax(np.array(times) >= 1))
    assert all(np.array_equal(bent[number], unbent[number]) for number in range(late - 1))
    assert not np.allclose(bent[late + 1], unbent[late + 1], atol=1e-4)
