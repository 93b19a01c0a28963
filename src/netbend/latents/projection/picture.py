"""A picture from a file, as a model would have generated it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from netbend.digits import whole_number
from netbend.errors import RenderError
from netbend.media.image import read_image
from netbend.models.styled import StyledModel


@dataclass(frozen=True)
class Crop:
    """The square of a picture that is taken, in its pixels, from the top left."""

    left: int
    top: int
    size: int


def parse_crop(text: str) -> Crop:
    """Turn `LEFT,TOP,SIZE` into a crop. Raises RenderError for anything else."""
    match [whole_number(part.strip()) for part in text.split(",")]:
        case [int(left), int(top), int(size)] if size > 0:
            return Crop(left, top, size)
    raise RenderError(f"--crop {text:.80}: expected LEFT,TOP,SIZE in pixels, such as 120,40,512")


def read_picture(path: Path) -> Image.Image:
    """A picture in RGB, by the rules of `netbend.media.image`: upright, sRGB, transparent parts on black.

    Raises RenderError if it is none.
    """
    return read_image(path, RenderError)


def square(picture: Image.Image, crop: Crop | None, path: Path) -> Image.Image:
    """The crop of a picture; without one, the largest square in its middle. path: for messages.

    Raises RenderError if the crop reaches outside.
    """
    width, height = picture.size
    if crop is None:
        size = min(width, height)
        crop = Crop((width - size) // 2, (height - size) // 2, size)
    right, bottom = crop.left + crop.size, crop.top + crop.size
    if right > width or bottom > height:
        raise RenderError(
            f"{path}: the crop {crop.left},{crop.top},{crop.size} ends at {right},{bottom}, outside its "
            f"{width}x{height} pixels"
        )
    return picture.crop((crop.left, crop.top, right, bottom))


def target_of(picture: Image.Image, model: StyledModel[Any]) -> Tensor:
    """A square picture in the model's size and channels, `(1, C, size, size)`, -1 black to 1 white."""
    architecture = model.generator.architecture
    mode = "L" if architecture.channels == 1 else "RGB"
    resized = picture.convert(mode).resize(
        (architecture.size, architecture.size), Image.Resampling.LANCZOS, reducing_gap=3
    )
    pixels = torch.from_numpy(np.array(resized)).reshape(architecture.size, architecture.size, -1)
    return pixels.permute(2, 0, 1)[None].float() / 127.5 - 1


def enlarged(images: Tensor, targets: Tensor) -> Tensor:
    """Images `(N, C, h, h)` in the size of targets `(N, C, H, H)`, as previews are looked at."""
    side = targets.shape[-1]
    if images.shape[-1] == side:
        return images
    return F.interpolate(images, (side, side), mode="bilinear", align_corners=False)
