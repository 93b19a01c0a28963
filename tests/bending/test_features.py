"""Selected features come out and go back the same, however the maps lie in memory."""

import pytest
import torch

from netbend.bending import features as features_module
from netbend.bending.features import put, take
from netbend.transforms.compiled import compiled


@pytest.fixture(params=["torch", "compiled", "compiled, three threads"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "torch":
        monkeypatch.setattr(compiled, "suited_to", lambda _: None)
        return
    gather = pytest.importorskip("netbend.transforms.gather", reason="numba is not there")
    assert compiled.load()
    monkeypatch.setattr(features_module, "LARGE", 0)
    if "three" in request.param:
        monkeypatch.setattr(gather, "SHARED_VALUES", 0)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 3)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("chosen", [[0], [1, 4], [5, 2, 3], [0, 1, 2, 3, 4, 5, 6]])
def test_only_the_chosen_features_change(form: torch.memory_format, chosen: list[int]) -> None:
    maps = torch.randn(2, 7, 4, 5).contiguous(memory_format=form)
    maps[0, 6, 0, 0] = torch.nan
    before, features = maps.clone(), torch.tensor(chosen)
    taken = take(maps, features)
    torch.testing.assert_close(taken, maps[:, chosen], rtol=0, atol=0, equal_nan=True)
    bent = put(maps, features, taken + 1)
    expected = before.clone()
    expected[:, chosen] += 1
    torch.testing.assert_close(bent, expected, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(maps, before, rtol=0, atol=0, equal_nan=True)
    assert bent.is_contiguous(memory_format=form)
