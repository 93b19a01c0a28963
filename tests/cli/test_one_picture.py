"""The same recipe, latent and options are the same picture, to the bit, whichever command shows it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import netbend
from netbend.atlas.samples import PictureSamples
from netbend.bending import Plan, resolve
from netbend.choices import NonFinite
from netbend.engine.bound import bind
from netbend.engine.request import RenderRequest
from netbend.engine.still import Still
from netbend.latents.directions import find_directions
from netbend.latents.path import latent_path
from netbend.models.dcgan.model import DCGAN
from netbend.models.dcgan.network import Architecture
from netbend.models.dcgan.network import Generator as Eyes
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator
from netbend.pictures import thumbnail

Run = Callable[..., Any]
BENDS = "bends:\n- {layer: 1, transform: rotate, params: [30], features: {random: 0.5}}\n"
SIZE = 16


@dataclass(frozen=True)
class Case:
    """A latent as a recipe says it, the options that say the same, and the psi to show it with."""

    latent: str
    options: tuple[object, ...] | None = None
    psi: float = 0.7
    truncation: float | None = None  # of the recipe
    option: float | None = None


CASES = {
    "a seed": Case("5", ("--seeds", 5)),
    "z from a file": Case("{file: z.npz, number: 1}"),
    "one z in a file": Case("one-z.npz", ("--latents", "one-z.npz")),
    "w from a file": Case("w.npz", ("--latents", "w.npz"), psi=1),
    "w+ from a file": Case("w_plus.npz", ("--latents", "w_plus.npz"), psi=1),
    "the mean of seeds": Case("{mean: 2-4}"),
    "a direction from a seed": Case("{seed: 5, direction: 0, of: d.npz, by: 1.5}"),
    "a direction from z in a file": Case("{file: one-z.npz, direction: 0, of: d.npz, by: 1.5}"),
    "a direction from w in a file": Case("{file: w.npz, direction: 0, of: d.npz, by: 1.5}", psi=1),
    "from seed to seed": Case("{through: [5, 6], seconds: 2}"),
    "from w to w": Case("{through: [w.npz, w_plus.npz], seconds: 2}", psi=1),
    "a walk": Case("{walk: 5, seconds: 2}"),
    "psi of the recipe": Case("one-z.npz", ("--latents", "one-z.npz"), psi=0.4, truncation=0.4),
    "psi of the recipe for w": Case("w.npz", ("--latents", "w.npz"), psi=0.4, truncation=0.4),
    "psi as an option": Case("5", ("--seeds", 5), psi=-0.3, truncation=0.4, option=-0.3),
    "psi as an option for w+": Case("w_plus.npz", psi=0.2, option=0.2),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    random = np.random.RandomState(1)
    shapes = {"z": (2, 16), "one-z": (1, 16), "w": (1, 16), "w_plus": (1, 6, 16)}
    find_directions(netbend.load_model("tiny.safetensors", device="cpu"), 2, samples=100).save("d.npz")
    for name, shape in shapes.items():
        np.savez(f"{name}.npz", **{name.removeprefix("one-"): random.standard_normal(shape)})


def write_recipe(case: Case) -> Path:
    truncation = "" if case.truncation is None else f"truncation: {case.truncation}\n"
    path = Path("mine.yaml")
    path.write_text(f"model: tiny.safetensors\nseconds: 2\nlatent: {case.latent}\n{truncation}{BENDS}")
    return path


def pixels(picture: Image.Image | Path) -> np.ndarray:
    return np.asarray(Image.open(picture) if isinstance(picture, Path) else picture)


def holds(sheet: Path, part: np.ndarray) -> bool:
    """Whether a picture is somewhere in another, to the bit."""
    windows = np.lib.stride_tricks.sliding_window_view(pixels(sheet), part.shape)[:, :, 0]
    corners = (windows[:, :, 0, 0] == part[0, 0]).all(axis=-1)
    return any((windows[row, column] == part).all() for row, column in np.argwhere(corners))


def from_python(recipe: Path, case: Case, *, seed: int | None = None, bent: bool = True) -> np.ndarray:
    """By a plain loop, with psi as the case states it."""
    model = netbend.load_model("tiny.safetensors", device="cpu")
    loaded = netbend.load_recipe(recipe)
    latents = latent_path(loaded.latent, model, Path()).at([0.0])
    with netbend.bend(model, loaded if bent else Plan(()), seed=seed):
        (picture,) = netbend.to_pictures(model.generate(latents, truncation_psi=case.psi))
    return pixels(picture)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_command_shows_the_same_picture(run: Run, case: Case) -> None:
    recipe = write_recipe(case)
    psi = () if case.option is None else ("-t", case.option)

    def typed(command: str, *arguments: object) -> None:
        ran = run(command, *arguments, *psi, "--device", "cpu", "-q")
        assert ran.code == 0, f"{command}: {ran.err}"

    expected = from_python(recipe, case)
    unbent = from_python(recipe, case, bent=False)
    assert (expected != unbent).any()

    typed("render", recipe, "-o", "render")
    (rendered,) = Path("render").iterdir()
    np.testing.assert_array_equal(pixels(rendered), expected)
    assert run("render", "--from", rendered, "-m", "tiny.safetensors", "-o", "again", "-q").code == 0
    np.testing.assert_array_equal(pixels(Path("again") / rendered.name), expected)
    if case.options is not None:
        typed("render", recipe, *case.options, "-o", "options")
        (rendered,) = Path("options").iterdir()
        np.testing.assert_array_equal(pixels(rendered), expected)

    typed("grid", recipe, "--rows", "mix=0,1", "--columns", "angle=0,30", "--height", SIZE, "-o", "grid.png")
    assert holds(Path("grid.png"), expected)
    assert holds(Path("grid.png"), unbent)

    typed("vary", recipe, "--keep", "0,7", "-o", "vary")
    np.testing.assert_array_equal(pixels(Path("vary/mine-0000.png")), expected)
    np.testing.assert_array_equal(pixels(Path("vary/mine-0007.png")), from_python(recipe, case, seed=7))
    typed("render", "vary/mine-0000.yaml", "-o", "kept")
    (rendered,) = Path("kept").iterdir()
    np.testing.assert_array_equal(pixels(rendered), expected)

    typed("film", recipe, "--fps", 4, "--frame", 0, "--height", SIZE, "-o", "frame.png")
    np.testing.assert_array_equal(pixels(Path("frame.png")), expected)
    typed("film", recipe, "--fps", 4, "--height", SIZE, "-o", "frames")
    np.testing.assert_array_equal(pixels(sorted(Path("frames").iterdir())[0]), expected)
    typed("film", recipe, "--fps", 4, "--stills", 2, "--height", SIZE, "-o", "stills.png")
    assert holds(Path("stills.png"), pixels(thumbnail(Image.fromarray(expected))))

    Path("other.yaml").write_text(recipe.read_text().replace("rotate, params: [30]", "multiply, params: [2]"))
    typed("breed", recipe, "other.yaml", "--count", 2, "--mutation", 0.5, "-o", "breed")
    assert holds(Path("breed/children.png"), pixels(thumbnail(Image.fromarray(expected))))
    typed("render", "breed/child-0001.yaml", "-o", "child")
    (rendered,) = Path("child").iterdir()
    assert holds(Path("breed/children.png"), pixels(thumbnail(Image.open(rendered))))


@pytest.mark.parametrize("noise", ["constant", "random", "none"])
@pytest.mark.parametrize("cutoff", [None, 2])
def test_noise_and_cutoff_are_the_same_everywhere(run: Run, noise: str, cutoff: int | None) -> None:
    recipe = write_recipe(CASES["w+ from a file"])
    options = ["--noise", noise, *([] if cutoff is None else ["--cutoff", cutoff]), "-t", "0.5", "-q"]

    def typed(command: str, *arguments: object) -> None:
        ran = run(command, *arguments, *options)
        assert ran.code == 0, f"{command}: {ran.err}"

    model = netbend.load_model("tiny.safetensors", device="cpu")
    latents = netbend.load_latents("w_plus.npz")
    chosen = netbend.SynthesisOptions(0.5, cutoff, noise)
    with netbend.bend(model, netbend.load_recipe(recipe)):
        expected = pixels(netbend.to_pictures(model.generate(latents, chosen))[0])
    typed("render", recipe, "-o", "o")
    (rendered,) = Path("o").iterdir()
    np.testing.assert_array_equal(pixels(rendered), expected)
    typed("film", recipe, "--frame", 0, "--height", SIZE, "-o", "f.png")
    np.testing.assert_array_equal(pixels(Path("f.png")), expected)
    typed("vary", recipe, "--keep", "0", "-o", "vary")
    np.testing.assert_array_equal(pixels(Path("vary/mine-0000.png")), expected)
    typed("grid", recipe, "--rows", "mix=0,1", "--columns", "angle=0,30", "--height", SIZE, "-o", "g.png")
    assert holds(Path("g.png"), expected)
    typed("breed", recipe, recipe, "--count", 1, "--mutation", 1, "-o", "breed")
    assert holds(Path("breed/children.png"), pixels(thumbnail(Image.fromarray(expected))))
    sheet = netbend.make_grid("mix=0,1", "angle=0,30", model, recipe, options=chosen, size=SIZE)
    np.testing.assert_array_equal(pixels(sheet), pixels(Path("g.png")))


def test_a_label_is_the_same_everywhere(run: Run) -> None:
    torch.manual_seed(0)
    eyes = Eyes(Architecture((8, 6), 3, ("red", "blue", "green")))
    with torch.no_grad():
        eyes.to_rgb.weight.mul_(20)  # so that a bend is seen
    DCGAN(eyes).save(Path("eyes.safetensors"))
    model = netbend.load_model("eyes.safetensors", device="cpu")
    recipe = Path("eyes.yaml")
    recipe.write_text("model: eyes.safetensors\nlatent: 5\n" + BENDS)
    options = ["--label", "red", "--device", "cpu", "-q"]
    with netbend.bend(model, recipe):
        expected = netbend.to_pictures(model.generate(model.latents([5]), label="red"))[0]
        other = netbend.to_pictures(model.generate(model.latents([5])))[0]
    assert (pixels(other) != pixels(expected)).any()
    size = expected.height
    shown = pixels(thumbnail(expected))
    assert run("vary", recipe, "--keep", "0", "-o", "vary", *options).code == 0
    np.testing.assert_array_equal(pixels(Path("vary/eyes-0000.png")), pixels(expected))
    mixed = ("--rows", "mix=0,1", "--columns", "angle=0,30")
    assert run("grid", recipe, *mixed, "-o", "g.png", *options).code == 0
    assert holds(Path("g.png"), shown)
    assert run("film", recipe, "--frame", 0, "--height", size, "-o", "f.png", *options).code == 0
    np.testing.assert_array_equal(pixels(Path("f.png")), pixels(expected))
    assert run("breed", recipe, recipe, "--count", 1, "--mutation", 1, "-o", "b", *options).code == 0
    assert holds(Path("b/children.png"), shown)
    for command in (["vary", recipe], ["grid", recipe, *mixed], ["breed", recipe, recipe], ["film", recipe]):
        ran = run(*command, "--label", "plaid", "-q")
        assert (ran.code, "label 'plaid': not a class of eyes.safetensors; it has red, blue" in ran.err) == (
            1,
            True,
        )


@pytest.mark.parametrize("command", ["render", "film", "vary", "grid", "breed"])
def test_commands_of_pictures_have_the_same_options_of_playing(command: str) -> None:
    from netbend.cli.main import command as all_commands

    def options(name: str) -> dict[str, tuple[object, ...]]:
        found = all_commands().get_command(None, name).params
        wanted = (
            "truncation",
            "cutoff",
            "noise",
            "label",
            "nonfinite",
            "precision",
            "clusters",
            "five_items",
        )
        return {p.name: (p.opts, p.help, p.default) for p in found if p.name in wanted}

    assert options(command) == options("render")
    assert len(options(command)) == 8


@pytest.mark.parametrize(
    ("latents", "psi"),
    [
        (lambda model: model.latents([5]), 0.7),
        (lambda model: model.to_w(model.latents([5])), 0.7),
        (lambda _: netbend.load_latents("one-z.npz"), 0.7),
        (lambda _: netbend.load_latents("w.npz"), 1.0),
        (lambda _: netbend.load_latents("w_plus.npz"), 1.0),
        (lambda _: netbend.Latents("w", torch.ones(1, 16), (0,)), 1.0),
    ],
    ids=["a seed", "w of a seed", "z from a file", "w from a file", "w+ from a file", "w by hand"],
)
def test_python_generates_with_the_psi_of_the_commands(latents: Any, psi: float) -> None:
    model = netbend.load_model("tiny.safetensors", device="cpu")
    given = latents(model)
    assert torch.equal(model.generate(given), model.generate(given, truncation_psi=psi))
    assert torch.equal(
        model.generate(given), model.generate(given, netbend.SynthesisOptions(truncation_psi=psi))
    )
    assert not torch.equal(model.generate(given), model.generate(given, truncation_psi=0.5))


def test_a_panel_of_the_atlas_is_the_picture_of_its_seed(run: Run) -> None:
    recipe = write_recipe(CASES["a seed"])
    run("render", recipe, "--seeds", "5-6", "-o", "o", "-q")
    model = netbend.load_model("tiny.safetensors", device="cpu")
    samples = PictureSamples(model, [5, 6], netbend.SynthesisOptions())
    plan = resolve(netbend.load_recipe(recipe), model)
    for index, seed in enumerate((5, 6)):
        panel = samples.picture(samples.output(index, plan, NonFinite.ERROR))
        np.testing.assert_array_equal(pixels(panel), pixels(Path(f"o/mine-seed000{seed}.png")))


def test_a_record_without_truncation_is_of_the_time_when_that_was_1(model: netbend.Model) -> None:
    record = {"version": "0.1.0", "model": model.name, "model_hash": model.hash, "seeds": [3]}
    still = Still(model, model.latents([3]), netbend.SynthesisOptions(truncation_psi=1.0))
    again = bind(RenderRequest.model_validate(record), model).still()
    np.testing.assert_array_equal(pixels(again.picture()), pixels(still.picture()))


def test_a_record_keeps_the_psi_that_nobody_said(model: netbend.Model) -> None:
    assert Still(model, model.latents([3])).request().options.truncation_psi == 0.7
