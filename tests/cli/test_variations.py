"""`vary`, `grid` and `breed` as people type them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netbend.cli import many
from netbend.engine.still import Still
from netbend.models.base import Model
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Generator
from netbend.recipe import load_recipe
from netbend.variations.surprise import surprise
from netbend.variations.unlike import Unlike, anything

from .conftest import REFUSED

Run = Callable[..., Any]
TURN = "seed: 3\nbends:\n- {layer: 1, transform: rotate, params: [30], features: {random: 0.5}}\n"
GROW = """\
name: Grow
bends:
- {layer: 3, transform: dilate, params: [2]}
- {layer: 1, transform: rotate, params: [9]}
"""
TINY = ("-m", "tiny.safetensors", "-q")


@pytest.fixture
def folder(tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a model and two recipes in it."""
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    (tmp_path / "turn.yaml").write_text(TURN)
    (tmp_path / "grow.yaml").write_text(GROW)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def command_in(path: Path) -> dict[str, Any]:
    with Image.open(path) as picture:
        return json.loads(picture.text["netbend-command"])


def test_vary_writes_a_sheet_of_draws(run: Run, folder: Path) -> None:
    ran = run("vary", "turn.yaml", "-m", "tiny.safetensors", "--count", 9, "--selection-seed", 7, "-o", "o")
    assert (ran.code, ran.out) == (0, "o/turn-variations.png\n")
    assert names(folder / "o") == ["turn-variations.png"]
    assert pixels(folder / "o" / "turn-variations.png").shape == (2 * (128 + 18 + 4) + 4, 8 * 132 + 4, 3)
    about = command_in(folder / "o" / "turn-variations.png")
    assert about["command"][:3] == ["netbend", "vary", "turn.yaml"]
    assert [label for label, _ in about["recipes"]] == [str(seed) for seed in range(7, 16)]


def test_a_kept_draw_is_the_picture_on_the_sheet_and_of_its_recipe(run: Run, folder: Path) -> None:
    run("vary", "turn.yaml", *TINY, "--count", 4, "--selection-seed", 15, "--seeds", 2, "-o", "o")
    assert run("vary", "turn.yaml", *TINY, "--keep", "16,40", "--seeds", 2, "-o", "o").code == 0
    assert names(folder / "o") == [
        *("turn-0016.png", "turn-0016.yaml", "turn-0040.png", "turn-0040.yaml", "turn-variations.png")
    ]
    kept = Image.open(folder / "o" / "turn-0016.png")
    on_sheet = Image.open(folder / "o" / "turn-variations.png").crop((136, 4, 264, 132))
    np.testing.assert_array_equal(
        np.asarray(kept.resize((128, 128), Image.Resampling.BICUBIC)), np.asarray(on_sheet)
    )
    assert load_recipe(folder / "o" / "turn-0016.yaml").name == "Draw 16"
    run("render", "o/turn-0016.yaml", "--seeds", 2, "-o", "again")  # it says which model
    np.testing.assert_array_equal(pixels(folder / "again" / "turn-0016-seed0002.png"), np.asarray(kept))
    run("render", "turn.yaml", *TINY, "--seeds", 2, "--selection-seed", 16, "-o", "again")
    np.testing.assert_array_equal(pixels(folder / "again" / "turn-seed0002.png"), np.asarray(kept))
    run("render", "--from", "o/turn-0016.png", *TINY, "-o", "again")
    np.testing.assert_array_equal(pixels(folder / "again" / "turn-0016.png"), np.asarray(kept))


def test_a_kept_mask_is_found_from_the_new_folder(run: Run, folder: Path) -> None:
    Image.new("L", (8, 8), 255).save(folder / "mask.png")
    (folder / "masked.yaml").write_text(TURN.replace("}}", "}, mask: mask.png}"))
    assert run("vary", "masked.yaml", *TINY, "--keep", "5", "-o", "deep/er").code == 0
    ran = run("render", "deep/er/masked-0005.yaml", *TINY, "--seeds", 0, "-o", "again")
    assert ran.code == 0, ran.err
    np.testing.assert_array_equal(
        pixels(folder / "again" / "masked-0005-seed0000.png"),
        pixels(folder / "deep" / "er" / "masked-0005.png"),
    )


