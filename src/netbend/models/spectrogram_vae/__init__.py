"""The spectrogram VAE of the network bending paper: music, encoded and decoded again."""

from netbend.models.spectrogram_vae.model import SpectrogramModel

MODEL = SpectrogramModel

__all__ = ["MODEL", "SpectrogramModel"]
