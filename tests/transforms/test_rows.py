"""Erosion and dilation row by row are those of OpenCV, however maps are cut and whatever is in them."""

import subprocess
import sys
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from netbend.transforms import build_transform, morphology
from netbend.transforms.compiled import CompiledTransforms
from netbend.transforms.disc import disc, disc_growth
from netbend.transforms.passes import GIVEN, MOST_OPERANDS, disc_passes

rows = pytest.importorskip("netbend.transforms.rows", reason="numba is not there")

Point = tuple[int, int]


@pytest.fixture(autouse=True)
def loaded_and_nothing_planned() -> Iterator[None]:
    assert morphology.compiled.load()
    for kept in (rows._program, rows._parts):
        kept.cache_clear()
    yield
    for kept in (rows._program, rows._parts):
        kept.cache_clear()


def covered(radius: int, height: int = 4096, width: int = 4096) -> set[Point]:
    """The pixels that a result comes from, after all passes, as seen from its own."""
    down, right = disc_growth(radius, height, width).start
    result = {(0, 0)}
    for one in disc_passes(radius, height, width):
        result = {
            (row + read.rows, column + read.columns)
            for read in one
            for row, column in ({(0, 0)} if read.source == GIVEN else result)
        }
    return {(row + down, column + right) for row, column in result}


def disc_pixels(radius: int) -> set[Point]:
    reach = zip(range(-radius, radius + 1), disc(radius), strict=True)
    return {(row, column) for row, half in reach for column in range(-half, half + 1)}


@pytest.mark.parametrize("radius", [*range(1, 25), 32, 64])
def test_passes_cover_the_disc_and_nothing_else(radius: int) -> None:
    assert covered(radius) == disc_pixels(radius)


@pytest.mark.parametrize("size", [(1, 5), (4, 1), (3, 8), (16, 9)])
def test_passes_leave_out_what_lies_outside_of_all_maps(size: tuple[int, int]) -> None:
    inside = {(y, x) for y, x in disc_pixels(5) if abs(y) < size[0] and abs(x) < size[1]}
    assert covered(5, *size) == inside


def test_reads_grow_slower_than_the_radius() -> None:
    reads = {radius: sum(map(len, disc_passes(radius, 4096, 4096))) for radius in (1, 2, 4, 8, 16)}
    assert reads == {1: 5, 2: 10, 4: 16, 8: 29, 16: 42}
    assert all(len(one) <= MOST_OPERANDS for one in disc_passes(16, 4096, 4096))


def by_opencv(maps: Tensor, radius: int, largest: bool) -> np.ndarray:
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    function = cv2.dilate if largest else cv2.erode
    bent = np.stack([[function(feature.numpy(), element) for feature in sample] for sample in maps])
    return bent.reshape(maps.shape)


def by_rows(maps: Tensor, radius: int, largest: bool) -> Tensor:
    bent = morphology._extremum_by_rows(maps.contiguous(memory_format=torch.channels_last), radius, largest)
    assert bent is not None
    return bent


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize(
    "shape", [(2, 3, 50, 70), (1, 150, 33, 21), (3, 2, 6, 6), (1, 2, 1, 40), (1, 4, 40, 1)]
)
@pytest.mark.parametrize("cached_values", [300, 6_000, 1 << 18])
@pytest.mark.parametrize("radius", [1, 2, 4, 7])
@pytest.mark.parametrize("threads", [1, 3])
def test_pieces_fit_together(
    largest: bool,
    shape: tuple[int, ...],
    cached_values: int,
    radius: int,
    threads: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows, "CACHED_VALUES", cached_values)
    monkeypatch.setattr(rows, "FEWEST_FEATURES", 8)
    monkeypatch.setattr(rows, "SHARED_READS", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    maps = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(by_rows(maps, radius, largest).numpy(), by_opencv(maps, radius, largest))


@pytest.mark.parametrize("largest", [True, False])
def test_zeros_infinities_and_the_smallest_numbers_are_compared_as_numbers(largest: bool) -> None:
    values = [0.0, -0.0, float("inf"), -float("inf"), 1e-45, -1e-45, 3.4e38, -3.4e38, 1.0, -1.0]
    maps = torch.tensor(values)[torch.randint(len(values), (1, 3, 20, 20), generator=torch.manual_seed(0))]
    np.testing.assert_array_equal(by_rows(maps, 1, largest).numpy(), by_opencv(maps, 1, largest))


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("bits", [0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF])
def test_any_not_a_number_spreads_as_far_as_the_disc_reaches(largest: bool, bits: int) -> None:
    maps = torch.ones(1, 2, 9, 9)
    maps[0, 1, 4, 4] = torch.from_numpy(np.array([bits], np.uint32).view(np.float32))[0]
    bent = by_rows(maps, 3, largest)[0]
    assert {(y - 4, x - 4) for y, x in bent[1].isnan().nonzero().tolist()} == disc_pixels(3)
    assert not bent[0].isnan().any()


def test_what_would_take_too_much_memory_is_left_to_tiles() -> None:
    maps = torch.randn(1, 1, 4, 4096).expand(1, 2, 4, 4096).contiguous(memory_format=torch.channels_last)
    planes = maps.permute(0, 2, 3, 1)
    assert rows.extremum_by_rows(planes, torch.empty_like(planes), 3, True)
    tall = torch.zeros(1, 2, 1200, 1200).contiguous(memory_format=torch.channels_last)
    assert morphology._extremum_by_rows(tall, 1024, True) is None


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_left_to_tiles(dtype: torch.dtype) -> None:
    maps = torch.randn(1, 4, 9, 14).to(dtype).contiguous(memory_format=torch.channels_last)
    assert morphology._extremum_by_rows(maps, 2, True) is None
    np.testing.assert_array_equal(
        build_transform("dilate", [2])(maps).float().numpy(), by_opencv(maps.float(), 2, True)
    )


def test_without_numba_results_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    maps = torch.randn(1, 4, 9, 14).contiguous(memory_format=torch.channels_last)
    monkeypatch.setitem(sys.modules, "numba", None)
    for module in ("netbend.transforms.rows", "netbend.transforms.kernels"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    fresh = CompiledTransforms()
    assert not fresh.load()
    monkeypatch.setattr(morphology, "compiled", fresh)
    np.testing.assert_array_equal(build_transform("erode", [3])(maps).numpy(), by_opencv(maps, 3, False))


def test_it_is_loaded_when_much_has_been_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netbend.transforms.compiled.WORTH_LOADING", 1000)
    fresh = CompiledTransforms()
    maps = torch.zeros(1, 6, 10, 10)
    assert fresh.suited_to(maps) is None
    assert fresh._loading is None
    fresh.suited_to(maps)
    assert fresh._loading is not None
    fresh._loading.join()
    kernels = fresh.suited_to(maps)
    assert kernels is not None
    assert kernels.extremum_by_rows is rows.extremum_by_rows


def test_a_compiler_that_fails_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: object) -> bool:
        raise ValueError("no such processor")

    monkeypatch.setattr(rows, "extremum_by_rows", fail)
    fresh = CompiledTransforms()
    with pytest.warns(UserWarning, match="no such processor"):
        assert not fresh.load()
    assert fresh.suited_to(torch.zeros(1, 1, 2, 2)) is None


def test_numba_is_not_loaded_for_a_picture() -> None:
    program = (
        "import sys, torch; from netbend.transforms import build_transform\n"
        "maps = torch.zeros(1, 8, 64, 64).contiguous(memory_format=torch.channels_last)\n"
        "build_transform('dilate', [2])(maps)\n"
        "assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
