"""Files through the shipped model."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from netbend.choices import Phase
from netbend.errors import NonFiniteError, RenderError, SoundError
from netbend.models.base import Model
from netbend.models.catalog import load_model
from netbend.models.output import AudioOutput
from netbend.recipe import load_recipe, recipe_from_data
from netbend.render.sound import Mixing, SoundJob
from netbend.render.sound_picture import compared
from netbend.render.stream import Listening, SoundStream
from netbend.sound.files import read_mono
from netbend.sound.loudness import LoudnessMeter
from netbend.sound.writer import write_sound

ROOT = Path(__file__).parents[2]
TABLA = ROOT / "sounds" / "loop_tabla.flac"
RECIPES = sorted((ROOT / "recipes" / "music").glob("*.yaml"))


@pytest.fixture(scope="module")
def music() -> Model:
    model = load_model("music", "cpu")
    assert isinstance(model.output, AudioOutput)
    return model


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of the tabla, 16 bits, stereo."""
    path = tmp_path_factory.mktemp("loop") / "loop.wav"
    samples, rate = soundfile.read(TABLA, frames=3 * 44100, dtype="int16")
    soundfile.write(path, samples, rate)
    return path


def figure_3(music: Model, seed: int = 0) -> SoundJob:
    return SoundJob(music).bent(load_recipe(ROOT / "recipes/music/figure-3.yaml"), seed)


def loudness(path: Path) -> float:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    meter = LoudnessMeter(rate, samples.shape[1])
    meter.push(samples.T, samples.T)
    meter.flush()
    return meter.loudness()


def test_without_mix_the_source_comes_back_to_the_bit(music: Model, loop: Path, tmp_path: Path):
    SoundJob(music, mixing=Mixing(mix=0)).write(loop, tmp_path / "out.wav")
    assert np.array_equal(
        soundfile.read(loop, dtype="int16")[0], soundfile.read(tmp_path / "out.wav", dtype="int16")[0]
    )


def test_figure_3_on_a_drum_loop(music: Model, loop: Path, tmp_path: Path):
    """Every seed is another variation; all keep length, rate, channels and loudness, and the rhythm."""
    source, rate = soundfile.read(loop, dtype="float32")
    results = []
    for seed in (3, 4, 5):
        out = tmp_path / f"{seed}.wav"
        assert figure_3(music, seed).write(loop, out) == 0
        samples, out_rate = soundfile.read(out, dtype="float32")
        assert (samples.shape, out_rate) == (source.shape, rate)
        assert soundfile.info(out).subtype == "PCM_16"
        assert loudness(out) == pytest.approx(loudness(loop), abs=1)
        results.append(samples)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(results[one] - results[other]).max() > 0.01


