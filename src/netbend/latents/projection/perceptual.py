"""What is compared besides the pixels."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from netbend.latents.projection.losses import contrast_loss, pixel_loss
from netbend.latents.projection.settings import Perceptual

LARGEST = 256  # side at which pictures are compared by features (StyleGAN2, appendix D)
WEIGHT = 0.1

PictureLoss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """Pixels, and something else unless that is None. name: what else."""

    name: str
    perceptual: PictureLoss | None = None
    weight: float = WEIGHT

    def __call__(self, images: Tensor, targets: Tensor) -> Tensor:
        """images, targets: `(N, C, H, W)`, -1 to 1. Returns one number each, `(N,)`."""
        loss = pixel_loss(images, targets)
        if self.perceptual is None:
            return loss
        return loss + self.weight * self.perceptual(_reduced(images), _reduced(targets))


def loss_of(kind: Perceptual) -> Loss:
    if kind is Perceptual.PIXEL:
        return Loss("pixel")
    return Loss("features", contrast_loss)


def _reduced(images: Tensor) -> Tensor:
    side = images.shape[-1]
    return images if side <= LARGEST else F.avg_pool2d(images, side // LARGEST)
