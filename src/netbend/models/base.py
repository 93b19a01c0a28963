"""What every model offers, whatever it makes.

A model is a network plus what is needed to play it: its layers, how to get a latent, and how
to turn a latent into output. The network is an ordinary module that has never heard of bending.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from netbend.bending import Layer, finite_output
from netbend.choices import NoiseMode, NonFinite, Space, choose_fields
from netbend.errors import LatentError, ModelError
from netbend.limits import MAX_RECORD_TRUNCATION
from netbend.models.capabilities import check_label
from netbend.models.output import ImageOutput, Output
from netbend.models.shipped import shipped_clusters
from netbend.recipe import Clusters

DEFAULT_PSI = 0.7  # what is seen everywhere: pictures from seeds at their best


@dataclass(frozen=True)
class Latents:
    """A batch of points to generate from.

    values: `(N, ...)`; z `(N, D)`, w `(N, D)`, w+ `(N, L, D)`, one vector for each of L layers.
    seeds: one for each; they seed the noise. noise_maps: of projected pictures, `(N, 1, H, W)` for each
    layer, in place of the noise stored with the weights. chosen: whether w or w+ are wanted just as they
    are, as those in files; False where they follow from z. See `Model.default_psi`.
    """

    space: Space
    values: Tensor
    seeds: tuple[int, ...]
    noise_maps: tuple[Tensor, ...] | None = None
    chosen: bool = True

    def __post_init__(self) -> None:
        choose_fields(self, space=Space)
        if len(self.values) != len(self.seeds):
            raise LatentError(f"{len(self.values)} latents need as many seeds, got {len(self.seeds)}")
        if any(len(maps) != len(self.values) for maps in self.noise_maps or ()):
            raise LatentError(f"{len(self.values)} latents need as many noise maps of each layer")

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        seeds = ", ".join(map(str, self.seeds[:8])) + (", ..." if len(self.seeds) > 8 else "")
        noise = ", with noise maps" if self.noise_maps else ""
        return f"<Latents: {self.space} {tuple(self.values.shape)}, seeds {seeds}{noise}>"

    def __getitem__(self, index: int) -> "Latents":
        """One of them, still a batch."""
        return self.take([range(len(self))[index]])

    def take(self, indices: Sequence[int]) -> "Latents":
        """Some of them, in that order."""
        chosen = list(indices)
        noise_maps = None if self.noise_maps is None else tuple(maps[chosen] for maps in self.noise_maps)
        seeds = tuple(self.seeds[index] for index in chosen)
        return replace(self, values=self.values[chosen], seeds=seeds, noise_maps=noise_maps)


@dataclass(frozen=True)
class SynthesisOptions:
    """How to generate: what is chosen for a result besides model, recipe and latent.

    Attributes:
        truncation_psi: 1 leaves latents alone, 0 gives the mean picture; None is what the recipe says, or
            else `Model.default_psi`.
        truncation_cutoff: Truncate only the first so many latent vectors of w+; None for all.
        noise: See NoiseMode.
        label: A class to ask for, of models that have any; None leaves it to the latent.
        nonfinite: What to do about NaN or infinity in what comes out; within `bend` its own is followed.

    Raises:
        LatentError: For numbers that mean nothing.
        OptionError: For words that do not.
    """

    truncation_psi: float | None = None
    truncation_cutoff: int | None = None
    noise: NoiseMode | str = NoiseMode.CONSTANT
    label: str | None = None
    nonfinite: NonFinite | str = NonFinite.ERROR

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}  # requests hold it

    def __post_init__(self) -> None:
        choose_fields(self, noise=NoiseMode, nonfinite=NonFinite)
        psi, cutoff = self.truncation_psi, self.truncation_cutoff
        if psi is not None and not (isinstance(psi, Real) and abs(psi) < inf):
            raise LatentError(f"truncation {psi!r:.40}: expected a number, usually from 0 to 1")
        if psi is not None and abs(psi) > MAX_RECORD_TRUNCATION:
            raise LatentError(
                f"truncation {psi!r:.40}: expected at most {MAX_RECORD_TRUNCATION:g}, usually from 0 to 1"
            )
        if cutoff is not None and not (isinstance(cutoff, Integral) and cutoff >= 0):
            raise LatentError(f"cutoff {cutoff!r:.40}: expected a number of styles, 0 or more, or None")


Play = SynthesisOptions  # its name until requests had one; goes with the last script that uses it


class Model(ABC):
    """A trained network that can be played and bent.

    name: as the user called it. hash: of the weights, names the model in records.
    """

    name: str
    hash: str

    def __repr__(self) -> str:
        numbers = [layer.number for layer in self.layers if layer.number is not None]
        numbered = f"layers {min(numbers)}-{max(numbers)}" if numbers else f"{len(self.layers)} layers"
        return f"<{type(self).__name__} {self.name!r}: {numbered}, {self.output}, hash {self.hash[:12]}>"

    @property
    @abstractmethod
    def network(self) -> nn.Module:
        """The module whose call turns prepared latents into output; layers are paths in it."""

    @property
    @abstractmethod
    def layers(self) -> Sequence[Layer]:
        """Its bendable layers, in the order of computation."""

    @property
    @abstractmethod
    def output(self) -> Output:
        """What it puts out: pictures, sound ..."""

    @cached_property
    def clusters(self) -> Clusters | None:
        """The clusters of its features that come with netbend, None if there are none."""
        return shipped_clusters(self.hash)

    @abstractmethod
    def latents(self, seeds: Sequence[int]) -> Latents:
        """One latent for each seed, the same on every machine."""

    def generate(
        self,
        latents: Latents,
        options: SynthesisOptions = SynthesisOptions(),
        *,
        truncation_psi: float | None = None,
        truncation_cutoff: int | None = None,
        noise: NoiseMode | str | None = None,
        label: str | None = None,
        nonfinite: NonFinite | str | None = None,
    ) -> Tensor:
        """Run the network. What comes out is float32, of the shape and range that `output` declares.

            images = model.generate(model.latents([1, 2]), truncation_psi=0.5, noise="none")

        Args:
            latents: What to generate from.
            options: How, as one object.
            truncation_psi: Instead of that of `options`: 1 leaves latents alone, 0 gives the mean picture.
                Without either it is `default_psi`, as for the commands.
            truncation_cutoff: Instead of that of `options`: truncate only the first so many vectors of w+.
            noise: Instead of that of `options`: "constant", "random" or "none".
            label: Instead of that of `options`: a class, of models that have any.
            nonfinite: Instead of that of `options`: "error", "warn" or "replace".

        Raises:
            LatentError: Latents or options do not fit the model.
            OptionError: A word is none of those to choose from.
            NonFiniteError: NaN or infinity came out, and neither `nonfinite` nor a `bend` allows it.
        """
        instead = {
            "truncation_psi": truncation_psi,
            "truncation_cutoff": truncation_cutoff,
            "noise": noise,
            "label": label,
            "nonfinite": nonfinite,
        }
        given: dict[str, Any] = {name: value for name, value in instead.items() if value is not None}
        options = replace(options, **given)
        if len(latents) == 0:
            raise LatentError("no latents to generate from")
        check_label(self, options.label)
        return finite_output(self._generate(latents, options), self.network, NonFinite(options.nonfinite))

    @abstractmethod
    def _generate(self, latents: Latents, options: SynthesisOptions) -> Tensor:
        """What `generate` gives."""

    def default_psi(self, latents: Latents) -> float:
        """The default truncation: 0.7 for pictures, but 1 for w and w+ that somebody chose; 1 for all else.

        Pictures from seeds are at their best with 0.7; latents in files were searched or chosen as they
        are. z is truncated wherever it comes from. Sounds are not better for being nearer to the mean.
        """
        if not isinstance(self.output, ImageOutput) or (latents.chosen and latents.space is not Space.Z):
            return 1.0
        return DEFAULT_PSI

    def psi(self, latents: Latents, options: SynthesisOptions) -> float:
        """The truncation that latents are generated with."""
        return self.default_psi(latents) if options.truncation_psi is None else options.truncation_psi

    def truncated(self, latents: Latents, options: Sequence[SynthesisOptions]) -> Latents:
        """Latents that are generated without truncation as these are with one of their own for each."""
        factors = torch.tensor([self.psi(latents, each) for each in options], dtype=latents.values.dtype)
        return replace(latents, values=latents.values * factors[:, None])

    @abstractmethod
    def check(self, latents: Latents) -> None:
        """Raise LatentError if they are not of this model's shape."""

    def mean_latent(self) -> Latents:
        """The mean of all latents, a batch of one: of w where there is one, else of z."""
        return Latents(Space.Z, torch.zeros_like(self.latents([0]).values), (0,), chosen=False)

    def save(self, path: Path, *, half: bool = False, overwrite: bool = False) -> None:  # noqa: ARG002
        """Write as safetensors, with all that is needed to load it again; half precision if asked.

        Raises ModelError for models of families that cannot.
        """
        raise ModelError(f"{path}: models such as {self.name} cannot be written; use its file as it is")

    def to(self, device: torch.device) -> "Model":
        """Move to a device."""
        self.network.to(device)
        return self

    def bfloat16(self) -> "Model":
        """Compute in bfloat16 from now on: faster where the processor has it, a little coarser."""
        self.network.to(torch.bfloat16)
        return self

    @property
    def bf16(self) -> bool:
        """Whether it computes in bfloat16."""
        return next(self.network.parameters()).dtype is torch.bfloat16
