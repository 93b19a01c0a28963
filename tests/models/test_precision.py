"""When bfloat16 is computed in."""

import warnings

import pytest
import torch

from netbend.choices import Precision
from netbend.models import precision as room
from netbend.models.precision import wants_bfloat16

CPU = torch.device("cpu")


def test_auto_takes_it_where_there_are_instructions_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for fast in (True, False):
        monkeypatch.setattr(room, "has_bfloat16", lambda _, fast=fast: fast)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert wants_bfloat16(Precision.AUTO, CPU) is fast
            assert wants_bfloat16(Precision.FLOAT32, CPU) is False


def test_asked_for_where_it_is_slower_it_is_taken_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "has_bfloat16", lambda _: False)
    with pytest.warns(UserWarning, match="--precision bf16: this cpu has no instructions"):
        assert wants_bfloat16(Precision.BF16, CPU)


def test_what_this_processor_has_can_be_told() -> None:
    assert room.has_bfloat16(CPU) in (True, False)
    assert room.has_bfloat16(torch.device("mps")) is False
