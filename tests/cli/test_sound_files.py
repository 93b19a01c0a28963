"""`netbend sound` on what people have: folders, films, pipes, parts of files."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import torch

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
    """The current folder, with a model, a recipe and an album in it."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    vae = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16))
    with torch.no_grad():
        vae.decoder.output.bias.fill_(0.6)
    SpectrogramModel(vae).save(tmp_path / "tiny.safetensors")
    (tmp_path / "louder.yaml").write_text("model: tiny.safetensors\n" + RECIPE)
    for name in ("a.wav", "album/one.wav", "album/sub/two.flac"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        tone = 0.2 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)
        write_sound(tmp_path / name, np.stack([tone, tone]).astype(np.float32), RATE, "PCM_16")
    m4a(tmp_path / "album" / "three.m4a")
    (tmp_path / "album" / "cover.txt").write_text("not a sound")
    return tmp_path


def m4a(path: Path) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, RATE), np.int16), "s16", "stereo")
        frame.sample_rate = RATE
        file.mux([*stream.encode(frame), *stream.encode(None)])


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_folder_goes_into_a_folder_under_the_same_names(run: Run, folder: Path) -> None:
    assert run("sound", "album", "-r", "louder.yaml", "--out", "bent").code == 0
    assert names(folder / "bent") == ["one.wav", "sub/two.flac", "three.wav"]
    assert soundfile.info("bent/sub/two.flac").frames == RATE
    again = run("sound", "album", "-r", "louder.yaml", "--out", "bent")
    assert again.code == 1
    assert "exists already; name another --out, or say --overwrite" in again.err
    assert run("sound", "album", "-r", "louder.yaml", "--out", "bent", "--overwrite").code == 0


def test_variations_of_a_folder_have_their_seeds_in_their_names(run: Run, folder: Path) -> None:
    command = ["sound", "album/sub", "a.wav", "-r", "louder.yaml", "--out", "bent", "--count", 2]
    assert run(*command, "--selection-seed", 5).code == 0
    assert names(folder / "bent") == [
        *("a-louder-seed0005.wav", "a-louder-seed0006.wav", "two-seed0005.flac", "two-seed0006.flac")
    ]


def test_results_in_the_folder_itself_are_not_bent_again(run: Run, folder: Path) -> None:
    for options in ([], ["--overwrite"]):
        ran = run("sound", "album", "-r", "louder.yaml", "--out", "album/bent", *options)
        assert ran.code == 0
        assert names(folder / "album" / "bent") == ["one.wav", "sub/two.flac", "three.wav"]
    ran = run("sound", "album", "-r", "louder.yaml", "--out", "album")
    assert ran.code == 1
    assert "one.wav is a source; name another --out" in ran.err


@pytest.mark.parametrize("kept", [100, 150_000])
def test_one_unreadable_file_of_a_folder_is_told_and_the_rest_goes_on(
    run: Run, folder: Path, kept: int
) -> None:
    """Whether that is seen at its beginning, or only when its end is missing."""
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (2 * RATE, 2))
    soundfile.write("album/b.flac", noise, RATE)
    (folder / "album" / "b.flac").write_bytes((folder / "album" / "b.flac").read_bytes()[:kept])
    ran = run("sound", "album", "-r", "louder.yaml", "--out", "bent", "--json")
    assert ran.code == 1
    assert "warning: album/b.flac: " in ran.err
    assert ran.err.splitlines()[-1] == "netbend: left out, as said above: 1; made: 3"
    assert names(folder / "bent") == ["one.wav", "sub/two.flac", "three.wav"]
    told = json.loads(ran.out)
    assert len(told["files"]) == 3
    assert [message.split(": ")[0] for message in told["left_out"]] == ["album/b.flac"]


def test_two_sounds_that_would_have_one_name_are_told_before_any_is_bent(run: Run, folder: Path) -> None:
    m4a(folder / "album" / "one.m4a")
    ran = run("sound", "album", "-r", "louder.yaml", "--out", "bent")
    assert ran.code == 1
    assert "bent/one.wav: the result of album/one.wav and album/one.m4a would have this one name" in ran.err
    assert not (folder / "bent").exists()


def test_a_folder_without_sounds_says_what_it_has(run: Run, folder: Path) -> None:
    (folder / "none").mkdir()
    assert "none: no sounds in this folder; it is empty" in run("sound", "none").err
    (folder / "none" / "a.txt").write_text("x")
    assert "none: no sounds in this folder; left out: .txt (1)" in run("sound", "none").err


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [("0.25", "0.75", RATE // 2), ("0:00.5", "0:59", RATE // 2), ("0", "0:00:00.1", RATE // 10)],
)
def test_a_part_is_named_in_seconds_or_by_the_clock(run: Run, start: str, end: str, frames: int) -> None:
    command = ["sound", "a.wav", "-r", "louder.yaml", "--start", start, "--end", end, "--out", "part.wav"]
    assert run(*command).code == 0
    assert soundfile.info("part.wav").frames == frames


def test_numbers_of_results_are_those_of_their_files(run: Run) -> None:
    ran = run("sound", "a.wav", "--model", "tiny.safetensors", "--out", "same.wav", "--mix", 0, "--json")
    (sound,) = json.loads(ran.out)["sounds"]
    assert (sound["file"], sound["source"], sound["clipped"]) == ("same.wav", "a.wav", 0)
    assert (sound["error"], sound["above_16_khz"]) == (0, pytest.approx(0, abs=1e-6))
    assert sound["true_peak"] == pytest.approx(20 * np.log10(0.2), abs=0.1)
    assert sound["loudness"] == sound["source_loudness"] == pytest.approx(-14.7, abs=0.5)


def test_strength_and_stereo_reach_the_recipe(run: Run) -> None:
    for name, options in {
        "unbent": ["-m", "tiny.safetensors"],
        "none": ["-r", "louder.yaml", "--strength", 0],
        "half": ["-r", "louder.yaml", "--strength", 0.5],
        "apart": ["-r", "louder.yaml", "--stereo", "per-channel"],
        "linked": ["-r", "louder.yaml"],
        "middle": ["-r", "louder.yaml", "--stereo", "mid-side"],
    }.items():
        assert run("sound", "a.wav", *options, "--out", f"{name}.wav").code == 0
    made = {name: soundfile.read(f"{name}.wav")[0] for name in ("unbent", "none", "half", "linked")}
    assert np.array_equal(made["none"], made["unbent"])
    assert 0 < np.abs(made["half"] - made["unbent"]).mean() < np.abs(made["linked"] - made["unbent"]).mean()
    for name, equal in (("linked", True), ("middle", True), ("apart", False)):  # both channels are the same
        left, right = soundfile.read(f"{name}.wav")[0].T
        assert np.array_equal(left, right) == equal


def piped(arguments: list[str], data: bytes) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "netbend.cli.main", "sound", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False)


