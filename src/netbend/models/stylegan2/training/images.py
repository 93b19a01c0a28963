"""A folder or zip of pictures as one tensor of training images."""

import io
import os
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from netbend.errors import DataError
from netbend.limits import MAX_IMAGE_BYTES
from netbend.media.dataset import LeftOut, files_below, members, open_zip, read_member, refuse_broken
from netbend.media.image import decode_image
from netbend.media.signature import ENDINGS, HEIC_ENDINGS, HEIC_REMEDY, UnreadableImage, reads_heic
from netbend.regular_file import open_regular

MAX_THREADS = 8  # each holds a decoded picture or two


@dataclass(frozen=True)
class _Entry:
    """A picture in a folder or zip. open: raises DataError, led by the name."""

    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]


def load_images(
    source: Path, size: int, report: Callable[[str], None] = lambda _: None, run: Path | None = None
) -> Tensor:
    """Read all pictures below a folder or in a zip, cropped to the central square and resized.

    Args:
        source: The folder or zip.
        size: Height and width, pixels.
        report: Called once with a line that says what was left out, if something was.
        run: A folder that may lie in the source, whose pictures are no training data.

    Returns:
        uint8 `(N, 3, size, size)`, in the order of their names; held in memory.

    Raises:
        DataError: Where there are none, or naming all that cannot be read.
    """
    with _entries(source, run) as (entries, left_out):
        said = _said(left_out)
        if not entries:
            raise DataError(f"{source}: no pictures found" + (f"; left out: {said}" if said else ""))
        if said:
            report(f"{source}: {len(entries)} pictures; left out: {said}")
        images = np.empty((len(entries), 3, size, size), dtype=np.uint8)
        broken = []
        with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
            for index, square in enumerate(pool.map(partial(_square, size=size), entries)):
                if isinstance(square, str):
                    broken.append(square)
                else:
                    images[index] = square
    refuse_broken(source, broken, len(images), "pictures")
    return torch.from_numpy(images)


@contextmanager
def _entries(source: Path, run: Path | None) -> Iterator[tuple[list[_Entry], LeftOut]]:
    endings = ENDINGS if reads_heic() else ENDINGS - HEIC_ENDINGS
    if source.is_dir():
        files, left_out = files_below(source, endings, run)
        yield (
            [_Entry(str(path), partial(open_regular, path, DataError, MAX_IMAGE_BYTES)) for path in files],
            left_out,
        )
        return
    with open_zip(source) as archive:
        infos, left_out = members(archive, endings)

        def unpack(info: zipfile.ZipInfo) -> AbstractContextManager[BinaryIO]:
            return nullcontext(io.BytesIO(read_member(archive, info, MAX_IMAGE_BYTES)))

        yield [_Entry(info.filename, partial(unpack, info)) for info in infos], left_out


def _said(left_out: LeftOut) -> str:
    """What was left out, and how HEIC pictures would not be."""
    heic = HEIC_ENDINGS & left_out.counts.keys()
    return f"{left_out}" + (f" ({', '.join(sorted(heic))}: {HEIC_REMEDY})" if heic else "")


def _square(entry: _Entry, size: int) -> NDArray[np.uint8] | str:
    """The pixels `(3, size, size)`, or why there are none: all that is broken is to be said at once."""

    def fit(picture: Image.Image) -> Image.Image:
        return ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)

    try:
        with entry.open() as file:
            return np.asarray(decode_image(file, entry.name, fit)).transpose(2, 0, 1)
    except UnreadableImage as error:
        return f"{entry.name}: {error}"
    except DataError as error:
        return str(error)


def batches(images: Tensor, batch_size: int, generator: torch.Generator, mirror: bool) -> Iterator[Tensor]:
    """Endless batches of float images in [-1, 1], reshuffled every pass; half are mirrored if asked."""
    for indices in shuffled(len(images), batch_size, generator):
        batch = images[indices].float() / 127.5 - 1
        if mirror:
            flipped = torch.rand(batch_size, generator=generator) < 0.5
            batch[flipped] = batch[flipped].flip(3)
        yield batch


def shuffled(
    count: int, batch_size: int, generator: torch.Generator, device: torch.device | str = "cpu"
) -> Iterator[Tensor]:
    """Endless indices of batches, reshuffled every pass, which are sent to the device at once."""
    while True:
        order = torch.randperm(count, generator=generator)
        order = order.repeat(-(-batch_size // len(order))) if len(order) < batch_size else order
        order = order.to(device)
        for start in range(0, len(order) - batch_size + 1, batch_size):
            yield order[start : start + batch_size]
