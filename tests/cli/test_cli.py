"""The command as people type it: output, exit codes, files, nothing left behind."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import netbend
from netbend.models.stylegan2.checkpoint import load_generator, save_generator
from netbend.models.stylegan2.network import Generator
from netbend.models.weights import weights_hash

RECIPE = "seed: 3\nbends:\n- {layer: 1, transform: rotate, params: [30], features: {random: 0.5}}\n"


Run = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a model and a recipe in it."""
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    (tmp_path / "turn.yaml").write_text(RECIPE)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_render_writes_a_picture_for_each_seed_and_a_sheet(run: Run, folder: Path) -> None:
    ran = run(
        "render", "turn.yaml", "--model", "tiny.safetensors", "--seeds", "0-2,7", "--out", "o", "--sheet"
    )
    assert (ran.code, ran.out) == (0, "5 pictures in o\n")
    assert names(folder / "o") == [*(f"turn-seed000{s}.png" for s in (0, 1, 2, 7)), "turn-sheet.png"]
    assert pixels(folder / "o" / "turn-seed0000.png").shape == (16, 16, 3)


def test_the_pictures_are_those_of_the_python_interface(run: Run, folder: Path) -> None:
    run("render", "turn.yaml", "-m", "tiny.safetensors", "--seeds", "4", "-t", "0.6", "-o", "o", "-q")
    model = netbend.load_model("tiny.safetensors", device="cpu")
    with netbend.bend(model, netbend.load_recipe("turn.yaml")):
        images = model.generate(model.latents([4]), netbend.SynthesisOptions(truncation_psi=0.6))
    (expected,) = netbend.to_pictures(images)
    np.testing.assert_array_equal(pixels(folder / "o" / "turn-seed0004.png"), np.asarray(expected))


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--compare"],
        ["--sheet", "--compare"],
        ["--noise", "random", "--cutoff", "2"],
        ["--style-seed", "9", "--style-layers", "2-4"],
        ["--selection-seed", "99"],
    ],
)
def test_a_picture_makes_itself_again(run: Run, folder: Path, options: list[str]) -> None:
    ran = run(
        "render", "turn.yaml", "-m", "tiny.safetensors", "--seeds", "1-2", "-o", "o", "--json", *options
    )
    assert ran.code == 0, ran.err
    (folder / "turn.yaml").unlink()
    for path in map(Path, json.loads(ran.out)["files"]):
        again = run("render", "--from", path, "-m", "tiny.safetensors", "-o", "again")
        assert again.code == 0, again.err
        np.testing.assert_array_equal(pixels(folder / "again" / path.name), pixels(path))


def test_compare_puts_the_unbent_picture_at_the_left(run: Run, folder: Path) -> None:
    run("render", "-m", "tiny.safetensors", "--seeds", "3", "-o", "o")
    run("render", "turn.yaml", "-m", "tiny.safetensors", "--seeds", "3", "-o", "o", "--compare")
    both = pixels(folder / "o" / "turn-seed0003.png")
    np.testing.assert_array_equal(both[:, :16], pixels(folder / "o" / "tiny-seed0003.png"))
    assert (both[:, 16:] != both[:, :16]).any()


def test_without_metadata_there_is_no_record(run: Run, folder: Path) -> None:
    run("render", "-m", "tiny.safetensors", "--seeds", "3", "-o", "o", "--no-metadata")
    ran = run("render", "--from", "o/tiny-seed0003.png", "-m", "tiny.safetensors", "-o", "again")
    assert ran.code == 1
    assert "no record in it" in ran.err
    assert names(folder / "again") == []


def test_latents_come_from_files(run: Run, folder: Path, generator: Generator) -> None:
    z = torch.from_numpy(np.random.RandomState(5).randn(1, 16)).float()
    np.savez("w.npz", w=generator.mapping(z).numpy())
    run("render", "-m", "tiny.safetensors", "--latents", "w.npz", "-o", "from-w")
    # As it is: w in a file was chosen by somebody, and is not truncated unless one says so.
    run("render", "-m", "tiny.safetensors", "--seeds", "5", "-t", "1", "-o", "from-seed")
    difference = pixels(folder / "from-w" / "tiny-seed0000.png").astype(int) - pixels(
        folder / "from-seed" / "tiny-seed0005.png"
    )
    assert abs(difference).max() <= 1


