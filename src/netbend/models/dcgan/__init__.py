"""DCGAN, with or without classes."""

from netbend.models.dcgan.model import DCGAN
from netbend.models.stored import StoredFamily

FAMILY = StoredFamily(DCGAN)

__all__ = ["DCGAN", "FAMILY"]