def test_every_surprise_is_a_recipe_that_gives_its_picture_again(run: Run, folder: Path) -> None:
    bounds = (
        "--surprise",
        "--layers",
        "1-3",
        "--transforms",
        "rotate,erode",
        "--bends",
        "2",
        "--share",
        "0.5-1",
    )
    assert run("vary", *bounds, *TINY, "--count", 3, "--selection-seed", 8, "-o", "o").code == 0
    recipes = ["surprise-0008.yaml", "surprise-0009.yaml", "surprise-0010.yaml"]
    assert names(folder / "o") == [*recipes, "surprise-variations.png"]
    for name in recipes:
        bends = load_recipe(folder / "o" / name).bends
        assert len(bends) == 2
        assert all(bend.layer in (1, 2, 3) and bend.transform.name in ("rotate", "erode") for bend in bends)
    assert run("vary", *bounds, *TINY, "--keep", 9, "-o", "kept").code == 0
    assert (folder / "kept" / "surprise-0009.yaml").read_text() == (
        folder / "o" / "surprise-0009.yaml"
    ).read_text()
    run("render", "o/surprise-0009.yaml", *TINY, "--seeds", 0, "-o", "again")
    np.testing.assert_array_equal(
        pixels(folder / "again" / "surprise-0009-seed0000.png"), pixels(folder / "kept" / "surprise-0009.png")
    )


def test_what_the_recipe_says_of_latent_and_truncation_holds_unless_said_otherwise(
    run: Run, folder: Path
) -> None:
    (folder / "said.yaml").write_text("latent: 5\ntruncation: 0.3\n" + TURN)
    run("vary", "said.yaml", *TINY, "--keep", 16, "-o", "o")
    run("vary", "turn.yaml", *TINY, "--keep", 16, "--seeds", 5, "-t", 0.3, "-o", "o")
    np.testing.assert_array_equal(
        pixels(folder / "o" / "said-0016.png"), pixels(folder / "o" / "turn-0016.png")
    )
    run("render", "o/said-0016.yaml", "-o", "again", "-q")
    (again,) = (folder / "again").iterdir()
    np.testing.assert_array_equal(pixels(again), pixels(folder / "o" / "said-0016.png"))
    axes = ("--rows", "layer=1", "--columns", "mix=1,0.5")
    run("grid", "said.yaml", *TINY, *axes, "-o", "said.png", "--seeds", 5)
    run("grid", "turn.yaml", *TINY, *axes, "-o", "turn.png", "--seeds", 5, "-t", 0.3)
    np.testing.assert_array_equal(pixels(folder / "said.png"), pixels(folder / "turn.png"))
    run("grid", "said.yaml", *TINY, *axes, "-o", "own.png")
    assert (pixels(folder / "own.png")[-132:] == pixels(folder / "turn.png")[-132:]).all()


def test_one_latent_of_a_file_and_only_one(run: Run, folder: Path) -> None:
    np.savez("one.npz", z=np.random.RandomState(6).randn(1, 16))
    np.savez("two.npz", z=np.zeros((2, 16)))
    run("vary", "turn.yaml", *TINY, "--keep", 1, "--latents", "one.npz", "-o", "file")
    run("vary", "turn.yaml", *TINY, "--keep", 1, "--seeds", 6, "-o", "seed")
    np.testing.assert_array_equal(
        pixels(folder / "file" / "turn-0001.png"), pixels(folder / "seed" / "turn-0001.png")
    )
    ran = run("vary", "turn.yaml", *TINY, "--latents", "two.npz", "-o", "o")
    assert ran.code == 1
    assert "two.npz: holds 2; keep the one that is meant in a file of its own" in ran.err


