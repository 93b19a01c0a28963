"""Transforms of whole maps, and those by chance: seeded, and the same wherever a sample stands."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from netbend.bending import Layer, PlannedBend, apply
from netbend.transforms import build_transform

SIZES = [(17,), (9, 14), (5, 6, 7)]


def maps_of(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return 3 + 5 * torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("sizes", SIZES)
def test_normalize_is_torchs_instance_normalisation(sizes: tuple[int, ...]) -> None:
    maps = maps_of(2, 3, *sizes)
    expected = F.instance_norm(maps, eps=1e-5)
    torch.testing.assert_close(build_transform("normalize")(maps), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sizes", [(), *SIZES])
@given(seed=st.integers(0, 2**63 - 1), strength=st.floats(-3, 3))
@settings(max_examples=10, deadline=None)
def test_noise_is_numpys_frozen_stream_of_each_features_number(
    sizes: tuple[int, ...], seed: int, strength: float
) -> None:
    maps, numbers = maps_of(2, 3, *sizes, dtype=torch.float32), [4, 0, 7]
    noise = [
        np.random.RandomState(np.random.MT19937(np.random.SeedSequence([seed, number]))).standard_normal(
            sizes
        )
        for number in numbers
    ]
    drawn = torch.stack([torch.as_tensor(np.asarray(each, np.float32)) for each in noise])
    bent = build_transform("noise", [strength, seed])(maps, features=numbers)
    torch.testing.assert_close(bent, maps + strength * drawn, rtol=0, atol=1e-5)


def test_noise_has_the_deviation_that_is_asked_for_and_others_for_other_seeds() -> None:
    level = torch.zeros(1, 64, 32, 32)
    one, other = (build_transform("noise", [0.5, seed])(level) for seed in (0, 1))
    assert one.std().item() == pytest.approx(0.5, rel=0.01)
    assert abs(one.mean().item()) < 0.01
    assert abs(np.corrcoef(one.flatten(), other.flatten())[0, 1]) < 0.02
    features = one[0].flatten(1)
    assert (torch.corrcoef(features) - torch.eye(64)).abs().max() < 0.2


def test_a_feature_has_the_same_noise_whichever_others_are_bent() -> None:
    layer, maps = Layer(0, "maps", "maps", (6, 5, 4)), maps_of(2, 6, 5, 4, dtype=torch.float32)
    noise = build_transform("noise", [1.0, 9])
    everything = apply(PlannedBend(layer, noise, tuple(range(6))), maps)
    for chosen in ((2,), (0, 2, 5), (1, 2, 3, 4)):
        bent = apply(PlannedBend(layer, noise, chosen), maps)
        assert torch.equal(bent[:, chosen], everything[:, chosen])
        rest = [feature for feature in range(6) if feature not in chosen]
        assert torch.equal(bent[:, rest], maps[:, rest])


@pytest.mark.parametrize("name", ["noise", "shuffle"])
@pytest.mark.parametrize("by_pixels", [False, True])
def test_chance_does_not_depend_on_the_place_in_a_batch(name: str, by_pixels: bool) -> None:
    transform = build_transform(name, {"noise": [1.0, 5], "shuffle": [5]}[name])
    maps = maps_of(1, 7, 9, 14, dtype=torch.float32).expand(4, -1, -1, -1).contiguous()
    if by_pixels:
        maps = maps.contiguous(memory_format=torch.channels_last)
    bent = transform(maps)
    assert not torch.equal(bent, maps)
    for sample in bent:
        assert torch.equal(sample, bent[0])
        assert torch.equal(sample, transform(maps[:1])[0])


@pytest.mark.parametrize("sizes", [(), *SIZES])
@given(seed=st.integers(0, 2**63 - 1), count=st.integers(1, 40))
@settings(max_examples=10, deadline=None)
def test_shuffled_features_are_the_same_ones_in_numpys_order(
    sizes: tuple[int, ...], seed: int, count: int
) -> None:
    maps = maps_of(2, count, *sizes)
    order = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed))).permutation(count)
    assert torch.equal(build_transform("shuffle", [seed])(maps), maps[:, order])


def test_shuffling_leaves_the_features_that_are_not_selected() -> None:
    layer, maps = Layer(0, "maps", "maps", (6, 5, 4)), maps_of(2, 6, 5, 4, dtype=torch.float32)
    bent = apply(PlannedBend(layer, build_transform("shuffle", [1]), (0, 2, 5)), maps)
    assert torch.equal(bent[:, [1, 3, 4]], maps[:, [1, 3, 4]])
    assert torch.equal(bent[:, [0, 2, 5]], maps[:, [5, 0, 2]])  # as definitions.SHUFFLED has it


@pytest.mark.parametrize("sizes", SIZES)
@given(x=st.floats(-1, 1))
@settings(max_examples=10, deadline=None)
def test_rolling_is_numpys_along_the_last_axis(sizes: tuple[int, ...], x: float) -> None:
    maps = maps_of(2, 3, *sizes)
    expected = np.roll(maps.numpy(), round(x * sizes[-1]), axis=-1)
    assert torch.equal(build_transform("roll", [x])(maps), torch.from_numpy(expected))


@given(x=st.floats(-1, 1), y=st.floats(-1, 1))
@settings(max_examples=20, deadline=None)
def test_rolling_goes_right_and_down(x: float, y: float) -> None:
    maps = maps_of(2, 3, 9, 14)
    expected = np.roll(maps.numpy(), (round(y * 9), round(x * 14)), axis=(2, 3))
    assert torch.equal(build_transform("roll", [x, y])(maps), torch.from_numpy(expected))
