"""Grids: every cell is the picture that it says it is."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFont

from netbend.bending import resolve
from netbend.engine.request import RenderRequest
from netbend.engine.still import Still
from netbend.errors import ModelError, NetbendError, RecipeError, RenderError
from netbend.models.base import Model, SynthesisOptions
from netbend.models.output import AudioOutput
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Architecture, Generator
from netbend.pictures import BACKGROUND, GAP, thumbnail
from netbend.recipe import Bend, Cluster, Clusters, Random, Recipe, parse_recipe, recipe_to_data
from netbend.sound.spectrum import Spectrum
from netbend.transforms import build_transform
from netbend.variations.axes import Draft, parse_axis
from netbend.variations.grid import FIGURES, Grid, make_grid, plan_grid
from netbend.variations.labels import labelled, wrapped
from tests.models.toy import Toy


def tiny(name: str, seed: int, features: tuple[int, ...] = (12, 10, 8)) -> StyleGAN2:
    torch.manual_seed(seed)
    generator = Generator(Architecture(features, z_dim=16, w_dim=16, mapping_depth=2))
    return StyleGAN2(generator.eval().requires_grad_(False), name=name, hash=name * 8)


MODELS = {"tiny": tiny("tiny", 1), "other": tiny("other", 2)}
CLUSTERS = Clusters(
    {layer: {0: (0, 1, 2), 1: (3, 7)} for layer in (1, 2)}, names={1: {1: "eyes"}, 2: {1: "eyes"}}
)
RECIPE = parse_recipe(
    "seed: 3\nbends: [{layer: 1, transform: rotate, params: [20], features: {random: 0.5}}]"
)
PSI = SynthesisOptions(truncation_psi=0.7)
REQUEST = RenderRequest.of("tiny", seeds=[0], options=PSI, clusters=CLUSTERS)
BASE = Draft(REQUEST, recipe_to_data(RECIPE))
OPTIONS = SynthesisOptions(0.7)

ROTATE, SCALE = build_transform("rotate", [45]), build_transform("scale", {"kx": 0.6})
AXES: dict[str, tuple[str, list[Any]]] = {
    "layer": ("1-2", [1, 2]),
    "transform": ("rotate angle=45; scale 0.6", [ROTATE, SCALE]),
    "angle": ("-90,12.5", [-90, 12.5]),
    "seed": ("4-5", [4, 5]),
    "draw": ("6,7", [6, 7]),
    "cluster": ("0,eyes", [0, "eyes"]),
    "share": ("0.2,1", [0.2, 1.0]),
    "mix": ("0..1/3", [0, 0.5, 1]),
    "model": ("other,tiny", ["other", "tiny"]),
}
IMPOSSIBLE = {
    frozenset({"cluster", "share"}),
    frozenset({"transform", "angle"}),
    frozenset({"draw", "cluster"}),
}
PAIRS = [pair for pair in combinations(AXES, 2) if frozenset(pair) not in IMPOSSIBLE]


def planned(rows: str, columns: str, base: Draft = BASE) -> Grid:
    return plan_grid(parse_axis(rows, "--rows"), parse_axis(columns, "--columns"), base, MODELS.__getitem__)


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture)


def expected(choice: dict[str, Any]) -> np.ndarray:
    """The picture of one cell, made without a grid."""
    bend = RECIPE.bends[0]
    fields: dict[str, Any] = {key: choice[key] for key in ("layer", "transform", "mix") if key in choice}
    if "angle" in choice:
        fields["transform"] = build_transform("rotate", [choice["angle"]])
    if "cluster" in choice:
        fields["features"] = Cluster((choice["cluster"],))
    if "share" in choice:
        fields["features"] = Random(choice["share"])
    recipe = Recipe((replace(bend, **fields),), seed=3)
    model = MODELS[choice.get("model", "tiny")]
    plan = resolve(recipe, model, seed=choice.get("draw"), clusters=CLUSTERS)
    return pixels(Still(model, model.latents([choice.get("seed", 0)]), OPTIONS, recipe, plan).picture())


def bent_cells(grid: Grid) -> list[list[Still]]:
    return [cells for cells in ([still for still in row if still.recipe] for row in grid.cells) if cells]


@pytest.mark.parametrize("pair", [*PAIRS, *(pair[::-1] for pair in PAIRS[::5])], ids="-".join)
def test_every_cell_of_every_pair_is_the_picture_rendered_alone(pair: tuple[str, str]) -> None:
    (row_text, rows), (column_text, columns) = (AXES[kind] for kind in pair)
    cells = bent_cells(planned(f"{pair[0]}={row_text}", f"{pair[1]}={column_text}"))
    assert (len(cells), len(cells[0])) == (len(rows), len(columns))
    for row, stills in zip(rows, cells, strict=True):
        for column, still in zip(columns, stills, strict=True):
            choice = {pair[0]: row, pair[1]: column}
            np.testing.assert_array_equal(pixels(still.picture()), expected(choice), err_msg=str(choice))
    assert len({still.picture().tobytes() for stills in cells for still in stills}) > 1


def test_the_picture_holds_the_cells_in_their_places_and_the_unbent_one_in_the_corner() -> None:
    grid = planned("layer=1,2", "angle=10,20,30")
    picture = grid.picture()
    for i, row in enumerate(grid.cells):
        for j, still in enumerate(row):
            x, y = picture.width - (3 - j) * (128 + GAP), picture.height - (2 - i) * (128 + GAP)
            cell = picture.crop((x, y, x + 128, y + 128))
            np.testing.assert_array_equal(pixels(cell), pixels(thumbnail(still.picture())))
    model = MODELS["tiny"]
    unbent = thumbnail(Still(model, model.latents([0]), OPTIONS).picture())
    np.testing.assert_array_equal(pixels(picture.crop((GAP, GAP, GAP + 128, GAP + 128))), pixels(unbent))


def test_a_grid_is_made_at_once() -> None:
    made = make_grid("layer=1,2", "angle=10,20", MODELS["tiny"], RECIPE, seed=4, truncation=0.5)
    half = SynthesisOptions(0.5)
    of_seed_4 = RenderRequest.of("tiny", seeds=[4], options=half)
    expected = planned("layer=1,2", "angle=10,20", replace(BASE, request=of_seed_4))
    np.testing.assert_array_equal(pixels(made), pixels(expected.picture()))


def test_without_a_recipe_a_grid_has_a_bend_of_what_the_axes_say() -> None:
    axes = "transform=rotate 45; invert", "layer=1,2"
    expected = planned(*axes, Draft(RenderRequest.of("tiny", options=PSI), {"bends": [{}]}))
    made = make_grid(*axes, MODELS["tiny"])
    np.testing.assert_array_equal(pixels(made), pixels(expected.picture()))
    with pytest.raises(RenderError, match=r"rows 'angel'.* did you mean 'angle'"):
        make_grid("angel=1,2", "layer=1,2", MODELS["tiny"])


@pytest.mark.parametrize(
    ("rows", "columns", "down", "across"),
    [
        ("layer=1", "seed=4,5", ["unbent", "layer 1"], ["seed 4", "seed 5"]),
        ("seed=4,5", "layer=1", ["seed 4", "seed 5"], ["unbent", "layer 1"]),
        ("model=tiny,other", "mix=0.5", ["tiny", "other"], ["unbent", "mix 0.5"]),
        ("seed=4", "model=tiny,other", ["seed 4"], ["tiny", "other"]),
        ("layer=b8.conv0,2", "draw=3", ["b8.conv0", "layer 2"], ["draw 3"]),
        (
            "transform=scale kx=0.5; flip-h",
            "cluster=0,eyes",
            ["scale kx 0.5", "flip-h"],
            ["cluster 0", "eyes"],
        ),
    ],
)
def test_labels_say_what_rows_and_columns_are_and_unbent_comes_first(
    rows: str, columns: str, down: list[str], across: list[str]
) -> None:
    grid = planned(rows, columns)
    assert (grid.rows, grid.columns) == (down, across)
    if "unbent" in down + across:
        assert grid.corner is None
        first = grid.cells[0] if down[0] == "unbent" else [row[0] for row in grid.cells]
        assert all(still.recipe is None and not still.plan.bends for still in first)


def test_unbent_pictures_are_those_of_their_column() -> None:
    grid = planned("layer=1", "seed=4,5")
    model = MODELS["tiny"]
    for still, seed in zip(grid.cells[0], (4, 5), strict=True):
        np.testing.assert_array_equal(
            pixels(still.picture()), pixels(Still(model, model.latents([seed]), OPTIONS).picture())
        )


def test_all_layers_and_all_clusters_are_those_of_the_model() -> None:
    assert planned("layer=all", "mix=1").rows == [f"layer {number}" for number in range(5)]
    assert planned("cluster=all", "mix=1").rows == ["cluster 0", "1 eyes"]


def test_an_axis_of_one_of_several_bends_leaves_the_others_alone() -> None:
    other = Bend(2, build_transform("dilate", [1]))
    recipe = replace(RECIPE, bends=(*RECIPE.bends, other))
    base = replace(BASE, recipe=recipe_to_data(recipe))
    grid = planned("2.r=1,2", "1.layer=1,2", base)
    bends = [[still.recipe.bends for still in row] for row in grid.cells]
    assert [row[0][1].transform.r for row in bends] == [1, 2]
    assert [first.layer for first, _ in bends[0]] == [1, 2]
    assert all(
        second.layer == 2 and first.transform == RECIPE.bends[0].transform
        for row in bends
        for first, second in row
    )
    both = planned("1.layer=1,2", "2.layer=3,4", base)
    assert [[bend.layer for bend in still.recipe.bends] for still in both.cells[1]] == [[2, 3], [2, 4]]


def test_one_parameter_of_several_transforms() -> None:
    base = replace(BASE, recipe={"bends": [{"layer": 1}]})
    grid = planned("transform=erode; dilate", "r=1,2", base)
    made = [[still.recipe.bends[0].transform for still in row] for row in grid.cells]
    assert made == [[build_transform(name, [r]) for r in (1, 2)] for name in ("erode", "dilate")]


def test_without_any_bend_seeds_by_models_are_unbent() -> None:
    grid = planned("seed=1,2", "model=tiny,other", replace(BASE, recipe=None))
    assert (grid.rows, grid.corner) == (["seed 1", "seed 2"], None)
    assert (
        grid.cells[1][1].picture().tobytes()
        == Still(MODELS["other"], MODELS["other"].latents([2]), OPTIONS).picture().tobytes()
    )


def test_figure_2_of_the_paper() -> None:
    rows, columns = FIGURES["transforms-by-layer"]
    grid = planned(rows, columns, replace(BASE, recipe={"bends": [{}]}))
    made = [row[0].recipe.bends[0].transform for row in grid.cells]
    assert made == [
        build_transform("rotate", {"angle": 45}),
        build_transform("scale", {"kx": 0.6}),
        build_transform("threshold", {"t": 0.5}),
        build_transform("dilate", {"r": 2}),
    ]
    assert all(
        len(still.plan.bends[0].indices) == still.plan.bends[0].layer.features
        for row in grid.cells
        for still in row
    )
    assert len(grid.columns) == 5


NO_BEND = replace(BASE, recipe=None)
TWO_BENDS = replace(BASE, recipe={"bends": [BASE.recipe["bends"][0]] * 2})


@pytest.mark.parametrize(
    ("rows", "columns", "base", "message"),
    [
        ("layer=1", "layer=2", BASE, "rows and columns are both layer"),
        (
            "cluster=0",
            "draw=1,2",
            BASE,
            "nothing in the recipe is random, so that all draws would be the same",
        ),
        ("cluster=0", "share=0.5", BASE, "cluster and share both say which features are bent"),
        (
            "transform=rotate; scale 2",
            "angle=10",
            BASE,
            "rotate.*parameter `angle` is missing|unknown parameter `angle`",
        ),
        ("layer=1", "r=1", BASE, "layer 1, r 1: rotate: unknown parameter `r`; it takes angle"),
        ("layer=1,9", "mix=1", BASE, "layer 9, mix 1: layer 9: this model has layers 0-4"),
        ("layer=1", "mix=5", BASE, "layer 1, mix 5: mix"),
        ("layer=1", "share=-1", BASE, "random: expected a fraction"),
        ("layer=1", "cluster=nose", BASE, "cluster nose: .* has for layer 1"),
        ("layer=1", "angle=wide", BASE, "rotate: angle: expected a number"),
        ("layer=1", "seed=9999999999", BASE, "seed 9999999999: seeds start at 0 and end at"),
        ("layer=all", "model=tiny,other", BASE, "layer=all: models differ"),
        ("cluster=all", "layer=1,2", BASE, "cluster=all: layers differ"),
        ("layer=1", "mix=1", TWO_BENDS, r"the recipe has 2 bends; say which, such as 1\.layer=1"),
        ("3.layer=1", "1.mix=1", TWO_BENDS, "there is no bend 3, the recipe has 2"),
        ("draw=1,2", "seed=1,2", NO_BEND, "draws are of a recipe's random selections"),
        ("layer=1", "mix=1", replace(BASE, recipe={"bends": [{}]}), "no transform is said; say --transform"),
        (
            "transform=invert",
            "mix=1",
            replace(BASE, recipe={"bends": [{}]}),
            "no layer is said; say --layer 3",
        ),
        ("cluster=all", "mix=1", replace(BASE, recipe={"bends": [{}]}), "of which layer"),
        ("seed=0-999", "mix=0..1/100", BASE, "1000 x 100 pictures of 256 pixels are more than fit"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_reason(
    rows: str, columns: str, base: Draft, message: str
) -> None:
    with pytest.raises(NetbendError, match=message):
        planned(rows, columns, base)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layer", "expected an axis with values"),
        ("layer=", "expected an axis with values"),
        ("=3", "expected an axis with values"),
        ("layr=3", "'layr': neither an axis nor a parameter of a transform; did you mean 'layer'"),
        ("qqqq=3", "there are layer, transform"),
        ("2.seed=1", "a seed is not of a bend"),
        ("transform=rotat 3", "did you mean 'rotate'"),
        ("transform=rotate 3 4", "rotate takes angle"),
        ("transform=translate 0.1 y=2", "parameters go either by name"),
        ("transform=;", "no such transform"),
        ("seed=a", "expected numbers and ranges"),
        ("angle=1..2", "expected a number of steps"),
    ],
)
def test_mistyped_axes_are_named(text: str, message: str) -> None:
    with pytest.raises((RenderError, RecipeError), match=message):
        parse_axis(text, "--rows")


@given(st.sampled_from(["layer=", "transform=", "angle=", "2.r=", "cluster=", ""]), st.text(max_size=20))
def test_whatever_is_typed_is_an_axis_or_a_named_mistake(head: str, text: str) -> None:
    with suppress(NetbendError):
        axis = parse_axis(head + text, "--rows")
        assert [axis.label(value) for value in axis.values]


def test_sound_is_no_picture() -> None:
    song = Toy("song", AudioOutput(Spectrum(), 128))
    with pytest.raises(ModelError, match="song makes sound, not pictures, of which a grid consists"):
        plan_grid(parse_axis("layer=1", "--rows"), parse_axis("mix=1", "--columns"), BASE, lambda _: song)


def rows_of(*heights: int) -> list[list[Image.Image]]:
    return [[Image.new("RGB", (size, size), "red") for _ in range(3)] for size in heights]


def inked(picture: Image.Image, box: Sequence[int]) -> bool:
    blank = np.array(Image.new("RGB", (1, 1), BACKGROUND))[0, 0]
    part = np.asarray(picture.crop(tuple(box)))
    return bool((np.abs(part.astype(int) - blank).max(axis=2) > 60).any())


@pytest.mark.parametrize("side", [64, 128, 1024])
def test_every_row_and_column_has_its_label_beside_it(side: int) -> None:
    names = ["rotate angle 45", "x" * 40, "flip-h"]
    picture = labelled(rows_of(side, side), ["layer 3", "a much longer label than that"], names)
    top, left = picture.height - 2 * (side + GAP), picture.width - 3 * (side + GAP)
    for row in range(2):
        y = top + row * (side + GAP)
        assert inked(picture, (0, y, left - GAP, y + side))
    for column in range(3):
        x = left + column * (side + GAP)
        assert inked(picture, (x, 0, x + side, top - GAP))
    assert not inked(picture, (0, 0, left - GAP, top - 2 * GAP))


def test_labels_are_broken_to_fit() -> None:
    font = ImageFont.load_default(13)
    lines = wrapped("scale kx 0.6 ky 0.6 " + "y" * 30, font, 60)
    assert all(font.getlength(line) <= 60 for line in lines)
    assert "".join(lines).replace(" ", "") == "scalekx0.6ky0.6" + "y" * 30
    assert wrapped("layer 3", font, 200) == ["layer 3"]


def test_pictures_of_models_of_other_sizes_are_brought_to_one_height(model: Model) -> None:
    large = tiny("large", 3, (12, 10, 8, 6))
    models = {"tiny": model, "large": large}
    grid = plan_grid(
        parse_axis("model=tiny,large", "--rows"),
        parse_axis("layer=1", "--columns"),
        BASE,
        models.__getitem__,
        40,
    )
    picture = grid.picture()
    assert {still.picture().height for row in grid.cells for still in row} == {16, 32}
    x = picture.width - 2 * (40 + GAP)
    for row, stills in enumerate(grid.cells):
        y = picture.height - (2 - row) * (40 + GAP)
        shown = stills[0].picture().resize((40, 40), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(pixels(picture.crop((x, y, x + 40, y + 40))), pixels(shown))