def test_without_metadata_there_is_none(run: Run, folder: Path) -> None:
    run("vary", "turn.yaml", *TINY, "--count", 1, "--no-metadata", "-o", "o")
    run("vary", "turn.yaml", *TINY, "--keep", 1, "--no-metadata", "-o", "o")
    run(
        "grid",
        "turn.yaml",
        *TINY,
        "--rows",
        "layer=1",
        "--columns",
        "mix=1",
        "--no-metadata",
        "-o",
        "o/grid.png",
    )
    assert all(Image.open(path).text == {} for path in (folder / "o").glob("*.png"))


def test_sound_has_no_sheet_but_its_draws_can_be_kept(run: Run, folder: Path) -> None:
    (folder / "song.yaml").write_text("model: music\n" + TURN)
    ran = run("vary", "song.yaml", "-o", "o")
    assert ran.code == 1
    assert "music makes sound, of which there is no sheet: `netbend sound --count` writes draws" in ran.err
    assert run("vary", "song.yaml", "--keep", "4", "-o", "o", "-q").code == 0
    assert names(folder / "o") == ["song-0004.yaml"]
    assert load_recipe(folder / "o" / "song-0004.yaml").model == "music"
    for option, value in (("truncation", "1"), ("cutoff", "2"), ("label", "blue"), ("precision", "bf16")):
        ran = run("breed", "song.yaml", "song.yaml", f"--{option}", value, "-o", "o")
        assert f"--{option} is for pictures, music makes sound" in ran.err
    assert run("breed", "song.yaml", "song.yaml", "--count", 2, "-o", "b", "-q").code == 0
    assert names(folder / "b") == ["child-0001.yaml", "child-0002.yaml"]


