"""The samples that bends are shown on: pictures here, sounds in `sound.py`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from netbend.bending import Plan, bend
from netbend.choices import NonFinite
from netbend.errors import NonFiniteError
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.pictures import to_pictures

LARGEST = 256  # pixels, of either side of a picture on the page


class Samples(ABC):
    """Some outputs of a model, to be made again under every bend.

    names: of the samples. pictured: how many of them, from the first, have a picture for each bend.
    latents: all that the samples are generated from; a sound takes several.
    """

    model: Model
    names: tuple[str, ...]
    pictured: int
    latents: Latents
    options: SynthesisOptions
    upright = False  # whether maps are time x frequency, and drawn with time to the right
    suffix = ".jpg"

    @abstractmethod
    def output(self, index: int, plan: Plan, nonfinite: NonFinite) -> Tensor:
        """One sample, bent by a plan: `(C, H, W)`, values of the range 0 to 1."""

    @abstractmethod
    def picture(self, output: Tensor) -> Image.Image:
        """An output as the page shows it, not larger than it needs to be."""

    @abstractmethod
    def amount(self, size: float) -> str:
        """The size of an effect in the unit of what changes."""

    def write_sound(self, index: int, plan: Plan, path: Path) -> bool:  # noqa: ARG002
        """Write how a sample sounds under a plan; False if it makes no sound."""
        return False

    def outputs(self, plan: Plan) -> tuple[list[Tensor], bool]:
        """All samples bent by a plan, and whether they stayed finite; NaN and infinity are replaced."""
        indices = range(len(self.names))
        try:
            return [self.output(index, plan, NonFinite.ERROR) for index in indices], True
        except NonFiniteError:
            return [self.output(index, plan, NonFinite.REPLACE) for index in indices], False

    @torch.no_grad()
    def run(self, indices: Sequence[int]) -> None:
        """Have the network generate from some of the latents, for who watches its maps."""
        self.model.generate(self.latents.take(indices), self.options)


class PictureSamples(Samples):
    """A picture for each seed."""

    def __init__(self, model: Model, seeds: Sequence[int], options: SynthesisOptions):
        self.model, self.options = model, options
        self.latents = model.latents(seeds)
        self.names = tuple(f"seed {seed}" for seed in seeds)
        self.pictured = len(self.names)

    @torch.no_grad()
    def output(self, index: int, plan: Plan, nonfinite: NonFinite) -> Tensor:
        with bend(self.model, plan, nonfinite=nonfinite):
            (image,) = self.model.generate(self.latents[index], self.options)
        return image.float().cpu().clamp(-1, 1) / 2 + 0.5

    def picture(self, output: Tensor) -> Image.Image:
        (picture,) = to_pictures(output[None] * 2 - 1)
        picture.thumbnail((LARGEST, LARGEST))
        return picture

    def amount(self, size: float) -> str:
        return percent(size)


def percent(share: float) -> str:
    """A share as percent, with a decimal below ten."""
    if share < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"
