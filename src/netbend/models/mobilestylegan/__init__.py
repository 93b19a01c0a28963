"""MobileStyleGAN: StyleGAN2 distilled for small machines."""

from netbend.models.mobilestylegan.model import MobileStyleGAN
from netbend.models.stored import StoredFamily

FAMILY = StoredFamily(MobileStyleGAN)

__all__ = ["FAMILY", "MobileStyleGAN"]