def test_a_grid_is_one_labelled_picture_with_its_command(run: Run, folder: Path) -> None:
    arguments = (
        "grid",
        "turn.yaml",
        "-m",
        "tiny.safetensors",
        "--rows",
        "layer=1-3",
        "--columns",
        "angle=0..90/4",
    )
    ran = run(*arguments, "-o", "o/g.png")
    assert (ran.code, ran.out) == (0, "o/g.png\n")
    about = command_in(folder / "o" / "g.png")
    assert about["command"] == ["netbend", *arguments, "-o", "o/g.png"]
    assert about["recipe"]["bends"][0]["transform"] == "rotate"
    assert [name for name, _ in about["models"]] == ["tiny.safetensors"]
    picture = pixels(folder / "o" / "g.png")
    run("render", "turn.yaml", *TINY, "--seeds", 0, "-o", "r")
    (folder / "last.yaml").write_text(TURN.replace("layer: 1", "layer: 3").replace("30", "90"))
    run("render", "last.yaml", *TINY, "--seeds", 0, "-o", "r")
    last = Image.open(folder / "r" / "last-seed0000.png").resize((128, 128), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(picture[-132:-4, -132:-4], np.asarray(last))


def test_the_figure_of_the_paper(run: Run, folder: Path) -> None:
    ran = run("grid", "--figure", "transforms-by-layer", *TINY, "--seeds", 3, "--height", 32, "-o", "f.png")
    assert ran.code == 0, ran.err
    assert pixels(folder / "f.png").shape[1] > 5 * 36
    ran = run(
        "grid",
        "--transform",
        "rotate 45",
        "--rows",
        "layer=1",
        "--columns",
        "seed=3",
        "-o",
        "g.png",
        *TINY,
        "--height",
        32,
    )
    assert ran.code == 0, ran.err


def test_a_sheet_that_is_there_is_not_in_the_way_of_surprises_that_are_kept(run: Run, folder: Path) -> None:
    (folder / "o").mkdir()
    (folder / "o" / "surprise-variations.png").write_bytes(b"mine")
    ran = run("vary", "--surprise", "--keep", 3, *TINY, "-o", "o")
    assert (ran.code, ran.err) == (0, "")
    assert names(folder / "o") == ["surprise-0003.png", "surprise-0003.yaml", "surprise-variations.png"]


STRIP = 'transform: "rotate"\nparams: [90]\nfeatures: "all"\nfeature-param:\n'


def test_a_bend_without_a_layer_is_a_strip_of_the_layers_that_the_reference_implementation_bends(
    run: Run, folder: Path, generator: Generator
) -> None:
    (folder / "strip.yaml").write_text(STRIP)
    (folder / "one.yaml").write_text(f"transforms:\n- {{layer: 2, {', '.join(STRIP.split(chr(10))[:3])}}}\n")
    to_the_last = ("--rows", f"layer=1-{generator.architecture.layer_count - 1}")
    for out, arguments in (
        ("strip.png", ["strip.yaml"]),
        ("ours.png", ["strip.yaml", "--as", "ours"]),
        ("one.png", ["one.yaml", *to_the_last]),
    ):
        ran = run("grid", *arguments, *TINY, "--columns", "seed=3", "--height", 32, "-o", out)
        assert (ran.code, ran.err) == (0, "")
    assert np.array_equal(pixels(folder / "strip.png"), pixels(folder / "one.png"))
    assert not np.array_equal(pixels(folder / "strip.png"), pixels(folder / "ours.png"))
    assert command_in(folder / "ours.png")["recipe"]["bends"][0]["transform"] == "rotate"


def test_children_are_written_shown_and_bred_again(run: Run, folder: Path) -> None:
    ran = run(
        "breed", "turn.yaml", "grow.yaml", "-m", "tiny.safetensors", "--count", 5, "--seed", 3, "-o", "b"
    )
    assert (ran.code, ran.out) == (0, "6 files in b\n"), ran.err
    children = [f"child-000{seed}.yaml" for seed in range(3, 8)]
    assert names(folder / "b") == [*children, "children.png"]
    recipes = command_in(folder / "b" / "children.png")["recipes"]
    assert [label for label, _ in recipes] == ["turn", "grow", *"34567"]
    ran = run("breed", "b/child-0003.yaml", "b/child-0004.yaml", *TINY, "--count", 2, "-o", "c")
    assert ran.code == 0, ran.err
    sheet = Image.open(folder / "b" / "children.png")
    run("render", "b/child-0003.yaml", "--seeds", 0, "-o", "r")  # it says which model
    third = Image.open(folder / "r" / "child-0003-seed0000.png").resize((128, 128), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(np.asarray(sheet.crop((268, 4, 396, 132))), np.asarray(third))


def test_parents_for_two_models_need_one_to_be_said(run: Run, folder: Path) -> None:
    (folder / "one.yaml").write_text(f"model: faces\n{TURN}")
    (folder / "other.yaml").write_text(f"model: music\n{TURN}")
    ran = run("breed", "one.yaml", "other.yaml", "--count", 1, "-o", "b")
    assert (ran.code, ran.err) == (
        1,
        "netbend: one.yaml is for faces, other.yaml for music: say for which with --model\n",
    )
    assert not (folder / "b").exists()
    assert run("breed", "one.yaml", "other.yaml", "--count", 1, "-o", "b", *TINY).code == 0


ONE_BY_ONE = "grid turn.yaml --rows layer=1 --columns mix=1"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("vary", "name a recipe to draw from, or say --surprise"),
        ("vary grow.yaml", "grow.yaml: nothing in it is random"),
        ("vary gone.yaml", "gone.yaml: no such file"),
        ("vary turn.yaml --surprise", "means nothing beside --surprise"),
        ("vary turn.yaml --layers 2", "--layers means nothing without --surprise"),
        ("vary turn.yaml --keep 1 --count 4", "--count means nothing beside --keep"),
        ("vary turn.yaml --keep 1 --selection-seed 4", "--selection-seed means nothing beside --keep"),
        ("vary turn.yaml --space z", "--space means nothing without --latents"),
        ("vary turn.yaml --keep x", "--keep 'x': expected numbers and ranges"),
        ("vary --surprise --layers 9", "layer 9: this model has layers 0-4"),
        ("vary --surprise --transforms rotat", "did you mean 'rotate'"),
        ("vary --surprise --bends 1.5", "--bends 1.5: expected a whole number"),
        ("vary --surprise --bends 0", "bends 0-0: expected 1 or more"),
        ("vary --surprise --share 2", "share 2.0-2.0: expected 0 to 1"),
        ("vary --surprise --clusters c.yaml", "--clusters means nothing beside --surprise"),
        ("grid turn.yaml", "say both --rows and --columns"),
        (f"{ONE_BY_ONE} --layer 2", "--layer means nothing beside"),
        (f"{ONE_BY_ONE.replace('mix', 'seed')} --seeds 2", "--seeds means nothing beside the axis seed"),
        (
            "grid --rows seed=1 --columns model=faces --selection-seed 3",
            "--selection-seed means nothing without a bend",
        ),
        (f"{ONE_BY_ONE} -o o/g.jpg", "o/g.jpg: expected a file that ends in .png"),
        (ONE_BY_ONE.replace("mix", "p"), "layer 1, p 1: rotate: unknown parameter `p`"),
        ("grid --rows layer=1 --columns mix=1 --layer 2", "--layer means nothing beside the axis layer"),
        ("grid --rows layer=1 --columns mix=1", "no transform is said; say --transform"),
        ("grid --figure transforms-by-layer --rows layer=1", "--rows means nothing beside --figure"),
        ("grid --figure seven", "--figure seven: no such figure; there are transforms-by-layer"),
        ("breed turn.yaml gone.yaml", "gone.yaml: no such file"),
        ("breed turn.yaml deep.yaml", "deep.yaml:1:17: layer 12: this model has layers 0-4"),
    ],
)
def test_mistakes_are_one_message_and_leave_nothing(
    run: Run, folder: Path, command: str, message: str
) -> None:
    arguments = command.split()
    (folder / "deep.yaml").write_text("bends: [{layer: 12, transform: invert}]")
    before = names(folder)
    out = () if "-o" in arguments else ("-o", "o/g.png" if arguments[0] == "grid" else "o")
    ran = run(*arguments, *(TINY if "model=faces" not in command else ["-q"]), *out)
    assert ran.code in REFUSED
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert names(folder) == before


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (("vary", "turn.yaml", "--count", "2", "-o", "o"), "turn-variations.png"),
        (("vary", "turn.yaml", "--keep", "1-2", "-o", "o"), "turn-0002.png"),
        (("vary", "--surprise", "--count", "2", "-o", "o"), "surprise-0001.yaml"),
        (("breed", "turn.yaml", "grow.yaml", "--count", "2", "-o", "o"), "child-0002.yaml"),
        (("grid", "turn.yaml", "--rows", "layer=1", "--columns", "mix=1", "-o", "o/g.png"), "g.png"),
    ],
)
def test_what_is_there_is_kept_unless_asked(
    run: Run, folder: Path, arguments: tuple[str, ...], file: str
) -> None:
    (folder / "o").mkdir()
    (folder / "o" / file).write_text("mine")
    ran = run(*arguments, *TINY)
    assert ran.code == 1
    assert f"o/{file} exists already" in ran.err
    assert names(folder / "o") == [file]
    assert (folder / "o" / file).read_text() == "mine"
    assert run(*arguments, *TINY, "--overwrite").code == 0
    assert (folder / "o" / file).read_bytes() != b"mine"


