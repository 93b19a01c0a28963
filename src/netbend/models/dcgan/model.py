"""DCGAN as a model to play and bend."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.bending import Layer, Parameters, run
from netbend.choices import NoiseMode, Space
from netbend.errors import CheckpointError, LatentError
from netbend.models.base import Latents, SynthesisOptions
from netbend.models.dcgan.network import Architecture, Generator
from netbend.models.native import fill
from netbend.models.output import ImageOutput
from netbend.models.seeding import standard_normal
from netbend.models.stored import StoredModel
from netbend.models.weights import parse_weights, shown

KIND = "dcgan"
NORM_EPSILON = 1e-5  # of torch's batch normalisation


class DCGAN(StoredModel):
    """A generator of pictures, its layers numbered from 0 at 4x4, each after its activation.

    A latent is z, followed by the weight of each class; weights between 0 and 1 blend classes.
    Truncation scales z.
    """

    kind, Architecture, Network = KIND, Architecture, Generator

    def __init__(self, generator: Generator, name: str = KIND, hash: str = ""):
        self.generator = generator.eval().requires_grad_(False)
        self.name = name
        self.hash = hash
        self._layers = tuple(layers_of(generator.architecture))

    @classmethod
    def from_package(cls, files: Mapping[str, bytes], name: str) -> "DCGAN":
        """Convert the OmniArt eye generator."""
        file = "generator_model_state.pth"
        state = parse_weights(files[file], file).tree
        architecture = Architecture((1024, 512, 256, 128, 64), classes=EYE_COLOURS)
        return cls(fill(lambda: Generator(architecture), _renamed(state, file), file), name)

    @property
    def stored(self) -> Generator:
        return self.generator

    @property
    def network(self) -> Generator:
        return self.generator

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self._layers

    @property
    def output(self) -> ImageOutput:
        architecture = self.generator.architecture
        return ImageOutput(architecture.channels, architecture.size, architecture.size)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.generator.architecture.classes

    def latents(self, seeds: Sequence[int]) -> Latents:
        """Random z, and one class for each seed: class `seed mod number of classes`.

        seeds: 0 to 2^32 - 1. Raises LatentError for others.
        """
        z = standard_normal(seeds, self.generator.architecture.z_dim)
        classes = torch.tensor([seed % max(1, len(self.labels)) for seed in seeds], dtype=torch.long)
        return Latents(Space.Z, torch.cat([z, self._one_hot(classes)], dim=1), tuple(seeds))

    def _one_hot(self, classes: Tensor) -> Tensor:
        """`(N,)` to `(N, classes)`, of no width if there are none."""
        return F.one_hot(classes, len(self.labels)).float() if self.labels else torch.empty(len(classes), 0)

    @torch.no_grad()
    def _generate(self, latents: Latents, options: SynthesisOptions) -> Tensor:
        self.check(latents)
        if options.truncation_cutoff is not None or options.noise is NoiseMode.RANDOM:
            raise LatentError(f"{self.name} has neither styles to cut off nor noise to draw")
        z_dim = self.generator.architecture.z_dim
        values = latents.values.to(self.generator.to_rgb.weight)
        z, classes = values[:, :z_dim], values[:, z_dim:]
        if options.label is not None:
            classes = self._one_hot(torch.full((len(z),), self.labels.index(options.label))).to(values)
        images = run(self.network, torch.cat([z * self.psi(latents, options), classes], dim=1))
        return images.float()

    def truncated(self, latents: Latents, options: Sequence[SynthesisOptions]) -> Latents:
        """Classes are not truncated."""
        z_dim = self.generator.architecture.z_dim
        truncated = super().truncated(latents, options).values
        return replace(latents, values=torch.cat([truncated[:, :z_dim], latents.values[:, z_dim:]], dim=1))

    def mean_latent(self) -> Latents:
        """The mean of z, and of all classes."""
        mean = super().mean_latent()
        classes = torch.full((1, len(self.labels)), 1 / max(1, len(self.labels)))
        values = torch.cat([mean.values[:, : self.generator.architecture.z_dim], classes], dim=1)
        return replace(mean, values=values)

    def check(self, latents: Latents) -> None:
        """Raise LatentError if they are not of this model's shape."""
        found, expected = tuple(latents.values.shape[1:]), (self.generator.architecture.latent_dim,)
        if latents.space is not Space.Z or found != expected:
            raise LatentError(
                f"a {latents.space} latent of shape {found}: {self.name} takes z and classes, {expected}"
            )


EYE_COLOURS = ("amber", "blue", "brown", "gray", "grayscale", "green", "hazel", "red")


def _renamed(state: Mapping[str, Tensor], file: str) -> dict[str, Tensor]:
    """A plain sequence of convolutions and normalisations, in order, under our names."""
    try:
        convolutions = [values for values in state.values() if values.ndim == 4]
        norms = [name.removesuffix("running_mean") for name in state if name.endswith("running_mean")]
        renamed = {"to_rgb.weight": convolutions[-1]}
        for layer, (kernel, norm) in enumerate(zip(convolutions[:-1], norms, strict=True)):
            # In double precision, so that every machine rounds to the same numbers.
            factor = state[f"{norm}weight"] * (state[f"{norm}running_var"].double() + NORM_EPSILON).rsqrt()
            offset = state[f"{norm}bias"] - state[f"{norm}running_mean"] * factor
            renamed |= {f"layers.{layer}.conv.weight": (kernel * factor[:, None, None]).float()}
            renamed |= {f"layers.{layer}.conv.bias": offset.float()}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{file}: not the weights of a DCGAN ({shown(str(error))})") from error
    return renamed


def layers_of(architecture: Architecture) -> list[Layer]:
    """The bendable places of a generator, in the order of computation."""
    layers = []
    for number, features in enumerate(architecture.features):
        size, conv = 4 * 2**number, f"layers.{number}.conv"
        weights, biases = Parameters(f"{conv}.weight", "IOHW"), Parameters(f"{conv}.bias", "O")
        shape = (features, size, size)
        layers.append(Layer(number, f"b{size}", f"layers.{number}", shape, weights=weights, biases=biases))
    size, weights = architecture.size, Parameters("to_rgb.weight", "IOHW")
    shape = (architecture.channels, size, size)
    return [*layers, Layer(None, f"b{size}.rgb", "to_rgb", shape, weights=weights)]