@pytest.mark.parametrize("rate", [22050, 48000])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_any_rate_and_number_of_channels(music: Model, tmp_path: Path, rate: int, channels: int):
    time = np.arange(rate * 3 // 2 + 17) / rate
    tones = np.stack([0.3 * np.sin(2 * np.pi * 330 * (c + 1) * time) for c in range(channels)])
    write_sound(tmp_path / "in.wav", tones.astype(np.float32), rate, "FLOAT")
    SoundJob(music).write(tmp_path / "in.wav", tmp_path / "out.wav")
    assert soundfile.read(tmp_path / "out.wav")[0].reshape(len(time), -1).shape == (len(time), channels)
    assert soundfile.info(tmp_path / "out.wav").samplerate == rate


@pytest.mark.parametrize("mix", [0.3, 0.7, 1.0])
@pytest.mark.parametrize("phase", list(Phase))
def test_loudness_stays_within_a_db(music: Model, loop: Path, tmp_path: Path, mix: float, phase: Phase):
    job = replace(figure_3(music), mixing=Mixing(mix), listening=Listening(phase, iterations=4))
    job.write(loop, tmp_path / "out.wav")
    assert loudness(tmp_path / "out.wav") == pytest.approx(loudness(loop), abs=1)


def test_without_gain_the_bends_decide_about_loudness(music: Model, loop: Path, tmp_path: Path):
    recipe = recipe_from_data({"bends": [{"layer": 5, "transform": "multiply", "params": {"p": 0.5}}]})
    job = SoundJob(music, mixing=Mixing(keep_loudness=False)).bent(recipe, 0)
    job.write(loop, tmp_path / "out.wav")
    assert loudness(tmp_path / "out.wav") < loudness(loop) - 10


def test_silence_stays_silence(music: Model, tmp_path: Path):
    write_sound(tmp_path / "in.wav", np.zeros((2, 50_000), np.float32), 44100, "PCM_16")
    figure_3(music).write(tmp_path / "in.wav", tmp_path / "out.wav")
    assert not soundfile.read(tmp_path / "out.wav", dtype="int16")[0].any()


def test_clipping_is_counted_and_limiting_avoids_it(music: Model, loop: Path, tmp_path: Path):
    loud, unlimited = Mixing(mix=0, volume=40), Mixing(mix=0, volume=40, ceiling=None)
    assert SoundJob(music, mixing=unlimited).write(loop, tmp_path / "out.wav") > 1000
    assert np.abs(soundfile.read(tmp_path / "out.wav")[0]).max() <= 1
    assert SoundJob(music, mixing=loud).write(loop, tmp_path / "out.wav") == 0
    assert np.abs(soundfile.read(tmp_path / "out.wav")[0]).max() == pytest.approx(0.89, abs=0.01)


def test_a_file_is_limited_as_a_stream_is(music: Model, loop: Path, tmp_path: Path):
    """Samples beyond full scale come of a loud source and a bend that makes it louder."""
    samples, rate = soundfile.read(loop, dtype="float32")
    soundfile.write(tmp_path / "in.wav", 3 * samples, rate, subtype="FLOAT")
    recipe = recipe_from_data({"bends": [{"layer": 2, "transform": "multiply", "params": {"p": 1.5}}]})
    job = SoundJob(music, mixing=Mixing(keep_loudness=False, ceiling=-3)).bent(recipe, 0)
    job.write(tmp_path / "in.wav", tmp_path / "out.wav")
    stream = SoundStream(music, job.plan(3), 2, ceiling=-3)
    parts = [stream.push(block) for block in np.split(3 * samples.T, range(5000, len(samples), 5000), axis=1)]
    streamed = np.concatenate([*parts, stream.flush()], axis=1).T
    written = soundfile.read(tmp_path / "out.wav", dtype="float32")[0]
    np.testing.assert_allclose(written, streamed, atol=1e-5)
    assert 0.65 < np.abs(written).max() < 10 ** (-3 / 20) + 1e-3


def test_a_source_that_comes_back_is_not_limited(music: Model, tmp_path: Path):
    full = np.sign(np.sin(np.arange(44100) / 9))[:, None].astype(np.float32)
    soundfile.write(tmp_path / "in.wav", full, 44100, subtype="FLOAT")
    SoundJob(music, mixing=Mixing(mix=0)).write(tmp_path / "in.wav", tmp_path / "out.wav")
    assert np.array_equal(soundfile.read(tmp_path / "out.wav", dtype="float32")[0], full[:, 0])


@pytest.mark.parametrize("ceiling", [0.1, -61, float("nan")])
def test_ceilings_that_mean_nothing_are_refused(ceiling: float):
    with pytest.raises(RenderError, match="--ceiling"):
        Mixing(ceiling=ceiling)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_errors_leave_nothing_behind(music: Model, tmp_path: Path, value: float):
    samples = np.zeros((1, 100_000), np.float32)
    samples[0, 90_000] = value
    soundfile.write(tmp_path / "in.wav", samples.T, 44100, subtype="FLOAT")
    with pytest.raises(SoundError, match=r"in\.wav: NaN or infinity at 2\.041 s"):
        SoundJob(music).write(tmp_path / "in.wav", tmp_path / "out" / "out.wav")
    assert [path.name for path in tmp_path.rglob("*")] == ["in.wav"]


def test_a_bend_that_overflows_leaves_nothing_behind(music: Model, loop: Path, tmp_path: Path):
    twice = [{"layer": 4, "transform": "multiply", "params": {"p": 1e38}}] * 2
    with pytest.raises(NonFiniteError):
        SoundJob(music).bent(recipe_from_data({"bends": twice}), 0).write(loop, tmp_path / "out.wav")
    assert list(tmp_path.iterdir()) == []


def test_results_say_what_they_were_made_from(music: Model, loop: Path, tmp_path: Path):
    figure_3(music, 7).write(loop, tmp_path / "out.flac")
    with soundfile.SoundFile(tmp_path / "out.flac") as file:
        record = json.loads(file.comment)
    assert record["model"] == "music"
    assert record["model_hash"] == music.hash
    assert [bend["transform"] for bend in record["recipe"]["bends"]] == [
        "erode",
        "dilate",
        "threshold",
        "multiply",
    ]
    assert record["bend_seed"] == 7


def test_a_record_that_is_too_long_leaves_the_recipe_out(music: Model):
    bends = [{"layer": 1, "transform": "ablate", "features": {"indices": list(range(0, 192, 2))}}] * 9
    job = SoundJob(music).bent(recipe_from_data({"bends": bends}), 0)
    assert len(job.comment()) < 2000
    assert json.loads(job.comment())["model_hash"] == music.hash


def test_a_source_that_grows_meanwhile_is_refused(music: Model, loop: Path, tmp_path: Path):
    source = tmp_path / "in.wav"
    source.write_bytes(loop.read_bytes())

    def grow(_: int) -> None:
        samples, rate = soundfile.read(loop, dtype="int16")
        soundfile.write(source, np.concatenate([samples, samples]), rate)

    with pytest.raises(SoundError, match="changed while it was read"):
        SoundJob(music).write(source, tmp_path / "out.wav", grow)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("frames", [0, 1, 700])
def test_very_short_sounds_keep_their_length(music: Model, tmp_path: Path, frames: int):
    write_sound(tmp_path / "in.wav", np.full((2, frames), 0.1, np.float32), 44100)
    for phase in Phase:
        job = SoundJob(music, listening=Listening(phase, 2))
        job.write(tmp_path / "in.wav", tmp_path / "out.wav")
        assert soundfile.info(tmp_path / "out.wav").frames == frames


def test_the_model_sings(music: Model, tmp_path: Path):
    for seed in (0, 1):
        SoundJob(music).write_song(seed, tmp_path / f"{seed}.wav", 3.0, 1.0)
    SoundJob(music).write_song(0, tmp_path / "again.wav", 3.0, 1.0)
    first, other, again = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("0", "1", "again"))
    assert len(first) == 3 * 44100
    assert np.sqrt((first**2).mean()) > 0.003
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_songs_are_in_stereo_and_lose_little_in_mono(music: Model, tmp_path: Path):
    SoundJob(music).write_song(3, tmp_path / "song.wav", 3.0, 4.0)
    left, right = soundfile.read(tmp_path / "song.wav")[0].T
    assert 0.7 < np.corrcoef(left, right)[0, 1] < 0.99
    power = [np.mean(sound**2) for sound in ((left + right) / 2, left, right)]
    assert 10 * np.log10(power[0] / np.mean(power[1:])) > -1
    SoundJob(music).write_song(3, tmp_path / "mono.wav", 3.0, 4.0, width=0)
    left, right = soundfile.read(tmp_path / "mono.wav")[0].T
    assert np.array_equal(left, right)


