"""A likeness in few steps: L-BFGS where w is as likely in all directions, through a preview if there is one.

In units of w's own covariance, a step goes where faces differ; in w itself it would soon leave them, and
textures be lost. Where it begins with one w, what that alone cannot show is left to w+, from there.
"""

from typing import Any

import torch
from torch import Tensor

from netbend.choices import Space
from netbend.latents.projection.encoder import reduced
from netbend.latents.projection.lbfgs import Lbfgs
from netbend.latents.projection.losses import scatter
from netbend.latents.projection.network import descended, previewed
from netbend.latents.projection.perceptual import loss_of
from netbend.latents.projection.settings import Settings
from netbend.latents.projection.start import encoder_of, sampled_w, start_of
from netbend.models.base import Latents
from netbend.models.styled import StyledModel

IN_W = 0.65  # of the steps that begin with one w, before those in w+
FIRST_STEP = 2.0  # deviations of w, over all dimensions
MIN_GAIN = 0.01  # of a loss; less is flat
MIN_VARIANCE = 1e-3  # of a direction, in parts of the mean of all


def flat(losses: list[Tensor], patience: int) -> bool:
    """Whether the last so many of some steps' losses `(N,)` gained less than 1 in 100; never for 0."""
    if not patience or len(losses) < 2 * patience:
        return False
    before = torch.stack(losses[-2 * patience : -patience]).amin(dim=0)
    lately = torch.stack(losses[-patience:]).amin(dim=0)
    return bool((lately > before * (1 - MIN_GAIN)).all())


class QuickSearch:
    """Points in units of w's covariance, from its mean; the best so far."""

    def __init__(self, model: StyledModel[Any], targets: Tensor, settings: Settings, steps: int):
        self.model, self.targets, self.settings = model, targets, settings
        self.network, self.dtype = previewed(model) or descended(model)
        self.loss = loss_of(settings.perceptual, targets.device)
        encoder = encoder_of(model, settings.start)
        self.start = "mean" if encoder is None else "encoder"
        w = sampled_w(model)
        self.deviation = (w - w.mean(dim=0)).square().mean().sqrt()
        start = start_of(model, targets, settings.space, encoder, deviation=self.deviation)
        apart = bool((start != start[:, :1]).any())
        start = start if apart else start[:, :1]
        self.root, self.inverse = roots_of_covariance(w)
        self.noise = [maps.to(self.dtype) for maps in model.generator.synthesis.constant_noise()]
        self.search = Lbfgs((start - model.generator.central_w) @ self.inverse, FIRST_STEP)
        in_w = 0 if apart else round(IN_W * steps)
        self.widened = in_w if settings.space == Space.W_PLUS else steps
        self.seen = targets

    def step(self, step: int) -> tuple[Tensor, Tensor]:
        """Look at the next point. Returns its images, of the preview if there is one, and losses `(N,)`."""
        if step == self.widened and step:
            wide = self.search.point.expand(-1, self.model.style_count, -1)
            self.search = Lbfgs(wide.contiguous(), FIRST_STEP)
        point = self.search.trial.detach().requires_grad_()
        w = self._w(point)
        images = self.network(w.expand(-1, self.model.style_count, -1).to(self.dtype), self.noise).float()
        self.seen = reduced(self.seen, images.shape[-1])
        losses = self.loss(images, self.seen) + self.settings.closeness * scatter(w / self.deviation)
        (gradient,) = torch.autograd.grad(losses.sum(), point)
        if losses.isfinite().all():
            self.search.tell(losses.detach(), gradient)
        return images.detach(), losses.detach()

    def is_flat(self, losses: list[Tensor]) -> bool:
        """Whether no picture has gained anything worth the time lately, in w+."""
        return flat(losses[self.widened :], self.settings.patience)

    def found(self) -> Latents:
        """The best of what was seen."""
        w = self._w(self.search.point).detach()
        if self.settings.space == Space.W:
            return Latents(Space.W, w[:, 0], tuple(range(len(w))))
        return Latents(Space.W_PLUS, w.expand(-1, self.model.style_count, -1), tuple(range(len(w))))

    def _w(self, point: Tensor) -> Tensor:
        return self.model.generator.central_w + point @ self.root


def roots_of_covariance(w: Tensor) -> tuple[Tensor, Tensor]:
    """The symmetric root of the covariance of w `(n, D)`, and its inverse, `(D, D)` each."""
    offsets = (w - w.mean(dim=0)).cpu().double()  # not every device has doubles
    variances, directions = torch.linalg.eigh(offsets.T @ offsets / len(w))
    deviations = variances.clamp(min=float(MIN_VARIANCE * variances.mean())).sqrt()
    root, inverse = ((directions * scale) @ directions.T for scale in (deviations, 1 / deviations))
    return root.to(w), inverse.to(w)
