"""Pictures that a network made are found again in it."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from netbend.choices import Perceptual, Space, Start
from netbend.errors import LatentError, ModelError
from netbend.latents.projection.losses import noise_regularity, rmse, scatter
from netbend.latents.projection.perceptual import loss_of
from netbend.latents.projection.project import Progress, project, ramp
from netbend.latents.projection.settings import Settings
from netbend.latents.projection.start import deviation_of_w
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.models.dcgan.model import DCGAN
from netbend.models.dcgan.network import Architecture, Generator

QUICK = Settings(space=Space.W, steps=120, patience=0, perceptual=Perceptual.CONTRAST)


def pictures(model: Model, *seeds: int) -> Tensor:
    return model.generate(model.latents(list(seeds)), SynthesisOptions(truncation_psi=0.8)).clamp(-1, 1)


@pytest.mark.parametrize("perceptual", [Perceptual.PIXEL, Perceptual.CONTRAST])
def test_a_generated_picture_is_found_again_in_w(model: Model, perceptual: Perceptual) -> None:
    targets = pictures(model, 1, 2)
    found = project(model, targets, replace(QUICK, perceptual=perceptual))
    from_the_mean = rmse(model.generate(model.latents([1, 2]), SynthesisOptions(truncation_psi=0.0)), targets)
    assert found.latents.space is Space.W
    assert found.latents.values.shape == (2, 16)
    assert max(found.errors) < 4
    assert from_the_mean.min() > 20
    assert (found.losses[-1] < found.losses[0] / 50).all()


def test_w_plus_holds_a_picture_that_w_cannot(model: Model) -> None:
    mixed = model.mix_styles(
        model.latents([1]), model.latents([5]), [3, 4, 5], SynthesisOptions(truncation_psi=0.8)
    )
    targets = model.generate(mixed).clamp(-1, 1)
    in_w = project(model, targets, QUICK)
    in_w_plus = project(model, targets, replace(QUICK, space=Space.W_PLUS))
    assert in_w_plus.latents.values.shape == (1, 6, 16)
    assert in_w_plus.errors[0] < in_w.errors[0] / 2


def test_the_latents_make_the_pictures_that_are_reported(model: Model) -> None:
    found = project(model, pictures(model, 3), replace(QUICK, steps=20))
    assert torch.equal(model.generate(found.latents), found.images)


def test_pictures_of_a_batch_do_not_touch_each_other(model: Model) -> None:
    targets = pictures(model, 1, 2, 3)
    together = project(model, targets, replace(QUICK, steps=40))
    for index in range(3):
        alone = project(model, targets[index : index + 1], replace(QUICK, steps=40))
        torch.testing.assert_close(
            together.latents.values[index], alone.latents.values[0], atol=2e-3, rtol=1e-3
        )


def test_the_seed_decides_and_nothing_else(model: Model) -> None:
    targets = pictures(model, 1)
    one, same = (project(model, targets, replace(QUICK, steps=10)).losses for _ in range(2))
    assert torch.equal(one, same)
    assert not torch.equal(one, project(model, targets, replace(QUICK, steps=10, seed=1)).losses)


def test_it_ends_when_nothing_is_gained(model: Model) -> None:
    found = project(model, pictures(model, 1), replace(QUICK, steps=80, learning_rate=1e-9, patience=5))
    assert len(found.losses) == 60 + 2 * 5  # while it explores it is never flat


def test_every_step_is_reported(model: Model) -> None:
    told: list[Progress] = []
    found = project(model, pictures(model, 1, 2), replace(QUICK, steps=12), told.append)
    assert [progress.step for progress in told] == list(range(1, 13))
    assert torch.equal(torch.stack([progress.losses for progress in told]), found.losses)
    assert told[0].images.shape == (2, 3, 16, 16)


def test_closeness_holds_the_vectors_of_w_plus_together(model: Model) -> None:
    targets = pictures(model, 1)
    free, held = (
        project(model, targets, replace(QUICK, space=Space.W_PLUS, steps=60, closeness=closeness))
        for closeness in (0.0, 0.1)
    )
    assert scatter(held.latents.values) < scatter(free.latents.values) / 2


def test_noise_maps_are_looked_for_and_stay_noise(model: Model) -> None:
    torch.manual_seed(0)
    noise = tuple(torch.randn(1, 1, *maps.shape) for maps in model.generator.synthesis.constant_noise())
    truth = replace(model.to_w(model.latents([1])), noise_maps=noise)
    targets = model.generate(truth).clamp(-1, 1)
    without = project(model, targets, QUICK)
    found = project(model, targets, replace(QUICK, noise_maps=True))
    assert found.errors[0] < 0.9 * without.errors[0]
    assert noise_regularity(found.latents.noise_maps) < noise_regularity(noise) / 100
    assert torch.equal(model.generate(found.latents), found.images)
    for maps in found.latents.noise_maps:
        assert maps.mean().abs() < 1e-4
        assert maps.square().mean() == pytest.approx(1, abs=1e-3)


def test_the_learning_rate_rises_stays_and_falls() -> None:
    assert [ramp(progress) for progress in (0, 0.05, 0.5, 0.75)] == [0, 1, 1, 1]
    assert ramp(0.025) == pytest.approx(0.5)
    assert ramp(0.875) == pytest.approx(0.5)


def test_the_deviation_of_w_is_that_of_its_samples(model: Model) -> None:
    w = model.generator.mapping(torch.randn(20_000, 16))
    assert deviation_of_w(model) == pytest.approx(w.var(dim=0).mean().sqrt().item(), rel=0.03)


def test_models_without_styles_are_refused() -> None:
    dcgan = DCGAN(Generator(Architecture((8, 4), 4)), name="eyes", hash="")
    with pytest.raises(LatentError, match="eyes has no w to project a picture into"):
        project(dcgan, torch.zeros(1, 3, 8, 8))


def test_pictures_of_another_size_are_refused(model: Model) -> None:
    with pytest.raises(LatentError, match=r"\(1, 3, 8, 8\): tiny makes \(N, 3, 16, 16\)"):
        project(model, torch.zeros(1, 3, 8, 8))


def test_a_loss_that_is_no_number_is_an_error(model: Model) -> None:
    with pytest.raises(LatentError, match="lower the learning rate"):
        project(model, pictures(model, 1), replace(QUICK, learning_rate=1e30))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": Space.Z}, "space z: pictures are projected into w or w"),
        ({"steps": 0}, "steps 0: expected more than 0"),
        ({"learning_rate": float("nan")}, "learning rate nan"),
        ({"closeness": -1.0}, "closeness -1.0: expected 0 or more"),
        ({"patience": -1}, "patience -1"),
    ],
)
def test_settings_that_mean_nothing_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(LatentError, match=message):
        Settings(**change)


def test_an_encoder_that_is_not_there_is_an_error(model: Model) -> None:
    with pytest.raises(LatentError, match="no encoder comes with tiny"):
        project(model, pictures(model, 1), replace(QUICK, start=Start.ENCODER))


def test_lpips_that_is_not_there_is_an_error(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netbend.latents.projection.perceptual.find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"perceptual lpips: the package is not installed"):
        project(model, pictures(model, 1), replace(QUICK, perceptual=Perceptual.LPIPS))
    found = project(model, pictures(model, 1), replace(QUICK, steps=1, perceptual=Perceptual.AUTO))
    assert found.loss == "contrast"


def test_noise_maps_of_another_model_are_refused(model: Model) -> None:
    w = model.to_w(model.latents([1]))
    with pytest.raises(LatentError, match=r"noise maps of 4x4: tiny takes 4x4, 8x8, 8x8, 16x16, 16x16"):
        model.generate(Latents(Space.W, w.values, (1,), (torch.zeros(1, 1, 4, 4),)))


def test_lpips_is_taken_where_it_is_at_hand(
    model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a stand-in for the package, which compares mean colours."""

    class Distance(torch.nn.Module):
        def forward(self, ours: Tensor, theirs: Tensor) -> Tensor:
            return (ours.mean(dim=(2, 3)) - theirs.mean(dim=(2, 3))).square().sum(dim=1)[:, None, None, None]

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("netbend.latents.projection.perceptual.find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "lpips", SimpleNamespace(LPIPS=lambda **_: Distance()))
    with pytest.raises(ModelError, match=r"weights of its VGG16 are not there .*vgg16-397923af\.pth"):
        loss_of(Perceptual.LPIPS, torch.device("cpu"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "vgg16-397923af.pth").touch()
    loss = loss_of(Perceptual.AUTO, torch.device("cpu"))
    black, white = torch.full((2, 3, 16, 16), -1.0), torch.ones(2, 3, 16, 16)
    assert loss(black, white).tolist() == [4 + 12, 4 + 12]
    assert (
        project(model, pictures(model, 1), replace(QUICK, steps=1, perceptual=Perceptual.AUTO)).loss
        == "lpips"
    )
