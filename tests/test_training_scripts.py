"""The scripts that train what likenesses begin with, on networks of a few features."""

import argparse
import json
from pathlib import Path

import pytest
import torch

from netbend.latents.projection.encoder import load_encoder
from netbend.latents.projection.preview import load_head
from netbend.models.mobilestylegan.model import MobileStyleGAN
from netbend.models.mobilestylegan.network import Architecture, Generator

SCRIPTS = Path(__file__).parents[1] / "scripts" / "train"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


@pytest.mark.usefixtures("scripts")
def test_what_was_descended_goes_on_where_it_stopped(tmp_path: Path) -> None:
    from descent import Descent

    def bowl(descent: Descent, steps: int) -> None:
        for _ in range(steps):
            loss = (descent.network.weight - 3).square().sum()
            descent.step(loss, {"loss": loss})

    torch.manual_seed(0)
    straight, halves = torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 2, bias=False)
    halves.load_state_dict(straight.state_dict())
    bowl(Descent(straight, 0.1, seconds=1e9), 60)
    first = Descent(halves, 0.1, seconds=1e9, checkpoint=tmp_path / "half.pt")
    bowl(first, 30)
    first.keep()
    again = torch.nn.Linear(2, 2, bias=False)
    second = Descent(again, 0.1, seconds=1e9, checkpoint=tmp_path / "half.pt")
    assert second.steps == 30
    assert second.goes_on()
    assert not Descent(again, 0.1, seconds=0.0).goes_on()
    bowl(second, 30)
    torch.testing.assert_close(again.weight, straight.weight)
    assert (again.weight - 3).abs().max() < (halves.weight - 3).abs().max()
    assert json.loads(second.told(more=1)).keys() == {"step", "seconds", "loss", "more"}
    before = again.weight.detach().clone()
    second.step((again.weight * torch.nan).sum(), {})  # left out
    assert torch.equal(again.weight, before)


@pytest.mark.usefixtures("scripts")
def test_an_encoder_and_a_preview_are_trained_from_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part makes two steps; every part works, and what it leaves can be loaded."""
    import likeness

    torch.manual_seed(0)
    architecture = Architecture((8,) * 8, z_dim=8, w_dim=8, mapping_depth=2)
    model = MobileStyleGAN(Generator(architecture), "tiny")
    (tmp_path / "tiny.safetensors").write_bytes(model.content())
    left = {"steps": 0}

    def two_steps(_descent: object) -> bool:
        left["steps"] += 1
        return left["steps"] % 3 != 0

    monkeypatch.setattr(likeness.Descent, "goes_on", two_steps)
    monkeypatch.setattr(likeness.Descent, "due", lambda *_: True)
    options = argparse.Namespace(
        model=tmp_path / "tiny.safetensors",
        model_hash="ab" * 32,
        out=tmp_path / "out",
        encoder=None,
        device=torch.device("cpu"),
        seconds=1e9,
        batch=2,
        fit_batch=4,
        refine_batch=2,
    )
    likeness.Likeness(options).train()
    log = [json.loads(line) for line in (tmp_path / "out" / "likeness.jsonl").read_text().splitlines()]
    assert not [line for line in log if "failed" in line]
    assert [line["step"] for line in log if "step" in line] == [1, 2] * 3
    assert [line["samples"] for line in log if "samples" in line] == [4]  # of three batches, one is odd
    encoder, head = (tmp_path / "out" / f"{name}.safetensors" for name in ("encoder", "preview"))
    assert load_encoder(encoder).architecture.groups == (3, 4, 4, 5)
    assert load_head(head).architecture.model_hash == "ab" * 32
    options.encoder, options.out = encoder, tmp_path / "on"
    left["steps"] = 0
    likeness.Likeness(options).train()
    log = [json.loads(line) for line in (tmp_path / "on" / "likeness.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log if "step" in line] == [1, 2] * 2  # nothing is fitted


@pytest.mark.usefixtures("scripts")
def test_ways_of_training_are_compared_by_losses_and_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ways_agree

    monkeypatch.setattr(ways_agree, "SAMPLES", 60)
    out = tmp_path / "ways.json"
    options = [
        "ways_agree.py",
        "--steps",
        "4",
        "--seeds",
        "2",
        "--size",
        "8",
        "--batch",
        "2",
        "--out",
        str(out),
    ]
    monkeypatch.setattr("sys.argv", options)
    ways_agree.main()
    found = json.loads(out.read_text())
    for name in ("generator", "discriminator"):
        plain, fast = found[name].values()
        assert len(plain) == 2
        assert plain == pytest.approx(fast, rel=0.2)  # networks start alike, and have hardly moved
    distances = found["distances"]
    assert distances["ways"] < distances["seeds of processor"]


@pytest.mark.usefixtures("scripts")
def test_samples_are_apart_by_their_means_and_covariances() -> None:
    from ways_agree import frechet

    torch.manual_seed(0)
    rows = torch.randn(500, 6, dtype=torch.float64)
    assert frechet(rows, rows) == pytest.approx(0, abs=1e-6)
    assert frechet(rows, rows + 0.5) == pytest.approx(6 * 0.25)
    spread = torch.cov(rows.T).trace().item()
    assert frechet(rows, 3 * (rows - rows.mean(dim=0)) + rows.mean(dim=0)) == pytest.approx(4 * spread)
