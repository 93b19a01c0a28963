"""When bfloat16 is computed in."""

import warnings

import pytest
import torch
from torch import Tensor

from netbend.choices import Precision
from netbend.models import precision as room
from netbend.models.precision import is_faster_in_bfloat16, wants_bfloat16

CPU = torch.device("cpu")


def test_auto_takes_it_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    for fast in (True, False):
        monkeypatch.setattr(room, "is_faster_in_bfloat16", lambda _, fast=fast: fast)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert wants_bfloat16(Precision.AUTO, CPU) is fast
            assert wants_bfloat16(Precision.FLOAT32, CPU) is False


def test_asked_for_where_it_is_slower_it_is_taken_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "is_faster_in_bfloat16", lambda _: False)
    with pytest.warns(UserWarning, match="--precision bf16: this cpu multiplies faster in float32"):
        assert wants_bfloat16(Precision.BF16, CPU)


@pytest.mark.parametrize(
    ("instructions", "single", "half", "faster"),
    [(True, 2.0, 1.0, True), (True, 1.0, 2.0, False), (False, 2.0, 1.0, False)],
)
def test_instructions_that_take_longer_are_not_taken(
    instructions: bool, single: float, half: float, faster: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds(matrix: Tensor) -> float:
        return half if matrix.dtype is torch.bfloat16 else single

    monkeypatch.setattr(room, "has_bfloat16", lambda _: instructions)
    monkeypatch.setattr(room, "_seconds", seconds)
    room._multiplies_faster_in_bfloat16.cache_clear()
    try:
        assert is_faster_in_bfloat16(CPU) is faster
    finally:
        room._multiplies_faster_in_bfloat16.cache_clear()


def test_a_run_that_was_disturbed_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may have had the processor meanwhile."""
    noisy = iter([9.0, 9.0, 1.0, 9.0, 9.0, 2.0, 1.0, 9.0, 9.0, 2.0])  # float32, bfloat16 in turn
    monkeypatch.setattr(room, "_seconds", lambda _: next(noisy))
    assert room._multiplies_faster_in_bfloat16.__wrapped__() is False


def test_what_this_processor_has_can_be_told() -> None:
    assert room.has_bfloat16(CPU) in (True, False)
    assert is_faster_in_bfloat16(CPU) in (True, False)
    assert room.has_bfloat16(torch.device("mps")) is False
    assert is_faster_in_bfloat16(torch.device("mps")) is False
