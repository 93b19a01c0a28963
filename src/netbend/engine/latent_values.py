"""Latents by their values, as requests carry them: base64 of little-endian float32."""

import base64
import binascii
import math
from typing import Annotated, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from netbend.choices import Space
from netbend.errors import LatentError, RenderError
from netbend.limits import MAX_BENDS, MAX_LATENT_SEED
from netbend.models.base import Latents, Model
from netbend.recipe.places import Latent, Seed

_Size = Annotated[int, Field(ge=1)]


class LatentValues(BaseModel):
    """One latent by its values, for those that follow from no seed.

    Attributes:
        space: z, w or w+.
        values: Base64 of float32.
        shape: Of the values, `(D,)` or of w+ `(L, D)`.
        seed: Of its noise.
        noise_maps: Base64 of the square noise maps of each layer, of projected pictures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    space: Space
    values: str
    shape: list[_Size] = Field(min_length=1, max_length=2)
    seed: int = Field(0, ge=0, le=MAX_LATENT_SEED)
    noise_maps: list[str] = Field([], max_length=MAX_BENDS)

    @classmethod
    def of(cls, latents: Latents) -> Self:
        """Those of a batch of one."""
        (values,), (seed,) = latents.values, latents.seeds
        return cls(
            space=latents.space,
            values=encode(values),
            shape=list(values.shape),
            seed=seed,
            noise_maps=[encode(maps) for maps in latents.noise_maps or ()],
        )

    def latents(self) -> Latents:
        """The latent, a batch of one. Raises RenderError for what cannot be unpacked."""
        try:
            values = decode(self.values)
            if values.numel() != math.prod(self.shape):
                raise ValueError(f"{values.numel()} values for the shape {tuple(self.shape)}")
            noise_maps = tuple(_square(decode(maps)) for maps in self.noise_maps)
            return Latents(self.space, values.reshape(1, *self.shape), (self.seed,), noise_maps or None)
        except (ValueError, RuntimeError, binascii.Error, LatentError) as error:
            raise RenderError(f"the record's latents are damaged ({error})") from error


def named_latents(model: Model, latents: Latents) -> tuple[Latent | LatentValues, ...]:
    """A batch as a request names it: by their seeds where they follow from them, else by their values."""
    if latents.space is Space.Z and latents.noise_maps is None:
        drawn = model.latents(latents.seeds)
        if bool((drawn.values == latents.values.cpu()).all()):
            return tuple(Latent(Seed(seed)) for seed in latents.seeds)
    return tuple(LatentValues.of(latents[place]) for place in range(len(latents)))


def encode(values: Tensor) -> str:
    """Numbers of any shape as base64 of little-endian float32."""
    return base64.b64encode(values.detach().cpu().numpy().astype("<f4").tobytes()).decode()


def decode(text: str) -> Tensor:
    """The numbers that `encode` was given, `(N,)`. Raises ValueError for NaN, infinity and damaged text."""
    values = torch.from_numpy(np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").copy())
    if not values.isfinite().all():
        raise ValueError("NaN or infinity among them")
    return values


def _square(values: Tensor) -> Tensor:
    side = math.isqrt(len(values))
    if side == 0 or len(values) != side**2:
        raise ValueError(f"noise maps of {len(values)} values, which are no squares")
    return values.reshape(1, 1, side, side)
