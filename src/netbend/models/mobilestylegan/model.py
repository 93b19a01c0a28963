"""MobileStyleGAN as a model to play and bend."""

from collections.abc import Mapping

from netbend.bending import Layer, Parameters
from netbend.models.mobilestylegan.network import Architecture, Generator
from netbend.models.mobilestylegan.openvino import convert
from netbend.models.styled import StyledModel
from netbend.models.weights.openvino import read_constants


class MobileStyleGAN(StyledModel[Generator]):
    """A generator of pictures, distilled from a StyleGAN2.

    Its layers have the numbers, resolutions and features of the StyleGAN2 that it was distilled from, as
    far as the last doubling, which the picture's wavelets (`b512.wavelets` at 1024x1024) take the place
    of. The constant (`b4.const`) and the maps after each doubling (`b8.up`) have names only, too.
    """

    kind, Architecture, Network = "mobilestylegan", Architecture, Generator

    def __init__(self, generator: Generator, name: str = "mobilestylegan", hash: str = ""):
        super().__init__(generator, layers_of(generator.architecture), name, hash)

    @classmethod
    def from_package(cls, files: Mapping[str, bytes], name: str) -> "MobileStyleGAN":
        """Convert the two networks of an OpenVINO export, by the names of their files."""
        mapping, synthesis = (
            read_constants(files[f"{network}.xml"], files[f"{network}.bin"], f"{network}.xml")
            for network in ("MappingNetwork", "SynthesisNetwork")
        )
        return cls(convert(mapping, synthesis, "SynthesisNetwork.xml"), name)


def layers_of(architecture: Architecture) -> list[Layer]:
    """The bendable places of a generator, in the order of computation."""

    def place(
        number: int | None, name: str, module: str, features: int, size: int, conv: str | None = None
    ) -> Layer:
        """conv: the convolution within the module that makes its features."""
        if conv is None:
            return Layer(number, name, module, (features, size, size))
        weights, biases = (
            Parameters(f"{module}.{conv}.weight", "OIHW"),
            Parameters(f"{module}.{conv}.bias", "O"),
        )
        return Layer(number, name, module, (features, size, size), weights=weights, biases=biases)

    features = architecture.features
    layers = [
        place(None, "b4.const", "input", features[0], 4),
        place(0, "b4.conv1", "layers.0", features[0], 4, "conv"),
    ]
    for step in range(1, len(features)):
        size, first = 4 * 2**step, 2 * step - 1
        layers += [
            place(None, f"b{size}.up", f"upsamplings.{step - 1}", features[step - 1] // 4, size),
            place(first, f"b{size}.conv0", f"layers.{first}", features[step], size, "pointwise"),
            place(first + 1, f"b{size}.conv1", f"layers.{first + 1}", features[step], size, "pointwise"),
        ]
    half = architecture.size // 2
    bands = 4 * architecture.channels
    return [*layers, place(None, f"b{half}.wavelets", "to_wavelets", bands, half, "conv")]
