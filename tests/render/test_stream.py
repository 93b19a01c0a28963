from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from netbend.bending import Plan, resolve
from netbend.choices import NonFinite, Phase, Stereo
from netbend.errors import NonFiniteError, RenderError
from netbend.models.base import Latents, SynthesisOptions
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture, SpectrogramVAE
from netbend.recipe import recipe_from_data
from netbend.render.stream import TONAL, Listening, SoundStream, sing, through_model
from netbend.sound.files import read_mono

SOUNDS = Path(__file__).parents[2] / "sounds"
LIVE = Listening(overlap=8, context=96)


def tiny() -> SpectrogramModel:
    torch.manual_seed(0)
    vae = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16))
    with torch.no_grad():
        vae.decoder.output.bias.fill_(0.6)
    return SpectrogramModel(vae, "tiny", "0" * 64)


class Mirror(SpectrogramModel):
    """Reconstructs perfectly: what is heard through it is what the rest of the way does."""

    def __init__(self) -> None:
        super().__init__(tiny().vae, "mirror")

    def encode(self, levels: torch.Tensor) -> Latents:
        self.seen = levels
        return super().encode(levels)

    def generate(self, latents: Latents, options: SynthesisOptions = SynthesisOptions()) -> torch.Tensor:
        super().generate(latents, options)
        return self.seen


def plan(model: SpectrogramModel, *bends: dict[str, object]) -> Plan:
    return resolve(recipe_from_data({"bends": list(bends)}), model, seed=0)


def noise(samples: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.1, 0.1, (channels, samples)).astype(np.float32)


def through(stream: SoundStream, sound: np.ndarray, block: int) -> np.ndarray:
    parts = [stream.push(sound[:, start : start + block]) for start in range(0, sound.shape[1], block)]
    return np.concatenate([*parts, stream.flush()], axis=1)


@pytest.mark.parametrize("listening", [Listening(), LIVE, Listening(overlap=0)])
@pytest.mark.parametrize("samples", [300, 33536, 100_000])
def test_a_perfect_network_gives_the_sound_back(listening: Listening, samples: int):
    """But for what lies below the network's floor."""
    sound = noise(samples)
    heard = through(SoundStream(Mirror(), Plan(()), 2, listening), sound, 5000)
    assert heard.shape == sound.shape
    assert np.abs(heard - sound).max() < 3e-4


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("listening", [Listening(iterations=3), replace(LIVE, iterations=3)])
def test_what_is_streamed_is_what_is_made_offline(phase: Phase, listening: Listening):
    model = tiny()
    bends = plan(
        model, {"layer": 2, "transform": "multiply", "params": {"p": 2}, "features": {"random": 0.5}}
    )
    sound = noise(70_000)
    listening = replace(listening, phase=phase)
    offline = through(SoundStream(model, bends, 2, listening), sound, 70_000)
    for block in (64, 1023, 30_000):
        streamed = through(SoundStream(model, bends, 2, listening), sound, block)
        assert streamed.shape == sound.shape
        assert np.abs(streamed - offline).max() < 1e-4 * np.abs(offline).max()
        assert phase is Phase.INPUT or np.array_equal(streamed, offline)


@pytest.mark.parametrize(("listening", "latency"), [(Listening(), 33780), (LIVE, 9204)])
def test_every_sample_is_out_after_the_latency_stated(listening: Listening, latency: int):
    stream = SoundStream(Mirror(), Plan(()), 1, listening)
    assert stream.latency == latency
    sound, given, late = noise(120_000, 1), 0, []
    for start in range(0, sound.shape[1], 64):
        given += stream.push(sound[:, start : start + 64]).shape[1]
        late.append(start + 64 - given)
    assert latency - 512 < max(late) <= latency
    unlimited = SoundStream(Mirror(), Plan(()), 1, listening, ceiling=None)
    assert unlimited.latency == latency - 244  # 5 ms ahead, and half of the interpolation


def test_griffin_lim_is_eight_frames_later():
    listening = replace(LIVE, phase=Phase.GRIFFIN_LIM, iterations=1)
    stream, given, late = SoundStream(Mirror(), Plan(()), 1, listening), 0, []
    assert stream.latency == 9204 + 8 * 256
    sound = noise(60_000, 1)
    for start in range(0, sound.shape[1], 256):
        given += stream.push(sound[:, start : start + 256]).shape[1]
        late.append(start + 256 - given)
    assert max(late) <= stream.latency


