"""The record inside every picture: all that is needed to make the same pixels again."""

import base64
import binascii
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self
from warnings import catch_warnings

import numpy as np
import torch
from PIL import Image, PngImagePlugin, UnidentifiedImageError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor

from netbend.bending import Plan
from netbend.choices import NoiseMode, NonFinite, Space
from netbend.errors import LatentError, RenderError
from netbend.limits import (
    MAX_BENDS,
    MAX_FEATURES,
    MAX_LATENT_SEED,
    MAX_MASK_PIXELS,
    MAX_PROBLEM_TEXT,
    MAX_RECORD_TEXT,
    MAX_RECORD_TRUNCATION,
    MAX_SHEET_PICTURES,
)
from netbend.models.base import Latents, Play
from netbend.printable import shortened
from netbend.render.png_text import read_png_text
from netbend.render.quick_png import quick_png
from netbend.transforms.invalid import reason

CHUNK = "netbend"  # of the PNG, as international text


_Indices = Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=MAX_FEATURES)]


class Record(BaseModel):
    """What a picture was made from.

    indices, masks: for each bend of the recipe, the features drawn and the mask at the layer's
    size (a PNG, base64) or None.
    latents: float32 values, base64, unless they follow from the seeds. noise_maps: the same of each
    layer's, if the latents have any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(max_length=100)
    model: str
    model_hash: str
    recipe: dict[str, Any] | None = None
    indices: list[_Indices] = Field([], max_length=MAX_BENDS)
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

    @property
    def play(self) -> Play:
        return Play(self.truncation, self.cutoff, self.noise, self.label)

    def of_one_picture(self) -> "Record":
        """The same for the first of its seeds, which is the picture it lies in unless that is a sheet."""
        return self if self.sheet or self.latents else self.model_copy(update={"seeds": self.seeds[:1]})

    def stored_latents(self) -> Latents | None:
        """The latents, unless they follow from the seeds."""
        if self.latents is None:
            return None
        try:
            values = _decode_values(self.latents)
            shape = self.latents_shape or ()
            if values.numel() != math.prod(shape):
                raise ValueError(f"{values.numel()} values for the shape {tuple(shape)}")
            values = values.reshape(shape)
            noise_maps = tuple(
                _square_maps(_decode_values(maps), len(self.seeds)) for maps in self.noise_maps
            )
            return Latents(self.space, values, tuple(self.seeds), noise_maps or None)
        except (ValueError, RuntimeError, binascii.Error, LatentError) as error:
            raise RenderError(f"the record's latents are damaged ({error})") from error

    def stored_masks(self, sizes: Sequence[tuple[int, int]]) -> list[Tensor | None]:
        """One for each bend, `(H, W)` in [0, 1]. sizes: `(H, W)` of the layer of each bend.

        Raises RenderError for masks that are damaged, too many, or of another size.
        """
        pixels = sum(height * width for mask, (height, width) in zip(self.masks, sizes, strict=True) if mask)
        if pixels > MAX_MASK_PIXELS:
            raise RenderError(
                f"the record's masks have {pixels} pixels in all; at most {MAX_MASK_PIXELS} are read"
            )
        return [
            None if mask is None else _decode_mask(mask, size)
            for mask, size in zip(self.masks, sizes, strict=True)
        ]


def encode_latents(values: Tensor) -> str:
    """Latent values as base64 of little-endian float32."""
    return base64.b64encode(values.detach().cpu().numpy().astype("<f4").tobytes()).decode()


def encode_noise_maps(noise_maps: Sequence[Tensor]) -> list[str]:
    """Noise maps `(N, 1, H, W)` of each layer, as `encode_latents` does."""
    return [encode_latents(maps) for maps in noise_maps]


def _decode_values(text: str) -> Tensor:
    values = torch.from_numpy(np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").copy())
    if not values.isfinite().all():
        raise ValueError("NaN or infinity among them")
    return values


def _square_maps(values: Tensor, count: int) -> Tensor:
    side = math.isqrt(len(values) // count)
    if len(values) != count * side**2:
        raise ValueError(f"noise maps of {len(values)} values for {count} latents, which are no squares")
    return values.reshape(count, 1, side, side)


def encode_masks(plan: Plan) -> list[str | None]:
    return [None if bend.mask is None else _encode_mask(bend.mask) for bend in plan.bends]


def _encode_mask(mask: Tensor) -> str:
    buffer = io.BytesIO()
    Image.fromarray((mask * 255).round().byte().numpy()).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _decode_mask(text: str, size: tuple[int, int]) -> Tensor:
    height, width = size
    try:
        data = base64.b64decode(text, validate=True)
        with catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            if picture.size != (width, height):  # before it is unpacked
                raise ValueError(f"{picture.width}x{picture.height} pixels for a layer of {width}x{height}")
            return torch.from_numpy(np.array(picture.convert("L"), dtype=np.float32) / 255)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = "not a PNG" if isinstance(error, UnidentifiedImageError) else error
        raise RenderError(f"the record's mask is damaged ({reason})") from error


def png_bytes(picture: Image.Image, record: Record | None, *, quick: bool = False) -> bytes:
    """A picture as a PNG file, with its record unless that is None. Raises RenderError if it does not fit.

    quick: the same picture in a twentieth of the time, and a little larger.
    """
    texts = {} if record is None else {CHUNK: record_text(record)}
    if quick:
        return quick_png(picture, texts)
    chunks = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        chunks.add_itxt(keyword, text, zip=True)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=chunks, compress_level=6)
    return buffer.getvalue()


def record_text(record: Record) -> str:
    """A record as it is kept. Raises RenderError if it is too long to be read back."""
    text = record.model_dump_json(exclude_defaults=True)
    if len(text.encode()) > MAX_RECORD_TEXT:
        raise RenderError(
            f"latents, noise maps, masks and recipe do not fit into a picture's record: {len(text)} "
            f"characters, at most {MAX_RECORD_TEXT} are kept; use --no-metadata"
        )
    return text


def read_record(path: Path) -> Record:
    """The record inside a picture that netbend made; nothing in it is trusted.

    Raises RenderError if the file is no PNG, has no record, or a damaged one.
    """
    text = read_png_text(path, CHUNK)
    if text is None:
        raise RenderError(f"{path}: no record in it; it was not made by netbend, or with --no-metadata")
    try:
        return Record.model_validate(json.loads(text, parse_constant=_refuse_constant))
    except (ValidationError, ValueError, RecursionError) as error:
        raise RenderError(f"{path}: its record is damaged or of a newer netbend ({_first(error)})") from error


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word}, which is no number")


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        detail = error.errors()[0]
        place = ".".join(str(part) for part in detail["loc"])
        return shortened(f"{place}: {reason(detail)}" if place else reason(detail), MAX_PROBLEM_TEXT)
    return shortened(str(error), MAX_PROBLEM_TEXT)


def drawn_indices(plan: Plan) -> list[list[int]]:
    """The features of each bend, as records keep them."""
    return [list(bend.indices) for bend in plan.bends]


def described(seeds: Sequence[int]) -> str:
    """A file's stem for one seed or many."""
    return f"seed{seeds[0]:04d}" if len(seeds) == 1 else f"seeds{seeds[0]:04d}-{seeds[-1]:04d}"
