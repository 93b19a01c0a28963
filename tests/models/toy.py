"""A model that is as little as a model can be, with whatever output it is given."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netbend.bending import Layer, run
from netbend.choices import Space
from netbend.errors import LatentError
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.models.output import ImageOutput, Output

PICTURE = ImageOutput(1, 2, 2)


class Toy(Model):
    """z `(N, 4)` to pictures `(N, 1, 2, 2)`, by one linear layer and a scale for truncation."""

    def __init__(self, name: str = "toy", output: Output = PICTURE, hash: str = "1" * 64):
        self.name, self.hash, self._output = name, hash, output
        self._network = nn.Sequential(nn.Unflatten(1, (4, 1, 1)), nn.Conv2d(4, 4, 1), nn.PixelShuffle(2))
        with torch.no_grad():
            for number, parameter in enumerate(self._network.parameters()):
                parameter.copy_(torch.linspace(-1, 1, parameter.numel()).reshape(parameter.shape) + number)

    @property
    def network(self) -> nn.Module:
        return self._network

    @property
    def layers(self) -> Sequence[Layer]:
        return (Layer(0, "conv", "1", (4, 1, 1)),)

    @property
    def output(self) -> Output:
        return self._output

    def latents(self, seeds: Sequence[int]) -> Latents:
        rows = [torch.randn(4, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return Latents(Space.Z, torch.stack(rows), tuple(seeds))

    def check(self, latents: Latents) -> None:
        if latents.space is not Space.Z or tuple(latents.values.shape[1:]) != (4,):
            raise LatentError(f"{self.name} takes z of 4 numbers")

    @torch.no_grad()
    def _generate(self, latents: Latents, options: SynthesisOptions) -> Tensor:
        self.check(latents)
        return run(self.network, latents.values * self.psi(latents, options))
