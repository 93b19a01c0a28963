"""What a bend was put on, as requests carry it: its features, and its mask at the layer's size."""

import base64
import io
from collections.abc import Sequence
from typing import Annotated, Self
from warnings import catch_warnings

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from netbend.bending import PlannedBend
from netbend.errors import RenderError
from netbend.limits import MAX_FEATURES, MAX_MASK_PIXELS

_Feature = Annotated[int, Field(ge=0)]


class Selected(BaseModel):
    """What one bend was put on: no seed, cluster file or mask is needed to put it there again.

    Attributes:
        features: Counted from 0; None for a selection that moves, which is looked up at every time.
        mask: Base64 of a grey-scale PNG of the layer's size.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: list[_Feature] | None = Field(None, max_length=MAX_FEATURES)
    mask: str | None = None

    @classmethod
    def of(cls, bend: PlannedBend, *, moves: bool = False) -> Self:
        """That of a planned bend. moves: whether its features do."""
        mask = None if bend.mask is None else _encode_mask(bend.mask)
        return cls(features=None if moves else list(bend.indices), mask=mask)


def decode_masks(selected: Sequence[Selected], sizes: Sequence[tuple[int, int]]) -> list[Tensor | None]:
    """The mask of each bend, `(H, W)` in [0, 1], None where it has none.

    Args:
        selected: What bends were put on.
        sizes: `(H, W)` of the layer of each bend.

    Raises:
        RenderError: For masks that are damaged, too many, or of another size.
    """
    pixels = sum(h * w for each, (h, w) in zip(selected, sizes, strict=True) if each.mask)
    if pixels > MAX_MASK_PIXELS:
        raise RenderError(
            f"the record's masks have {pixels} pixels in all; at most {MAX_MASK_PIXELS} are read"
        )
    return [
        None if each.mask is None else _decode_mask(each.mask, size)
        for each, size in zip(selected, sizes, strict=True)
    ]


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
