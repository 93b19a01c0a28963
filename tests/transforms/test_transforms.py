"""What holds for every transform, and what defines each."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from netbend.transforms import all_transforms, build_transform
from netbend.transforms.affine import Matrix, rotation, scaling, translation, warp
from netbend.transforms.morphology import disc

spec = importlib.util.spec_from_file_location("definitions", Path(__file__).with_name("definitions.py"))
definitions = importlib.util.module_from_spec(spec)
spec.loader.exec_module(definitions)

every_transform = pytest.mark.parametrize(("name", "params"), definitions.SAMPLES)


def maps_of(n: int = 2, features: int = 3, height: int = 9, width: int = 14, seed: int = 0) -> Tensor:
    return torch.randn(n, features, height, width, generator=torch.Generator().manual_seed(seed))


def test_the_table_has_every_transform() -> None:
    assert set(all_transforms()) == {name for name, _ in definitions.SAMPLES}


@every_transform
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(2, 3, 9, 14), (1, 1, 4, 4), (1, 2, 1, 1), (3, 1, 1, 6), (1, 5, 8, 3)])
def test_shape_and_dtype_stay_and_the_input_is_left_alone(
    name: str, params: dict[str, object], dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    maps = maps_of(*shape).to(dtype)
    before = maps.clone()
    bent = build_transform(name, params)(maps)
    assert bent.shape == maps.shape
    assert bent.dtype == dtype
    assert torch.equal(maps, before)
    bent.zero_()
    assert torch.equal(maps, before), "the result shares memory with the input"


@every_transform
def test_features_and_samples_are_treated_alone(name: str, params: dict[str, object]) -> None:
    transform, maps = build_transform(name, params), maps_of()
    assert torch.equal(transform(maps), definitions.feature_by_feature(transform, maps, [0, 1, 2]))


@every_transform
def test_channels_last_maps_give_the_same(name: str, params: dict[str, object]) -> None:
    transform, maps = build_transform(name, params), maps_of()
    assert torch.equal(transform(maps.contiguous(memory_format=torch.channels_last)), transform(maps))


@every_transform
def test_half_precision_is_close_to_single(name: str, params: dict[str, object]) -> None:
    maps = maps_of().half()
    transform = build_transform(name, params)
    torch.testing.assert_close(transform(maps).float(), transform(maps.float()), atol=2e-3, rtol=2e-3)


@every_transform
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 2, 1, 1), (1, 1, 8, 3)])
@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_gradients_are_those_of_small_steps_and_the_values_what_they_are_without(
    name: str, params: dict[str, object], shape: tuple[int, ...], form: torch.memory_format
) -> None:
    transform, maps = build_transform(name, params), maps_of(*shape).double().contiguous(memory_format=form)
    unbent = maps.clone()
    plain = transform(maps)
    bent = transform(maps.requires_grad_())
    assert torch.equal(bent, plain)
    assert bent.stride() == plain.stride()
    assert torch.autograd.gradcheck(transform, maps)
    assert torch.autograd.gradgradcheck(transform, maps)
    with torch.no_grad():
        assert torch.equal(transform(maps), plain), "asked for no gradients"
    assert torch.equal(maps, unbent)


@every_transform
def test_gradients_of_single_and_half_precision_have_it_themselves(
    name: str, params: dict[str, object]
) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        maps = maps_of().to(dtype).requires_grad_()
        build_transform(name, params)(maps).sum().backward()
        assert maps.grad.dtype == dtype
        exact = maps.detach().double().requires_grad_()
        build_transform(name, params)(exact).sum().backward()
        torch.testing.assert_close(maps.grad.double(), exact.grad, atol=0.02, rtol=0.01)


@pytest.mark.parametrize("name", ["erode", "dilate"])
def test_values_on_the_way_of_a_gradient_may_be_infinite_or_nan(name: str) -> None:
    maps = maps_of(1, 1, 6, 6)
    maps[0, 0, 0, :3] = torch.tensor([torch.inf, -torch.inf, torch.nan])
    for values in (maps, torch.full_like(maps, -torch.inf), torch.full_like(maps, torch.inf)):
        plain = build_transform(name, [2])(values)
        bent = build_transform(name, [2])(values.clone().requires_grad_())
        torch.testing.assert_close(bent, plain, equal_nan=True, rtol=0, atol=0)


def test_ablate_is_zero_also_for_nan_and_infinity() -> None:
    maps = torch.tensor([torch.nan, torch.inf, -torch.inf, 3.0]).reshape(1, 1, 2, 2)
    assert torch.equal(build_transform("ablate")(maps), torch.zeros(1, 1, 2, 2))


def test_multiply_by_zero_is_ablate() -> None:
    maps = maps_of().abs()
    assert torch.equal(build_transform("multiply", [0])(maps), build_transform("ablate")(maps))


def test_invert_and_threshold_are_their_formulas() -> None:
    maps = torch.tensor([-1.0, 0.5, 0.49999, 2.0]).reshape(1, 1, 2, 2)
    assert build_transform("invert")(maps).flatten().tolist() == pytest.approx([2.0, 0.5, 0.50001, -1.0])
    assert build_transform("threshold", [0.5])(maps).flatten().tolist() == [0.0, 1.0, 0.0, 1.0]


VALUES = np.array([-3e38, -2.5, -0.75, -0.25, -0.0, 0.0, 1e-30, 0.1, 0.25, 0.75, 1.0, 4.2], np.float32)


@pytest.mark.parametrize(
    ("name", "params", "oracle"),
    [
        ("add", [1.5], lambda x: x + np.float32(1.5)),
        ("clamp", [], lambda x: np.clip(x, 0, 1)),
        ("clamp", [-0.25, 0.5], lambda x: np.clip(x, np.float32(-0.25), np.float32(0.5))),
        ("quantize", [0.5], lambda x: np.round(x / np.float32(0.5)) * np.float32(0.5)),
        ("quantize", [0.3], lambda x: np.round(x / np.float32(0.3)) * np.float32(0.3)),
        ("abs", [], np.abs),
        ("sign", [], np.sign),
    ],
)
@pytest.mark.parametrize("sizes", [(12,), (12, 1), (2, 6), (2, 3, 2), (2, 2, 3, 1)])
def test_transforms_of_single_values_are_numpys(
    name: str, params: list[float], oracle: object, sizes: tuple[int, ...]
) -> None:
    with np.errstate(over="ignore"):
        expected = oracle(VALUES)
    bent = build_transform(name, params)(torch.from_numpy(VALUES).reshape(1, *sizes))
    np.testing.assert_array_equal(bent.numpy().reshape(-1), expected)


def test_clamp_bounds_infinity_and_keeps_nan_as_it_is() -> None:
    maps = torch.tensor([torch.nan, torch.inf, -torch.inf]).reshape(1, 3, 1, 1)
    bent = build_transform("clamp", [-1, 2])(maps).flatten()
    assert bent[0].isnan()
    assert bent[1:].tolist() == [2, -1]


def test_reflections_mirror_columns_and_rows() -> None:
    maps = maps_of()
    assert torch.equal(build_transform("flip-h")(maps)[..., 0], maps[..., -1])
    assert torch.equal(build_transform("flip-v")(maps)[..., 0, :], maps[..., -1, :])


@given(st.sampled_from(["flip-h", "flip-v"]), st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_two_flips_are_the_identity(name: str, height: int, width: int) -> None:
    maps, flip = maps_of(height=height, width=width), build_transform(name)
    assert torch.equal(flip(flip(maps)), maps)


@given(st.integers(-9, 9), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_turning_a_square_by_right_angles_is_rot90(turns: int, size: int) -> None:
    maps = maps_of(height=size, width=size)
    turned = build_transform("rotate", {"angle": 90 * turns})(maps)
    assert torch.equal(turned, torch.rot90(maps, turns, (2, 3)))


def test_positive_translation_is_right_and_down() -> None:
    maps = maps_of(height=8, width=4)
    moved = build_transform("translate", [0.25, 0.5])(maps)
    assert torch.equal(moved[..., 4:, 1:], maps[..., :4, :3])
    assert not moved[..., :4, :].any()
    assert not moved[..., 0].any()


def test_a_scale_below_one_shrinks_about_the_middle() -> None:
    maps = torch.ones(1, 1, 10, 10)
    shrunk = build_transform("scale", [0.6])(maps)[0, 0]
    assert torch.equal(shrunk[2:8, 2:8], torch.ones(6, 6))
    assert shrunk.sum().item() == pytest.approx(36)
    narrow = build_transform("scale", {"kx": 0.5, "ky": 1.0})(torch.ones(1, 1, 8, 8))[0, 0]
    assert torch.equal(narrow[:, 2:6], torch.ones(8, 4))


@pytest.mark.parametrize(("name", "params"), [("scale", [1e-200]), ("scale", [1e200]), ("rotate", [1e300])])
def test_extreme_parameters_give_finite_maps(name: str, params: list[float]) -> None:
    assert build_transform(name, params)(maps_of()).isfinite().all()


MATRICES = [
    rotation(33.0),
    rotation(-100.0),
    scaling(0.6, 0.6),
    scaling(2.3, 0.7),
    translation(1.5, -2.25),
    ((1.2, 0.3, 1.5), (-0.2, 0.8, -2.0)),
]


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("shape", [(9, 14), (16, 16), (5, 3), (1, 7)])
def test_a_warp_is_scipys_bilinear_interpolation_with_zeros_outside(
    matrix: Matrix, shape: tuple[int, int]
) -> None:
    maps = maps_of(1, 2, *shape)
    (a, b, tx), (c, d, ty) = matrix
    forward = np.array([[d, c], [b, a]])  # scipy counts rows first
    middle = (np.array(shape) - 1) / 2
    backward = np.linalg.inv(forward)
    offset = middle - backward @ (middle + np.array([ty, tx]))
    for feature, moved in zip(maps[0], warp(maps, matrix)[0], strict=True):
        # grid-constant blends towards the zeros outside, as the definition says; constant would cut off.
        expected = ndimage.affine_transform(
            feature.double().numpy(), backward, offset, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(moved.numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("matrix", MATRICES)
def test_a_warp_is_close_to_opencvs_with_its_fixed_point_weights(matrix: Matrix) -> None:
    maps = maps_of(1, 1, 16, 20)
    (a, b, tx), (c, d, ty) = matrix
    x, y = 9.5, 7.5
    from_corner = np.array([[a, b, x - a * x - b * y + tx], [c, d, y - c * x - d * y + ty]])
    expected = cv2.warpAffine(maps[0, 0].numpy(), from_corner, (20, 16))
    difference = np.abs(warp(maps, matrix)[0, 0].numpy() - expected)
    assert difference.max() < 0.15  # positions are rounded to 1/32 pixel there
    assert difference.mean() < 0.02


@pytest.mark.parametrize("radius", range(1, 41))
def test_the_disc_is_opencvs_ellipse(radius: int) -> None:
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    assert [(int(row.sum()) - 1) // 2 for row in element] == disc(radius)


@pytest.mark.parametrize(("name", "oracle"), [("dilate", cv2.dilate), ("erode", cv2.erode)])
@pytest.mark.parametrize("radius", [1, 2, 3, 5, 8, 16])
@pytest.mark.parametrize("shape", [(9, 14), (32, 32), (4, 4), (1, 9), (3, 1)])
def test_morphology_is_opencvs_to_the_bit(
    name: str, oracle: object, radius: int, shape: tuple[int, int]
) -> None:
    maps = maps_of(2, 3, *shape)
    bent = build_transform(name, [radius])(maps)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    expected = np.stack([[oracle(feature.numpy(), element) for feature in sample] for sample in maps])
    np.testing.assert_array_equal(bent.numpy(), expected.reshape(bent.shape))


@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_erosion_is_minus_the_dilation_of_minus_x(radius: int, height: int, width: int, seed: int) -> None:
    maps = maps_of(height=height, width=width, seed=seed)
    erode, dilate = build_transform("erode", [radius]), build_transform("dilate", [radius])
    assert torch.equal(erode(maps), -dilate(-maps))
    assert (erode(maps) <= maps).all()
    assert (maps <= dilate(maps)).all()
