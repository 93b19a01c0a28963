"""StyleGAN2 as a model to play and bend."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from netbend.bending import Layer
from netbend.errors import LatentError
from netbend.models.base import Latents, Model, NoiseMode, Play, Space
from netbend.models.stylegan2.checkpoint import (
    CheckpointReport,
    describe_checkpoint,
    load_generator,
    save_generator,
)
from netbend.models.stylegan2.layers import channels_last
from netbend.models.stylegan2.network import Architecture, Generator, Synthesis


class StyleGAN2(Model):
    """A generator with its layers numbered as in the paper's table 2.

    Layer 0 is the convolution of the 4x4 input block, 1 and 2 are those at 8x8, and so on; the
    maps are those after noise, bias and activation. The constant itself and each resolution's
    contribution to the picture (`torgb`) have names only.
    """

    def __init__(self, generator: Generator, name: str = "stylegan2", hash: str = ""):
        self.generator = channels_last(generator.eval().requires_grad_(False))
        self.name = name
        self.hash = hash
        self._layers = tuple(layers_of(generator.architecture))

    @classmethod
    def from_file(cls, path: Path, name: str, hash: str) -> "StyleGAN2":
        """Read a checkpoint of any layout that `netbend inspect` accepts; runs nothing in it."""
        return cls(load_generator(path), name, hash)

    @staticmethod
    def describe(path: Path) -> CheckpointReport:
        """What is in a checkpoint, without running it."""
        return describe_checkpoint(path)

    @property
    def network(self) -> Synthesis:
        return self.generator.synthesis

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self._layers

    def to(self, device: torch.device) -> "StyleGAN2":
        self.generator.to(device)
        return self

    def save(self, path: Path, *, half: bool = False, overwrite: bool = False) -> None:
        """Write as safetensors, with the architecture in its header; half precision if asked."""
        dtype = torch.float16 if half else torch.float32
        save_generator(path, self.generator, dtype=dtype, overwrite=overwrite)

    def latents(self, seeds: Sequence[int]) -> Latents:
        """Random z; the same seeds as in NVIDIA's tools give the same z.

        seeds: 0 to 2^32 - 1. Raises LatentError for others.
        """
        z = np.empty((len(seeds), self.generator.architecture.z_dim), dtype=np.float32)
        for row, seed in enumerate(seeds):
            if not 0 <= seed < 2**32:
                raise LatentError(f"seed {seed}: expected 0 to {2**32 - 1}")
            z[row] = np.random.RandomState(seed).standard_normal(z.shape[1])
        return Latents(Space.Z, torch.from_numpy(z), tuple(seeds))

    @torch.no_grad()
    def generate(self, latents: Latents, play: Play = Play()) -> Tensor:
        """Images float32 `(N, C, size, size)`, -1 black to 1 white."""
        w = self.w_plus(latents, play)
        image: Tensor = self.network(w, self._noise(latents, play.noise))
        return image.float()

    @torch.no_grad()
    def w_plus(self, latents: Latents, play: Play = Play()) -> Tensor:
        """Latents of any space as truncated w+ `(N, latent_count, w_dim)`."""
        self.check(latents)
        values = latents.values.to(self._device())
        if latents.space is Space.Z:
            return self.generator.w_plus(values, play.truncation, play.cutoff)
        w = values if latents.space is Space.W_PLUS else self._repeat(values)
        return self.generator.truncate(w, play.truncation, play.cutoff)

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

    def mix_styles(self, latents: Latents, other: Latents, layers: Sequence[int], play: Play) -> Latents:
        """Take the styles of some layers from another latent (StyleGAN, section 3.1).

        other: one latent for all, or one for each. layers: 0 to the number of layers; the last is
        the final ToRGB. Returns w+, truncated by `play` before they were mixed.
        """
        w, donor = self.w_plus(latents, play), self.w_plus(other, play)
        beyond = [layer for layer in layers if not 0 <= layer < w.shape[1]]
        if beyond:
            raise LatentError(f"style mixing at layer {beyond[0]}: {self.name} has styles 0-{w.shape[1] - 1}")
        mixed = w.clone()
        mixed[:, list(layers)] = donor.expand_as(w)[:, list(layers)]
        return replace(latents, space=Space.W_PLUS, values=mixed)

    def _noise(self, latents: Latents, mode: NoiseMode) -> list[Tensor | None]:
        stored = self.network.constant_noise()
        if mode is NoiseMode.CONSTANT:
            return list(stored)
        if mode is NoiseMode.NONE:
            return [None] * len(stored)
        sources = [np.random.RandomState(seed ^ 0x6E6F6973) for seed in latents.seeds]  # not the stream of z
        return [
            torch.from_numpy(
                np.stack([source.standard_normal((1, *maps.shape)) for source in sources]).astype(np.float32)
            ).to(self._device())
            for maps in stored
        ]

    def _device(self) -> torch.device:
        return self.generator.w_mean.device


def layers_of(architecture: Architecture) -> list[Layer]:
    """The bendable places of a generator, in the order of computation."""

    def place(number: int | None, name: str, module: str, features: int, size: int) -> Layer:
        return Layer(number, name, module, features, height=size, width=size)

    features = architecture.features
    layers = [
        place(None, "b4.const", "input", features[0], 4),
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
