"""What cameras, files and rooms do to pictures, so that networks trained on clean ones bear it."""

import torch
from torch import Tensor
from torch.nn import functional as F


def photographed(images: Tensor, random: torch.Generator, light: float = 1.0) -> Tensor:
    """Images `(N, 3, H, W)`, -1 to 1, under another light and another lens, each its own.

    light: how far light and colours are another.
    """
    count = len(images)

    def drawn(low: float, high: float, channels: int = 1) -> Tensor:
        drawn = torch.rand(count, channels, 1, 1, generator=random, device=random.device)
        return low + (high - low) * drawn

    def lit(low: float, high: float, channels: int = 1) -> Tensor:
        return drawn(1 + light * (low - 1), 1 + light * (high - 1), channels)

    images = images * 0.5 + 0.5
    images = images.clamp(0, 1) ** torch.exp(light * drawn(-0.5, 0.5))  # gamma
    images = images * lit(0.7, 1.25) * lit(0.88, 1.12, 3)  # exposure, white balance
    images = (images - 0.45) * lit(0.7, 1.3) + 0.45 + light * drawn(-0.05, 0.05)
    grey = images.mean(dim=1, keepdim=True)
    coloured = drawn(0, 1) > 0.05 * light  # some have no colour at all
    images = grey + (images - grey) * lit(0.5, 1.4) * coloured
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    images = images + (soft - images) * drawn(-0.5, 1)  # out of focus, or sharpened
    noise = torch.randn(images.shape, generator=random, device=random.device) * drawn(0, 0.05)
    return ((images + noise).clamp(0, 1) - 0.5) * 2


def turned(images: Tensor, centre: Tensor, right: Tensor, size: int) -> Tensor:
    """The squares of images `(N, C, H, W)`, of `size` pixels, mirrored beyond the edges.

    centre `(N, 2)`: of each, in half sides of the image from its centre. right `(N, 2)`: the way from
    there to the middle of its right side.
    """
    down = torch.stack([-right[:, 1], right[:, 0]], dim=1)
    matrix = torch.stack([right, down, centre], dim=2)
    grid = F.affine_grid(matrix, [len(images), images.shape[1], size, size], align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def moved(images: Tensor, random: torch.Generator, light: float) -> Tensor:
    """Images `(N, C, H, H)` as alignment and cameras leave them."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(len(images), *shape, generator=random, device=images.device)

    half, angle = torch.exp(0.03 * normal()), 0.03 * normal()
    right = half[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    return photographed(turned(images, 0.02 * normal(2), right, images.shape[-1]), random, light)


def before(faces: Tensor, others: Tensor, random: torch.Generator) -> Tensor:
    """Faces `(N, C, H, H)` within soft ovals, each its own, before other pictures."""
    line = torch.linspace(-1, 1, faces.shape[-1], device=faces.device)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    drawn = torch.rand(len(faces), 4, 1, 1, generator=random, device=random.device)
    wide, tall, edge, low = drawn.unbind(dim=1)
    away = (columns / (0.5 + 0.5 * wide)) ** 2 + ((rows - 0.1 - 0.1 * low) / (0.7 + 0.4 * tall)) ** 2
    mask = ((1 - away) / (0.05 + 0.4 * edge) + 0.5).clamp(0, 1)[:, None]
    return others + mask * (faces - others)
