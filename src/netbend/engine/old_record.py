"""What pictures carry that netbend made before there were requests."""

import math
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from netbend.choices import NoiseMode, NonFinite, Precision, Space
from netbend.engine.latent_values import LatentValues, decode, encode
from netbend.errors import RenderError
from netbend.limits import (
    MAX_BENDS,
    MAX_FEATURES,
    MAX_LATENT_SEED,
    MAX_RECORD_TRUNCATION,
    MAX_SHEET_PICTURES,
)

_Features = Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=MAX_FEATURES)]


class OldRecord(BaseModel):
    """A record of netbend 0.1: the same as a request, flat, with the latents of all pictures in one array."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(max_length=100)
    model: str
    model_hash: str
    recipe: dict[str, Any] | None = None
    indices: list[_Features] = Field([], max_length=MAX_BENDS)
    masks: list[str | None] = Field([], max_length=MAX_BENDS)
    seeds: list[Annotated[int, Field(ge=0, le=MAX_LATENT_SEED)]] = Field(min_length=1)
    space: Space = Space.Z
    latents: str | None = None
    latents_shape: list[Annotated[int, Field(ge=1)]] | None = Field(None, min_length=2, max_length=3)
    noise_maps: list[str] = Field([], max_length=MAX_BENDS)
    truncation: float = Field(1.0, ge=-MAX_RECORD_TRUNCATION, le=MAX_RECORD_TRUNCATION, allow_inf_nan=False)
    cutoff: int | None = Field(None, ge=0)
    noise: NoiseMode = NoiseMode.CONSTANT
    label: str | None = None
    bf16: bool = False
    nonfinite: NonFinite = NonFinite.ERROR
    compare: bool = False
    sheet: bool = False

    @staticmethod
    def is_one(data: object) -> bool:
        return isinstance(data, dict) and "model_hash" in data

    @model_validator(mode="after")
    def _check_counts(self) -> Self:
        if self.sheet and len(self.seeds) > MAX_SHEET_PICTURES:
            raise ValueError(f"seeds: a sheet of more than {MAX_SHEET_PICTURES} pictures")
        if len(self.indices) != len(self.masks):
            raise ValueError("indices, masks: not one of each for every bend")
        if (self.latents is None) != (self.latents_shape is None):
            raise ValueError("latents, latents_shape: one without the other")
        if self.latents is None and self.noise_maps:
            raise ValueError("noise_maps: without latents")
        return self

    def request_data(self) -> dict[str, Any]:
        """The same as the fields of a request."""
        selected = [
            {"features": features, "mask": mask}
            for features, mask in zip(self.indices, self.masks, strict=True)
        ]
        return {
            "version": self.version,
            "model": {"name": self.model, "hash": self.model_hash},
            "recipe": self.recipe,
            "latents": self._latents(),
            "options": {
                "truncation_psi": self.truncation,
                "truncation_cutoff": self.cutoff,
                "noise": self.noise,
                "label": self.label,
                "nonfinite": self.nonfinite,
            },
            "selected": selected if selected or self.recipe is not None else None,
            "precision": Precision.BF16 if self.bf16 else Precision.FLOAT32,
            "compare": self.compare,
            "sheet": self.sheet,
        }

    def _latents(self) -> list[Any]:
        """One for each picture; a file that is no sheet shows the first alone."""
        count = len(self.seeds) if self.sheet else 1
        if self.latents is None:
            return [{"seed": seed} for seed in self.seeds[:count]]
        try:
            values = decode(self.latents)
            shape = self.latents_shape or [0]
            pictures, shape = shape[0], shape[1:]
            if values.numel() != pictures * math.prod(shape):
                raise ValueError(f"{values.numel()} values for the shape {(pictures, *shape)}")
            if pictures != len(self.seeds):
                raise ValueError(f"{pictures} latents need as many seeds, got {len(self.seeds)}")
            rows = values.reshape(pictures, -1)
            noise_maps = [self._rows(decode(maps)) for maps in self.noise_maps]
        except (ValueError, RuntimeError) as error:
            raise RenderError(f"the record's latents are damaged ({error})") from error
        return [
            LatentValues(
                space=self.space,
                values=encode(rows[place]),
                shape=shape,
                seed=self.seeds[place],
                noise_maps=[encode(maps[place]) for maps in noise_maps],
            )
            for place in range(count)
        ]

    def _rows(self, maps: Any) -> Any:
        count = len(self.seeds)
        side = math.isqrt(len(maps) // count)
        if len(maps) != count * side**2:
            raise ValueError(f"noise maps of {len(maps)} values for {count} latents, which are no squares")
        return maps.reshape(count, -1)
