"""How unlike two pictures are: one number for each picture of a batch."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

SMALLEST = 8  # side at which pictures are no longer halved


def pixel_loss(images: Tensor, targets: Tensor) -> Tensor:
    """Mean square difference of the pixels, averaged over the picture and its halvings, `(N,)`.

    images, targets: `(N, C, H, W)`, -1 black to 1 white. Coarse scales weigh as much as fine ones, so
    that a face a few pixels off is nearer than none.
    """
    difference, losses = images - targets, []
    while True:
        losses.append(difference.square().mean(dim=(1, 2, 3)))
        if min(difference.shape[2:]) < 2 * SMALLEST:
            return torch.stack(losses).mean(dim=0)
        difference = F.avg_pool2d(difference, 2)


def rmse(images: Tensor, targets: Tensor) -> Tensor:
    """Root mean square difference of the pixels `(N,)`, in levels of 0 to 255."""
    return (images.clamp(-1, 1) - targets.clamp(-1, 1)).square().mean(dim=(1, 2, 3)).sqrt() * 127.5


def scatter(w: Tensor) -> Tensor:
    """How far the vectors of w+ `(N, L, D)` lie from their mean: mean square, `(N,)`."""
    return (w - w.mean(dim=1, keepdim=True)).square().mean(dim=(1, 2))


def noise_regularity(noise: Sequence[Tensor]) -> Tensor:
    """How much neighbouring values of noise maps `(N, 1, H, W)` are alike, at all scales, `(N,)`.

    Keeps pictures out of the noise (StyleGAN2, appendix D).
    """
    total = torch.zeros(len(noise[0]), device=noise[0].device)
    for maps in noise:
        while min(maps.shape[2:]) >= SMALLEST:
            for dimension in (2, 3):
                alike = (maps * maps.roll(1, dims=dimension)).mean(dim=(1, 2, 3))
                total = total + alike.square()
            maps = F.avg_pool2d(maps, 2)
    return total


LEAST_CONTRAST = 0.05  # below it differences of contrast do not count: an eighth of a step is not seen


def contrast_loss(images: Tensor, targets: Tensor) -> Tensor:
    """Distance of normalised Laplacian pyramids, `(N,)` (Laparra et al. 2016, section 3).

    Each scale's detail is divided by its mean strength nearby, as the eye adapts: a faint line on a
    smooth cheek counts as much as a strong one in hair.
    """
    losses = []
    for ours, theirs in zip(_details(images), _details(targets), strict=True):
        losses.append((_adapted(ours) - _adapted(theirs)).square().mean(dim=(1, 2, 3)))
    return torch.stack(losses).mean(dim=0)


def _details(images: Tensor) -> list[Tensor]:
    """What each halving of a picture loses."""
    details = []
    while True:
        coarse = F.avg_pool2d(images, 2)
        details.append(images - F.interpolate(coarse, scale_factor=2, mode="bilinear"))
        if min(coarse.shape[2:]) < 2 * SMALLEST:
            return details
        images = coarse


def _adapted(detail: Tensor) -> Tensor:
    nearby = F.avg_pool2d(detail.abs().mean(dim=1, keepdim=True), 5, stride=1, padding=2)
    return detail / (LEAST_CONTRAST + nearby)


def feature_loss(features: Callable[[Tensor], Sequence[Tensor]], images: Tensor, targets: Tensor) -> Tensor:
    """Distance of a network's maps, `(N,)`: of unit length at each place, as in LPIPS (arXiv 1801.03924)."""
    losses = []
    for ours, theirs in zip(features(images), features(targets), strict=True):
        difference = F.normalize(ours, dim=1) - F.normalize(theirs, dim=1)
        losses.append(difference.square().sum(dim=1).mean(dim=(1, 2)))
    return torch.stack(losses).mean(dim=0)