def test_pictures_that_are_there_are_kept_unless_asked(run: Run, folder: Path) -> None:
    (folder / "o").mkdir()
    (folder / "o" / "tiny-seed0001.png").write_text("mine")
    ran = run("render", "-m", "tiny.safetensors", "--seeds", "0-2", "-o", "o")
    assert ran.code == 1
    assert "o/tiny-seed0001.png exists already; name another --out, or say --overwrite" in ran.err
    assert names(folder / "o") == ["tiny-seed0001.png"]
    assert (folder / "o" / "tiny-seed0001.png").read_text() == "mine"
    assert run("render", "-m", "tiny.safetensors", "--seeds", "0-2", "-o", "o", "--overwrite").code == 0


def test_an_error_while_rendering_leaves_nothing_behind(run: Run, folder: Path) -> None:
    (folder / "huge.yaml").write_text("bends: [{layer: 4, transform: multiply, params: [3.0e+38]}]")
    ran = run("render", "huge.yaml", "-m", "tiny.safetensors", "--seeds", "0-3", "-o", "o")
    assert ran.code == 1
    assert "`multiply` at layer 4 (b16.conv1)" in ran.err
    assert names(folder / "o") == []
    ran = run(
        "render", "huge.yaml", "-m", "tiny.safetensors", "--seeds", "0", "-o", "o", "--nonfinite", "replace"
    )
    assert ran.code == 0, ran.err


MOVING = """\
latent: {through: [3, 5], seconds: 4}
truncation: {from: 0, to: 1, seconds: 4}
bends: [{layer: 3, transform: rotate, params: {angle: {keys: [[0, 0], [2, 90]]}}}]
"""


def test_a_moment_of_a_recipe_that_moves(run: Run, folder: Path) -> None:
    (folder / "moving.yaml").write_text(MOVING)
    given = ["render", "moving.yaml", "-m", "tiny.safetensors"]
    for time in (0, 1.5):
        ran = run(*given, "--time", time, "-o", f"o{time}", "--json")
        assert ran.code == 0, ran.err
        (path,) = map(Path, json.loads(ran.out)["files"])
        frame = ["film", "moving.yaml", "-m", "tiny.safetensors", "--fps", "10", "--height", "16"]
        run(*frame, "--seconds", "4", "--frame", round(10 * time), "-o", f"{time}.png")
        difference = pixels(path).astype(int) - pixels(folder / f"{time}.png")
        assert abs(difference).max() <= 1
        again = run("render", "--from", path, "-m", "tiny.safetensors", "-o", f"again{time}")
        assert again.code == 0, again.err
        np.testing.assert_array_equal(pixels(folder / f"again{time}" / path.name), pixels(path))
    ran = run(*given, "--time", "1.5", "--seeds", "3-5", "-t", "0.6", "-o", "seeds")
    assert (ran.code, len(names(folder / "seeds"))) == (0, 3)


def test_what_lasts_the_whole_film_lasts_as_long_for_a_picture_as_for_the_film(
    run: Run, folder: Path
) -> None:
    (folder / "whole.yaml").write_text(
        "latent: {walk: 3}\ntruncation: {from: 0, to: 1}\nbends: [{layer: 3, transform: invert}]"
    )
    given = ["whole.yaml", "-m", "tiny.safetensors", "-q"]
    assert run("film", *given, "--fps", "2", "--frame", "5", "--height", "16", "-o", "frame.png").code == 0
    assert run("render", *given, "--time", "2.5", "--out", "still.png").code == 0
    np.testing.assert_array_equal(pixels(folder / "still.png"), pixels(folder / "frame.png"))


