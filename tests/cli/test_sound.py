"""`netbend sound` and `netbend train spectrogram-vae` as people type them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from netbend import limits
from netbend.models.catalog import load_model
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture, SpectrogramVAE
from netbend.sound.writer import write_sound

from .conftest import REFUSED

Run = Callable[..., Any]
RATE = 44100
RECIPE = "seed: 3\nbends:\n- {layer: 2, transform: multiply, params: [2], features: {random: 0.5}}\n"


pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a model, a recipe and two sounds in it."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    vae = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16))
    with torch.no_grad():
        vae.decoder.output.bias.fill_(0.6)
    SpectrogramModel(vae).save(tmp_path / "tiny.safetensors")
    (tmp_path / "louder.yaml").write_text("model: tiny.safetensors\n" + RECIPE)
    time = np.arange(RATE) / RATE
    for name, pitch in (("a.wav", 220), ("b.flac", 330)):
        tone = 0.2 * np.sin(2 * np.pi * pitch * time)
        write_sound(tmp_path / name, np.stack([tone, tone]).astype(np.float32), RATE, "PCM_16")
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_one_sound_into_one_file(run: Run) -> None:
    ran = run("sound", "a.wav", "--recipe", "louder.yaml", "--out", "out.wav")
    assert ran.code == 0
    assert ran.out == "out.wav\n"
    assert soundfile.info("out.wav").frames == RATE
    assert soundfile.info("out.wav").channels == 2


def test_several_sounds_and_variations_into_a_folder(run: Run, folder: Path) -> None:
    ran = run("sound", "a.wav", "b.flac", "-r", "louder.yaml", "--count", 2, "--selection-seed", 5, "--json")
    assert ran.code == 0
    expected = [
        "a-louder-seed0005.wav",
        "a-louder-seed0006.wav",
        "b-louder-seed0005.flac",
        "b-louder-seed0006.flac",
    ]
    assert names(folder / "out") == expected
    assert [Path(name).name for name in json.loads(ran.out)["files"]] == expected
    sounds = [soundfile.read(folder / "out" / name)[0] for name in expected[:2]]
    assert not np.allclose(*sounds)


def test_a_variation_is_what_its_seed_gives_alone(run: Run) -> None:
    run("sound", "a.wav", "-r", "louder.yaml", "--count", 2, "--selection-seed", 5)
    run("sound", "a.wav", "-r", "louder.yaml", "--selection-seed", 6, "--out", "alone.wav")
    sounds = [soundfile.read(name)[0] for name in ("out/a-louder-seed0006.wav", "alone.wav")]
    assert np.array_equal(*sounds)


def test_the_model_sings_and_its_songs_can_be_bent(run: Run, folder: Path) -> None:
    assert run("sound", "--seeds", "0-1", "--seconds", 1.5, "-m", "tiny.safetensors").code == 0
    assert names(folder / "out") == ["tiny-seed0000.wav", "tiny-seed0001.wav"]
    assert soundfile.info("out/tiny-seed0000.wav").frames == RATE * 3 // 2
    assert run("sound", "--seeds", 0, "--seconds", 1.5, "-r", "louder.yaml", "-o", "bent.wav").code == 0
    assert not np.allclose(soundfile.read("bent.wav")[0], soundfile.read("out/tiny-seed0000.wav")[0])


def test_a_picture_of_source_reconstruction_and_results(run: Run) -> None:
    ran = run(
        "sound",
        "a.wav",
        "-r",
        "louder.yaml",
        "--count",
        2,
        "--spectrogram",
        "all.png",
        "-q",
        "--volume",
        -20,
    )
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    with Image.open("all.png") as picture:
        assert picture.height > 4 * 257


def test_clipping_is_reported(run: Run) -> None:
    loud = ("sound", "a.wav", "-r", "louder.yaml", "--mix", 0, "--volume", 40, "--out")
    assert "warning" not in run(*loud, "limited.wav").err
    assert abs(soundfile.read("limited.wav")[0]).max() < 0.9
    run(*loud, "softer.wav", "--ceiling", -6)
    assert abs(soundfile.read("softer.wav")[0]).max() < 0.51
    ran = run(*loud, "loud.wav", "--no-limit")
    assert ran.code == 0
    assert "warning: loud.wav:" in ran.err
    assert "--volume" in ran.err


def test_a_rate_that_an_encoder_does_not_take_is_converted_and_said(run: Run) -> None:
    ran = run("sound", "a.wav", "-r", "louder.yaml", "-o", "x.opus")
    assert ran.code == 0
    assert "warning: x.opus: .opus takes no 44100 samples a second; it is written with 48000" in ran.err
    assert (soundfile.info("x.opus").samplerate, soundfile.info("x.opus").duration) == (48000, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name sound files"),
        (["no.wav"], "no.wav: no such file"),
        (["louder.yaml"], "louder.yaml: not a sound that can be read"),
        (["a.wav", "--model", "faces"], "faces makes pictures, not sound"),
        (["a.wav", "b.flac", "-r", "louder.yaml", "-o", "out.wav"], "name a folder"),
        (["a.wav", "a.wav", "-r", "louder.yaml"], "comes twice"),
        (["a.wav", "--seeds", "0"], "means nothing beside"),
        (["a.wav", "--no-limit", "--ceiling", "-3"], "--ceiling means nothing beside --no-limit"),
        (["a.wav", "--stereo-width", "0.5"], "--stereo-width means nothing beside SOURCES"),
        (["a.wav", "--seconds", "3"], "--seconds means nothing beside SOURCES"),
        (["a.wav", "--count", "3"], "--count means nothing without --recipe"),
        (["a.wav", "-r", "louder.yaml", "-o", "a.wav"], "a.wav is a source"),
        (["a.wav", "-r", "louder.yaml", "-o", "a.wav", "--overwrite"], "a.wav is a source"),
        (["a.wav", "-r", "louder.yaml", "-o", "x.m4a"], "does not write .m4a"),
        (
            ["a.wav", "-r", "louder.yaml", "-o", "x.wav", "--spectrogram", "x.wav"],
            "x.wav: a picture is written",
        ),
        (["a.wav", "-r", "louder.yaml", "--mix", "2"], "--mix 2.0"),
        (["a.wav", "b.flac", "-r", "louder.yaml", "--spectrogram", "x.png"], "shows one source"),
        (["--seeds", "3-1", "-m", "tiny.safetensors"], "runs backwards"),
    ],
)
def test_mistakes_are_one_message_and_leave_nothing(
    run: Run, folder: Path, arguments: list[str], message: str
) -> None:
    before = names(folder)
    ran = run("sound", *arguments)
    assert ran.code in REFUSED
    assert message in ran.err
    assert ran.err.splitlines()[-1].startswith("netbend: ")
    assert names(folder) == before


def test_a_broken_file_among_good_ones_stops_before_any_is_bent(run: Run, folder: Path) -> None:
    (folder / "c.wav").write_bytes((folder / "a.wav").read_bytes()[:20_000])
    ran = run("sound", "a.wav", "c.wav", "-r", "louder.yaml")
    assert ran.code == 1
    assert "c.wav: cut off" in ran.err
    assert not (folder / "out").exists()


def test_pictures_and_sound_do_not_mix(run: Run) -> None:
    ran = run("render", "--model", "tiny.safetensors")
    assert ran.code == 1
    assert "`netbend sound` plays it" in ran.err


def test_layers_of_a_sound_model(run: Run) -> None:
    ran = run("layers", "tiny.safetensors", "--json")
    assert [layer["name"] for layer in json.loads(ran.out)][:2] == ["t8x33", "t17x65"]


def test_training_goes_on_and_refuses_other_settings(run: Run, folder: Path) -> None:
    command = ["train", "spectrogram-vae", ".", "--out", "run", "--width", 0.03125, "--latent-dim", 8]
    assert run(*command, "--epochs", 1, "--batch", 2).code == 0
    assert run(*command, "--epochs", 2, "--batch", 2, "--quiet").code == 0
    assert len((folder / "run" / "log.jsonl").read_text().splitlines()) == 2
    ran = run(*command, "--epochs", 2, "--batch", 4)
    assert ran.code == 1
    assert "--batch" in ran.err
    assert run("sound", "a.wav", "-m", "run/model.safetensors", "-o", "out.wav").code == 0
    further = ["train", "spectrogram-vae", ".", "--from", "run/model.safetensors", "--out", "further"]
    assert run(*further, "--epochs", 1, "--batch", 2, "-q").code == 0
    assert load_model(folder / "further" / "model.safetensors", "cpu").vae.architecture.latent_dim == 8
    for wrong, message in [
        (["--width", 1], "--width 1.0: the model that --from names has its own"),
        (["--from", "faces"], "--from faces: a model of another kind"),
    ]:
        refused = run(*further, *wrong)
        assert refused.code == 2, message
        assert message in refused.err
    assert run("train", "spectrogram-vae", "run/samples/none", "--out", "other").code == 1
    assert not (folder / "other").exists()


SONG = """\
model: tiny.safetensors
seconds: 2
latent: {through: [1, 2], loop: true}
bends: [{layer: 2, transform: multiply, params: {p: {from: 1, to: 2}}}]
"""


@pytest.mark.parametrize(
    "option",
    [["--mix", "0.5"], ["--phase", "input"], ["--detail", "1"], ["--count", "2"], ["--keep-loudness"]],
)
def test_a_song_of_a_recipe_takes_nothing_that_is_done_to_a_source(
    run: Run, folder: Path, option: list[str]
) -> None:
    (folder / "song.yaml").write_text(SONG)
    ran = run("sound", "-r", "song.yaml", "--out", "song.wav", *option)
    assert ran.code == 2
    assert f"{option[0]} means nothing without sound files" in ran.err
    assert not (folder / "song.wav").exists()
    assert run("sound", "-r", "song.yaml", "--out", "song.wav").code == 0
    assert soundfile.info("song.wav").frames == 2 * RATE


def test_recipes_that_move_need_what_they_follow(run: Run, folder: Path) -> None:
    following = "{p: {sound: soundtrack, from: 1, to: 2}}"
    (folder / "follow.yaml").write_text(f"bends: [{{layer: 2, transform: multiply, params: {following}}}]")
    assert run("sound", "a.wav", "-r", "follow.yaml", "-m", "tiny.safetensors", "--out", "out.wav").code == 0
    ran = run("sound", "--seeds", "1", "-r", "follow.yaml", "-m", "tiny.safetensors", "--out", "song.wav")
    assert ran.code == 1
    assert "follow.yaml:1:53: follows the soundtrack, and there is none" in ran.err
    assert not (folder / "song.wav").exists()


def test_a_song_beyond_its_bound_is_no_value_of_the_option(run: Run) -> None:
    ran = run("sound", "--seeds", "0", "--seconds", limits.MAX_SONG_SECONDS + 1)
    assert ran.code == 2
    assert str(limits.MAX_SONG_SECONDS) in ran.err
