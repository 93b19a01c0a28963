"""MobileStyleGAN: StyleGAN2 distilled for small machines."""

from netbend.models.mobilestylegan.model import MobileStyleGAN

MODEL = MobileStyleGAN

__all__ = ["MODEL", "MobileStyleGAN"]
