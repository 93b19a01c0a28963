"""Losses of StyleGAN2 (Karras et al., arXiv 1912.04958, sections 3 and B)."""

from math import sqrt

import torch
from torch import Tensor
from torch.nn import functional as F


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Non-saturating logistic loss."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def r1_penalty(real_logits: Tensor, real_images: Tensor) -> Tensor:
    """Mean squared gradient of the logits at real images, which must require gradients."""
    (gradient,) = torch.autograd.grad(real_logits.sum(), real_images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


class PathLength:
    """Keeps steps in w and steps in the image proportional (section 3.2, equation 4)."""

    def __init__(self, device: torch.device | str = "cpu"):
        self.mean = torch.zeros((), device=device)

    def penalty(self, images: Tensor, w: Tensor, random: torch.Generator) -> Tensor:
        """images: drawn from w `(N, latent_count, w_dim)`, which must require gradients."""
        height, width = images.shape[2:]
        direction = torch.randn(images.shape, generator=random, device=images.device) / sqrt(height * width)
        (gradient,) = torch.autograd.grad((images * direction).sum(), w, create_graph=True)
        lengths = gradient.square().sum(dim=2).mean(dim=1).sqrt()
        self.mean.lerp_(lengths.detach().mean().to(self.mean), 0.01)
        return (lengths - self.mean).square().mean()
