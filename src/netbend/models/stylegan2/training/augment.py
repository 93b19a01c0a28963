"""Differentiable augmentation of what the discriminator sees (Karras et al., arXiv 2006.06676).

Real and generated images go through the same random changes, each made with probability p,
so a small set of pictures cannot be learnt by heart and the changes do not leak into what
the generator draws as long as p stays below about 0.8.
"""

from math import log, pi

import torch
from torch import Tensor
from torch.nn import functional as F


def augment(images: Tensor, probability: float | Tensor, random: torch.Generator) -> Tensor:
    """Move, turn, resize and recolour images `(N, 3, H, W)` in [-1, 1], each with the given probability.

    probability: a tensor is not looked at, so that the device need not be waited for.
    """
    if isinstance(probability, float) and probability <= 0:
        return images
    return _recolour(_warp(images, probability, random), probability, random)


def _warp(images: Tensor, probability: float | Tensor, random: torch.Generator) -> Tensor:
    n, device = len(images), images.device

    def draw(spread: float) -> Tensor:
        """Normal values, zero for the samples that the change passes over."""
        chosen = torch.rand(n, generator=random, device=device) < probability
        return torch.randn(n, generator=random, device=device) * spread * chosen

    flip = 1 - 2 * (torch.rand(n, generator=random, device=device) < probability / 2).float()
    size_x, size_y = (draw(0.2 * log(2)).exp(), draw(0.2 * log(2)).exp())
    both = draw(0.2 * log(2)).exp()
    angle = draw(pi / 12)
    matrix = torch.zeros(n, 2, 3, device=device)
    matrix[:, 0, 0], matrix[:, 0, 1] = flip * both * size_x * angle.cos(), -both * size_x * angle.sin()
    matrix[:, 1, 0], matrix[:, 1, 1] = flip * both * size_y * angle.sin(), both * size_y * angle.cos()
    matrix[:, 0, 2], matrix[:, 1, 2] = draw(0.125), draw(0.125)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _recolour(images: Tensor, probability: float | Tensor, random: torch.Generator) -> Tensor:
    def draw(spread: float) -> Tensor:
        n = len(images)
        chosen = torch.rand(n, 1, 1, 1, generator=random, device=images.device) < probability
        return torch.randn(n, 1, 1, 1, generator=random, device=images.device) * spread * chosen

    images = images + draw(0.2)
    images = images * draw(0.5 * log(2)).exp()
    grey = images.mean(dim=1, keepdim=True)
    return grey + (images - grey) * draw(0.5 * log(2)).exp()


class AdaptiveProbability:
    """Raises the probability while the discriminator is too sure of the real images (section 3.1).

    Its sign on real images, averaged, says how much it overfits: 0 not at all, 1 entirely.
    """

    def __init__(
        self,
        target: float = 0.6,
        kimg_to_one: float = 100.0,
        value: float = 0.0,
        device: torch.device | str = "cpu",
    ):
        self.target = target
        self.kimg_to_one = kimg_to_one
        self.value = torch.tensor(value, dtype=torch.float64, device=device)
        self.overfitting = torch.zeros_like(self.value)

    def update(self, mean_sign: Tensor, images: int) -> None:
        """mean_sign: of the logits of so many real images."""
        self.overfitting.lerp_(mean_sign.to(self.overfitting), 0.02)
        step = images / (self.kimg_to_one * 1000)
        towards = (self.overfitting > self.target).to(self.value) * 2 - 1
        self.value.add_(towards * step).clamp_(0.0, 0.8)
