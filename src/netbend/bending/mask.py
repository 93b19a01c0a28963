"""Spatial masks: grey-scale pictures that say where a bend takes place."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from netbend.errors import RecipeError
from netbend.media.image import read_grey


def load_mask(path: Path, size: tuple[int, int], where: str) -> Tensor:
    """Read a picture as a mask in [0, 1], white is 1, resized to a layer's `(height, width)`.

    Transparent parts count as black; colour profiles are not applied. Raises RecipeError, led by `where`,
    if it cannot be read.
    """
    height, width = size
    try:
        grey = read_grey(path, RecipeError)
    except RecipeError as error:
        raise RecipeError(f"{where}: mask {error}") from error
    resized = grey.resize((width, height), Image.Resampling.BOX)
    return torch.from_numpy(np.array(resized, dtype=np.float32) / 255)
