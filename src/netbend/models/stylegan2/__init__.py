"""StyleGAN2: network, checkpoints, training."""

from netbend.models.stylegan2.model import StyleGAN2

MODEL = StyleGAN2

__all__ = ["MODEL", "StyleGAN2"]