def test_nothing_is_left_of_a_run_that_fails_while_rendering(run: Run, folder: Path) -> None:
    (folder / "huge.yaml").write_text(
        "bends: [{layer: 4, transform: multiply, params: [3.0e+38], features: {random: 0.5}}]"
    )
    for arguments in (
        ("vary", "huge.yaml", "-o", "o"),
        ("breed", "huge.yaml", "huge.yaml", "--mutation", "0.9", "--count", 2, "-o", "o"),
        ("grid", "huge.yaml", "--rows", "mix=1", "--columns", "draw=1", "-o", "o/g.png"),
    ):
        ran = run(*arguments, *TINY)
        assert ran.code == 1
        assert "`multiply` at layer 4 (b16.conv1)" in ran.err
        assert names(folder / "o") == []
        assert run(*arguments, *TINY, "--nonfinite", "replace", "--overwrite").code == 0
        for path in (folder / "o").iterdir():
            path.unlink()


@pytest.mark.usefixtures("folder")
def test_json_names_the_files(run: Run) -> None:
    ran = run("vary", "turn.yaml", "-m", "tiny.safetensors", "--keep", "1", "--json", "-o", "o")
    assert json.loads(ran.out) == {"files": ["o/turn-0001.yaml", "o/turn-0001.png"]}
    ran = run(
        "grid", "turn.yaml", "-m", "tiny.safetensors", "--rows", "layer=1", "--columns", "mix=1", "--json"
    )
    assert json.loads(ran.out) == {"files": ["out/grid.png"]}
    ran = run(
        "breed", "turn.yaml", "grow.yaml", "-m", "tiny.safetensors", "--count", "1", "--json", "-o", "o"
    )
    assert json.loads(ran.out) == {"files": ["o/child-0001.yaml", "o/children.png"]}