TOO_LONG = "o" * 300
MISTAKES = [
    (
        ["render", "turn.yaml", "-m", "tiny.safetensors", "--time", "2"],
        2,
        "--time 2: turn.yaml does not move; leave it out",
    ),
    (["render", "turn.yaml", "-m", "tiny.safetensors", "--time", "inf"], 2, "--time"),
    (["render", "-m", "tiny.safetensors", "--out", TOO_LONG], 1, f"{TOO_LONG}: File name too long"),
    (["render", "gone.yaml"], 1, "gone.yaml: no such file"),
    (
        ["render", "bad.yaml", "-m", "tiny.safetensors"],
        1,
        "bad.yaml:2:11: layer 19: this model has layers 0-4",
    ),
    (
        ["render", "-m", "fases"],
        1,
        "model fases: neither a model that netbend knows nor a file; did you mean 'faces'?",
    ),
    (["render", "-m", "tiny.safetensors", "--seeds", "5-1"], 2, "the range 5-1 runs backwards"),
    (["render", "-m", "tiny.safetensors", "--seeds", ""], 2, "--seeds '': expected numbers and ranges"),
    (["render", "--cutoff", "-1"], 2, "netbend: --cutoff: must be greater than or equal to 0"),
    (["render", "--noise", "white"], 2, "netbend: --noise: 'white' is not one of 'constant'"),
    (["render", "-m", "tiny.safetensors", "--seeds", "1,1"], 2, "a seed comes twice"),
    (
        ["render", "-m", "tiny.safetensors", "--device", "abacus"],
        2,
        "--device abacus: expected auto, cpu, cuda or mps",
    ),
    (["render", "-m", "tiny.safetensors", "--latents", "gone.npz"], 1, "gone.npz: no such file"),
    (["render", "-m", "tiny.safetensors", "--truncation", "nan"], 1, "truncation nan: expected a number"),
    (["render", "-m", "turn.yaml"], 1, "turn.yaml: not a checkpoint"),
    (["render", "--from", "turn.yaml"], 1, "turn.yaml: not a readable PNG"),
    (["render", "--noise", "loud"], 2, "--noise"),
    (
        ["render", "-m", "tiny.safetensors", "--compare"],
        2,
        "--compare puts bent beside unbent: name a recipe",
    ),
    (["layers", "gone.pt"], 1, "model gone.pt"),
    (["inspect", "gone.pt"], 1, "gone.pt: no such file"),
    (["convert", "tiny.safetensors", "turn.yaml"], 1, "turn.yaml exists already"),
    (["train", "stylegan2", "nowhere", "--out", "run"], 1, "nowhere: expected a folder or a zip"),
    (["train", "stylegan2", ".", "--out", "run", "--size", "48"], 2, "--size 48: expected a power of two"),
    (["train", "stylegan2", ".", "--out", "."], 1, "not empty, and not an unfinished run"),
    (
        ["train", "stylegan2", ".", "--out", "run", "--from", "music"],
        2,
        "--from music: a model of another kind",
    ),
    (
        ["train", "stylegan2", ".", "--out", "run", "--from", "faces", "--size", "32"],
        2,
        "--size 32: the model to start from draws 64x64 already",
    ),
    (
        ["train", "stylegan2", ".", "--out", "run", "--from", "faces", "--latent-dim", "64"],
        2,
        "--latent-dim 64: the model that --from names has its own",
    ),
    (
        ["train", "stylegan2", ".", "--out", "run", "--warm-up", "-1"],
        2,
        "--warm-up -1: expected 0 or more",
    ),
    (["bogus"], 2, "no such command: bogus; see `netbend --help`"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), MISTAKES)
def test_a_mistake_is_one_message_and_an_exit_code(
    run: Run, folder: Path, arguments: list[str], code: int, message: str
) -> None:
    (folder / "bad.yaml").write_text("bends:\n- {layer: 19, transform: ablate}\n")
    before = names(folder)
    ran = run(*arguments)
    assert ran.code == code, ran.err
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert names(folder) == before


@pytest.mark.usefixtures("folder")
def test_layers_lists_numbers_names_and_sizes(run: Run) -> None:
    lines = run("layers", "tiny.safetensors").out.splitlines()
    assert lines[0].split() == ["layer", "name", "resolution", "features"]
    assert ["3", "b16.conv0", "16x16", "8"] in [line.split() for line in lines]
    listed = json.loads(run("layers", "tiny.safetensors", "--json").out)
    assert [layer["number"] for layer in listed if layer["number"] is not None] == [0, 1, 2, 3, 4]


