"""DCGAN, with or without classes."""

from netbend.models.dcgan.model import DCGAN

MODEL = DCGAN

__all__ = ["DCGAN", "MODEL"]