def test_silence_stays_silence_whatever_the_network_does():
    model = tiny()
    loud = np.concatenate([noise(44100), np.zeros((2, 88200), np.float32)], axis=1)
    for phase in Phase:
        heard = through(SoundStream(model, Plan(()), 2, Listening(phase, 2)), loud, 10_000)
        assert np.abs(heard[:, :40_000]).max() > 0.01
        assert np.abs(heard[:, 44100 + 1024 :]).max() == 0


def test_bends_are_heard_and_detail_puts_back_what_is_lost():
    model, sound = tiny(), noise(50_000)
    bends = plan(model, {"layer": 5, "transform": "multiply", "params": {"p": 0.9}})
    unbent = through(SoundStream(model, Plan(()), 2), sound, 50_000)
    bent = through(SoundStream(model, bends, 2), sound, 50_000)
    assert np.abs(bent - unbent).max() > 0.01 * np.abs(unbent).max()
    detailed = through(SoundStream(model, Plan(()), 2, Listening(detail=1.0)), sound, 50_000)
    assert np.abs(detailed - sound).max() < 3e-4


def test_tonal_detail_is_the_mean_of_what_is_lost_over_17_frames_of_its_chunk():
    """Against plain loops, in 64 bits; nothing is added where the source is silent."""
    model = tiny()
    bends = plan(model, {"layer": 2, "transform": "multiply", "params": {"p": -2}})
    random = torch.Generator().manual_seed(0)
    levels = (torch.rand(2, 128, 513, generator=random) * 1.6 - 0.4).clamp(min=0)
    unbent, bent = (
        through_model(model, each, levels, 0.0, NonFinite.ERROR).double() for each in (Plan(()), bends)
    )
    lost = levels.double() - unbent
    expected = bent.clone()
    for frame in range(128):
        mean = lost[:, max(0, frame - 8) : frame + 9].mean(dim=1)
        expected[:, frame] += torch.where(levels[:, frame] > 0, mean, mean.clamp(max=0))
    heard = model.output.spectrum.bin_of(16_000)
    found = through_model(model, bends, levels, TONAL, NonFinite.ERROR).double()
    torch.testing.assert_close(found[..., :heard], expected[..., :heard], rtol=0, atol=1e-5)
    assert (found - bent).abs().max() > 0.1


@pytest.mark.parametrize("detail", [TONAL, 0.0, 0.5])
def test_a_bend_adds_nothing_above_16_khz_and_is_free_below(detail: float | str):
    model = tiny()
    bends = plan(model, {"layer": 5, "transform": "multiply", "params": {"p": 20}})
    levels = torch.rand(1, 128, 513, generator=torch.Generator().manual_seed(1)) * 0.5
    found = through_model(model, bends, levels, detail, NonFinite.ERROR)
    assert model.output.spectrum.bin_of(16_000) == 372  # 16,020 Hz
    assert (found[..., 372:] <= levels[..., 372:]).all()
    assert (found[..., :372] > levels[..., :372]).float().mean() > 0.95


@pytest.mark.parametrize("detail", ["tone", -0.1, 1.1, float("nan")])
def test_details_that_mean_nothing_are_refused(detail: float | str):
    with pytest.raises(RenderError, match="expected tonal, or 0"):
        Listening(detail=detail)


RANDOM = {"layer": 2, "transform": "multiply", "params": [3], "features": {"random": 0.5}}
MOVING = {**RANDOM, "mix": {"wave": "sine", "from": 0, "to": 1, "seconds": 2}}


@pytest.mark.parametrize("bends", [[], [RANDOM], [MOVING]])
def test_each_channel_may_have_a_plan_of_its_own(bends: list[dict[str, object]]):
    model, sound = tiny(), noise(150_000)
    recipe = recipe_from_data({"bends": bends})
    plans = [resolve(recipe, model, seed=seed) for seed in (3, 4)]
    both = through(SoundStream(model, plans, 2), sound, 10_000)
    alone = [through(SoundStream(model, plan, 1), sound[c : c + 1], 7_000) for c, plan in enumerate(plans)]
    assert np.abs(both - np.concatenate(alone)).max() < 1e-5
    with pytest.raises(RenderError, match="2 plans for 3 channels: expected one for each"):
        SoundStream(model, plans, 3)


