"""L-BFGS for several points at once, each by its own loss (Liu and Nocedal 1989).

One evaluation a step, no line search: a step that does not pay is taken back and tried shorter.
"""

import torch
from torch import Tensor

MEMORY = 10  # of past steps
SHORTER = 0.3
MIN_CURVATURE = 1e-10


class Lbfgs:
    """Points `(N, V, D)` on their way down.

    point: the best so far. trial: where to look next; `tell` it what is there.
    """

    def __init__(self, point: Tensor, first: float):
        """first: length of the first step, over all of a point."""
        self.point = self.trial = point
        self.first = first
        self.losses = torch.full((len(point),), torch.inf, device=point.device)
        self.gradient = torch.zeros_like(point)
        self.length = torch.ones(len(point), 1, 1, device=point.device)
        self.steps: list[Tensor] = []
        self.bends: list[Tensor] = []  # how the gradient changed over each step

    def tell(self, losses: Tensor, gradient: Tensor) -> None:
        """The losses `(N,)` and gradients `(N, V, D)` at the trial; sets the next."""
        better = (losses < self.losses)[:, None, None]
        if self.losses.isfinite().all():
            zero = torch.zeros_like(gradient)
            self.steps.append(torch.where(better, self.trial - self.point, zero))
            self.bends.append(torch.where(better, gradient - self.gradient, zero))
            self.steps, self.bends = self.steps[-MEMORY:], self.bends[-MEMORY:]
            self.length = torch.where(better, 1.0, self.length * SHORTER)
        self.point = torch.where(better, self.trial, self.point)
        self.gradient = torch.where(better, gradient, self.gradient)
        self.losses = torch.where(better[:, 0, 0], losses, self.losses)
        self.trial = self.point - self.length * self._direction()

    def _direction(self) -> Tensor:
        """The two loops of algorithm 7.4 in Nocedal and Wright, with nothing learnt: down the gradient."""
        direction, weights = self.gradient, []
        scale = self.first / _dot(direction, direction).sqrt().clamp(min=1e-20)
        pairs = list(zip(self.steps, self.bends, strict=True))
        for step, bend in reversed(pairs):
            weight = _curvature(step, bend) * _dot(step, direction)
            direction = direction - weight * bend
            weights.append(weight)
        for step, bend in pairs:  # that of the newest step that taught something
            curvature = _dot(step, bend)
            known = curvature > MIN_CURVATURE
            scale = torch.where(known, curvature / _dot(bend, bend).clamp(min=1e-20), scale)
        direction = direction * scale
        for (step, bend), weight in zip(pairs, reversed(weights), strict=True):
            direction = direction + step * (weight - _curvature(step, bend) * _dot(bend, direction))
        return direction


def _curvature(step: Tensor, bend: Tensor) -> Tensor:
    """What a step weighs: nothing where it was not made, or taught nothing."""
    curvature = _dot(step, bend)
    return torch.where(curvature > MIN_CURVATURE, 1 / curvature.clamp(min=MIN_CURVATURE), 0)


def _dot(one: Tensor, other: Tensor) -> Tensor:
    return (one * other).sum(dim=(1, 2), keepdim=True)
