"""A seed gives the same numbers for ever, whichever seeds come before it."""

from typing import Any

import numpy as np
import pytest

from netbend.errors import LatentError
from netbend.models.seeding import standard_normal

LAST = 2**32 - 1


@pytest.mark.parametrize("dimensions", [1, 7, 512])  # legacy normals come in pairs: of odd ones, one is left
@pytest.mark.parametrize("seeds", [[0], [LAST], [3, 3, 0, LAST, 3], range(40)])
def test_each_row_is_what_a_generator_of_its_own_draws(seeds: list[int], dimensions: int) -> None:
    expected = [np.random.RandomState(seed).standard_normal(dimensions) for seed in seeds]
    drawn = standard_normal(seeds, dimensions).numpy()
    np.testing.assert_array_equal(drawn, np.array(expected, np.float32))


def test_the_stream_is_frozen() -> None:
    # As NVIDIA's tools draw z of seed 0; written down so that no version of numpy changes it unseen.
    assert (
        standard_normal([0], 3)[0].tolist()
        == np.float32([1.764052345967664, 0.4001572083672233, 0.9787379841057392]).tolist()
    )


def test_a_generator_is_made_once_and_not_for_every_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    kind = np.random.RandomState
    monkeypatch.setattr(np.random, "RandomState", lambda *given: made.append(given) or kind(*given))
    standard_normal(range(100), 4)
    assert len(made) == 1


@pytest.mark.parametrize("seed", [-1, LAST + 1])
def test_other_seeds_are_refused(seed: int) -> None:
    with pytest.raises(LatentError, match="seeds start at 0"):
        standard_normal([0, seed], 4)


@pytest.mark.parametrize("seed", [1.5, 1.0, "1", None, float("nan"), [1]])
def test_what_is_no_whole_number_is_no_seed(seed: Any) -> None:
    with pytest.raises(LatentError, match="expected a whole number"):
        standard_normal([0, seed], 4)
