"""Recipes in the paper's five-item form mean what they mean to its reference implementation.

That implementation bends with OpenCV; so do these tests, one map at a time.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

import netbend
from netbend.bending import resolve
from netbend.choices import FiveItems
from netbend.errors import RecipeError
from netbend.recipe import Recipe, parse_recipe, recipe_from_data, recipe_to_data

SIDE = 16
FEATURES = 6


def recipe_of(transform: str, params: object, layer: int = 1, **rest: object) -> str:
    items = {"layer": layer, "transform": transform, "params": params, "features": "all", **rest}
    return "transforms:\n- {" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"


class TwoLayers(nn.Sequential):
    """Layer 0 and layer 1, of which each gives its input as it is."""

    def __init__(self) -> None:
        super().__init__(*(nn.Conv2d(FEATURES, FEATURES, 1, bias=False) for _ in range(2)))
        for layer in self:
            layer.weight.data = torch.eye(FEATURES)[..., None, None]


def bent(recipe: Recipe, maps: torch.Tensor) -> torch.Tensor:
    network = TwoLayers()
    wrapped = netbend.wrap(network, lambda: network(maps))
    with torch.no_grad(), netbend.bend(wrapped, recipe, nonfinite="warn"):
        return network(maps)


def random_maps(seed: int = 0) -> torch.Tensor:
    return torch.randn(1, FEATURES, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def warped(matrix: Any) -> Callable[[np.ndarray], np.ndarray]:
    return lambda plane: cv2.warpAffine(plane, np.asarray(matrix, np.float64), plane.shape[::-1])


def turned(angle: float, factor: float) -> Callable[[np.ndarray], np.ndarray]:
    return warped(cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle, factor))


def shifted(x: float, y: float) -> Callable[[np.ndarray], np.ndarray]:
    return warped([[1, 0, x * SIDE], [0, 1, y * SIDE]])


def morphed(operation: Callable[..., Any], radius: int) -> Callable[[np.ndarray], np.ndarray]:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return lambda plane: operation(plane, disc)


# Transform and parameters as their files have them, and what the reference implementation does to a map.
MEANINGS: list[tuple[str, list[float], Callable[[np.ndarray], np.ndarray]]] = [
    ("rotate", [45], turned(45, 1)),
    ("rotate", [180.0], turned(180, 1)),
    ("rotate", [-30.5], turned(-30.5, 1)),
    ("rotate", [45, 7], turned(45, 1)),  # what is given beyond its parameters is passed over
    ("scale", [0.6], turned(0, 0.6)),
    ("scale", [1.7], turned(0, 1.7)),
    ("scale", [-0.5], turned(0, -0.5)),
    ("scale", [0.6, 1.2], turned(0, 0.6)),
    ("scale", [0.0004], turned(0, 0.0004)),
    ("translate", [0.25, -0.5], shifted(0.25, -0.5)),
    ("translate", [0.1, 0.03], shifted(0.1, 0.03)),
    ("translate", [1.5, 0.0], shifted(1.5, 0)),
    ("translate", [0.25, -7], shifted(0.25, -7)),
    ("binary-thresh", [0.5], lambda plane: (plane > 0.5).astype(np.float32)),
    ("binary-tresh", [-2], lambda plane: (plane > -2).astype(np.float32)),
    ("scalar-multiply", [-1.5], lambda plane: plane * -1.5),
    ("ablate", [], np.zeros_like),
    ("ablate", [3], np.zeros_like),
    ("invert", [], lambda plane: 1 - plane),
    ("flip-h", [], lambda plane: plane[:, ::-1]),
    ("flip-v", [], lambda plane: plane[::-1]),
    ("erode", [2], morphed(cv2.erode, 2)),
    ("erode", [2.0], morphed(cv2.erode, 2)),
    ("dilate", [1], morphed(cv2.dilate, 1)),
    ("dilate", [0], lambda plane: plane),
    ("erode", [0.0], lambda plane: plane),
    ("resize", [0.0, 0.0], lambda plane: plane),
    ("erode", [40], morphed(cv2.erode, 40)),  # beyond the map
    ("rotate", [-400], turned(-400, 1)),
    ("binary-thresh", [1e39], np.zeros_like),
    ("binary-thresh", [-1e39], np.ones_like),
]


@pytest.mark.parametrize(("transform", "params", "meaning"), MEANINGS)
def test_a_transform_does_what_it_does_in_the_reference_implementation(
    transform: str, params: list[float], meaning: Callable[[np.ndarray], np.ndarray]
) -> None:
    maps = random_maps()
    expected = np.stack([meaning(plane) for plane in maps[0].numpy()])
    found = bent(parse_recipe(recipe_of(transform, params)), maps)[0].numpy()
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize(("transform", "params"), [meaning[:2] for meaning in MEANINGS])
def test_written_as_a_recipe_of_ours_it_does_the_same(transform: str, params: list[float]) -> None:
    recipe = parse_recipe(recipe_of(transform, params))
    again = recipe_from_data(recipe_to_data(recipe))
    assert torch.equal(bent(again, random_maps()), bent(recipe, random_maps()))


def test_an_activation_at_the_threshold_is_below_it() -> None:
    maps = random_maps()
    maps[0, 0, 0, :3] = torch.tensor([0.5, 0.5000001, 0.4999999])
    recipe = recipe_of("binary-thresh", [0.5])
    assert bent(parse_recipe(recipe), maps)[0, 0, 0, :3].tolist() == [0, 1, 0]
    ours = parse_recipe(recipe, five_items=FiveItems.OURS)
    assert bent(ours, maps)[0, 0, 0, :3].tolist() == [1, 1, 0]


@pytest.mark.parametrize("transform", ["ablate", "rotate", "binary-thresh"])
def test_a_bend_at_layer_0_does_nothing(transform: str) -> None:
    text = recipe_of(transform, [0.5], layer=0)
    assert torch.equal(bent(parse_recipe(text), random_maps()), random_maps())


def test_read_as_ours_all_means_what_it_means_in_ours() -> None:
    five_items = """\
