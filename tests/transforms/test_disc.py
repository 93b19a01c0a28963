"""A disc grows from a pixel in few steps, and exactly."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from netbend.transforms import build_transform, morphology, tiles
from netbend.transforms.disc import Growth, Point, disc, disc_growth


def grown(growth: Growth) -> set[Point]:
    pixels = {growth.start}
    for step in growth.steps:
        moved = {(row + step.shift[0], column + step.shift[1]) for row, column in pixels}
        pixels |= moved | set(step.extra)
    return pixels


def disc_pixels(radius: int) -> set[Point]:
    rows = zip(range(-radius, radius + 1), disc(radius), strict=True)
    return {(row, column) for row, half in rows for column in range(-half, half + 1)}


def comparisons(radius: int) -> int:
    growth = disc_growth(radius, 4096, 4096)
    return sum(1 + len(step.extra) for step in growth.steps)


@pytest.mark.parametrize("radius", [*range(1, 33), 64, 100])
def test_it_grows_to_the_disc(radius: int) -> None:
    assert grown(disc_growth(radius, 4096, 4096)) == disc_pixels(radius)


@pytest.mark.parametrize("radius", [1, 2, 5, 16])
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (4, 1), (3, 8), (16, 9)])
def test_what_lies_outside_of_all_maps_is_left_out(radius: int, size: tuple[int, int]) -> None:
    height, width = size
    inside = {(y, x) for y, x in disc_pixels(radius) if abs(y) < height and abs(x) < width}
    growth = disc_growth(radius, height, width)
    assert grown(growth) == inside
    assert (growth.rows, growth.columns) == tuple(max(axis) for axis in zip(*inside, strict=True))


def test_comparisons_grow_with_the_logarithm_of_the_radius_up_to_16() -> None:
    counts = [comparisons(radius) for radius in (1, 2, 4, 8, 16)]
    assert counts == [3, 7, 9, 15, 21]
    assert all(later - earlier <= 6 for earlier, later in pairwise(counts))
    assert comparisons(64) < len(disc_pixels(64)) / 100


@pytest.mark.parametrize(("name", "oracle"), [("dilate", cv2.dilate), ("erode", cv2.erode)])
@pytest.mark.parametrize("shape", [(2, 3, 50, 70), (1, 150, 33, 21), (5, 2, 6, 6)])
@pytest.mark.parametrize("cached_bytes", [2_000, 40_000])
@pytest.mark.parametrize("radius", [2, 7])
def test_tiles_fit_together(
    name: str,
    oracle: object,
    shape: tuple[int, ...],
    cached_bytes: int,
    radius: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tiles, "CACHED_BYTES", cached_bytes)
    monkeypatch.setattr(morphology.compiled, "suited_to", lambda _: None)
    maps = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    expected = np.stack([[oracle(feature.numpy(), element) for feature in sample] for sample in maps])
    for form in (torch.contiguous_format, torch.channels_last):
        bent = build_transform(name, [radius])(maps.contiguous(memory_format=form))
        np.testing.assert_array_equal(bent.numpy(), expected)
        assert bent.is_contiguous(memory_format=form)


def test_not_a_number_spreads_as_far_as_the_disc_reaches() -> None:
    maps = torch.zeros(1, 1, 9, 9)
    maps[0, 0, 4, 4] = torch.nan
    reached = {
        (y - 4, x - 4) for y, x in build_transform("dilate", [3])(maps)[0, 0].isnan().nonzero().tolist()
    }
    assert reached == disc_pixels(3)
