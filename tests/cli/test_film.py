"""`netbend film` as people type it."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from netbend.engine.frames import Film
from netbend.film import folder as film_folder
from netbend.film import write
from netbend.film.settings import FilmSettings
from netbend.models.run_settings import RunSettings
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator

from .conftest import REFUSED as CODES

Run = Callable[..., Any]

RECIPE = """\
seed: 3
latent: 3
bends:
- {layer: 2, transform: ablate, features: {noise: 7, above: 0.1, seconds: 0.5}}
- {layer: 3, transform: rotate, params: {angle: {wave: sine, from: -40, to: 40, seconds: 2}}}
"""
FOLLOWING = (
    "latent: 3\nbends: [{layer: 3, transform: multiply, params: {p: {sound: soundtrack, from: 1, to: -1}}}]\n"
)
FILM = ["film", "drift.yaml", "-m", "tiny.safetensors", "--fps", "10", "--height", "32"]
# Options beside which an unfinished film is another one, and what is said of it.
OTHERS = {
    "--noise random": "--noise",
    "--cutoff 2": "--cutoff",
    "--nonfinite warn": "--nonfinite",
    "--precision bf16": "--precision",
    "--compare --height 64": "--compare, --height",
    "--seeds 5": "recipe, latents or sound",
}


@pytest.fixture
def folder(tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a model, recipes and sounds in it."""
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    (tmp_path / "drift.yaml").write_text(RECIPE)
    (tmp_path / "following.yaml").write_text(FOLLOWING)
    (tmp_path / "still.yaml").write_text("latent: 3\nbends: [{layer: 3, transform: invert}]\n")
    (tmp_path / "huge.yaml").write_text(
        "bends: [{layer: 4, transform: multiply, params: {p: {keys: [[0, 1], [3.9, 1], [4, 3.0e+38]]}}}]"
    )
    tone = np.sin(np.arange(24000) / 10) * (np.arange(24000) > 12000)
    soundfile.write(tmp_path / "tone.wav", 0.5 * tone, 8000)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_a_sound_of_the_command_is_not_blamed_on_a_line_of_the_recipe(run: Run, folder: Path) -> None:
    own = (folder / "following.yaml").read_text() + "seconds: 1\nsoundtrack: gone.wav\n"
    (folder / "own.yaml").write_text(own)
    film = ("film", "-m", "tiny.safetensors", "-o", "x.mp4")
    assert run(*film, "following.yaml", "--sound", "gone.wav").err == "netbend: gone.wav: no such file\n"
    assert re.search(r"^netbend: own.yaml:2:\d+: gone.wav: no such file$", run(*film, "own.yaml").err.strip())


def test_a_film_has_its_frames_and_its_record(run: Run, folder: Path) -> None:
    ran = run(*FILM, "--seconds", "4", "--out", "o/film.mp4", "-q")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert names(folder / "o") == ["film.mp4"]
    assert [frame.shape for frame in frames(folder / "o/film.mp4")] == [(32, 32, 3)] * 40
    with av.open("o/film.mp4") as container:
        record = json.loads(container.metadata["comment"])
    assert record["seconds"] == 4
    assert [bend["transform"] for bend in record["recipe"]["bends"]] == ["ablate", "rotate"]
    assert record["fps"] == 10


