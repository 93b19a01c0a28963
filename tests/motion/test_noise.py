"""Perlin noise: within its range, each row another, coming again exactly, the same on every machine."""

import numpy as np
import pytest

from netbend.motion import perlin

TIMES = np.arange(0, 40, 1 / 30)


def test_the_numbers_are_these() -> None:
    """On any machine, in years to come: films depend on it."""
    np.testing.assert_allclose(
        perlin([0.0, 0.25, 1.0, 7.5, 1000.1], seed=7, rows=2, octaves=2),
        [
            [
                -0.1884603033110538,
                -0.33631284594353755,
                -0.13436421327902956,
                -0.1278316771981208,
                0.10795548738085958,
            ],
            [
                -0.09583544936098605,
                -0.3829790315938871,
                0.10702580177028526,
                0.26830456811426157,
                0.23000714500735756,
            ],
        ],
        rtol=0,
        atol=1e-12,
    )


def test_it_lies_between_minus_1_and_1_and_is_spread_about_0() -> None:
    noise = perlin(TIMES, 1, 200)
    assert np.abs(noise).max() <= 1
    assert noise.max() > 0.8
    assert noise.min() < -0.8
    assert abs(noise.mean()) < 0.02
    assert 0.2 < noise.std() < 0.35


@pytest.mark.parametrize(
    ("above", "share"), [(-0.3, 0.87), (0.0, 0.5), (0.1, 0.32), (0.3, 0.13), (0.6, 0.02)]
)
def test_a_threshold_selects_about_the_same_share_at_all_times(above: float, share: float) -> None:
    selected = (perlin(np.arange(0, 100, 0.37), 5, 512) > above).mean(axis=0)
    assert selected.mean() == pytest.approx(share, abs=0.02)
    assert selected.std() < 0.03  # rows are shifted: there is no time at which all of them are 0


def test_rows_and_seeds_differ_and_stay_what_they_are() -> None:
    noise = perlin(TIMES, 3, 8)
    correlation = np.corrcoef(np.concatenate([noise, perlin(TIMES, 4, 8)]))
    assert np.abs(correlation - np.eye(16)).max() < 0.5
    assert np.array_equal(perlin(TIMES, 3, 100)[:8], noise)


def test_a_time_alone_is_the_time_among_others() -> None:
    noise = perlin(TIMES, 3, 4, loop=7, octaves=3)
    for frame in (0, 17, 333):
        assert np.array_equal(perlin([TIMES[frame]], 3, 4, loop=7, octaves=3)[:, 0], noise[:, frame])


def test_it_is_smooth() -> None:
    fine = np.arange(0, 10, 0.001)
    steps = np.abs(np.diff(perlin(fine, 2, 20), axis=1))
    assert steps.max() < 0.001 * 8
    assert np.abs(np.diff(steps)).max() < 1e-4


def test_cells_are_how_long_it_takes() -> None:
    np.testing.assert_allclose(perlin(TIMES * 3, 2, 5, cell=3), perlin(TIMES, 2, 5), atol=1e-9)


@pytest.mark.parametrize("octaves", [1, 4])
@pytest.mark.parametrize(("loop", "cell"), [(2.0, 0.5), (4.0, 3.0), (0.7, 0.2), (1.0, 5.0)])
def test_loops_come_again_to_the_bit(octaves: int, loop: float, cell: float) -> None:
    first = perlin(np.arange(0, loop, loop / 64), 9, 16, cell=cell, loop=loop, octaves=octaves)
    for turn in (1, 2, 17):
        times = np.arange(0, loop, loop / 64) + turn * loop
        again = perlin(times, 9, 16, cell=cell, loop=loop, octaves=octaves)
        assert np.array_equal(again, first)
    seam = perlin([loop - 1e-6, loop + 1e-6], 9, 16, cell=cell, loop=loop, octaves=octaves)
    assert np.abs(np.diff(seam, axis=1)).max() < 1e-3


def test_octaves_add_what_is_faster_and_smaller() -> None:
    def pace(octaves: int) -> float:
        noise = perlin(TIMES, 6, 50, octaves=octaves)
        return float(np.abs(np.diff(noise, axis=1)).mean() / noise.std())

    assert pace(1) < pace(2) < pace(4)
    one, two = perlin(TIMES, 6, octaves=1), perlin(TIMES, 6, octaves=2)
    assert np.corrcoef(one[0], two[0])[0, 1] > 0.8
    assert np.abs(perlin(TIMES, 6, 300, octaves=8)).max() <= 1


def test_times_before_0_are_as_good() -> None:
    before = perlin(np.arange(-3, 0, 0.01), 2, 3)
    assert before.std() > 0.1
    assert np.array_equal(perlin([-0.5], 2, loop=2), perlin([1.5], 2, loop=2))
