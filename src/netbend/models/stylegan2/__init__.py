"""StyleGAN2: network, checkpoints, training."""

from netbend.models.stylegan2.model import StyleGAN2, StyleGAN2Family

FAMILY = StyleGAN2Family(StyleGAN2)

__all__ = ["FAMILY", "StyleGAN2"]