@pytest.mark.parametrize("width", [-0.1, 1.1, float("nan")])
def test_widths_that_mean_nothing_are_refused(music: Model, tmp_path: Path, width: float):
    with pytest.raises(RenderError, match="--stereo-width"):
        SoundJob(music).write_song(0, tmp_path / "song.wav", 1.0, 1.0, width=width)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_heard(music: Model, path: Path, loop: Path, tmp_path: Path):
    job = SoundJob(music, mixing=Mixing(keep_loudness=False))
    job.write(loop, tmp_path / "unbent.wav")
    recipe = load_recipe(path)
    job.bent(recipe, recipe.seed).write(loop, tmp_path / "bent.wav")
    unbent, bent = (
        music.output.spectrum.levels(
            music.output.spectrum.analyse(torch.from_numpy(read_mono(tmp_path / name, 44100)))
        )
        for name in ("unbent.wav", "bent.wav")
    )
    sounding = (unbent > 0) | (bent > 0)
    assert (bent - unbent)[sounding].abs().mean() * music.output.spectrum.decibels > 2


def test_pictures_compare_source_reconstruction_and_results(music: Model, loop: Path, tmp_path: Path):
    figure_3(music).write(loop, tmp_path / "out.wav")
    picture = compared(music, loop, [("bent", tmp_path / "out.wav")])
    assert isinstance(picture, Image.Image)
    assert picture.width == pytest.approx(3 * 44100 / 256, abs=20)
    assert picture.height > 3 * 257
    assert len(picture.getcolors(1 << 24)) > 50


@pytest.mark.parametrize("mix", [-0.1, 1.1, float("nan")])
def test_mixes_that_mean_nothing_are_refused(mix: float):
    with pytest.raises(RenderError, match="--mix"):
        Mixing(mix)
