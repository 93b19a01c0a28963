"""Commands that are told to stop, tidy up, say what is kept, and go on from it."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from netbend.engine.still import Still
from netbend.models import catalog
from netbend.models.spectrogram_vae.model import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture, SpectrogramVAE
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator

Run = Callable[..., Any]
TURN = "seed: 3\nbends:\n- {layer: 1, transform: rotate, params: [30], features: {random: 0.5}}\n"
DRIFT = """\
latent: 3
bends:
- {layer: 3, transform: rotate, params: {angle: {wave: sine, from: 0, to: 40, seconds: 2}}}
"""
GRID = ("--rows", "layer=1-2", "--columns", "seed=0-1", "--transform", "rotate 45")
DRAWS = ("turn.yaml", "--rows", "draw=0-1", "--columns", "seed=0-1", "--height", "40")
TINY = ("-m", "tiny.safetensors", "-q")
FOLLOW = "{sound: gone.x, from: 0, to: 1}"


@pytest.fixture
def folder(tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two models, recipes, sounds and pictures in it."""
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    torch.manual_seed(0)
    SpectrogramModel(SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16))).save(
        tmp_path / "sound.safetensors"
    )
    (tmp_path / "turn.yaml").write_text(TURN)
    (tmp_path / "drift.yaml").write_text(DRIFT)
    soundfile.write(tmp_path / "tone.wav", 0.3 * np.sin(np.arange(22050) / 10), 22050)
    (tmp_path / "pictures").mkdir()
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def stop_at_write(
    monkeypatch: pytest.MonkeyPatch, number: int, kind: signal.Signals = signal.SIGTERM
) -> None:
    """Send this process a signal while it writes a file for the n-th time, before it is in its place."""
    fsync, count = os.fsync, 0

    def stopping(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count >= number:
            os.kill(os.getpid(), kind)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", stopping)


WRITING = [
    ["render", "turn.yaml", *TINY, "--seeds", "0-1", "-o", "o"],
    ["render", "turn.yaml", *TINY, "--seeds", "0", "-o", "o/one.png"],
    ["vary", "turn.yaml", *TINY, "--count", "2", "-o", "o"],
    ["vary", "--surprise", *TINY, "--count", "2", "-o", "o"],
    [
        "grid",
        *TINY,
        "--transform",
        "rotate 45",
        "--rows",
        "layer=1-2",
        "--columns",
        "seed=0-1",
        "-o",
        "o/g.png",
    ],
    ["breed", "turn.yaml", "drift.yaml", *TINY, "--count", "2", "-o", "o"],
    ["directions", "tiny.safetensors", "-q", "--samples", "20", "--count", "2", "-o", "o"],
    ["film", "drift.yaml", *TINY, "--seconds", "0.5", "--fps", "10", "-o", "o/film.mkv"],
    ["film", "drift.yaml", *TINY, "--seconds", "0.5", "--fps", "10", "-o", "o/frames"],
    ["film", "drift.yaml", *TINY, "--seconds", "0.5", "--fps", "10", "--frame", "2", "-o", "o/frame.png"],
    ["sound", "tone.wav", "-m", "sound.safetensors", "-q", "-o", "o/bent.wav"],
    ["project", "pictures/0.png", *TINY, "--steps", "2", "--perceptual", "pixel", "-o", "o"],
    ["convert", "tiny.safetensors", "o/half.safetensors", "--half", "-q"],
    ["cluster", "tiny.safetensors", "--seeds", "0", "-q", "-o", "o/clusters.yaml"],
    ["train", "stylegan2", "pictures", "--size", "16", "--out", "o", "-q", "--device", "cpu"],
    ["train", "spectrogram-vae", ".", "--out", "o", "-q", "--device", "cpu"],
]


@pytest.mark.parametrize("command", WRITING, ids=lambda command: " ".join(command[:2]))
def test_told_to_stop_while_it_writes_its_first_file_a_command_leaves_nothing(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    before = content(folder)
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    stop_at_write(monkeypatch, 1)
    ran = run(*command)
    assert (ran.code, ran.err) == (143, "")
    assert content(folder) == before
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == handlers


@pytest.mark.parametrize(
    ("kind", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_the_exit_code_tells_the_signal_and_what_is_kept_is_said(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: signal.Signals, code: int
) -> None:
    stop_at_write(monkeypatch, 3, kind)
    ran = run("render", *TINY, "--seeds", "0-3", "-o", "o")
    assert ran.code == code
    assert ran.err == "netbend: stopped; 2 of 4 pictures are in o; the same command with --resume goes on\n"
    assert sorted(path.name for path in (folder / "o").iterdir()) == [
        "tiny-seed0000.png",
        "tiny-seed0001.png",
    ]


def test_a_hangup_that_is_ignored_stays_ignored(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop_at_write(monkeypatch, 1, signal.SIGHUP)
        assert run("render", *TINY, "--seeds", "0", "-o", "o").code == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (folder / "o" / "tiny-seed0000.png").exists()


GOING_ON = [
    ["render", "turn.yaml", *TINY, "--seeds", "0-3", "--sheet", "-o", "o"],
    ["vary", "turn.yaml", *TINY, "--count", "4", "-o", "o"],
    ["vary", "turn.yaml", *TINY, "--keep", "3,5,6", "-o", "o"],
    ["vary", "--surprise", *TINY, "--count", "4", "-o", "o"],
    ["breed", "turn.yaml", "drift.yaml", *TINY, "--count", "3", "-o", "o"],
    [
        "grid",
        *TINY,
        "--transform",
        "rotate 45",
        "--rows",
        "layer=1-2",
        "--columns",
        "seed=0-1",
        "-o",
        "o/g.png",
    ],
    [
        *(
            "grid",
            "turn.yaml",
            *TINY,
            "--rows",
            "draw=0-1",
            "--columns",
            "seed=0-1",
            "--height",
            "40",
            "-o",
            "o/g.png",
        )
    ],
]


@pytest.mark.parametrize("command", GOING_ON, ids=lambda command: " ".join(command[:2]))
@pytest.mark.parametrize("at", [2, 4, 5])
def test_what_was_stopped_goes_on_and_comes_out_the_same(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], at: int
) -> None:
    assert run(*command[:-1], command[-1].replace("o", "whole", 1)).code == 0
    with monkeypatch.context() as patched:
        stop_at_write(patched, at, signal.SIGINT)
        ran = run(*command)
    assert ran.code == 130
    kept = content(folder / "o") if (folder / "o").exists() else {}
    assert not [name for name in kept if ".unfinished-" in name]
    asked: list[tuple[int, ...]] = []
    picture = Still.picture
    monkeypatch.setattr(Still, "picture", lambda still: asked.append(still.latents.seeds) or picture(still))
    assert run(*command).code == 1  # not without being asked
    again = run(*command, "--resume")
    assert (again.code, again.err) == (0, "")
    made, whole = content(folder / "o"), content(folder / "whole")
    assert {Path(name).name for name in made} == {Path(name).name for name in whole}
    for name, data in made.items():
        _assert_same(Path(name), data, whole[name.replace("/o/", "/whole/")])
    asked.clear()
    assert run(*command, "--resume").code == 0  # everything is there
    if (
        "--surprise" not in command and command[0] != "breed"
    ):  # these look at what they draw, to draw it again
        assert asked == []
    assert content(folder / "o") == made


def _assert_same(path: Path, one: bytes, other: bytes) -> None:
    if path.suffix != ".png":
        assert one == other
        return
    (path.parent / "other.png").write_bytes(other)
    with Image.open(path) as first, Image.open(path.parent / "other.png") as second:
        np.testing.assert_array_equal(np.asarray(first), np.asarray(second))
    (path.parent / "other.png").unlink()


def test_only_the_very_pictures_are_skipped(run: Run, folder: Path) -> None:
    command = ["render", "turn.yaml", *TINY, "--seeds", "0-3", "-o", "o"]
    assert run(*command).code == 0
    whole = content(folder / "o")
    first, second, third, _ = sorted((folder / "o").iterdir())
    for truth, change, message in [
        (first, lambda path: path.write_bytes(path.read_bytes()[:-300]), "it cannot be decoded"),
        (first, lambda path: Image.new("RGB", (16, 16)).save(path), "no record in it"),
        (second, lambda path: path.write_bytes(third.read_bytes()), "it was made with another latent)"),
        (second, lambda path: (path.unlink(), path.symlink_to(third)), "is a link|exists already"),
    ]:
        change(truth)
        ran = run(*command, "--resume")
        assert ran.code == 1
        assert any(each in ran.err for each in message.split("|")), ran.err
        truth.unlink()
        assert run(*command, "--resume").code == 0
        assert content(folder / "o") == whole
    (folder / "turn.yaml").write_text(TURN.replace("30", "31"))
    assert "it was made with another recipe" in run(*command, "--resume").err
    assert content(folder / "o") == whole
    assert run(*command, "--resume", "--overwrite").code == 0
    assert content(folder / "o").keys() == whole.keys()
    assert not set(content(folder / "o").values()) & set(whole.values())


@pytest.mark.parametrize(
    ("command", "other"),
    [
        (("vary", "turn.yaml", "--count", "2", "-o", "o"), ("--truncation", "0.2")),
        (("breed", "turn.yaml", "drift.yaml", "--count", "2", "-o", "o"), ("--cutoff", "2")),
        (
            ("grid", "turn.yaml", "--rows", "layer=1", "--columns", "mix=1", "-o", "o/g.png"),
            ("--height", "32"),
        ),
    ],
)
def test_a_sheet_of_another_command_is_not_taken_for_the_one_asked_for(
    run: Run, folder: Path, command: tuple[str, ...], other: tuple[str, ...]
) -> None:
    assert run(*command, *TINY).code == 0
    before = content(folder / "o")
    ran = run(*command, *TINY, *other, "--resume")
    assert ran.code == 1
    assert "was not made by this very command; name another --out, or say --overwrite beside --r" in ran.err
    assert content(folder / "o") == before
    assert run(*command, *TINY, *other, "--resume", "--overwrite").code == 0
    assert content(folder / "o") != before


@pytest.mark.parametrize(
    "command",
    [
        ("vary", "held.yaml", "--count", "2", "-o", "o"),
        ("breed", "held.yaml", "held.yaml", "--count", "2", "-o", "o"),
        ("grid", "held.yaml", "--rows", "layer=1", "--columns", "mix=1", "-o", "o/g.png"),
    ],
)
def test_a_sheet_made_with_a_file_that_has_changed_since_is_not_the_one_asked_for(
    run: Run, folder: Path, command: tuple[str, ...]
) -> None:
    """The command is the same, word by word, and so is the recipe."""
    (folder / "held.yaml").write_text("latent: {file: z.npz}\n" + TURN)
    z = np.random.default_rng(1).standard_normal((1, 16), np.float32)
    np.savez(folder / "z.npz", z=z)
    assert run(*command, *TINY).code == 0
    assert run(*command, *TINY, "--resume").code == 0
    np.savez(folder / "z.npz", z=-z)
    ran = run(*command, *TINY, "--resume")
    assert ran.code == 1
    assert "say --overwrite beside --r" in ran.err


def test_an_unfinished_sheet_is_gone_on_with_or_begun_anew_only_if_asked(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["vary", "turn.yaml", *TINY, "--count", "4", "-o", "o"]
    with monkeypatch.context() as patched:
        stop_at_write(patched, 3, signal.SIGINT)
        ran = run(*command)
    kept = folder / "o" / "turn-variations.png.unfinished"
    assert (
        f"stopped; 2 of 4 pictures are in {kept.relative_to(folder)}; the same command with --res" in ran.err
    )
    (kept / "notes.txt").write_text("mine")
    assert "say --resume to go on with them, --overwrite to begin anew" in run(*command).err
    other = ["vary", "turn.yaml", *TINY, "--count", "4", "--selection-seed", "9", "-o", "o", "--resume"]
    assert run(*other).code == 0  # of other draws, none of which is there
    assert [path.name for path in kept.iterdir()] == ["notes.txt"]


def test_there_is_nothing_to_know_pictures_by_without_records(run: Run, folder: Path) -> None:  # noqa: ARG001
    for command in (["render"], ["vary", "turn.yaml"], ["breed", "turn.yaml", "drift.yaml"]):
        ran = run(*command, *TINY, "--resume", "--no-metadata")
        assert ran.code == 2
        assert "--resume means nothing beside --no-metadata" in ran.err


ONE_FILE = [
    (["render", *TINY, "--seeds", "3"], "only.png"),
    (["render", *TINY, "--seeds", "3"], "new/Only.PNG"),
    (["vary", "turn.yaml", *TINY, "--count", "2"], "only.png"),
]


@pytest.mark.parametrize(("command", "out"), ONE_FILE)
def test_the_name_of_a_file_is_a_file(run: Run, folder: Path, command: list[str], out: str) -> None:
    assert run(*command, "-o", out).code == 0
    with Image.open(folder / out) as picture:
        picture.load()
    assert run(*command, "-o", out).code == 1
    assert run(*command, "-o", out, "--resume").code == 0
    if command[0] == "render":
        assert run("render", "--from", out, *TINY, "-o", "again.png").code == 0
        assert (folder / "again.png").read_bytes() == (folder / out).read_bytes()


def test_a_folder_that_is_there_is_a_folder_whatever_its_name(run: Run, folder: Path) -> None:
    (folder / "x.png").mkdir()
    assert run("render", *TINY, "--seeds", "3", "-o", "x.png").code == 0
    assert [path.name for path in (folder / "x.png").iterdir()] == ["tiny-seed0003.png"]


SEVERAL = [
    (["render", *TINY], "x.png", "x.png: is a file; name a folder for the 8 to write, or ask for one"),
    (["render", *TINY, "--seeds", "0", "--sheet"], "x.png", "is a file; name a folder for the 2 to write"),
    (["render", *TINY, "--seeds", "0"], "x.jpg", "expected a name that ends in .png, or a folder"),
    (["vary", "turn.yaml", *TINY], "x.jpg", "expected a name that ends in .png, or a folder"),
    (["vary", "turn.yaml", *TINY, "--keep", "3"], "x.png", "names a file, but recipes are written"),
    (["vary", "--surprise", *TINY], "x.png", "names a file, but recipes are written"),
    (["breed", "turn.yaml", "drift.yaml", *TINY], "x.png", "names a file, but recipes and a sheet are writ"),
    (["directions", "tiny.safetensors"], "x.npz", "names a file, but a file of directions and a sheet are"),
    (["project", "pictures/0.png", *TINY], "x.npz", "names a file, but a latent and a picture of each are"),
    (["atlas", "tiny.safetensors"], "x.html", "names a file, but a page, pictures and sheets are written"),
    (["train", "stylegan2", "pictures"], "x.safetensors", "names a file, but models, samples and a log are"),
    (["train", "spectrogram-vae", "."], "x.safetensors", "names a file, but models, samples and a log are"),
    (["sound", "tone.wav", "-m", "sound.safetensors"], "x.png", "netbend does not write .png; choose .wav"),
    (
        ["cluster", "tiny.safetensors"],
        "x.png",
        "a cluster file is written; expected a name that ends",
    ),
    (["grid", "--figure", "transforms-by-layer", *TINY], "x.jpg", "expected a file that ends in .png"),
    (["film", "drift.yaml", *TINY], "x.png", "netbend does not write .png films"),
]


@pytest.mark.parametrize(("command", "out", "message"), SEVERAL, ids=lambda each: str(each)[:40])
def test_the_name_of_a_file_is_never_a_folder(
    run: Run, folder: Path, command: list[str], out: str, message: str
) -> None:
    before = content(folder)
    ran = run(*command, "--out", out)
    assert ran.code == 2
    assert message in ran.err
    assert content(folder) == before


def test_convert_writes_its_own_format_only(run: Run, folder: Path) -> None:  # noqa: ARG001
    assert "expected a name that ends in .safetensors" in run("convert", "tiny.safetensors", "x.png").err


def test_a_resumed_sheet_keeps_the_command_that_made_it(run: Run, folder: Path) -> None:
    assert run("vary", "turn.yaml", *TINY, "--count", "2", "-o", "o", "--resume").code == 0
    with Image.open(folder / "o" / "turn-variations.png") as picture:
        assert "--resume" not in json.loads(picture.text["netbend-command"])["command"]


UNREADABLE = [
    ["render", *TINY, "--latents", "gone.npz"],
    ["render", *TINY, "--clusters", "gone.yaml", "turn.yaml"],
    ["render", "gone.yaml"],
    ["vary", "turn.yaml", *TINY, "--latents", "gone.npz"],
    ["vary", "turn.yaml", *TINY, "--clusters", "gone.yaml"],
    ["breed", "turn.yaml", "gone.yaml", *TINY],
    ["breed", "turn.yaml", "drift.yaml", *TINY, "--latents", "gone.npz"],
    ["grid", *DRAWS, *TINY, "--clusters", "gone.yaml", "-o", "o.png"],
    ["film", "drift.yaml", *TINY, "--latents", "gone.npz", "-o", "o.mp4"],
    ["cluster", "tiny.safetensors", "--latents", "gone.npz", "-o", "o.yaml"],
    ["cluster", "tiny.safetensors", "--seeds", "0", "--networks", "gone.safetensors", "-o", "o.yaml"],
    ["directions", "tiny.safetensors", "--of", "gone.npz"],
    ["project", "pictures/0.png", "gone.png", *TINY],
    ["sound", "gone.wav", "-m", "sound.safetensors"],
    ["sound", "tone.wav", "-m", "sound.safetensors", "--recipe", "gone.yaml"],
    ["atlas", "tiny.safetensors", "--clusters", "gone.yaml"],
    ["atlas", "sound.safetensors", "--sound", "gone.wav"],
]
# What recipes name: a part of the recipe, whatever else is in it.
NAMED = {
    "a mask": "bends: [{layer: 1, transform: ablate, features: {random: 0.5}, mask: gone.x}]",
    "clusters": "clusters: gone.x\nbends: [{layer: 1, transform: ablate, features: {not: {cluster: 0}}},"
    " {layer: 1, transform: ablate, features: {random: 0.5}}]",
    "a sound": f"bends: [{{layer: 1, transform: ablate, mix: {FOLLOW}, features: {{random: 0.5}}}}]",
    "a sound in a latent": f"latent: {{seed: 1, direction: 0, by: {FOLLOW}}}\n{TURN}",
    "latents": f"latent: gone.x\n{TURN}",
    "latents of a journey": f"latent: {{through: [1, {{file: gone.x}}], seconds: 1}}\n{TURN}",
    "directions": f"latent: {{seed: 1, direction: 0, of: gone.x, by: 1}}\n{TURN}",
    "a film": f"latent: {{film: gone.x}}\n{TURN}",
}
TAKING = {
    "render": ["render", "named.yaml", *TINY],
    "vary": ["vary", "named.yaml", *TINY],
    "breed": ["breed", "named.yaml", "turn.yaml", *TINY],
    "breed, the other": ["breed", "turn.yaml", "named.yaml", *TINY],
    "grid": ["grid", "named.yaml", *TINY, "--rows", "layer=1-2", "--columns", "mix=0,1"],
    "film": ["film", "named.yaml", *TINY, "--seconds", "1"],
    "sound": ["sound", "tone.wav", "-m", "sound.safetensors", "-r", "named.yaml"],
    "song": ["sound", "-m", "sound.safetensors", "-r", "named.yaml"],
}
UNUSED = {"breed, the other", "sound"}  # take no latent of the recipe
UNWRITABLE = [
    ["render", *TINY, "-o", "tone.wav/o"],
    ["vary", "turn.yaml", *TINY, "-o", "tone.wav/o"],
    ["breed", "turn.yaml", "drift.yaml", *TINY, "-o", "tone.wav/o"],
    ["grid", *DRAWS, *TINY, "-o", "tone.wav/o.png"],
    ["film", "drift.yaml", *TINY, "-o", "tone.wav/o.mp4"],
    ["cluster", "tiny.safetensors", "-o", "tone.wav/o.yaml"],
    ["sound", "tone.wav", "-m", "sound.safetensors", "-o", "tone.wav/o.wav"],
    ["atlas", "tiny.safetensors", "-o", "tone.wav/o"],
    ["directions", "tiny.safetensors", "-o", "tone.wav/o"],
    ["project", "pictures/0.png", *TINY, "-o", "tone.wav/o"],
    ["convert", "tiny.safetensors", "tone.wav/o.safetensors"],
    ["train", "stylegan2", "pictures", "--out", "tone.wav/o"],
    ["train", "spectrogram-vae", ".", "--out", "tone.wav/o"],
]


@pytest.fixture
def _no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(catalog, "load_model", load)


@pytest.mark.usefixtures("_no_model")
@pytest.mark.parametrize("command", [*UNREADABLE, *UNWRITABLE], ids=lambda command: " ".join(command))
def test_inputs_and_places_are_looked_at_before_a_model_is_loaded(
    run: Run, folder: Path, command: list[str]
) -> None:
    before = content(folder)
    ran = run(*command)
    assert ran.code == 1
    wrong = next((word for word in command if "gone" in word), "tone.wav is a file; name a folder")
    assert wrong in ran.err
    assert content(folder) == before


@pytest.mark.usefixtures("_no_model")
@pytest.mark.parametrize("command", UNREADABLE, ids=lambda command: " ".join(command))
def test_broken_inputs_are_found_before_a_model_is_loaded(run: Run, folder: Path, command: list[str]) -> None:
    name = next(word for word in command if word.startswith("gone"))
    (folder / name).write_bytes(b"\x00\x01 nothing that can be read")
    before = content(folder)
    ran = run(*command)
    assert (ran.code, name in ran.err) == (1, True), ran.err
    assert content(folder) == before


@pytest.mark.usefixtures("_no_model")
@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("command", TAKING)
@pytest.mark.parametrize("named", NAMED)
def test_files_that_a_recipe_names_are_read_before_a_model_is_loaded(
    run: Run, folder: Path, named: str, command: str, broken: bool
) -> None:
    (folder / "named.yaml").write_text(NAMED[named])
    if broken:
        (folder / "gone.x").write_bytes(b"\x00\x01 nothing that can be read")
    before = content(folder)
    if command in UNUSED and "latent:" in NAMED[named]:
        with pytest.raises(AssertionError, match="a model was loaded"):
            run(*TAKING[command])
        return
    ran = run(*TAKING[command])
    assert (ran.code, "gone.x" in ran.err) == (1, True), ran.err
    assert content(folder) == before


OPTIONS = [
    ["render", "turn.yaml", *TINY, "-t", "nan"],
    ["render", "turn.yaml", *TINY, "--style-seed", "1", "--style-layers", "x"],
    ["vary", "turn.yaml", *TINY, "-t", "nan"],
    ["breed", "turn.yaml", "drift.yaml", *TINY, "-t", "nan"],
    ["grid", *DRAWS, *TINY, "-t", "nan", "-o", "o.png"],
    ["film", "drift.yaml", *TINY, "-t", "nan"],
    ["atlas", "tiny.safetensors", "-t", "nan"],
    ["directions", "tiny.safetensors", "-t", "nan"],
    ["directions", "tiny.safetensors", "--style-layers", "x"],
    ["cluster", "tiny.safetensors", "--seeds", "0", "-t", "nan"],
    ["cluster", "tiny.safetensors", "--seeds", "x"],
    ["project", "pictures/0.png", *TINY, "--crop", "0,0,99"],
    ["project", "pictures/0.png", *TINY, "--face", "x"],
    ["sound", "-m", "sound.safetensors", "--seeds", "x"],
    ["sound", "tone.wav", "-m", "sound.safetensors", "-o", "x.m4a"],
    ["sound", "-m", "sound.safetensors", "--seeds", "0", "-t", "nan"],
    ["sound", "tone.wav", "-m", "sound.safetensors", "--spectrogram", "x.wav"],
]


AS = {
    "render": ["render", "turn.yaml", *TINY],
    "vary": ["vary", "turn.yaml", *TINY],
    "breed": ["breed", "turn.yaml", "drift.yaml", *TINY],
    "grid": ["grid", *DRAWS, *TINY, "-o", "o.png"],
    "film": ["film", "drift.yaml", *TINY],
    "sound": ["sound", "tone.wav", "-m", "sound.safetensors", "-r", "turn.yaml"],
}


@pytest.mark.usefixtures("_no_model")
@pytest.mark.parametrize("meaning", ["ours", "reference"])
@pytest.mark.parametrize("command", AS)
def test_a_meaning_of_five_items_is_refused_for_recipes_without_them(
    run: Run, folder: Path, command: str, meaning: str
) -> None:
    ran = run(*AS[command], "--as", meaning)
    assert ran.code == 2
    assert "netbend: --as means nothing for " in ran.err
    items = "transforms: [{layer: 1, transform: rotate, params: [9], features: random, feature-param: 0.5}]"
    (folder / "turn.yaml").write_text(items)
    with pytest.raises(AssertionError, match="a model was loaded"):
        run(
            *(word.replace("drift", "turn") if command == "film" else word for word in AS[command]),
            "--as",
            meaning,
        )


@pytest.mark.usefixtures("_no_model")
def test_clusters_that_an_axis_looks_up_are_read_before_a_model_is_loaded(run: Run, folder: Path) -> None:
    (folder / "named.yaml").write_text("clusters: gone.x\nbends: [{layer: 1, transform: ablate}]")
    grid = ("grid", "named.yaml", *TINY, "-o", "o.png")
    assert "gone.x" in run(*grid, "--rows", "cluster=0,1", "--columns", "seed=0-1").err
    with pytest.raises(AssertionError, match="a model was loaded"):
        run(*grid, "--rows", "mix=0,1", "--columns", "seed=0-1")


@pytest.mark.usefixtures("_no_model", "folder")
@pytest.mark.parametrize("command", OPTIONS, ids=lambda command: " ".join(command))
def test_options_are_understood_before_a_model_is_loaded(run: Run, command: list[str]) -> None:
    ran = run(*command)
    assert ran.code in (1, 2)
    assert "netbend: " in ran.err or "Usage" in ran.err
