"""The kernels of Triton draw what the paper defines, and bend as transforms do.

Run where there is a GPU, or with `TRITON_INTERPRET=1`, which does them on the processor, slowly.
"""

import os
from dataclasses import replace
from typing import Any

import pytest
import torch

from netbend.bending import bend, insert
from netbend.models.stylegan2 import fused, triton_ops
from netbend.models.stylegan2.model import StyleGAN2
from netbend.recipe import All, Bend, Random, Recipe
from netbend.transforms import build_transform, on_gpu
from tests.conftest import tiny_generator
from tests.models import plainly
from tests.models.test_ways import latents_of, noise_of, same

pytest.importorskip("triton")
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
pytestmark = pytest.mark.skipif(
    not (INTERPRETED or torch.cuda.is_available()), reason="needs a GPU, or TRITON_INTERPRET=1"
)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """Where kernels run: those of float32 exactly."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(fused, "LARGE_MAP", 64)
    if not INTERPRETED:
        return torch.device("cuda")
    monkeypatch.setattr(fused, "suits", lambda _: not torch.is_grad_enabled())
    monkeypatch.setattr(on_gpu, "has_triton", lambda _: True)
    monkeypatch.setattr(insert, "reads_numbers", lambda _: True)
    return torch.device("cpu")


@pytest.mark.parametrize("most", [512, 16])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("mode", ["random", "projected", "none"])
@pytest.mark.parametrize(("features", "clamp"), [((24, 20, 17), None), ((9, 16, 8), 0.5)])
def test_networks_are_those_of_the_paper(
    device: torch.device,
    features: tuple[int, ...],
    clamp: float | None,
    mode: str,
    batch: int,
    most: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(triton_ops, "MAX_AT_ONCE", most)
    model = StyleGAN2(tiny_generator(features, clamp=clamp), "tiny", "0" * 64)
    latents = latents_of(model, batch, mode)
    noise = noise_of(model, latents, mode)
    weights = plainly.doubled(model.network.state_dict())
    drawn = plainly.stylegan2(weights, latents.values.double(), noise, clamp)
    on_device = [None if maps is None else maps.to(device) for maps in noise]
    with torch.no_grad():
        same(model.to(device).network(latents.values.to(device), on_device).cpu(), drawn)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(("features", "mix"), [(All(), 1.0), (Random(0.5), 0.4), (All(), 0.7)])
@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("multiply", [-0.7]),
        ("threshold", [0.3]),
        ("invert", []),
        ("ablate", []),
        ("rotate", [20.0]),
        ("rotate", [90.0]),
        ("translate", [0.1]),
        ("scale", [0.6, 1.7]),
        ("dilate", [1]),
        ("erode", [3]),
    ],
)
def test_bends_are_those_of_the_processor(
    device: torch.device, kind: str, params: list[Any], features: Any, mix: float, batch: int
) -> None:
    model = StyleGAN2(tiny_generator((17, 9, 8)), "tiny", "0" * 64)
    recipe = Recipe(tuple(Bend(n, build_transform(kind, params), features, mix=mix) for n in range(4)))
    latents = latents_of(model, batch, "projected")
    with pytest.MonkeyPatch.context() as plain:
        plain.setattr(fused, "suits", lambda _: False)
        plain.setattr(on_gpu, "has_triton", lambda _: False)
        plain.setattr(insert, "reads_numbers", lambda _: False)
        with bend(model, recipe):
            drawn = model.generate(latents)
    model.to(device)
    with bend(model, recipe):
        same(model.generate(latents).cpu(), drawn.double())


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_noted_of_chosen_features(
    device: torch.device, bad: float, layout: torch.memory_format
) -> None:
    maps = torch.randn(2, 5, 7, 9).contiguous(memory_format=layout).to(device)
    chosen = torch.tensor([0, 1, 0, 1, 1], dtype=torch.uint8, device=device)
    numbers = torch.tensor([1.0, 1.3], dtype=torch.float64, device=device)
    work = on_gpu.Work("multiply", numbers, False, chosen, torch.zeros(2, device=device))
    maps[1, 2, 3, 3] = bad
    on_gpu.bend(maps, work)
    assert (work.seen == 0).all()
    assert not on_gpu.extremes(maps).isfinite().all()
    maps[0, 3, 6, 8] = bad
    on_gpu.bend(maps, work)
    assert work.seen[0].isnan() if bad != bad else work.seen[1].isinf()
    every = replace(work, features=None, seen=torch.zeros(2, device=device))
    torch.testing.assert_close(on_gpu.bend(maps, every), maps * 1.3, equal_nan=True)
