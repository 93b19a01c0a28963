"""Another film as a path through latent space: one network into the next (paper, section 7.5)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from netbend.choices import Space
from netbend.errors import LatentError
from netbend.latents.projection.encoder import Encoder, shipped_encoder
from netbend.latents.projection.start import start_of
from netbend.models.base import Model
from netbend.models.styled import StyledModel

ENCODED_AT_ONCE = 16
MOST_FRAMES = 100_000


def encoded_film(film: Path, model: Model) -> Callable[[float], Tensor]:
    """What a model's encoder makes of a film: time in seconds to w+ `(L, D)`.

    Between two frames it is the earlier one, after the last the last. Frames are cropped to the middle
    square. Raises LatentError for files that are no films, and for models without an encoder.
    """
    encoder = shipped_encoder(model.hash)
    if encoder is None or not isinstance(model, StyledModel):
        raise LatentError(
            f"film {film}: {model.name} has no encoder, which turns pictures into latents; `faces` has one"
        )
    batches = [
        start_of(model, batch, Space.W_PLUS, encoder).cpu() for batch in _batches(film, encoder, model)
    ]
    latents = torch.cat(batches)
    rate = float(_rate(film))
    return lambda time: latents[min(len(latents) - 1, int(time * rate + 1e-6))]


def seconds_of(film: Path) -> float:
    """How long a film is. Raises LatentError for files that are no films."""
    return float(sum(1 for _ in _frames(film, 8)) / _rate(film))


def _batches(film: Path, encoder: Encoder, model: StyledModel[Any]) -> Iterator[Tensor]:
    frames = list(_frames(film, encoder.architecture.size))
    device = model.generator.w_mean.device
    for start in range(0, len(frames), ENCODED_AT_ONCE):
        pixels = np.stack(frames[start : start + ENCODED_AT_ONCE])
        yield torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device).float() / 127.5 - 1


def _frames(film: Path, size: int) -> Iterator[NDArray[np.uint8]]:
    """The middle square of each frame, `(size, size, 3)`."""
    count = 0
    with _opened(film) as container:
        try:
            for frame in container.decode(video=0):
                picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
                side = min(picture.size)
                left, top = (picture.width - side) // 2, (picture.height - side) // 2
                square = (left, top, left + side, top + side)
                yield np.asarray(picture.resize((size, size), Image.Resampling.BOX, box=square))
                count += 1
                if count > MOST_FRAMES:
                    raise LatentError(f"film {film}: more than {MOST_FRAMES} frames; cut it")
        except av.FFmpegError as error:
            raise LatentError(f"film {film}: damaged after {count} frames ({error.strerror})") from error
    if count == 0:
        raise LatentError(f"film {film}: has no pictures")


def _rate(film: Path) -> float:
    with _opened(film) as container:
        return float(container.streams.video[0].average_rate)


def _opened(film: Path) -> Any:
    if not film.is_file():
        raise LatentError(f"film {film}: no such file")
    try:
        container = av.open(str(film))
    except (av.FFmpegError, OSError) as error:
        raise LatentError(f"film {film}: not a film that can be read ({error.strerror})") from error
    if not container.streams.video:
        container.close()
        raise LatentError(f"film {film}: has no pictures")
    return container
