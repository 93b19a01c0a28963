"""The record inside every picture: all that is needed to make the same pixels again."""

import base64
import binascii
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from PIL import Image, PngImagePlugin
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from netbend.bending import Plan
from netbend.choices import NoiseMode, NonFinite, Space
from netbend.errors import RenderError
from netbend.limits import MAX_RECORD_LATENT_BYTES, MAX_RECORD_NOISE_TEXT
from netbend.models.base import Latents, Play

CHUNK = "netbend"  # of the PNG, as international text


class Record(BaseModel):
    """What a picture was made from.

    indices, masks: for each bend of the recipe, the features drawn and the mask at the layer's
    size (a PNG, base64) or None.
    latents: float32 values, base64, unless they follow from the seeds. noise_maps: the same of each
    layer's, if the latents have any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    model: str
    model_hash: str
    recipe: dict[str, Any] | None = None
    indices: list[list[int]] = []
    masks: list[str | None] = []
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field(min_length=1)
    space: Space = Space.Z
    latents: str | None = None
    latents_shape: list[int] | None = None
    noise_maps: list[str] = []
    truncation: float = 1.0
    cutoff: int | None = Field(None, ge=0)
    noise: NoiseMode = NoiseMode.CONSTANT
    label: str | None = None
    bf16: bool = False
    nonfinite: NonFinite = NonFinite.ERROR
    compare: bool = False
    sheet: bool = False

    @property
    def play(self) -> Play:
        return Play(self.truncation, self.cutoff, self.noise, self.label)

    def stored_latents(self) -> Latents | None:
        """The latents, unless they follow from the seeds."""
        if self.latents is None:
            return None
        try:
            values = _decode_values(self.latents).reshape(self.latents_shape or ())
            noise_maps = tuple(
                _square_maps(_decode_values(maps), len(self.seeds)) for maps in self.noise_maps
            )
        except (ValueError, RuntimeError, binascii.Error) as error:
            raise RenderError(f"the record's latents are damaged ({error})") from error
        return Latents(self.space, values, tuple(self.seeds), noise_maps or None)

    def stored_masks(self) -> list[Tensor | None]:
        """One for each bend, `(H, W)` in [0, 1]."""
        return [None if mask is None else _decode_mask(mask) for mask in self.masks]


def encode_latents(values: Tensor) -> str:
    """Latent values as base64 of little-endian float32."""
    raw = values.detach().cpu().numpy().astype("<f4").tobytes()
    if len(raw) > MAX_RECORD_LATENT_BYTES:
        raise RenderError(
            f"{len(raw)} bytes of latents do not fit into a picture's record; use --no-metadata"
        )
    return base64.b64encode(raw).decode()


def encode_noise_maps(noise_maps: Sequence[Tensor]) -> list[str]:
    """Noise maps `(N, 1, H, W)` of each layer, as `encode_latents` does."""
    encoded = [encode_latents(maps) for maps in noise_maps]
    if sum(map(len, encoded)) > MAX_RECORD_NOISE_TEXT:
        raise RenderError("noise maps of a picture so large do not fit into its record; use --no-metadata")
    return encoded


def _decode_values(text: str) -> Tensor:
    return torch.from_numpy(np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").copy())


def _square_maps(values: Tensor, count: int) -> Tensor:
    side = math.isqrt(len(values) // count)
    return values.reshape(count, 1, side, side)


def encode_masks(plan: Plan) -> list[str | None]:
    return [None if bend.mask is None else _encode_mask(bend.mask) for bend in plan.bends]


def _encode_mask(mask: Tensor) -> str:
    buffer = io.BytesIO()
    Image.fromarray((mask * 255).round().byte().numpy()).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _decode_mask(text: str) -> Tensor:
    try:
        with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"]) as picture:
            return torch.from_numpy(np.array(picture.convert("L"), dtype=np.float32) / 255)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RenderError(f"the record's mask is damaged ({error})") from error


def png_bytes(picture: Image.Image, record: Record | None) -> bytes:
    """A picture as a PNG file, with its record unless that is None."""
    chunks = PngImagePlugin.PngInfo()
    if record is not None:
        chunks.add_itxt(CHUNK, record.model_dump_json(exclude_defaults=True), zip=True)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def read_record(path: Path) -> Record:
    """The record inside a picture that netbend made; nothing in it is trusted.

    Raises RenderError if the file is no PNG, has no record, or a damaged one.
    """
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            picture.load()
            text = getattr(picture, "text", {}).get(CHUNK)
    except FileNotFoundError as error:
        raise RenderError(f"{path}: no such file") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise RenderError(f"{path}: not a readable PNG ({error})") from error
    if text is None:
        raise RenderError(f"{path}: no record in it; it was not made by netbend, or with --no-metadata")
    try:
        return Record.model_validate(json.loads(text))
    except (ValidationError, ValueError, RecursionError) as error:
        raise RenderError(f"{path}: its record is damaged or of a newer netbend ({_first(error)})") from error


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        detail = error.errors()[0]
        return f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
    return str(error)


def drawn_indices(plan: Plan) -> list[list[int]]:
    """The features of each bend, as records keep them."""
    return [list(bend.indices) for bend in plan.bends]


def described(seeds: Sequence[int]) -> str:
    """A file's stem for one seed or many."""
    return f"seed{seeds[0]:04d}" if len(seeds) == 1 else f"seeds{seeds[0]:04d}-{seeds[-1]:04d}"