def test_transforms_lists_every_parameter_with_its_range(run: Run) -> None:
    assert "radius of the disc (pixels, 1 to 1024, usually 1 to 8)" in run("transforms").out
    listed = json.loads(run("transforms", "--json").out)
    assert listed["multiply"]["older_names"] == ["scalar-multiply"]
    assert listed["rotate"]["parameters"][0]["unit"] == "degrees"


def test_models_lists_all_with_their_licences(run: Run) -> None:
    listed = json.loads(run("models", "--json").out)
    assert [entry["name"] for entry in listed] == ["faces", "music", "photo-faces", "painted-eyes"]
    assert listed[0]["installed"]
    assert "CC BY 4.0" in run("models").out


@pytest.fixture
def tiny_eyes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder of models, a package that is there at once, and a network of two layers in it."""
    from netbend.models import catalog, packages
    from netbend.models.dcgan import DCGAN
    from netbend.models.dcgan.network import Architecture
    from netbend.models.dcgan.network import Generator as Eyes

    def from_package(members: object, name: str) -> DCGAN:
        assert members == {"weights": b"numbers"}
        torch.manual_seed(0)
        return DCGAN(Eyes(Architecture((4, 4), 3, ("red", "blue"))), name)

    monkeypatch.setenv("NETBEND_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(packages, "fetch", lambda _package: {"weights": b"numbers"})
    monkeypatch.setattr(DCGAN, "from_package", from_package)
    unpinned = replace(catalog.CATALOGUE["painted-eyes"], hash=None)
    monkeypatch.setitem(catalog.CATALOGUE, "painted-eyes", unpinned)
    return tmp_path / "models"


def test_an_absent_model_says_how_to_install_it(run: Run, tiny_eyes: Path, tmp_path: Path) -> None:
    ran = run("render", "--model", "painted-eyes", "--out", tmp_path / "out")
    assert ran.code == 1
    assert "not installed; `netbend models install painted-eyes`" in ran.err
    assert not (tmp_path / "out").exists()
    assert not tiny_eyes.exists()


def test_terms_must_be_accepted(run: Run, tiny_eyes: Path) -> None:
    ran = run("models", "install", "painted-eyes")
    assert ran.code == 1
    assert "MIT" in ran.out
    assert "omniart-eye-generator 0.1" in ran.out
    assert "say --accept" in ran.err
    assert not tiny_eyes.exists()


def test_an_installed_model_is_played_and_removed(run: Run, tiny_eyes: Path, tmp_path: Path) -> None:
    assert run("models", "install", "painted-eyes", "--accept").code == 0
    assert "is here already" in run("models", "install", "painted-eyes").out
    rendered = ("render", "--model", "painted-eyes", "--seeds", "0", "--label", "blue")
    assert run(*rendered, "--out", tmp_path / "one").code == 0
    (picture,) = (tmp_path / "one").iterdir()
    assert run("render", "--from", picture, "--out", tmp_path / "two").code == 0
    again = Image.open(tmp_path / "two" / picture.name)
    assert np.array_equal(np.array(Image.open(picture)), np.array(again))
    assert "it has red, blue" in run(*rendered[:-1], "pink", "--out", tmp_path / "three").err
    assert run("models", "remove", "painted-eyes").code == 0
    assert not (tiny_eyes / "painted-eyes").exists()
    assert run("models", "remove", "painted-eyes").code == 1
    assert "cannot be removed" in run("models", "remove", "faces").err


def test_another_hash_than_expected_keeps_nothing(
    run: Run, tiny_eyes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netbend.models import catalog

    pinned = replace(catalog.CATALOGUE["painted-eyes"], hash="0" * 64)
    monkeypatch.setitem(catalog.CATALOGUE, "painted-eyes", pinned)
    ran = run("models", "install", "painted-eyes", "--accept")
    assert ran.code == 1
    assert "nothing was kept" in ran.err
    assert not tiny_eyes.exists()


def test_a_damaged_model_says_how_to_get_it_back(
    run: Run, tiny_eyes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netbend.models import catalog

    assert run("models", "install", "painted-eyes", "--accept").code == 0
    file = tiny_eyes / "painted-eyes" / "model.safetensors"
    pinned = replace(catalog.CATALOGUE["painted-eyes"], hash=weights_hash(file))
    monkeypatch.setitem(catalog.CATALOGUE, "painted-eyes", pinned)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    ran = run("render", "--model", "painted-eyes", "--seeds", "0", "--out", tmp_path / "out")
    assert ran.code == 1
    assert "is damaged; `netbend models remove painted-eyes`, then install it again" in ran.err
    (file.parent / "notes.txt").write_text("mine")
    assert run("models", "remove", "painted-eyes").code == 0
    assert (file.parent / "notes.txt").read_text() == "mine"


def test_a_typo_names_the_nearest_model(run: Run) -> None:
    assert "did you mean 'photo-faces'?" in run("models", "install", "photo-face").err


def test_inspect_says_what_is_inside_or_why_not(run: Run, folder: Path) -> None:
    assert "StyleGAN2, 16x16, 3 channels" in run("inspect", "tiny.safetensors").out
    (folder / "evil.pt").write_bytes(b"cposix\nsystem\n(S'touch canary'\ntR.")
    ran = run("inspect", "evil.pt")
    assert ran.code == 1
    assert "posix.system" in ran.out
    assert json.loads(run("inspect", "evil.pt", "--json").out)["refused"]
    assert not (folder / "canary").exists()


def test_convert_writes_the_same_generator(run: Run, folder: Path) -> None:
    torch.save({"g_ema": {}}, "empty.pt")
    assert run("convert", "empty.pt", "out.safetensors").code == 1
    assert not (folder / "out.safetensors").exists()
    assert run("convert", "tiny.safetensors", "out.safetensors").code == 0
    assert json.loads(run("inspect", "out.safetensors", "--json").out)["architecture"]["features"] == [
        12,
        10,
        8,
    ]


def test_schema_is_json(run: Run) -> None:
    assert json.loads(run("schema").out)["title"] == "netbend recipe"


def test_version(run: Run) -> None:
    assert run("--version").out.strip() == netbend.__version__


def write_pictures(folder: Path) -> None:
    folder.mkdir()
    for index in range(6):
        Image.new("RGB", (12, 12), (40 * index, 90, 200)).save(folder / f"{index}.png")


def test_train_runs_goes_on_and_guards_its_folder(run: Run, folder: Path) -> None:
    write_pictures(folder / "pictures")
    small = ["--size", 8, "--feature-base", 32, "--feature-max", 8, "--latent-dim", 8, "--mapping-depth", 1]
    options = [
        "train",
        "stylegan2",
        "pictures",
        "--out",
        "run",
        "--batch",
        4,
        "--snapshot-kimg",
        0.008,
        *small,
    ]
    ran = run(*options, "--kimg", 0.008, "--device", "cpu")
    assert (ran.code, ran.out) == (0, "run/model.safetensors\n"), ran.err
    assert run(*options, "--kimg", 0.016, "--device", "cpu", "-q").code == 0
    log = [json.loads(line)["kimg"] for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    assert log == [0.008, 0.016]
    changed = run(*options, "--kimg", 0.016, "--seed", 5, "--device", "cpu")
    assert changed.code == 1
    assert "other settings (--seed)" in changed.err
    assert run("render", "-m", "run/model.safetensors", "--seeds", "0", "-o", "o").code == 0


def test_train_grows_the_model_of_another_run(run: Run, folder: Path) -> None:
    write_pictures(folder / "pictures")
    command = ["train", "stylegan2", "pictures", "--batch", 4, "--kimg", 0.008, "--device", "cpu"]
    small = ["--feature-base", 32, "--feature-max", 8, "--latent-dim", 8, "--mapping-depth", 1]
    assert run(*command, *small, "--size", 8, "--out", "small").code == 0
    grow = [*command, "--feature-base", 64, "--size", 16, "--from", "small", "--out", "large"]
    assert run(*grow).code == 0
    assert run(*grow, "--save-seconds", 10).code == 0  # it was done
    architecture = load_generator(folder / "large" / "model.safetensors").architecture
    assert architecture.features == (8, 4, 4)
    assert (architecture.z_dim, architecture.mapping_depth) == (8, 1)
    changed = run(*grow[:-4], "--from", "large", "--out", "large")
    assert changed.code == 1
    assert "other settings (--from" in changed.err


def test_options_that_would_mean_nothing_are_refused(run: Run, folder: Path) -> None:
    for idle, ruling in [
        (["--space", "z"], "without --latents"),
        (["--style-layers", "1"], "without --style-seed"),
        (["--selection-seed", "1"], "without RECIPE"),
        (["--latents", "x.npz", "--seeds", "1"], "beside --latents"),
        (["--from", "x.png", "--seeds", "1"], "beside --from"),
    ]:
        ran = run("render", *idle, "--out", folder / "out")
        assert ran.code == 2
        assert f"means nothing {ruling}" in ran.err.replace("recipe", "RECIPE")
    assert not (folder / "out").exists()


def test_a_failure_never_takes_pictures_that_were_there(run: Run, folder: Path) -> None:
    out = folder / "out"
    assert run("render", "-m", folder / "tiny.safetensors", "--seeds", "1", "--out", out).code == 0
    (kept,) = out.iterdir()
    (out / kept.name.replace("0001", "0002")).mkdir()
    ran = run("render", "-m", folder / "tiny.safetensors", "--seeds", "1-2", "--overwrite", "--out", out)
    assert ran.code == 1
    assert kept.exists()
    assert "is a file; name a folder" in run("render", "--out", kept).err


def test_a_single_picture_is_no_training_set(run: Run, folder: Path) -> None:
    (folder / "lone").mkdir()
    Image.new("RGB", (8, 8)).save(folder / "lone" / "one.png")
    ran = run("train", "stylegan2", "lone", "--out", "run-of-one", "--size", 8)
    assert "1 pictures; nothing can be learnt" in ran.err
    assert not (folder / "run-of-one").exists()


@pytest.mark.parametrize(
    "command",
    [
        "render -m tiny.safetensors --seeds 0 -t 1e38 -o o",
        "grid -m tiny.safetensors --rows seed=0,1 --columns layer=1,2 --transform flip-h -t 1e38 -o o/g.png",
        "film -m tiny.safetensors --seconds 0.1 -t 1e38 -o o/f.gif",
    ],
)
def test_numbers_that_are_none_are_an_error_without_a_recipe(run: Run, folder: Path, command: str) -> None:
    ran = run(*command.split())
    assert ran.code == 1
    assert re.search("the network, .*made (NaN|infinity)", ran.err), ran.err
    assert not (folder / "o").exists() or not any(path.is_file() for path in (folder / "o").iterdir())
    assert run(*command.split(), "--nonfinite", "replace").code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("render", "turn.yaml", "--selection-seed"),
        ("render", "turn.yaml", "--style-seed"),
        ("vary", "turn.yaml", "--selection-seed"),
        ("breed", "turn.yaml", "turn.yaml", "--seed"),
        ("project", "turn.yaml", "--seed"),
        ("cluster", "make", "faces", "--seed"),
        ("train", "stylegan2", "turn.yaml", "--seed"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("folder")
def test_a_negative_seed_is_told_where_seeds_start(run: Run, command: tuple[str, ...]) -> None:
    ran = run(*command, "-1")
    assert ran.code == 2
    assert f"netbend: {command[-1]}: -1: seeds start at 0" in ran.err


@pytest.mark.usefixtures("folder")
def test_a_refusal_is_not_preceded_by_an_empty_line(run: Run) -> None:
    asked = ("render", "turn.yaml", "-m", "tiny.safetensors", "--seeds", "0", "--out", "o")
    assert run(*asked).code == 0
    assert run(*asked).err.startswith("netbend: o")
