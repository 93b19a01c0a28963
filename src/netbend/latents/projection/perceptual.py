"""What is compared besides the pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.choices import Perceptual, choose
from netbend.errors import ModelError
from netbend.latents.projection.losses import contrast_loss, pixel_loss

LARGEST = 256  # side at which pictures are compared (StyleGAN2, appendix D), but for their pixels
CONTRAST_WEIGHT = 0.3  # docs/projecting.md compares
LPIPS_WEIGHT = 1.0
VGG_WEIGHTS = "vgg16-397923af.pth"  # as torchvision names them

PictureLoss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """Pixels, and something else unless that is None. kind: what else."""

    kind: Perceptual
    perceptual: PictureLoss | None = None
    weight: float = 0.0

    def __call__(self, images: Tensor, targets: Tensor) -> Tensor:
        """images, targets: `(N, C, H, W)`, -1 to 1. Returns one number each, `(N,)`."""
        loss = pixel_loss(images, targets)
        if self.perceptual is None:
            return loss
        return loss + self.weight * self.perceptual(_reduced(images), _reduced(targets))


def loss_of(kind: Perceptual, device: torch.device) -> Loss:
    """The loss of a kind. Raises ModelError for LPIPS where it or its weights are missing."""
    kind = choose(Perceptual, kind, "perceptual")
    if kind is Perceptual.PIXEL:
        return Loss(kind)
    if kind is Perceptual.LPIPS or (kind is Perceptual.AUTO and not lpips_lacks()):
        return Loss(Perceptual.LPIPS, _lpips(device), LPIPS_WEIGHT)
    return Loss(Perceptual.CONTRAST, contrast_loss, CONTRAST_WEIGHT)


def lpips_lacks() -> str | None:
    """What LPIPS lacks on this machine, None if it can be used."""
    if find_spec("lpips") is None:
        return "the package is not installed (pip install lpips)"
    weights = Path(torch.hub.get_dir()) / "checkpoints" / VGG_WEIGHTS
    return None if weights.exists() else f"the weights of its VGG16 are not there ({weights})"


def _lpips(device: torch.device) -> PictureLoss:
    """Zhang et al. 2018 (arXiv 1801.03924), on VGG16; nothing is downloaded."""
    lacks = lpips_lacks()
    if lacks:
        raise ModelError(f"perceptual lpips: {lacks}; `contrast` needs nothing")
    import lpips

    network = lpips.LPIPS(net="vgg", verbose=False).requires_grad_(False).to(device)

    def distance(images: Tensor, targets: Tensor) -> Tensor:
        rows: Tensor = network(images.expand(-1, 3, -1, -1), targets.expand(-1, 3, -1, -1))
        return rows.flatten()

    return distance


def _reduced(images: Tensor) -> Tensor:
    side = images.shape[-1]
    return images if side <= LARGEST else F.avg_pool2d(images, side // LARGEST)