@pytest.mark.parametrize("bends", [[], [RANDOM]])
def test_middle_and_sides_are_bent_and_put_together_again(bends: list[dict[str, object]]):
    model, sound = tiny(), noise(100_000)
    bent = plan(model, *bends)
    middle, sides = (
        through(SoundStream(model, bent), mono[None], 9_000)[0]
        for mono in ((sound[0] + sound[1]) / 2, (sound[0] - sound[1]) / 2)
    )
    got = through(SoundStream(model, bent, 2, Listening(stereo=Stereo.MID_SIDE)), sound, 10_000)
    assert np.abs(got - np.stack([middle + sides, middle - sides])).max() < 1e-5


def test_middle_and_sides_of_a_perfect_network_are_the_sound():
    sound = noise(60_000)
    stream = SoundStream(Mirror(), channels=2, listening=Listening(detail=0, stereo=Stereo.MID_SIDE))
    plain = SoundStream(Mirror(), channels=2, listening=Listening(detail=0))
    assert (
        np.abs(through(stream, sound, 5_000) - sound).max() < np.abs(through(plain, sound, 5_000)).max() / 50
    )


def test_one_channel_is_all_middle_and_six_have_none():
    listening = Listening(stereo=Stereo.MID_SIDE)
    plain = through(SoundStream(tiny()), noise(50_000, 1), 5_000)
    assert np.array_equal(through(SoundStream(tiny(), listening=listening), noise(50_000, 1), 5_000), plain)
    with pytest.raises(RenderError, match="6 channels have no middle and sides; expected two"):
        SoundStream(tiny(), channels=6, listening=listening)


def state(thing: object) -> int:
    """Numbers that a stream and its stages hold in tensors."""
    held = 0
    for value in vars(thing).values():
        if isinstance(value, torch.Tensor):
            held += value.untyped_storage().nbytes() // value.element_size()
        elif type(value).__module__.startswith("netbend.sound"):
            held += state(value) if hasattr(value, "__dict__") else 0
    return held


@pytest.mark.parametrize("phase", list(Phase))
def test_what_a_stream_holds_does_not_grow(phase: Phase):
    stream = SoundStream(tiny(), Plan(()), 2, Listening(phase, 1))
    held = []
    for _ in range(12):
        stream.push(noise(96 * 256))
        held.append(state(stream))
    assert held[-1] <= max(held[2:5])
    assert held[-1] < 4 * 2 * 128 * 513 * 4


def test_bfloat16_sounds_the_same():
    sound = noise(60_000)
    exact = through(SoundStream(tiny(), Plan(()), 2), sound, 60_000)
    model = tiny()
    model.bfloat16()
    coarse = through(SoundStream(model, Plan(()), 2), sound, 60_000)
    assert np.abs(coarse - exact).max() < 0.05 * np.abs(exact).max()


def test_blocks_of_other_shapes_and_chunks_of_nothing_are_refused():
    stream = SoundStream(tiny(), Plan(()), 2)
    with pytest.raises(RenderError, match=r"takes \(2, samples\)"):
        stream.push(noise(100, 1))
    with pytest.raises(RenderError, match="too few"):
        SoundStream(tiny(), Plan(()), 2, Listening(overlap=100))


def test_a_bend_that_makes_nan_says_so():
    model = tiny()
    bends = plan(
        model,
        {"layer": 4, "transform": "multiply", "params": {"p": 1e38}},
        {"layer": 4, "transform": "multiply", "params": {"p": 1e38}},
    )
    with pytest.raises(NonFiniteError, match="layer 4"):
        through(SoundStream(model, bends, 2), noise(50_000), 50_000)


def test_singing_is_the_same_each_time_and_bent_by_plans():
    model = tiny()
    bends = plan(model, {"layer": 5, "transform": "flip-h"})

    def song(bent: Plan) -> np.ndarray:
        latents = (model.latents([seed]) for seed in (1, 2, 3))
        return np.concatenate(list(sing(model, bent, latents, listening=Listening(iterations=3))), axis=1)

    first = song(Plan(()))
    assert first.shape == (1, (3 * 96 - 8) * 256 - 768)
    assert np.array_equal(first, song(Plan(())))
    assert not np.allclose(first, song(bends))


def test_a_real_loop_keeps_its_rhythm_through_a_perfect_network():
    loop = read_mono(SOUNDS / "loop_tabla.flac", 44100)[None, :200_000]
    heard = through(SoundStream(Mirror(), Plan(()), 1), loop, 44100)
    # Not at the end, where the loop is cut: a click has less than the floor in each of its many bins.
    assert np.abs(heard - loop)[:, :-1024].max() < 0.003
