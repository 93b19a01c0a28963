"""The spectrogram VAE as a model to play and bend."""

from collections.abc import Sequence

import torch
from torch import Tensor

from netbend.bending import Layer, Parameters, run
from netbend.choices import NoiseMode, Space
from netbend.errors import LatentError
from netbend.models.base import Latents, SynthesisOptions
from netbend.models.output import AudioOutput
from netbend.models.seeding import standard_normal
from netbend.models.spectrogram_vae.network import SHAPES, Architecture, SpectrogramVAE
from netbend.models.stored import StoredModel

KIND = "spectrogram_vae"


class SpectrogramModel(StoredModel):
    """Spectrograms of 128 frames; layers 1 to 4 after their activation, and the output as layer 5.

    It generates levels `(N, 1, 128, 513)`, 0 silent to 1 loud; truncation scales z.
    """

    kind, Architecture, Network = KIND, Architecture, SpectrogramVAE

    def __init__(self, vae: SpectrogramVAE, name: str = KIND, hash: str = ""):
        self.vae = vae.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.name = name
        self.hash = hash
        self._layers = tuple(layers_of(vae.architecture))

    @property
    def stored(self) -> SpectrogramVAE:
        return self.vae

    @property
    def network(self) -> SpectrogramVAE:
        return self.vae

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self._layers

    @property
    def output(self) -> AudioOutput:
        return AudioOutput(self.vae.architecture.spectrum(), self.layers[-1].height)

    def latents(self, seeds: Sequence[int]) -> Latents:
        """Standard normal z `(N, D)`, in the order of how strongly its dimensions are heard."""
        return Latents(Space.Z, standard_normal(seeds, self.vae.architecture.latent_dim), tuple(seeds))

    def _generate(self, latents: Latents, options: SynthesisOptions) -> Tensor:
        self.check(latents)
        if options.truncation_cutoff is not None or options.noise is NoiseMode.RANDOM:
            raise LatentError(f"{self.name} has neither styles to cut off nor noise to draw")
        values = latents.values.to(self.vae.decoder.start.weight)
        levels = run(self.network, values * self.psi(latents, options))
        return levels.float()

    def encode(self, outputs: Tensor) -> Latents:
        """Levels `(N, 1, 128, 513)` to the latents that they are decoded from."""
        levels = outputs.to(self.vae.encoder.mean.weight).contiguous(memory_format=torch.channels_last)
        values = self.vae.encode(levels).float()
        return Latents(Space.Z, values, (0,) * len(values))

    def check(self, latents: Latents) -> None:
        """Raise LatentError if they are not of this model's shape."""
        found, expected = tuple(latents.values.shape[1:]), (self.vae.architecture.latent_dim,)
        if latents.space is not Space.Z or found != expected:
            raise LatentError(f"a {latents.space} latent of shape {found}: {self.name} takes z, {expected}")


def layers_of(architecture: Architecture) -> list[Layer]:
    """The bendable places of a decoder, in the order of computation."""
    features = (*architecture.features, 1)
    modules = [f"decoder.layers.{index}" for index in range(len(features) - 1)] + ["decoder.output"]
    layers = []
    for number, (count, shape, module) in enumerate(zip(features, SHAPES, modules, strict=True), start=1):
        frames, bins = shape.output
        conv = module if module == "decoder.output" else f"{module}.conv"
        weights, biases = Parameters(f"{conv}.weight", "IOHW"), Parameters(f"{conv}.bias", "O")
        name, sizes = f"t{frames}x{bins}", (count, frames, bins)
        layers.append(Layer(number, name, module, sizes, weights=weights, biases=biases))
    return layers
