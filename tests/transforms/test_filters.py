"""Smoothing, sharpening, edges and frequencies, as scipy and numpy define them, along 1, 2 and 3 axes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from netbend.transforms import build_transform

SIZES = [(17,), (1,), (9, 14), (1, 6), (4, 1), (5, 6, 7), (1, 3, 2)]
every_size = pytest.mark.parametrize("sizes", SIZES)


def maps_of(sizes: tuple[int, ...], seed: int = 0) -> Tensor:
    """Strong ones, `(2, 3, *sizes)`, in float64."""
    random = torch.Generator().manual_seed(seed)
    return 5 * torch.randn(2, 3, *sizes, generator=random, dtype=torch.float64)


def each_map(maps: Tensor, oracle: object) -> Tensor:
    return torch.stack(
        [torch.stack([torch.from_numpy(oracle(each.numpy())) for each in sample]) for sample in maps]
    )


@every_size
@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 2.3, 7.0])
def test_a_blur_is_scipys_with_edges_that_go_on(sizes: tuple[int, ...], sigma: float) -> None:
    maps = maps_of(sizes)
    expected = each_map(maps, lambda each: ndimage.gaussian_filter(each, sigma, mode="nearest"))
    torch.testing.assert_close(build_transform("blur", [sigma])(maps), expected, rtol=0, atol=1e-12)


@every_size
@given(amount=st.floats(-3, 20), sigma=st.floats(0.1, 20))
@settings(max_examples=10, deadline=None)
def test_sharpening_adds_what_the_blur_takes_away(
    sizes: tuple[int, ...], amount: float, sigma: float
) -> None:
    maps = maps_of(sizes)
    blurred = each_map(maps, lambda each: ndimage.gaussian_filter(each, sigma, mode="nearest"))
    sharp = build_transform("sharpen", [amount, sigma])(maps)
    torch.testing.assert_close(sharp, maps + amount * (maps - blurred), rtol=0, atol=1e-10)


@every_size
def test_sobel_is_the_length_of_scipys_slopes(sizes: tuple[int, ...]) -> None:
    def slope(each: np.ndarray) -> np.ndarray:
        # scipy sums 1, 2, 1 along the other axes, and takes the whole difference.
        slopes = [ndimage.sobel(each, axis, mode="nearest") for axis in range(each.ndim)]
        return np.sqrt(sum(np.square(one) for one in slopes)) / (2 * 4 ** (each.ndim - 1))

    maps = maps_of(sizes)
    torch.testing.assert_close(build_transform("sobel")(maps), each_map(maps, slope), rtol=0, atol=1e-12)


def test_sobel_of_a_ramp_is_its_slope_a_pixel() -> None:
    ramp = torch.arange(8.0).mul(0.25).expand(1, 1, 6, 8)
    assert torch.equal(build_transform("sobel")(ramp)[..., 1:-1], torch.full((1, 1, 6, 6), 0.25))


@pytest.mark.parametrize(("name", "params"), [("blur", [3.0]), ("blur", [900.0]), ("normalize", [])])
def test_level_maps_stay_level(name: str, params: list[float]) -> None:
    level = torch.full((1, 2, 9, 14), 0.7)
    expected = torch.zeros_like(level) if name == "normalize" else level
    torch.testing.assert_close(build_transform(name, params)(level), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize(("name", "params"), [("blur", [1.5]), ("sharpen", [4, 1.5]), ("sobel", [])])
def test_half_precision_is_rounded_once(name: str, params: list[float]) -> None:
    transform = build_transform(name, params)
    for dtype in (torch.float16, torch.bfloat16):
        maps = maps_of((9, 14)).to(dtype)
        assert torch.equal(transform(maps), transform(maps.float()).to(dtype))


def share_of_highest(sizes: tuple[int, ...], place: tuple[int, ...]) -> float:
    """The frequency of a place in numpy's whole spectrum."""
    along = [min(at, size - at) * 2 / size for at, size in zip(place, sizes, strict=True)]
    axes = max(sum(size > 1 for size in sizes), 1)
    return float(np.sqrt(sum(each**2 for each in along) / axes))


@every_size
@given(low=st.floats(0, 1), high=st.floats(0, 1))
@settings(max_examples=15, deadline=None)
def test_the_fft_filter_keeps_a_band_of_numpys_spectrum(
    sizes: tuple[int, ...], low: float, high: float
) -> None:
    frequencies = np.array([share_of_highest(sizes, place) for place in np.ndindex(*sizes)]).reshape(sizes)
    above, below = frequencies >= low - 1e-9, frequencies <= high + 1e-9
    kept = above & below if low <= high else above | below
    maps = maps_of(sizes)
    expected = each_map(maps, lambda each: np.fft.ifftn(np.fft.fftn(each) * kept).real)
    filtered = build_transform("fft-filter", {"low": low, "high": high})(maps)
    torch.testing.assert_close(filtered, expected, rtol=0, atol=1e-12)


@every_size
def test_bands_add_up_to_the_maps(sizes: tuple[int, ...]) -> None:
    maps = maps_of(sizes)
    bands = [(0.0, 0.3), (0.3 + 1e-6, 0.7), (0.7 + 1e-6, 1.0)]
    parts = [build_transform("fft-filter", band)(maps) for band in bands]
    torch.testing.assert_close(sum(parts), maps, rtol=0, atol=1e-12)
    band, rest = (
        build_transform("fft-filter", ends)(maps) for ends in ((0.3, 0.6), (0.6 + 1e-6, 0.3 - 1e-6))
    )
    torch.testing.assert_close(band + rest, maps, rtol=0, atol=1e-12)


def test_a_wave_passes_where_its_frequency_lies() -> None:
    wave = torch.cos(torch.arange(16) * 2 * torch.pi * 4 / 16)  # 4 of the 8 waves that 16 values can hold
    maps = wave.expand(1, 1, 16)
    for low, high, passes in ((0.0, 0.5, True), (0.5, 1.0, True), (0.0, 0.49, False), (0.51, 1.0, False)):
        filtered = build_transform("fft-filter", [low, high])(maps)
        torch.testing.assert_close(filtered, maps if passes else torch.zeros_like(maps), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["blur", "sharpen", "sobel", "fft-filter", "normalize"])
@pytest.mark.parametrize("sizes", [(23,), (9, 14), (16, 16), (5, 6, 7)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bits_do_not_depend_on_the_batch_nor_on_the_layout(
    name: str, sizes: tuple[int, ...], dtype: torch.dtype
) -> None:
    params = {"blur": [1.3], "sharpen": [2.0], "fft-filter": [0.1, 0.6]}.get(name, [])
    transform = build_transform(name, params)
    maps = torch.cat([maps_of(sizes), maps_of(sizes, seed=1)]).to(dtype)
    whole = transform(maps)
    by_pixels = maps.movedim(1, -1).contiguous().movedim(-1, 1)
    assert torch.equal(transform(by_pixels), whole)
    for split in (1, 2, 3):
        assert torch.equal(torch.cat([transform(part) for part in maps.split(split)]), whole)
    for count in (1, 2):
        assert torch.equal(transform(maps[:, :count]), whole[:, :count])
