"""The spectrogram VAE of the network bending paper: music, encoded and decoded again."""

from netbend.models.spectrogram_vae.model import SpectrogramModel
from netbend.models.stored import StoredFamily

FAMILY = StoredFamily(SpectrogramModel)

__all__ = ["FAMILY", "SpectrogramModel"]
