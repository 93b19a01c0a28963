"""One declaration gives validation, tables and sliders; strangers can add their own."""

import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from netbend.errors import RecipeError
from netbend.transforms import (
    Transform,
    all_transforms,
    base,
    build_transform,
    get_transform,
    parameter,
    parameters_of,
    transform,
)


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    known, loaded = dict(base._registered), list(base._loaded)
    yield
    base._registered.clear()
    base._registered.update(known)
    base._loaded[:] = loaded


def declare_posterise() -> type[Transform]:
    @transform("posterise", older_names=["quantise"])
    class Posterise(Transform):
        """Round activations to steps."""

        steps: int = parameter(4, doc="steps between 0 and 1", ge=1, le=64, soft_range=(2, 16))
        gain: float = parameter(doc="before rounding", gt=0)

        def __call__(self, maps: Tensor) -> Tensor:
            return (maps * self.gain * self.steps).round() / self.steps

    return Posterise


def test_a_transform_of_somebody_else_is_a_small_class() -> None:
    declare_posterise()
    made = build_transform("quantise", {"gain": 1})
    assert made(torch.tensor([[[[0.3, 0.9]]]])).tolist() == [[[[0.25, 1.0]]]]
    steps, gain = parameters_of(get_transform("posterise"))
    assert (steps.name, steps.type, steps.default, steps.minimum, steps.maximum) == ("steps", "int", 4, 1, 64)
    assert steps.soft_range == (2, 16)
    assert gain.required
    assert gain.exclusive_minimum
    assert gain.range == "above 0"
    assert steps.summary == "steps between 0 and 1 (1 to 64, usually 2 to 16, default 4)"


def test_two_transforms_of_one_name_are_an_error_that_names_both() -> None:
    declare_posterise()
    with pytest.raises(ValueError, match=r"'posterise' of .*Posterise is already .*Posterise"):
        declare_posterise()


def test_entry_points_are_loaded_once_and_a_broken_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("good", f"{__name__}:declare_posterise", base.ENTRY_POINTS),
        EntryPoint("broken", "no.such.module", base.ENTRY_POINTS),
    ]
    monkeypatch.setattr(
        EntryPoint, "load", lambda self: declare_posterise() if self.name == "good" else __import__("no.such")
    )
    monkeypatch.setattr(base, "entry_points", lambda group: points if group == base.ENTRY_POINTS else [])
    base._loaded.clear()
    with pytest.warns(UserWarning, match=r"plug-in broken \(no.such.module\) does not load"):
        names = list(all_transforms())
    assert "posterise" in names
    assert names[:4] == ["ablate", "invert", "multiply", "threshold"]
    assert list(all_transforms()) == names


@pytest.mark.parametrize(
    ("older", "name"),
    [("scalar-multiply", "multiply"), ("binary-thresh", "threshold"), ("binary-tresh", "threshold")],
)
def test_older_names_still_work(older: str, name: str) -> None:
    assert get_transform(older).name == name


def test_a_typo_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match="transform 'rotat': no such transform; did you mean 'rotate'"):
        get_transform("rotat")
    with pytest.raises(RecipeError, match="there are ablate, invert"):
        get_transform("xyzzy")


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("multiply", []),
        ("multiply", [True]),
        ("multiply", ["2"]),
        ("multiply", [float("nan")]),
        ("multiply", [float("inf")]),
        ("multiply", {"p": 1, "q": 2}),
        ("translate", [1.5]),
        ("scale", [0]),
        ("scale", [-1]),
        ("scale", {"kx": 1, "ky": 0}),
        ("erode", [0]),
        ("erode", [1.5]),
        ("erode", [True]),
        ("affine", {"matrix": [[1, 0, 0]]}),
        ("affine", {"matrix": [[1, 0, 0], [2, 0, 0]]}),
        ("affine", {"matrix": [[1, 0, 0], [0, True, 0]]}),
        ("rotate", "30"),
        ("rotate", 30),
        ("rotate", None),
        ("rotate", {1: 2}),
        ("rotate", [[1]]),
        ("rotate", {"angel": 1}),
        ("clamp", [1, 0]),
        ("quantize", [0]),
        ("blur", [0]),
        ("blur", [2000]),
        ("fft-filter", [1.1]),
        ("noise", [1, -1]),
        ("noise", [1, 0.5]),
        ("shuffle", [-1]),
        ("roll", [1.5]),
    ],
)
def test_parameters_out_of_range_are_refused(name: str, params: object) -> None:
    with pytest.raises(RecipeError, match=f"^{name}: ") as raised:
        build_transform(name, params)
    assert "\n" not in str(raised.value)
    assert not re.search(r"https?:|pydantic|Input|validation|type=", str(raised.value))
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("rotate", ["x"], "rotate: angle: expected a number, not 'x'"),
        ("rotate", [float("inf")], "rotate: angle: expected a finite number, not inf"),
        ("rotate", 30, "rotate: expected parameters by name, or a list of them, not 30"),
        ("rotate", {"angel": 1}, "rotate: unknown parameter `angel`; it takes angle"),
        ("erode", [0], "erode: r: expected 1 or more, not 0"),
        ("erode", [1.5], "erode: r: expected a whole number, not 1.5"),
        ("clamp", [1, 0], "clamp: expected low to be at most high, not 1 and 0"),
        (
            "multiply",
            {"p": "a", "q": 2},
            "multiply: p: expected a number, not 'a'; multiply: unknown parameter `q`",
        ),
        (["rotate"], [], "expected the name of a transform, not ['rotate']"),
    ],
)
def test_what_is_wrong_is_said_in_words(name: str, params: object, message: str) -> None:
    with pytest.raises(RecipeError) as raised:
        build_transform(name, params)
    assert str(raised.value).startswith(message)


def test_too_many_parameters_in_a_list_are_refused() -> None:
    with pytest.raises(RecipeError, match="rotate: 2 parameters given, it takes angle"):
        build_transform("rotate", [1, 2])


def test_whole_numbers_do_for_real_parameters() -> None:
    assert build_transform("multiply", [2]) == build_transform("multiply", {"p": 2.0})


def test_transforms_are_frozen() -> None:
    made = build_transform("rotate", [30])
    with pytest.raises(ValidationError):
        made.angle = 40


def test_every_number_of_our_transforms_has_a_range_in_which_it_is_useful() -> None:
    table = (Path(__file__).parents[2] / "docs" / "transforms.md").read_text()
    for name, cls in all_transforms().items():
        if not cls.__module__.startswith("netbend.transforms"):
            continue
        row = next(line for line in table.splitlines() if f"`{name}`" in line)
        for declared in parameters_of(cls):
            if "float" in declared.type or "int" in declared.type:
                assert declared.soft_range is not None, f"{name} {declared.name}"
                assert declared.useful_range in declared.summary
                assert declared.useful_range in row
