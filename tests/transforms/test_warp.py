"""The table of a warp is made once, and what it does not need is not read."""

import pytest
import torch

from netbend.transforms import build_transform, warp
from netbend.transforms.affine import rotation, scaling, translation


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_maps_lie_in_memory_as_those_given(form: torch.memory_format) -> None:
    maps = torch.randn(2, 6, 5, 7).contiguous(memory_format=form)
    assert build_transform("rotate", [30])(maps).is_contiguous(memory_format=form)


def test_features_cut_out_of_channels_last_maps_are_moved_like_others() -> None:
    maps = torch.randn(2, 9, 5, 7).contiguous(memory_format=torch.channels_last)
    for name, params in (("rotate", [30]), ("dilate", [2])):
        transform = build_transform(name, params)
        assert torch.equal(transform(maps[:, 2:6]), transform(maps)[:, 2:6])


def test_the_table_is_made_beforehand_and_kept() -> None:
    rotate = build_transform("rotate", [12.345])
    rotate.prepare(torch.ones(1, 2, 11, 13), [0, 1])
    made = warp._many_sources.cache_info().misses
    for _ in range(2):
        rotate(torch.ones(1, 2, 11, 13))
        rotate(torch.ones(1, 2, 11, 13, dtype=torch.bfloat16))
    assert warp._many_sources.cache_info().misses == made


def test_pixels_without_weight_are_not_read() -> None:
    maps = torch.ones(1, 1, 8, 8)
    maps[0, 0, 2, 5] = torch.nan
    turned = build_transform("rotate", [90])(maps)
    assert turned.isnan().sum() == 1
    shifted = build_transform("translate", [0.5])(maps)
    assert shifted.isfinite().all()  # moved out


def test_a_table_of_a_large_map_is_right_too() -> None:
    maps = torch.arange(300.0 * 290).reshape(1, 1, 300, 290)
    assert torch.equal(build_transform("rotate", [180])(maps), maps.flip(2, 3))
    assert torch.equal(build_transform("translate", {"x": 0.1, "y": 0})(maps)[..., 29:], maps[..., :-29])


def test_gradients_go_through_a_table_that_inference_mode_made() -> None:
    rotate = build_transform("rotate", [54.321])
    with torch.inference_mode():
        rotate(torch.ones(1, 2, 9, 8))
    maps = torch.randn(1, 2, 9, 8, dtype=torch.float64, requires_grad=True)
    rotate(torch.ones(1, 2, 9, 8, requires_grad=True)).sum().backward()
    assert torch.autograd.gradcheck(rotate, maps)


@pytest.mark.parametrize("size", [(7, 9), (64, 64), (1, 5)])
@pytest.mark.parametrize(
    "matrix",
    [rotation(33), rotation(90), scaling(0.4, 2.5), translation(1.5, -3), ((1, 0.3, 2), (-0.2, 2, 5))],
)
def test_origins_are_where_tables_say_that_pixels_come_from(
    matrix: warp.Matrix, size: tuple[int, int]
) -> None:
    a, b, c, d, e, f = warp.origins(matrix, *size)
    y, x = torch.meshgrid(*(torch.arange(side, dtype=torch.float64) for side in size), indexing="ij")
    expected_x, expected_y = warp._positions(matrix, *size)
    torch.testing.assert_close(a * x + b * y + c, expected_x, rtol=0, atol=1e-9)
    torch.testing.assert_close(d * x + e * y + f, expected_y, rtol=0, atol=1e-9)
