"""Parts of files, channels apart, strengths: what is done to sound files besides bending the whole."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from netbend.choices import Stereo
from netbend.errors import RenderError, SoundError
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture, SpectrogramVAE
from netbend.recipe import Recipe, recipe_from_data
from netbend.render.sound import Mixing, SoundJob
from netbend.render.stream import Listening
from netbend.sound.writer import write_sound

RATE = 44100
PLAIN = Mixing(keep_loudness=False, volume=-30)


@pytest.fixture(scope="module")
def tiny() -> SpectrogramModel:
    torch.manual_seed(0)
    vae = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16))
    with torch.no_grad():
        vae.decoder.output.bias.fill_(0.6)
    return SpectrogramModel(vae, "tiny", "0" * 64)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    samples = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 3 * RATE)).astype("f4")
    write_sound(tmp_path / "in.wav", samples, RATE, "FLOAT")
    return tmp_path / "in.wav"


def recipe(**more: object) -> Recipe:
    bend = {"layer": 2, "transform": "multiply", "params": [3], "features": {"random": 0.5}, **more}
    return recipe_from_data({"seed": 3, "bends": [bend]})


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def test_a_part_is_bent_as_if_it_were_the_file(tiny: SpectrogramModel, source: Path, tmp_path: Path) -> None:
    following = {"mix": {"sound": "soundtrack", "of": "level", "from": 0, "to": 1}}
    job = SoundJob(tiny, mixing=PLAIN).bent(recipe(**following), 3)
    write_sound(tmp_path / "part.wav", read(source)[:, RATE // 2 : 2 * RATE], RATE, "FLOAT")
    job.write(tmp_path / "part.wav", tmp_path / "expected.wav")
    job.write(source, tmp_path / "out.wav", start=0.5, end=2.0)
    assert np.array_equal(read(tmp_path / "out.wav"), read(tmp_path / "expected.wav"))
    kept = json.loads(soundfile.SoundFile(tmp_path / "out.wav").comment)
    assert (kept["source"], kept["start"], kept["end"]) == ("in.wav", 0.5, 2.0)
    with pytest.raises(SoundError, match=r"in\.wav: has 3\.00 s, and nothing from 3 s on"):
        job.write(source, tmp_path / "no.wav", start=3.0)
    assert not (tmp_path / "no.wav").exists()


def test_each_channel_has_a_draw_of_its_own(tiny: SpectrogramModel, source: Path, tmp_path: Path) -> None:
    job = SoundJob(tiny, Listening(stereo=Stereo.PER_CHANNEL), PLAIN).bent(recipe(), 3)
    job.write(source, tmp_path / "out.wav")
    for channel in (0, 1):
        write_sound(tmp_path / "mono.wav", read(source)[channel : channel + 1], RATE, "FLOAT")
        SoundJob(tiny, mixing=PLAIN).bent(recipe(), 3 + channel).write(
            tmp_path / "mono.wav", tmp_path / "alone.wav"
        )
        difference = read(tmp_path / "out.wav")[channel] - read(tmp_path / "alone.wav")[0]
        assert np.abs(difference).max() < 1e-5
    assert json.loads(soundfile.SoundFile(tmp_path / "out.wav").comment)["stereo"] == "per-channel"


def test_middle_and_sides_of_surround_are_refused_before_anything_is_written(
    tiny: SpectrogramModel, tmp_path: Path
) -> None:
    write_sound(tmp_path / "six.wav", np.zeros((6, 1000), np.float32), RATE)
    job = SoundJob(tiny, Listening(stereo=Stereo.MID_SIDE))
    with pytest.raises(RenderError, match="6 channels have no middle and sides"):
        job.check(tmp_path / "six.wav", tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()


def test_strength_goes_from_unbent_to_the_recipe(
    tiny: SpectrogramModel, source: Path, tmp_path: Path
) -> None:
    def made(job: SoundJob) -> np.ndarray:
        job.write(source, tmp_path / "out.wav")
        return read(tmp_path / "out.wav")

    plain = SoundJob(tiny, mixing=PLAIN)
    bent = {strength: made(plain.bent(recipe().at_strength(strength), 3)) for strength in (0, 0.5, 1, 2)}
    unbent = made(plain)
    assert np.array_equal(bent[0], unbent)
    assert np.array_equal(bent[1], made(plain.bent(recipe(), 3)))
    apart = [np.abs(bent[strength] - unbent).mean() for strength in (0.5, 1, 2)]
    assert 0 < apart[0] < apart[1] < apart[2]


@pytest.mark.parametrize("frames", [0, 1, 100, 5000])
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (96000, 6)])
def test_very_short_sounds_keep_their_length(
    tiny: SpectrogramModel, tmp_path: Path, frames: int, rate: int, channels: int
) -> None:
    samples = np.random.default_rng(0).uniform(-0.1, 0.1, (channels, frames)).astype("f4")
    write_sound(tmp_path / "in.wav", samples, rate)
    SoundJob(tiny).write(tmp_path / "in.wav", tmp_path / "out.wav")
    made = soundfile.info(tmp_path / "out.wav")
    assert (made.frames, made.samplerate, made.channels) == (frames, rate, channels)
