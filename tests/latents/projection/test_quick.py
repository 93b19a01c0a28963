"""A likeness in few steps."""

from dataclasses import replace

import pytest
import torch

from netbend.choices import Optimizer, Perceptual, Space, Start
from netbend.latents.projection import quick
from netbend.latents.projection import settings as bounds
from netbend.latents.projection.lbfgs import Lbfgs
from netbend.latents.projection.losses import pixel_loss
from netbend.latents.projection.network import descended
from netbend.latents.projection.project import project, resolved
from netbend.latents.projection.quick import roots_of_covariance
from netbend.latents.projection.settings import Settings
from netbend.models.base import Model, SynthesisOptions

LBFGS = Settings(optimizer=Optimizer.LBFGS, steps=12, perceptual=Perceptual.PIXEL)


def test_lbfgs_comes_to_the_lowest_point_of_each_bowl() -> None:
    """Two bowls, one of them 100 times as steep one way as the other: at most 30 looks each."""
    lowest = torch.tensor([[[1.0, -2.0, 3.0]], [[-1.0, 0.5, 0.0]]])
    steepness = torch.tensor([[[1.0, 10.0, 100.0]], [[1.0, 1.0, 1.0]]])
    search = Lbfgs(torch.zeros(2, 1, 3), first=1.0)
    for _ in range(30):
        away = search.trial - lowest
        search.tell((steepness * away.square()).sum(dim=(1, 2)), 2 * steepness * away)
    torch.testing.assert_close(search.point, lowest, atol=1e-3, rtol=0)


def test_lbfgs_never_takes_a_step_that_does_not_pay() -> None:
    """On a loss with many valleys, the point's loss only falls."""
    search, seen = Lbfgs(torch.full((1, 1, 2), 2.0), first=3.0), []
    for _ in range(25):
        point = search.trial.requires_grad_()
        losses = (point.square() + 2 * torch.cos(5 * point)).sum(dim=(1, 2))
        (gradient,) = torch.autograd.grad(losses.sum(), point)
        search.tell(losses.detach(), gradient)
        seen.append(search.losses.item())
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] < seen[0] - 3


def test_points_of_a_batch_do_not_touch_each_other() -> None:
    def after(points: torch.Tensor) -> torch.Tensor:
        search = Lbfgs(points, first=1.0)
        for _ in range(6):
            losses = (search.trial - 1).pow(4).sum(dim=(1, 2))
            search.tell(losses, 4 * (search.trial - 1).pow(3))
        return search.point

    points = torch.tensor([[[3.0, 0.0]], [[-2.0, 5.0]]])
    torch.testing.assert_close(after(points), torch.cat([after(points[:1]), after(points[1:])]))


def test_the_root_times_itself_is_the_covariance() -> None:
    torch.manual_seed(0)
    w = torch.randn(5000, 4) @ torch.tensor([[2.0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0.5, 0], [0, 0, 0.2, 1]])
    root, inverse = roots_of_covariance(w)
    torch.testing.assert_close(root @ root, torch.cov(w.T, correction=0), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(root @ inverse, torch.eye(4), atol=1e-4, rtol=0)


@pytest.mark.parametrize("space", [Space.W, Space.W_PLUS])
def test_twelve_steps_halve_the_loss_of_the_mean(model: Model, space: Space) -> None:
    targets = model.generate(model.latents([1, 2]), SynthesisOptions(truncation_psi=0.8)).clamp(-1, 1)
    mean = model.generate(model.latents([0]), SynthesisOptions(truncation_psi=0.0)).expand_as(targets)
    found = project(model, targets, replace(LBFGS, space=space))
    assert found.latents.space is space
    assert found.losses.shape == (12, 2)
    assert (pixel_loss(found.images, targets) < pixel_loss(mean, targets) / 2).all()


def test_the_first_two_thirds_of_the_steps_are_in_w(model: Model) -> None:
    targets = torch.rand(1, 3, 16, 16) * 2 - 1
    search = quick.QuickSearch(model, targets, LBFGS, 10)
    for step in range(6):
        search.step(step)
    assert search.found().values.std(dim=1).max() < 1e-6  # one w for all layers
    for step in range(6, 10):
        search.step(step)
    assert search.found().values.std(dim=1).max() > 1e-3


@pytest.mark.parametrize(
    ("size", "noise_maps", "encoder", "expected"),
    [
        (1, False, object(), (Optimizer.LBFGS, bounds.FEW_STEPS)),
        (1, True, object(), (Optimizer.ADAM, bounds.STEPS)),
        (1, False, None, (Optimizer.ADAM, bounds.STEPS)),
        (256, False, object(), (Optimizer.ADAM, bounds.STEPS)),
    ],
)
def test_few_steps_are_made_where_an_encoder_begins_and_pictures_are_large(
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    noise_maps: bool,
    encoder: object,
    expected: tuple[Optimizer, int],
) -> None:
    """size: up to which pictures are small."""
    from netbend.latents.projection import project as module

    monkeypatch.setattr(module, "MAX_QUICK_SIZE", size)
    monkeypatch.setattr(module, "encoder_of", lambda *_: encoder)
    found = resolved(Settings(noise_maps=noise_maps), model)
    assert (found.optimizer, found.steps) == expected
    assert resolved(Settings(noise_maps=noise_maps, steps=7), model).steps == 7
    chosen = resolved(Settings(optimizer=Optimizer.ADAM, start=Start.MEAN), model)
    assert (chosen.optimizer, chosen.steps) == (Optimizer.ADAM, bounds.STEPS)


def test_large_pictures_are_descended_in_bfloat16_where_that_is_faster(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netbend.latents.projection import network as module

    assert descended(model) == (model.network, torch.float32)
    monkeypatch.setattr(module, "MAX_QUICK_SIZE", 8)
    monkeypatch.setattr(module, "is_faster_in_bfloat16", lambda _: False)
    assert descended(model) == (model.network, torch.float32)
    monkeypatch.setattr(module, "is_faster_in_bfloat16", lambda _: True)
    network, dtype = descended(model)
    assert dtype is torch.bfloat16
    assert next(network.parameters()).dtype is torch.bfloat16
    assert next(model.network.parameters()).dtype is torch.float32
    targets = model.generate(model.latents([1]), SynthesisOptions(truncation_psi=0.8)).clamp(-1, 1)
    found = project(model, targets, LBFGS)
    assert found.losses[-4:].min() < found.losses[0] / 2