transforms:
- {layer: 0, transform: ablate, params: [], features: random, feature-param: 0.5}
- {layer: 1, transform: rotate, params: [45], features: all}
- {layer: 1, transform: scale, params: [0.6, 0.8], features: all}
"""
    ours = """\
bends:
- {layer: 0, transform: ablate, features: {random: 0.5}}
- {layer: 1, transform: rotate, params: [45]}
- {layer: 1, transform: scale, params: [0.6, 0.8]}
"""
    assert parse_recipe(five_items, five_items="ours").bends == parse_recipe(ours).bends
    assert parse_recipe(five_items).bends != parse_recipe(ours).bends


def test_a_recipe_of_ours_has_one_meaning() -> None:
    text = "bends:\n- {layer: 0, transform: rotate, params: [45]}"
    assert parse_recipe(text) == parse_recipe(text, five_items="ours")


@pytest.mark.parametrize("written", ["2", '"2"', "2.0", "2.9"])
def test_a_cluster_may_be_written_as_any_number(written: str) -> None:
    text = recipe_of("ablate", [], features="cluster", **{"feature-param": written})
    (bend,) = parse_recipe(text).bends
    assert bend.features == netbend.recipe.Cluster((2,))


def test_keys_besides_the_five_are_passed_over() -> None:
    text = recipe_of("ablate", [], note="eyes") + "\nall-transforms:\n- {layer: 1}\n"
    assert parse_recipe(text).bends == parse_recipe(recipe_of("ablate", [])).bends


def test_random_features_are_as_many_as_there() -> None:
    text = recipe_of("ablate", [], features="random", **{"feature-param": 0.45})
    network = TwoLayers()
    wrapped = netbend.wrap(network, lambda: network(random_maps()))
    (bend,) = resolve(parse_recipe(text), wrapped).bends
    assert len(bend.indices) == int(FEATURES * 0.45)


def test_resizing_is_left_out_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="`resize` is left out"):
        recipe = parse_recipe(recipe_of("resize", [0.5, 0.5]))
    assert torch.equal(bent(recipe, random_maps()), random_maps())


def test_the_strip_form_bends_every_layer_in_turn() -> None:
    recipe = parse_recipe('transform: "binary-thresh"\nparams: [0.9]\nfeatures: "all"\nfeature-param:\n')
    (bend,) = recipe.bends
    assert bend.layer == "every"
    with pytest.raises(RecipeError, match="`netbend grid`"):
        bent(recipe, random_maps())


@pytest.mark.parametrize(
    ("transform", "params", "message"),
    [
        ("erode", "[2.5]", "f.yaml:2:40: erode: expected a whole number of pixels, 0 or more, not 2.5"),
        ("dilate", "[-1]", "expected a whole number of pixels, 0 or more, not -1"),
        ("scale", "[0]", "f.yaml:2:40: scale: a factor of 0 fills maps with their first pixel"),
        ("translate", "[0.5]", "translate: expected 2 numbers, not 1"),
        ("rotate", "[]", "rotate: expected a number, not 0"),
        ("rotate", "[yes]", "rotate: expected a number, not 'yes'"),
        ("rotate", "[{wave: sine, from: 0, to: 90}]", "nothing moves in the five-item form"),
        (
            "scalar-multiply",
            "[{wave: sine, from: 0, to: 9, seconds: 1}]",
            "nothing moves in the five-item form",
        ),
        ("resize", "[-1, 0]", "resize: expected borders of 0 or more"),
        ("spin", "[1]", "transform 'spin': no such transform"),
    ],
)
def test_what_no_picture_came_of_is_refused_at_its_place(transform: str, params: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(recipe_of(transform, params), "f.yaml")
    assert message in str(caught.value)


@pytest.mark.parametrize("given", ["0", '""', "{}", "0.5", "[]", "[1, 2]", ""])
@pytest.mark.parametrize("transform", ["ablate", "invert", "flip-h"])
def test_nothing_looks_at_what_a_transform_without_parameters_is_given(transform: str, given: str) -> None:
    maps = random_maps()
    assert torch.equal(
        bent(parse_recipe(recipe_of(transform, given)), maps),
        bent(parse_recipe(recipe_of(transform, "[]")), maps),
    )


def test_a_layer_may_be_written_as_a_fraction() -> None:
    recipe = parse_recipe(recipe_of("invert", "[]", layer=1.0))  # type: ignore[arg-type]
    assert recipe.bends[0].layer == 1
    with pytest.raises(RecipeError, match=r"expected a number or a name, not 1\.5"):
        parse_recipe(recipe_of("invert", "[]", layer=1.5))  # type: ignore[arg-type]


@pytest.mark.parametrize("meaning", FiveItems)
def test_parameters_that_are_no_list_are_told_so(meaning: FiveItems) -> None:
    with pytest.raises(RecipeError, match=r"params: expected a list, such as \[0\.5\], not 45"):
        parse_recipe(recipe_of("rotate", "45"), five_items=meaning)


def test_a_radius_beyond_all_maps_is_told_in_one_line() -> None:
    with pytest.raises(RecipeError, match=r"dilate: expected at most 1024, not 2000$"):
        parse_recipe(recipe_of("dilate", "[2000]"))
