"""Finding the latent of a picture by descending the loss between it and what the model generates.

After Karras et al. 2020 (StyleGAN2, arXiv 1912.04958, appendix D), who look for one w and noise maps,
and Abdal et al. 2019 (Image2StyleGAN, arXiv 1904.03189), who look for w+, one vector a layer.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, pi, sqrt
from typing import Any

import torch
from torch import Tensor

from netbend.choices import Optimizer, Space
from netbend.errors import LatentError
from netbend.latents.projection.losses import noise_regularity, rmse, scatter
from netbend.latents.projection.network import descended
from netbend.latents.projection.perceptual import loss_of
from netbend.latents.projection.quick import QuickSearch, flat
from netbend.latents.projection.settings import FEW_STEPS, MAX_QUICK_SIZE, STEPS, Settings
from netbend.latents.projection.start import CORRECTIONS, deviation_of_w, encoder_of, start_of
from netbend.models.base import Latents, Model
from netbend.models.styled import StyledModel

# Appendix D, in parts of the steps: the learning rate rises, and at the end falls.
WARM_UP, SETTLING = 0.05, 0.25
EXPLORATION = 0.05  # appendix D, in lengths of w's deviation over all dimensions
NOISE_WEIGHT = 1e5  # appendix D


@dataclass(frozen=True)
class Progress:
    """Where a projection is.

    step: from 1. losses: `(N,)`. images: `(N, C, H, H)`, as this step saw them; smaller than the model's
    where it looked at a preview.
    """

    step: int
    losses: Tensor
    images: Tensor


@dataclass(frozen=True)
class Projection:
    """What was found for N pictures.

    latents: of the space asked for, with noise maps if they were looked for. images, targets:
    `(N, C, size, size)`, -1 to 1. losses: `(steps, N)`, of as many steps as were made. loss, start:
    which they were. interrupted: whether somebody stopped it.
    """

    latents: Latents
    images: Tensor
    targets: Tensor
    losses: Tensor
    loss: str
    start: str
    interrupted: bool = False

    @property
    def errors(self) -> list[float]:
        """Root mean square difference of the pixels, one number a picture, in levels of 0 to 255."""
        errors: list[float] = rmse(self.images, self.targets).tolist()
        return errors


def project(
    model: Model,
    targets: Tensor,
    settings: Settings = Settings(),
    report: Callable[[Progress], None] = lambda _: None,
) -> Projection:
    """The latents from which a model with styles best generates pictures.

    targets: `(N, C, size, size)` as the model generates them, -1 black to 1 white. report: is told of
    every step. The same settings give the same latents; pictures of a batch do not touch each other,
    except that all go on until none gains. Ctrl-C ends it with what was found so far.
    Raises LatentError for models without styles, and for targets that are not of the model's shape.
    """
    styled = with_styles(model)
    settings = resolved(settings, styled)
    steps = settings.steps or 0
    kind = QuickSearch if settings.optimizer == Optimizer.LBFGS else _Search
    search = kind(styled, _checked(styled, targets), settings, steps)
    losses: list[Tensor] = []
    interrupted = False
    try:
        while len(losses) < steps and not search.is_flat(losses):
            images, loss = search.step(len(losses))
            if not loss.isfinite().all():
                raise LatentError(f"projection: the loss became {loss.max().item()}; lower the learning rate")
            losses.append(loss)
            report(Progress(len(losses), loss, images))
    except KeyboardInterrupt:
        if not losses:
            raise
        interrupted = True
    latents = search.found()
    return Projection(
        latents,
        styled.generate(latents),
        search.targets,
        torch.stack(losses).cpu(),
        search.loss.kind.value,
        search.start,
        interrupted,
    )


def resolved(settings: Settings, model: StyledModel[Any]) -> Settings:
    """The settings with what depends on the model: the optimizer, and how many steps it makes."""
    optimizer = settings.optimizer
    if optimizer == Optimizer.AUTO:
        large = model.generator.architecture.size > MAX_QUICK_SIZE
        quick = large and not settings.noise_maps and encoder_of(model, settings.start) is not None
        optimizer = Optimizer.LBFGS if quick else Optimizer.ADAM
    steps = settings.steps or (FEW_STEPS if optimizer == Optimizer.LBFGS else STEPS)
    return replace(settings, optimizer=optimizer, steps=steps)


def with_styles(model: Model) -> StyledModel[Any]:
    """The model as one with styles. Raises LatentError for others."""
    if not isinstance(model, StyledModel):
        raise LatentError(
            f"{model.name} has no w to project a picture into; models of StyleGAN2 and MobileStyleGAN have"
        )
    return model


def _checked(model: StyledModel[Any], targets: Tensor) -> Tensor:
    architecture = model.generator.architecture
    expected = (architecture.channels, architecture.size, architecture.size)
    if targets.ndim != 4 or tuple(targets.shape[1:]) != expected or len(targets) == 0:
        raise LatentError(
            f"pictures of shape {tuple(targets.shape)}: {model.name} makes (N, {str(expected)[1:]}"
        )
    return targets.to(model.generator.w_mean)


class _Search:
    """A point in units of w's deviation from its mean, noise maps, and the best of both so far."""

    def __init__(self, model: StyledModel[Any], targets: Tensor, settings: Settings, steps: int):
        self.model, self.targets, self.settings, self.steps = model, targets, settings, steps
        self.loss = loss_of(settings.perceptual, targets.device)
        self.deviation = deviation_of_w(model)
        encoder = encoder_of(model, settings.start)
        self.start = "mean" if encoder is None else "encoder"
        self.exploration = 0.0 if encoder else EXPLORATION * sqrt(model.generator.architecture.w_dim)
        start = start_of(model, targets, settings.space, encoder, CORRECTIONS, self.deviation)
        self.network, self.dtype = descended(model)
        self.point = ((start - model.generator.central_w) / self.deviation).requires_grad_()
        self.noise = [
            maps.expand(len(targets), 1, *maps.shape).clone().requires_grad_(settings.noise_maps)
            for maps in model.generator.synthesis.constant_noise()
        ]
        self.learned = [self.point, *self.noise] if settings.noise_maps else [self.point]
        self.optimizer = torch.optim.Adam(self.learned)
        self.random = [torch.Generator().manual_seed(settings.seed) for _ in targets]
        self.best_loss = torch.full((len(targets),), torch.inf, device=targets.device)
        self.best = [part.detach().clone() for part in self.learned]

    def step(self, step: int) -> tuple[Tensor, Tensor]:
        """Descend once. Returns images and losses `(N,)` from before."""
        progress = step / self.steps
        reach = self.exploration * max(0.0, 1 - progress / (1 - SETTLING)) ** 2
        point = self.point + reach * self._direction() if reach else self.point
        noise = [maps.to(self.dtype) for maps in self.noise]
        images = self.network(self._w_plus(point).to(self.dtype), noise).float()
        losses = self.loss(images, self.targets) + self.settings.closeness * scatter(point)
        self._remember(losses.detach(), exploring=bool(reach))
        penalty = NOISE_WEIGHT * noise_regularity(self.noise) if self.settings.noise_maps else 0
        self.optimizer.param_groups[0]["lr"] = self.settings.learning_rate * ramp(progress)
        self.optimizer.zero_grad()
        (losses + penalty).sum().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        if self.settings.noise_maps:
            self._normalize_noise()
        return images.detach(), losses.detach()

    def is_flat(self, losses: list[Tensor]) -> bool:
        """Whether no picture has gained anything worth the time lately. losses: of the steps so far."""
        exploring = int((1 - SETTLING) * self.steps) if self.exploration else 0
        return flat(losses[exploring:], self.settings.patience)

    def found(self) -> Latents:
        """The best of what was seen."""
        point, *noise = self.best
        w = self.model.generator.central_w + self.deviation * point
        values = w[:, 0] if self.settings.space == Space.W else w
        noise_maps = tuple(noise) if self.settings.noise_maps else None
        return Latents(self.settings.space, values, tuple(range(len(w))), noise_maps)

    def _w_plus(self, point: Tensor) -> Tensor:
        w = self.model.generator.central_w + self.deviation * point
        return w.expand(-1, self.model.generator.architecture.latent_count, -1)

    def _direction(self) -> Tensor:
        """Random numbers of each picture's own, so that those of a batch are those of a single one."""
        shape = self.point.shape[1:]
        return torch.stack([torch.randn(shape, generator=random) for random in self.random]).to(self.point)

    def _remember(self, losses: Tensor, exploring: bool) -> None:
        """The latest point while exploring, since its losses are those of points beside it; then the best."""
        better = losses < torch.inf if exploring else losses < self.best_loss
        if not exploring:
            self.best_loss = torch.where(better, losses, self.best_loss)
        for best, part in zip(self.best, self.learned, strict=True):
            best[better] = part.detach()[better]

    @torch.no_grad()
    def _normalize_noise(self) -> None:
        for maps in self.noise:
            maps -= maps.mean(dim=(1, 2, 3), keepdim=True)
            maps *= maps.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()


def ramp(progress: float) -> float:
    """The learning rate's factor at some part of the steps: up linearly, at the end down a cosine."""
    return min(1.0, progress / WARM_UP) * (1 - cos(pi * min(1.0, (1 - progress) / SETTLING))) / 2
