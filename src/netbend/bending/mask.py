"""Spatial masks: grey-scale pictures that say where a bend takes place."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from netbend.errors import RecipeError


def load_mask(path: Path, size: tuple[int, int], where: str) -> Tensor:
    """Read a picture as a mask in [0, 1], white is 1, resized to a layer's `(height, width)`.

    Transparent parts count as black. Raises RecipeError, led by `where`, if it cannot be read.
    """
    height, width = size
    try:
        with Image.open(path) as picture:
            layered = _eight_bits(picture, f"{where}: mask {path}").convert("RGBA")
    except FileNotFoundError as error:
        raise RecipeError(f"{where}: mask {path}: no such file") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise RecipeError(f"{where}: mask {path}: not a readable picture ({error})") from error
    grey = Image.alpha_composite(Image.new("RGBA", layered.size, "black"), layered).convert("L")
    resized = grey.resize((width, height), Image.Resampling.BOX)
    return torch.from_numpy(np.array(resized, dtype=np.float32) / 255)


def _eight_bits(picture: Image.Image, which: str) -> Image.Image:
    """Sixteen bits a pixel scaled to eight; Pillow itself would cut them off at 255."""
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture).astype(np.uint16) >> 8).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise RecipeError(f"{which}: holds numbers of 32 bits; save it with 8 or 16 bits a pixel")
    return picture