def test_a_film_is_made_again_from_its_file_alone(run: Run, folder: Path) -> None:
    run(*FILM, "--seconds", "2", "--selection-seed", "9", "--out", "first.mkv", "-q")
    recipe = folder / FILM[1]
    recipe.unlink()
    tiny = ("-m", "tiny.safetensors", "-q")
    ran = run("film", "--from", "first.mkv", *tiny, "--height", "32", "--out", "again.mkv")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    first, again = frames(folder / "first.mkv"), frames(folder / "again.mkv")
    np.testing.assert_array_equal(again, first)
    at = ("-m", "tiny.safetensors", "--time", "1.5", "--out", "moment.png", "-q")
    assert run("render", "--from", "again.mkv", *at).code == 0
    expected = run(
        "film", "--from", "first.mkv", *at[:2], "--frame", "15", "--height", "16", "-o", "frame.png"
    )
    assert expected.code == 0
    np.testing.assert_array_equal(Image.open("moment.png"), Image.open("frame.png"))
    assert run("render", "--from", "moment.png", *tiny, "--out", "same.png").code == 0
    np.testing.assert_array_equal(Image.open("same.png"), Image.open("frame.png"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("film", "--from", "seeds.png"), "seeds.png: cannot be made again: it was made with"),
        (("film", "--from", "gone.mkv"), "gone.mkv: no such file"),
        (("film", "--from", "drift.yaml"), "drift.yaml: not a readable PNG"),
        (("film", "--from", "noise.mkv"), "noise.mkv: not a readable film"),
        (("film", "--from", "silent.mkv"), "silent.mkv: no record in it"),
        (("film", "--from", "seeds.png", "--seeds", "3"), "--seeds means nothing beside --from"),
        (("render", "--from", "seeds.png", "--time", "1"), "--time 1: seeds.png is a picture"),
    ],
)
def test_what_is_not_made_again_is_one_error(
    run: Run, folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    (folder / "noise.mkv").write_bytes(bytes(range(256)) * 8)
    with av.open(str(folder / "silent.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=10, width=16, height=16)
        frame = av.VideoFrame(16, 16, "yuv420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    run("render", "-m", "tiny.safetensors", "--seeds", "3", "--out", "seeds.png", "-q")
    before = set(folder.rglob("*"))
    ran = run(*arguments, "--out", "new.mkv" if arguments[0] == "film" else "new.png")
    assert (ran.code in CODES, set(folder.rglob("*"))) == (True, before)
    assert message in " ".join(ran.err.split())


def test_a_frame_alone_has_the_pixels_of_the_film(run: Run, folder: Path) -> None:
    run(*FILM, "--seconds", "4", "--out", "film.mkv", "--truncation", "0.5")
    run(*FILM, "--seconds", "4", "--out", "frames", "--truncation", "0.5")
    film = frames(folder / "film.mkv")
    for number in (0, 17, 39):
        alone = [*FILM, "--seconds", "4", "-t", "0.5", "--frame", number, "-o", f"{number}.png"]
        ran = run(*alone)
        assert (ran.code, ran.out) == (0, f"{number}.png\n")
        pixels = np.asarray(Image.open(f"{number}.png"))
        np.testing.assert_array_equal(pixels, film[number])
        np.testing.assert_array_equal(pixels, np.asarray(Image.open(f"frames/frame-{number:06d}.png")))
    assert "the film has the frames 0-39" in run(*FILM, "--seconds", "4", "--frame", 40, "-o", "x.png").err


@pytest.mark.usefixtures("folder")
def test_stills_are_frames_on_a_sheet(run: Run) -> None:
    ran = run(*FILM, "--seconds", "4", "--stills", "4", "-o", "sheet.png", "--json")
    assert json.loads(ran.out) == {"files": ["sheet.png"], "frames": 40, "seconds": 4.0}
    run(*FILM, "--seconds", "4", "--frame", "10", "-o", "10.png")
    sheet, frame = np.asarray(Image.open("sheet.png")), Image.open("10.png")
    shown = np.asarray(frame.resize((128, 128), Image.Resampling.BICUBIC))
    assert any(np.array_equal(sheet[4 : 4 + 128, x : x + 128], shown) for x in range(sheet.shape[1] - 127)), (
        "the second still"
    )


def test_pictures_beside_each_other_and_other_latents(run: Run, folder: Path) -> None:
    for options, size in [
        (["--compare"], (64, 32)),
        (["--seeds", "0-2"], (32, 32)),
        (["--seeds", "5", "--noise", "random"], (32, 32)),
        (["--selection-seed", "9", "--precision", "bf16"], (32, 32)),
    ]:
        ran = run(*FILM, "--seconds", "0.5", "-o", "film.mkv", "--overwrite", *options)
        assert ran.code == 0, ran.err
        assert {frame.shape[1::-1] for frame in frames(folder / "film.mkv")} == {size}


def test_the_sound_is_beneath_the_film_and_followed(run: Run, folder: Path) -> None:
    film = ["film", "following.yaml", "-m", "tiny.safetensors", "--fps", "10", "--sound", "tone.wav"]
    ran = run(*film, "-o", "film.mkv", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["frames"] == 30  # as long as the sound
    with av.open("film.mkv") as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    made = frames(folder / "film.mkv")
    assert np.array_equal(made[2], made[12])
    assert np.abs(made[2].astype(int) - made[20]).max() > 50
    assert run(*film, "-o", "film.gif", "-q").code == 0  # it has no sound, and follows one


@pytest.mark.usefixtures("folder")
def test_a_film_in_which_nothing_moves_is_warned_of(run: Run) -> None:
    ran = run("film", "still.yaml", "-m", "tiny.safetensors", "--seconds", "0.2", "-o", "o.mp4", "-q")
    assert (ran.code, ran.err) == (0, "netbend: warning: nothing moves: every frame is the same picture\n")


REFUSED = [
    (["gone.yaml"], "gone.yaml: no such file"),
    (["drift.yaml", "-o", "film.avi"], "film.avi: netbend does not write .avi films; choose .mp4, .webm"),
    (["drift.yaml", "-o", "folder.mp4"], "folder.mp4: is a folder; name another --out"),
    (["drift.yaml", "-o", "tiny"], "tiny: is a file; name another --out"),
    (["drift.yaml", "-o", "tiny", "--overwrite"], "tiny: is a file"),
    (["drift.yaml", "-o", "."], "--out .: name a folder of the film's own, such as film"),
    (["drift.yaml", "-o", "..", "--overwrite"], "--out ..: name a folder of the film's own, such as ../film"),
    (["drift.yaml", "-o", "there.mp4"], "there.mp4 exists already; name another --out, or say --overwrite"),
    (["drift.yaml", "-o", "full"], "full exists already; name another --out"),
    (["drift.yaml", "-o", "tone.wav/film.mp4"], "tone.wav is a file; name a folder for --out"),
    (["drift.yaml", "-o", "x.gif", "--fps", "60"], "--fps 60: players slow .gif films down above 50 frames"),
    (["drift.yaml", "-o", "x.gif", "--quality", "20"], "--quality means nothing for .gif films"),
    (["drift.yaml", "-o", "x.mkv", "--quality", "20"], "--quality means nothing for .mkv films"),
    (["drift.yaml", "-o", "x", "--quality", "20"], "--quality means nothing for PNG films"),
    (["drift.yaml", "-o", "x.mp4", "--height", "33"], "--height 33: .mp4 films have an even number of rows"),
    (["drift.yaml", "-o", "x.mp4", "--frame", "3"], "--out x.mp4: a picture is a PNG file"),
    (
        ["drift.yaml", "-o", "x.png", "--frame", "3", "--quality", "9"],
        "--quality means nothing beside --frame",
    ),
    (["drift.yaml", "-o", "x.png", "--frame", "3", "--stills", "9"], "--stills means nothing beside --frame"),
    (["--selection-seed", "3"], "--selection-seed means nothing without"),
    (["drift.yaml", "--space", "w"], "--space means nothing without --latents"),
    (["drift.yaml", "--seeds", "3", "--latents", "w.npz"], "--seeds means nothing beside --latents"),
    (["drift.yaml", "--sound", "tone.wav", "-o", "x.gif"], "x.gif: has no sound, and nothing in the recipe"),
    (["drift.yaml", "--sound", "tone.wav", "-o", "x"], "x: has no sound, and nothing in the recipe follows"),
    (["drift.yaml", "--sound", "gone.wav", "-o", "x.mp4"], "gone.wav: no such file"),
    (["following.yaml", "-o", "x.mp4"], "following.yaml:2:53: follows the soundtrack, and there is none"),
    (["following.yaml", "-o", "x.mp4", "--sound", "drift.yaml"], "drift.yaml: not a sound that can be read"),
    (["drift.yaml", "-m", "music", "-o", "x.mp4"], "makes sound, not pictures: `netbend sound` plays it"),
    (["drift.yaml", "--seeds", "x", "-o", "x.mp4"], "x"),
]


def test_frames_that_no_memory_holds_are_refused(run: Run, folder: Path) -> None:
    ran = run(*FILM[:-2], "--seconds", "0.2", "--height", "100000", "--out", "o/film.mp4")
    assert ran.code == 2
    assert "--height" in ran.err
    assert not (folder / "o").exists()


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=[" ".join(r[0]) for r in REFUSED])
def test_mistakes_are_one_message_and_leave_nothing(
    run: Run, folder: Path, arguments: list[str], message: str
) -> None:
    (folder / "folder.mp4").mkdir()
    (folder / "full").mkdir()
    for path in ("there.mp4", "full/mine.txt", "tiny"):
        (folder / path).write_text("mine")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    given = [] if "-m" in arguments else ["-m", "tiny.safetensors"]
    ran = run("film", *arguments, *given)
    assert ran.code in CODES
    assert message in ran.err
    assert ran.err.count("netbend: ") == 1
    assert ran.out == ""
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_film_takes_the_place_of_another_if_asked(run: Run, folder: Path) -> None:
    (folder / "film.mkv").write_text("mine")
    assert run(*FILM, "--seconds", "0.5", "-o", "film.mkv", "--overwrite").code == 0
    assert len(frames(folder / "film.mkv")) == 5
    (folder / "empty").mkdir()
    assert run(*FILM, "--seconds", "0.5", "-o", "empty").code == 0
    assert run(*FILM, "--seconds", "0.3", "-o", "empty", "--overwrite").code == 0
    assert len(names(folder / "empty")) == 3


def test_a_bend_that_makes_nan_leaves_nothing_behind(run: Run, folder: Path) -> None:
    ran = run(
        "film", "huge.yaml", "-m", "tiny.safetensors", "--fps", "10", "--seconds", "6", "-o", "o/film.mp4"
    )
    assert ran.code == 1
    assert "`multiply` at layer 4" in ran.err
    assert not (folder / "o").exists()


def interrupted(monkeypatch: pytest.MonkeyPatch, error: BaseException, frame: int) -> None:
    grouped = Film._grouped

    def failing(film: Film, number: int) -> list[Image.Image]:
        if number >= frame:
            raise error
        return grouped(film, number)

    monkeypatch.setattr(Film, "_grouped", failing)


def test_ctrl_c_keeps_what_is_finished_and_says_so(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [*FILM, "--seconds", "10", "-o", "film.mkv", "-q"]
    run(*command[:-2], "at-once.mkv", "-q")
    with monkeypatch.context() as patched:
        interrupted(patched, KeyboardInterrupt(), 64)
        ran = run(*command)
    assert ran.code == 130
    assert "stopped; what is finished lies in film.mkv.unfinished, and the same command goes on" in ran.err
    assert names(folder / "film.mkv.unfinished") == ["00000000.mkv", "00000032.mkv", "settings.json"]
    assert len(frames(folder / "film.mkv.unfinished" / "00000032.mkv")) == 32

    other = run(*command, "--fps", "11")
    assert other.code == 1
    assert "film.mkv.unfinished: holds an unfinished film with other settings (--fps)" in other.err
    for options, said in OTHERS.items():
        assert f"with other settings ({said}); give the same" in run(*command, *options.split()).err
    (folder / "drift.yaml").write_text(RECIPE.replace("0.1", "0.11"))
    assert "other settings (recipe, latents or sound)" in run(*command).err
    (folder / "drift.yaml").write_text(RECIPE)
    made: list[int] = []
    grouped = Film._grouped
    monkeypatch.setattr(Film, "_grouped", lambda film, number: made.append(number) or grouped(film, number))
    assert run(*command).code == 0
    assert min(made) == 64
    assert (folder / "film.mkv").read_bytes() == (folder / "at-once.mkv").read_bytes()
    assert not (folder / "film.mkv.unfinished").exists()


def test_ctrl_c_before_anything_is_finished_leaves_nothing(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = names(folder)
    interrupted(monkeypatch, KeyboardInterrupt(), 0)
    assert run(*FILM, "--seconds", "4", "-o", "o/film.mp4", "-q").code == 130
    assert names(folder) == before


def test_a_full_disk_keeps_what_is_finished(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(write, "_finish", full)
    ran = run(*FILM, "--seconds", "4", "-o", "film.mp4", "-q")
    assert ran.code == 1
    assert (
        "cannot write film.mp4: No space left on device; what is finished lies in film.mp4.unfin" in ran.err
    )
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert run(*FILM, "--seconds", "4", "-o", "film.mp4", "-q").code == 0


def test_every_setting_of_a_film_has_a_word(run: Run, folder: Path) -> None:  # noqa: ARG001
    shown = run("film", "--help").out
    for field in dataclasses.fields(FilmSettings):
        word = film_folder._WORDS.get(field.name, RunSettings.option(field.name))
        assert not word.startswith("--") or word in shown or field.name == "moments", word


def test_what_is_in_the_way_is_not_deleted(run: Run, folder: Path) -> None:
    (folder / "film.mp4.unfinished").mkdir()
    (folder / "film.mp4.unfinished" / "mine.txt").write_text("mine")
    names = [field.name for field in dataclasses.fields(FilmSettings)]
    for settings in (None, "{}", '{"steps": 3}', json.dumps(dict.fromkeys(names, 3)), "[" * 10_000):
        if settings:
            (folder / "film.mp4.unfinished" / "settings.json").write_text(settings)
        ran = run(*FILM, "--seconds", "4", "-o", "film.mp4")
        assert ran.code == 1
        assert "film.mp4.unfinished: is in the way and holds no film that this netbend can finish" in ran.err
        assert (folder / "film.mp4.unfinished" / "mine.txt").read_text() == "mine"


def test_a_killed_film_leaves_parts_that_play_and_goes_on(run: Run, folder: Path) -> None:
    command = [*FILM, "--seconds", "30", "-o", "film.mp4", "-q"]
    killed = subprocess.Popen(
        [sys.executable, "-m", "netbend.cli.main", *command], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    second = folder / "film.mp4.unfinished" / "00000032.mp4"
    until = time.monotonic() + 100
    while not second.exists() and time.monotonic() < until:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (folder / "film.mp4").exists()
    assert len(frames(second)) == 32
    assert run(*command).code == 0
    run(*command[:-2], "at-once.mp4", "-q")
    assert (folder / "film.mp4").read_bytes() == (folder / "at-once.mp4").read_bytes()
    assert not [name for name in names(folder) if "unfinished" in name]
