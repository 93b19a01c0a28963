"""A folder or zip of pictures as one tensor of training images."""

import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from netbend.errors import DataError

EXTENSIONS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


def load_images(source: Path, size: int) -> Tensor:
    """Read all pictures below a folder or in a zip, cropped to the central square and resized.

    Returns uint8 `(N, 3, size, size)`, in the order of their names; held in memory.
    Raises DataError where there are none, or naming the one that cannot be read.
    """
    if source.is_dir():
        files = sorted(path for path in source.rglob("*") if path.suffix.lower() in EXTENSIONS)
        read = _read_file
        names = [str(path) for path in files]
    elif zipfile.is_zipfile(source):
        archive = zipfile.ZipFile(source)
        names = sorted(name for name in archive.namelist() if Path(name).suffix.lower() in EXTENSIONS)

        def read(name: str) -> bytes:
            return archive.read(name)
    else:
        raise DataError(f"{source}: expected a folder or a zip of pictures")
    if not names:
        raise DataError(f"{source}: no pictures found; looked for {', '.join(sorted(EXTENSIONS))}")

    def load(name: str) -> np.ndarray:
        return _square(name, read(name), size)

    images = np.empty((len(names), 3, size, size), dtype=np.uint8)
    with ThreadPoolExecutor() as pool:
        for index, image in enumerate(pool.map(load, names)):
            images[index] = image
    return torch.from_numpy(images)


def _read_file(name: str) -> bytes:
    return Path(name).read_bytes()


def _square(name: str, data: bytes, size: int) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(data)) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise DataError(f"{name}: not a readable picture ({error}); repair or remove it") from error
    fitted = ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(fitted).transpose(2, 0, 1)


def batches(images: Tensor, batch_size: int, generator: torch.Generator, mirror: bool) -> Iterator[Tensor]:
    """Endless batches of float images in [-1, 1], reshuffled every pass; half are mirrored if asked."""
    while True:
        order = torch.randperm(len(images), generator=generator)
        order = order.repeat(-(-batch_size // len(order))) if len(order) < batch_size else order
        for start in range(0, len(order) - batch_size + 1, batch_size):
            batch = images[order[start : start + batch_size]].float() / 127.5 - 1
            if mirror:
                flipped = torch.rand(batch_size, generator=generator) < 0.5
                batch[flipped] = batch[flipped].flip(3)
            yield batch
