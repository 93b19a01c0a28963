"""What generators with styles have in common: z mapped to w, one w for each layer, truncation, noise.

StyleGAN2 and the networks distilled from it differ in how they draw, not in how they are played.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from netbend.bending import Layer, run
from netbend.choices import NoiseMode, Space
from netbend.errors import LatentError
from netbend.limits import MAX_MAPPING_LAYERS
from netbend.models.base import Latents, SynthesisOptions
from netbend.models.native import check_widths
from netbend.models.output import ImageOutput
from netbend.models.seeding import checked_seed, standard_normal
from netbend.models.stored import StoredModel

W_SAMPLES = 10_000
MAX_SQUARED = 2.0**48  # thousands of squares of such numbers add up to less than infinity
NOISE_STREAM = 0x6E6F6973  # noise is not drawn from the stream of z


@dataclass(frozen=True)
class StyledArchitecture:
    """What has to be known to build a generator: at least this.

    features: number of features at 4x4, 8x8, ... up to the last convolutions.
    Raises ValueError for numbers that no such network has.
    """

    features: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_depth: int = 8
    channels: int = 3

    def __post_init__(self) -> None:
        check_widths(self.features, self.z_dim, self.w_dim, self.channels)
        if type(self.mapping_depth) is not int or not 1 <= self.mapping_depth <= MAX_MAPPING_LAYERS:
            raise ValueError(f"{self.mapping_depth} mapping layers")

    @property
    def layer_count(self) -> int:
        """Number of convolution layers: one at 4x4, two at every larger resolution."""
        return 2 * len(self.features) - 1

    @property
    def latent_count(self) -> int:
        """Number of w vectors in a w+ latent: one for each layer, one for the picture itself."""
        return self.layer_count + 1

    def resolution(self, layer: int) -> int:
        """Height and width of the activation maps of a layer."""
        return 4 * 2 ** ((layer + 1) // 2)


def normalize_second_moment(latents: Tensor) -> Tensor:
    """Scale each latent of `(N, D)` to a mean square of 1, however large it is."""
    # Divided beforehand if squares would be infinite; others are divided by 1, and stay as they are.
    largest = latents.abs().amax(dim=1, keepdim=True)
    latents = latents / (largest.clamp(min=MAX_SQUARED) / MAX_SQUARED)
    return latents * torch.rsqrt(latents.square().mean(dim=1, keepdim=True) + 1e-8)


class ConstantInput(nn.Module):
    """The learned 4x4 maps that every picture starts from."""

    def __init__(self, features: int):
        super().__init__()
        self.maps = nn.Parameter(torch.randn(features, 4, 4))

    def forward(self, batch: int) -> Tensor:
        return self.maps.expand(batch, -1, -1, -1)


class StyledSynthesis(nn.Module):
    """Base of networks from w+ `(N, latent_count, w_dim)` and noise to images."""

    layers: nn.ModuleList

    def draw_noise(self, architecture: StyledArchitecture) -> None:
        """Make the noise maps that are stored with the weights."""
        for layer in range(architecture.layer_count):
            resolution = architecture.resolution(layer)
            self.register_buffer(f"noise_{layer}", torch.randn(resolution, resolution))

    def constant_noise(self) -> list[Tensor]:
        """The noise maps stored with the weights, one `(H, W)` a layer."""
        return [self.get_buffer(f"noise_{layer}") for layer in range(len(self.layers))]


A = TypeVar("A", bound=StyledArchitecture)
S = TypeVar("S", bound=StyledSynthesis)


class StyledGenerator(nn.Module, Generic[A, S]):
    """Mapping and synthesis, with the mean of w that truncation pulls towards.

    w_mean: `(w_dim,)`, or `(latent_count, w_dim)` where layers have means of their own.
    """

    def __init__(self, architecture: A, mapping: nn.Module, synthesis: S):
        super().__init__()
        self.architecture = architecture
        self.mapping = mapping
        self.synthesis = synthesis
        self.w_mean: Tensor
        self.register_buffer("w_mean", torch.zeros(architecture.w_dim))

    def w_plus(self, z: Tensor, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        """Map `(N, z_dim)` to w+ `(N, latent_count, w_dim)`, truncated in the first `cutoff` layers."""
        w = self.mapping(z)[:, None, :].repeat(1, self.architecture.latent_count, 1)
        return self.truncate(w, truncation, cutoff)

    def truncate(self, w: Tensor, truncation: float, cutoff: int | None = None) -> Tensor:
        """Pull w+ towards its mean: 1 leaves it, 0 gives the mean picture (StyleGAN's psi)."""
        if truncation == 1.0:
            return w
        truncated = self.w_mean.lerp(w.to(self.w_mean.dtype), truncation)
        return truncated if cutoff is None else torch.cat([truncated[:, :cutoff], w[:, cutoff:]], dim=1)

    def forward(self, z: Tensor, noise: Sequence[Tensor | None] | None = None) -> Tensor:
        """Images from z, untruncated, with the constant noise unless other noise is given."""
        return self.synthesis(self.w_plus(z), self.synthesis.constant_noise() if noise is None else noise)

    @property
    def central_w(self) -> Tensor:
        """The mean of w `(w_dim,)`, over all layers where they have means of their own."""
        return self.w_mean if self.w_mean.ndim == 1 else self.w_mean.mean(dim=0)

    @torch.no_grad()
    def sampled_w_mean(self) -> Tensor:
        """The mean of w `(w_dim,)` over seeded z, for files that do not hold it."""
        # Not torch's generator: its numbers differ in the last bits from processor to processor.
        z = standard_normal([0], W_SAMPLES * self.architecture.z_dim).reshape(W_SAMPLES, -1)
        return self.mapping(z.to(self.w_mean)).mean(dim=0)


def shown_shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    """Shapes of `(1, H, W)` as H x W."""
    return ", ".join("x".join(str(side) for side in shape[1:]) for shape in shapes)


G = TypeVar("G", bound=StyledGenerator)  # type: ignore[type-arg]


class StyledModel(StoredModel, Generic[G]):
    """A styled generator with its layers.

    Layers are numbered as in the paper's table 2: 0 is the convolution of the 4x4 input block, 1 and 2
    are those at 8x8, and so on; the maps are those after noise, bias and activation.
    """

    def __init__(self, generator: G, layers: Sequence[Layer], name: str, hash: str):
        """generator: becomes channels-last, in which convolutions on CPUs take half the time."""
        generator.eval().requires_grad_(False)
        self.generator: G = generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.name = name
        self.hash = hash
        self._layers = tuple(layers)

    @property
    def stored(self) -> G:
        return self.generator

    @property
    def network(self) -> nn.Module:
        synthesis: nn.Module = self.generator.synthesis
        return synthesis

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self._layers

    @property
    def output(self) -> ImageOutput:
        architecture = self.generator.architecture
        return ImageOutput(architecture.channels, architecture.size, architecture.size)

    def to(self, device: torch.device) -> "StyledModel[G]":
        self.generator.to(device)
        return self

    def latents(self, seeds: Sequence[int]) -> Latents:
        """Random z; the same seeds as in NVIDIA's tools give the same z.

        seeds: 0 to 2^32 - 1. Raises LatentError for others.
        """
        z = standard_normal(seeds, self.generator.architecture.z_dim)
        return Latents(Space.Z, z, tuple(seeds))

    @torch.no_grad()
    def _generate(self, latents: Latents, options: SynthesisOptions) -> Tensor:
        w = self.w_plus(latents, options)
        precision = next(self.network.parameters()).dtype
        image = run(self.network, w.to(precision), self._noise(latents, options.noise))
        return image.float()

    @property
    def style_count(self) -> int:
        return self.generator.architecture.latent_count

    @torch.no_grad()
    def to_w(self, latents: Latents) -> Latents:
        """z as w, untruncated, on the CPU; w and w+ as they are."""
        self.check(latents)
        if latents.space is not Space.Z:
            return latents
        w = self.generator.mapping(latents.values.to(self.generator.w_mean))
        return replace(latents, space=Space.W, values=w.float().cpu(), chosen=False)

    def mean_latent(self) -> Latents:
        """The mean of w that truncation pulls towards; w+ where layers have means of their own."""
        mean = self.generator.w_mean.float().cpu()
        return Latents(Space.W if mean.ndim == 1 else Space.W_PLUS, mean[None], (0,), chosen=False)

    @torch.no_grad()
    def w_plus(self, latents: Latents, options: SynthesisOptions = SynthesisOptions()) -> Tensor:
        """Latents of any space as truncated w+ `(N, latent_count, w_dim)`."""
        self.check(latents)
        values, psi = latents.values.to(self.generator.w_mean), self.psi(latents, options)
        if latents.space is Space.Z:
            return self.generator.w_plus(values, psi, options.truncation_cutoff)
        w = values if latents.space is Space.W_PLUS else self._repeat(values)
        return self.generator.truncate(w, psi, options.truncation_cutoff)

    def truncated(self, latents: Latents, options: Sequence[SynthesisOptions]) -> Latents:
        """Latents that are generated without truncation as these are with one of their own for each."""
        values = [self.w_plus(latents[index], each) for index, each in enumerate(options)]
        return replace(latents, space=Space.W_PLUS, values=torch.cat(values), chosen=True)

    def _repeat(self, w: Tensor) -> Tensor:
        return w[:, None].repeat(1, self.generator.architecture.latent_count, 1)

    def check(self, latents: Latents) -> None:
        """Raise LatentError if they are not of this model's shape."""
        architecture = self.generator.architecture
        shapes = {
            Space.Z: (architecture.z_dim,),
            Space.W: (architecture.w_dim,),
            Space.W_PLUS: (architecture.latent_count, architecture.w_dim),
        }
        found = tuple(latents.values.shape[1:])
        if found != shapes[latents.space]:
            raise LatentError(
                f"a {latents.space} latent of shape {found}: {self.name} takes {shapes[latents.space]}"
            )
        if latents.noise_maps is not None:
            self._check_noise(latents.noise_maps)

    def _check_noise(self, noise_maps: Sequence[Tensor]) -> None:
        found = [tuple(maps.shape[1:]) for maps in noise_maps]
        expected = [(1, *maps.shape) for maps in self.generator.synthesis.constant_noise()]
        if found != expected:
            raise LatentError(
                f"noise maps of {shown_shapes(found)}: {self.name} takes {shown_shapes(expected)}"
            )

    def mix_styles(
        self, latents: Latents, other: Latents, layers: Sequence[int], options: SynthesisOptions
    ) -> Latents:
        """Take the styles of some layers from another latent (StyleGAN, section 3.1).

        other: one latent for all, or one for each. layers: 0 to the number of layers; the last is
        that of the picture itself. Returns w+, truncated by `options` before they were mixed.
        """
        w, donor = self.w_plus(latents, options), self.w_plus(other, options)
        beyond = [layer for layer in layers if not 0 <= layer < w.shape[1]]
        if beyond:
            raise LatentError(f"style mixing at layer {beyond[0]}: {self.name} has styles 0-{w.shape[1] - 1}")
        if len(donor) not in (1, len(w)):
            raise LatentError(f"styles of {len(donor)} latents for {len(w)}: expected one, or one for each")
        mixed = w.clone()
        mixed[:, list(layers)] = donor.expand_as(w)[:, list(layers)]
        return replace(latents, space=Space.W_PLUS, values=mixed, chosen=True)

    def _noise(self, latents: Latents, mode: NoiseMode | str) -> list[Tensor | None]:
        stored = self.generator.synthesis.constant_noise()
        if mode is NoiseMode.CONSTANT:
            return [maps.to(stored[0]) for maps in latents.noise_maps or stored]
        if mode is NoiseMode.NONE:
            return [None] * len(stored)
        sources = [np.random.RandomState(checked_seed(seed) ^ NOISE_STREAM) for seed in latents.seeds]
        return [
            torch.from_numpy(
                np.stack([source.standard_normal((1, *maps.shape)) for source in sources]).astype(np.float32)
            ).to(maps)
            for maps in stored
        ]
