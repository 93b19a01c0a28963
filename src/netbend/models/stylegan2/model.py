"""StyleGAN2 as a model to play and bend."""

from netbend.bending import Layer, Parameters
from netbend.models.checkpoint import Checkpoint
from netbend.models.stored import StoredFamily
from netbend.models.styled import StyledModel
from netbend.models.stylegan2.checkpoint import (
    KIND,
    CheckpointReport,
    describe_generator,
    read_generator,
)
from netbend.models.stylegan2.finder import holds_generator
from netbend.models.stylegan2.network import Architecture, Generator


class StyleGAN2(StyledModel[Generator]):
    """A generator of pictures.

    The constant that it starts from and each resolution's contribution to the picture (`torgb`) are
    layers that have names only.
    """

    kind, Architecture, Network = KIND, Architecture, Generator

    def __init__(self, generator: Generator, name: str = "stylegan2", hash: str = ""):
        super().__init__(generator, layers_of(generator.architecture), name, hash)


class StyleGAN2Family(StoredFamily):
    """Generators in whichever of some twenty containers a tool left them, and netbend's own files."""

    expects = "rosinality's `g_ema`, NVIDIA's `G_ema`, or such weights wherever they are"

    def sniff(self, checkpoint: Checkpoint) -> bool:
        return super().sniff(checkpoint) or holds_generator(checkpoint.tensors)

    def load(self, checkpoint: Checkpoint) -> StyleGAN2:
        return StyleGAN2(read_generator(checkpoint), checkpoint.name, checkpoint.hash)

    def describe(self, checkpoint: Checkpoint) -> CheckpointReport:
        return describe_generator(checkpoint)


def layers_of(architecture: Architecture) -> list[Layer]:
    """The bendable places of a generator, in the order of computation."""

    def place(number: int | None, name: str, module: str, features: int, size: int) -> Layer:
        kernels, biases = Parameters(f"{module}.conv.weight", "OIHW"), Parameters(f"{module}.bias", "O")
        return Layer(number, name, module, (features, size, size), weights=kernels, biases=biases)

    features = architecture.features
    layers = [
        Layer(None, "b4.const", "input", (features[0], 4, 4)),
        place(0, "b4.conv1", "layers.0", features[0], 4),
        place(None, "b4.torgb", "to_rgb.0", architecture.channels, 4),
    ]
    for step in range(1, len(features)):
        size, first = 4 * 2**step, 2 * step - 1
        layers += [
            place(first, f"b{size}.conv0", f"layers.{first}", features[step], size),
            place(first + 1, f"b{size}.conv1", f"layers.{first + 1}", features[step], size),
            place(None, f"b{size}.torgb", f"to_rgb.{step}", architecture.channels, size),
        ]
    return layers
