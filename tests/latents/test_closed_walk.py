"""Closed walks: of the length that was asked for, among latents like any other, closing to the bit."""

from math import pi, sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from netbend.errors import LatentError
from netbend.latents.closed_walk import ClosedWalk
from netbend.models.seeding import standard_normal

STEPS = 1500
PINNED = [
    1.2911493,
    0.2996173,
    0.0791449,
    0.7723087,
]  # of seed 7, length 8, smoothness 3, after a quarter of its time


def curve(walk: ClosedWalk) -> Tensor:
    return torch.stack([walk.at(step / STEPS) for step in range(STEPS + 1)]).double()


def turning(points: Tensor) -> float:
    """How far it turns in one round, in radians."""
    steps = points.diff(dim=0)
    return torch.cosine_similarity(steps[1:], steps[:-1]).clamp(-1, 1).acos().sum().item()


@pytest.mark.parametrize("length", [0.5, 3.0, 8.0, 20.0])
@pytest.mark.parametrize("smoothness", [2.0, 10.0])
def test_a_walk_has_the_length_asked_for(length: float, smoothness: float) -> None:
    """In quarters of a circle, which is how far two random latents are from each other."""
    points = curve(ClosedWalk(5, 512, length, smoothness))
    measured = points.diff(dim=0).norm(dim=1).sum().item() / (pi / 2 * sqrt(512))
    assert measured == pytest.approx(length, rel=0.005)


def test_a_unit_of_length_is_the_way_between_two_random_latents() -> None:
    z = standard_normal(range(40), 512)
    angles = torch.cosine_similarity(z[:20], z[20:]).acos()
    arcs = angles * (z[:20].norm(dim=1) + z[20:].norm(dim=1)) / 2
    assert arcs.mean().item() == pytest.approx(pi / 2 * sqrt(512), rel=0.02)


@pytest.mark.parametrize(("length", "smoothness"), [(0.5, 3), (8, 1), (8, 20), (40, 3)])
def test_its_points_are_like_random_latents(length: float, smoothness: float) -> None:
    walks = [ClosedWalk(seed, 512, length, smoothness) for seed in range(6)]
    points = torch.stack([walk.at(step / 40) for walk in walks for step in range(40)]).double()
    norms = points.norm(dim=1) / sqrt(512)
    assert norms.min() > 0.85
    assert norms.max() < 1.15
    assert norms.mean().item() == pytest.approx(1, abs=0.03)
    assert points.mean().item() == pytest.approx(0, abs=0.05)


def test_smoother_walks_of_one_length_turn_less() -> None:
    turned = [turning(curve(ClosedWalk(3, 128, 8, smoothness))) for smoothness in (1, 2, 4, 16)]
    assert turned == sorted(turned, reverse=True)
    assert turned[0] > 3 * turned[-1]


@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.floats(0.1, 30),
    smoothness=st.floats(0.5, 50),
    turn=st.integers(0, 10_000).map(lambda step: step / 10_000),
    rounds=st.integers(0, 50),
)
@settings(max_examples=40, deadline=None)
def test_it_closes_to_the_bit(seed: int, length: float, smoothness: float, turn: float, rounds: int) -> None:
    walk = ClosedWalk(seed, 16, length, smoothness)
    assert torch.equal(walk.at(turn), walk.at(turn + rounds))
    assert torch.equal(walk.at(0), walk.at(rounds))


def test_a_walk_is_continuous_where_it_closes() -> None:
    walk = ClosedWalk(3, 512, 8, 3)
    step = (walk.at(0.9999) - walk.at(0)).norm()
    assert 0 < step < 1.2 * 8 * (pi / 2 * sqrt(512)) * 1e-4


def test_a_short_walk_stays_near_the_latent_of_its_seed() -> None:
    (z,) = standard_normal([9], 512)
    distances = [
        (curve(ClosedWalk(9, 512, length, 3)) - z).norm(dim=1).max().item() for length in (0.1, 0.5, 8)
    ]
    assert distances[0] < 0.1 * z.norm()
    assert distances == sorted(distances)


def test_other_seeds_walk_elsewhere_and_no_seeds_are_refused() -> None:
    assert not torch.equal(ClosedWalk(1, 16, 8, 3).at(0.3), ClosedWalk(2, 16, 8, 3).at(0.3))
    with pytest.raises(LatentError, match="seed -1"):
        ClosedWalk(-1, 16, 8, 3)


def test_a_walk_is_what_it_was() -> None:
    """Pinned: recipes must show the same film in years to come."""
    values = ClosedWalk(7, 512, 8.0, 3.0).at(0.25)
    torch.testing.assert_close(values[:4], torch.tensor(PINNED), rtol=0, atol=1e-5)