LOOKED_AT: dict[str, tuple[list[str], int]] = {  # and how many pictures are no draws: unbent, parents
    "surprises": (["vary", "--surprise", *TINY, "--count", "6", "-o", "o"], 1),
    "kept surprises": (["vary", "--surprise", *TINY, "--keep", "1,2,3", "-o", "o"], 1),
    "children": (["breed", "turn.yaml", "grow.yaml", *TINY, "--count", "6", "-o", "o"], 3),
}


@pytest.mark.parametrize("command", LOOKED_AT)
def test_what_is_chosen_by_its_picture_is_rendered_once(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    arguments, others = LOOKED_AT[command]
    rendered, tried = 0, 0
    generate, try_out = Model.generate, Unlike.__call__

    def generating(*given: Any, **named: Any) -> Any:
        nonlocal rendered
        rendered += 1
        return generate(*given, **named)

    def trying(unlike: Unlike, recipe: Any) -> bool:
        nonlocal tried
        tried += 1
        return try_out(unlike, recipe)

    monkeypatch.setattr(Model, "generate", generating)
    monkeypatch.setattr(Unlike, "__call__", trying)
    assert run(*arguments).code == 0
    assert rendered == others + tried
    assert tried >= len(list((folder / "o").glob("*.yaml"))) >= 3


@pytest.mark.parametrize("command", LOOKED_AT)
def test_without_room_for_pictures_they_are_rendered_again_and_are_the_same(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    arguments, _ = LOOKED_AT[command]
    assert run(*arguments[:-1], "p").code == 0
    monkeypatch.setattr(many.AtHand, "take", lambda *_: None)
    assert run(*arguments).code == 0
    assert names(folder / "o") == names(folder / "p")
    for path in (folder / "o").iterdir():
        other = folder / "p" / path.name
        if path.suffix == ".png":
            np.testing.assert_array_equal(pixels(path), pixels(other))
        else:
            assert path.read_bytes() == other.read_bytes()


def test_pictures_at_hand_take_no_more_than_their_room(model: StyleGAN2) -> None:
    unlike = Unlike(Still(model, model.latents([3])))
    recipe = surprise(model, 1, accept=unlike)
    at_hand = many.AtHand(whole=True, room=2 * 3 * 16 * 16)
    assert [at_hand.take(unlike, recipe) is not None for _ in range(3)] == [True, True, False]
    assert many.AtHand().take(unlike, recipe).size == (128, 128)
    assert many.AtHand().take(anything, recipe) is None