def test_sound_comes_from_and_goes_to_pipes(run: Run, folder: Path) -> None:
    """Also a WAV whose program could not come back to its header."""
    data = bytearray((folder / "a.wav").read_bytes())
    place = data.index(b"data") + 4
    data[4:8] = data[place : place + 4] = b"\xff\xff\xff\xff"
    ran = piped(["-", "-r", "louder.yaml", "--out", "-"], bytes(data))
    assert (ran.returncode, ran.stderr.decode().count("netbend:")) == (0, 0)
    assert run("sound", "a.wav", "-r", "louder.yaml", "--out", "file.wav").code == 0
    (folder / "piped.wav").write_bytes(ran.stdout)
    assert np.array_equal(soundfile.read("piped.wav")[0], soundfile.read("file.wav")[0])
    assert soundfile.info("piped.wav").frames == RATE


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "standard input: nothing came; pipe a sound file into it"),
        (b"nothing to be heard" * 99, "standard input: not a sound that can be read"),
    ],
)
def test_a_pipe_without_sound_is_one_message_and_nothing_goes_on(
    folder: Path, data: bytes, message: str
) -> None:
    before = names(folder)
    ran = piped(["-", "-r", "louder.yaml", "--out", "-"], data)
    assert (ran.returncode, ran.stdout) == (1, b"")
    assert message in ran.stderr.decode()
    assert names(folder) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.wav", "-o", "x.txt"], "does not write .txt; choose .wav, .flac"),
        (["a.wav", "-o", "x.xyz"], "does not write .xyz; choose .wav, .flac"),
        (["a.wav", "-o", "sub/x.M4A"], "does not write .m4a; choose .wav, .flac"),
        (["album", "-o", "x.wav"], "there are several results; name a folder"),
        (["empty.wav"], "empty.wav: an empty sound, without a sample; name one that has some"),
        (["a.wav", "a.wav"], "a.wav comes twice"),
        (["album", "album/one.wav"], "album/one.wav comes twice"),
        (["a.wav", "-o", "-", "--json"], "--json means nothing beside --out -"),
        (["a.wav", "--start", "2"], "a.wav: has 1.00 s, and nothing from 2 s on; start earlier"),
        (["a.wav", "--start", "0:02", "--end", "1.5"], "expected an end after the start"),
        (["a.wav", "--strength", "0.5"], "--strength means nothing without --recipe"),
        (["a.wav", "-r", "louder.yaml", "--strength", "5"], "strength 5 makes its mix 5; at most 4"),
        (["a.wav", "-r", "faces.yaml"], "faces.yaml:1:8: the recipe is for faces, which makes pictures, not"),
        (
            ["a.wav", "-r", "faces.yaml", "-m", "tiny.safetensors"],
            "layer 9: this model has layers 1-5; the recipe was",
        ),
        (["--seeds", "1", "--stereo", "mid-side"], "means nothing beside"),
    ],
)
def test_mistakes_are_one_message_and_leave_nothing(
    run: Run, folder: Path, arguments: list[str], message: str
) -> None:
    (folder / "faces.yaml").write_text("model: faces\nbends: [{layer: 9, transform: ablate}]\n")
    write_sound(folder / "empty.wav", np.zeros((2, 0), np.float32), RATE)
    before = names(folder)
    models = [] if "-r" in arguments or "--seeds" in arguments else ["-m", "tiny.safetensors"]
    ran = run("sound", *arguments, *models)
    assert ran.code in REFUSED
    assert message in ran.err
    assert ran.err.splitlines()[-1].startswith("netbend: ")
    assert names(folder) == before


def test_more_than_is_kept_of_a_pipe_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netbend.cli.pipes.MAX_PIPED_BYTES", 1000)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(bytes(1001))))
    assert "standard input: more than 1000 bytes; name a file" in run("sound", "-").err


@pytest.mark.parametrize("text", ["x", "1:75", "-3", "1:2:3:4", "", "inf", "nan"])
def test_what_is_no_time_is_told_how_times_are_written(run: Run, text: str) -> None:
    ran = run("sound", "a.wav", f"--start={text}", "-m", "tiny.safetensors")
    assert ran.code == 2
    assert "expected seconds or minutes and seconds, such as 83.5" in ran.err
