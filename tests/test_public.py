"""What Python users reach for: one import, recipes in any form, names that messages use."""

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import netbend
from netbend.models.base import Model

SOURCE = Path(netbend.__file__).parent
TURN = {"bends": [{"layer": 1, "transform": "rotate", "params": {"angle": 30}, "features": {"random": 0.5}}]}


def test_all_that_is_public_can_be_imported() -> None:
    assert netbend.__all__ == sorted(netbend.__all__, key=lambda name: (name[0].islower(), name))
    for name in netbend.__all__:
        assert getattr(netbend, name).__doc__, name
        assert name in dir(netbend)
    with pytest.raises(AttributeError, match="no attribute 'bent'"):
        netbend.bent  # noqa: B018


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {alias.asname or alias.name for node in imports for alias in node.names}
    assert names - {"import_module", "TYPE_CHECKING", "Any"} == set(netbend.__all__)


def test_every_error_is_public() -> None:
    errors = importlib.import_module("netbend.errors")
    classes = [
        cls for _, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == "netbend.errors"
    ]
    assert {cls.__name__ for cls in classes} <= set(netbend.__all__)
    assert all(issubclass(cls, netbend.NetbendError) for cls in classes)


def messages() -> list[tuple[str, str]]:
    """The literal texts of all exceptions that are raised, with the files they stand in."""
    found = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and node.exc is not None:
                found += [
                    (path.name, part.value)
                    for part in ast.walk(node.exc)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                ]
    return found


def test_names_that_messages_use_are_public() -> None:
    """A message that says "such as Random(0.5)" is of use only to who can import Random."""
    ours = {
        node.name
        for path in SOURCE.rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    }
    words = {
        (file, word)
        for file, text in messages()
        for word in re.findall(r"\b(?:[A-Z][a-z]+(?:[A-Z][A-Za-z]*)?(?=\()|[a-z]+(?:_[a-z]+)+)\b", text)
    }
    used = {(file, word) for file, word in words if word in ours}
    assert {word for _, word in used} >= {"Random", "build_transform"}
    assert {(file, word) for file, word in used if word not in netbend.__all__} == set()


@pytest.mark.parametrize("form", ["recipe", "path", "name", "dict", "plan", "plans"])
def test_a_recipe_can_be_given_in_any_form(model: Model, tmp_path: Path, form: str) -> None:
    path = tmp_path / "turn.yaml"
    path.write_text("bends:\n- {layer: 1, transform: rotate, params: [30], features: {random: 0.5}}\n")
    recipe = netbend.load_recipe(path)
    plan = netbend.resolve(recipe, model)
    forms = {"recipe": recipe, "path": path, "name": str(path), "dict": TURN, "plan": plan, "plans": [plan]}
    latents = model.latents([3])
    unbent = model.generate(latents)
    with netbend.bend(model, plan):
        expected = model.generate(latents)
    with netbend.bend(model, forms[form]):
        assert torch.equal(model.generate(latents), expected)
    assert not torch.equal(unbent, expected)


def test_films_grids_and_children_take_the_same_forms(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "turn.yaml"
    path.write_text("bends:\n- {layer: 1, transform: rotate, params: [30], features: {random: 0.5}}\n")
    session = netbend.Session(model)
    requests = [netbend.RenderRequest.of(model, recipe, fps=2) for recipe in (path, str(path), TURN)]
    frames = [session.film(request.but(seconds=1)).frame(0) for request in requests]
    assert len({frame.tobytes() for frame in frames}) == 1
    grids = [netbend.make_grid("mix=0,1", "seed=0,1", model, recipe) for recipe in (path, TURN)]
    assert grids[0].tobytes() == grids[1].tobytes()
    assert netbend.breed(path, TURN, model, 1).bends


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("gone.yaml", "gone.yaml: no such file"),
        ("bends: []\nname: x", "expected the path of a file; parse_recipe reads the text of one"),
        ({"bends": [{"layer": 99, "transform": "ablate"}]}, r"recipe\.bends\[0\]\.layer: layer 99"),
        ({"bends": [{"layer": 1, "transform": "rotatee"}]}, r"recipe\.bends\[0\].*did you mean 'rotate'"),
        ({"bends": [{"layer": 1, "transform": "rotate", "params": {"angle": "x"}}]}, r"bends\[0\].*angle"),
        ({}, "recipe.*bends"),
        (7, "expected a Recipe, the path of its file, a dict or plans, not 7"),
        ([7], "expected a Recipe, the path of its file, a dict or plans"),
        (None, "expected a Recipe, the path of its file, a dict or plans, not None"),
    ],
)
def test_a_recipe_that_is_none_is_refused_by_name(model: Model, recipe: Any, message: str) -> None:
    with pytest.raises(netbend.NetbendError, match=message):
        netbend.bend(model, recipe)


def test_generate_takes_options_one_by_one_or_together(model: Model) -> None:
    latents = model.latents([3, 4])
    options = netbend.SynthesisOptions(0.5, 2, netbend.NoiseMode.RANDOM)
    words = {"truncation_psi": 0.5, "truncation_cutoff": 2, "noise": "random"}
    assert torch.equal(model.generate(latents, **words), model.generate(latents, options))
    mixed = model.generate(
        latents, netbend.SynthesisOptions(truncation_psi=0.1), truncation_psi=0.5, noise="random"
    )
    assert torch.equal(mixed, model.generate(latents, netbend.SynthesisOptions(0.5, noise="random")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": "some"}, "noise 'some': expected constant, random, none"),
        ({"truncation_psi": float("nan")}, "truncation nan: expected a number"),
        ({"truncation_psi": 10**400}, "truncation 1000.*: expected at most"),
        ({"label": "blue"}, "label 'blue': not a class of tiny"),
    ],
)
def test_options_that_mean_nothing_are_refused(model: Model, options: dict[str, Any], message: str) -> None:
    with pytest.raises(netbend.NetbendError, match=message):
        model.generate(model.latents([3]), **options)


def test_seeds_below_0_are_told_where_seeds_start(model: Model) -> None:
    with pytest.raises(netbend.LatentError, match="seed -1: seeds start at 0"):
        model.latents([-1])


def test_what_is_printed_says_what_it_is(model: Model) -> None:
    assert repr(model) == "<StyleGAN2 'tiny': layers 0-4, 16x16, hash 000000000000>"
    assert repr(model.latents([3, 4])) == "<Latents: z (2, 16), seeds 3, 4>"
    plan = netbend.resolve(TURN, model)
    assert repr(plan.bends[0]) == "<Rotate(angle=30.0) on 5 of 10 features at layer 1 (b8.conv0)>"
    assert (
        repr(netbend.Clusters({1: {0: (1, 2), 1: (3,)}}, model="tiny"))
        == "<Clusters of tiny by layer {1: 2}>"
    )


def test_latents_are_also_read_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "me.npz", np.zeros((1, 16)))
    assert netbend.load_latents(str(tmp_path / "me.npz"), space="w").space is netbend.Space.W


@pytest.mark.parametrize("text", ["-3", "-1-4", "3,-2", " -1"])
def test_lists_of_seeds_below_0_are_told_where_seeds_start(text: str) -> None:
    from netbend.latents.seeds import parse_seeds
    from netbend.variations.axes import parse_axis

    with pytest.raises(netbend.LatentError, match="they start at 0; a range is written as 0-15"):
        parse_seeds(text)
    with pytest.raises(netbend.RenderError, match="they start at 0; a range is written as 0-15"):
        parse_axis(f"seed={text}", "--rows")


@pytest.mark.parametrize("latent", [-4, {"seed": -4}, {"mean": [-4]}, {"through": [-1, 2], "seconds": 2}])
def test_recipes_are_told_where_seeds_start(latent: Any) -> None:
    with pytest.raises(ValueError, match="start at 0"):
        netbend.parse_latent(latent)
