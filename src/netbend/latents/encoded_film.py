"""Another film as a path through latent space: one network into the next (paper, section 7.5)."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from itertools import islice
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
from netbend.limits import MAX_VIDEO_FRAMES, MAX_VIDEO_PIXELS
from netbend.media.seekable import SeekableFile
from netbend.models.base import Model
from netbend.models.styled import StyledModel
from netbend.regular_file import open_regular

ENCODED_AT_ONCE = 16
FORMATS = "mov,matroska,avi,gif,mpegts,mpeg,ogg,flv"  # no playlists: they open other files


def encoded_film(film: Path, model: Model) -> Callable[[float], Tensor]:
    """What a model's encoder makes of a film: time in seconds to w+ `(L, D)`.

    Between two frames it is the earlier one, after the last the last. Frames are cropped to the middle
    square. Raises LatentError for files that are no films, and for models without an encoder.
    """
    encoder = shipped_encoder(model.hash)
    if encoder is None or not isinstance(model, StyledModel):
        raise LatentError(
            f"film {film}: {model.name} has no encoder, which turns pictures into latents; `faces` and "
            f"`photo-faces` have one"
        )
    latents = torch.cat(list(_encoded(film, model, encoder)))
    rate = _rate(film)
    return lambda time: latents[min(len(latents) - 1, int(time * rate + 1e-6))]


def check_film(film: Path) -> None:
    """Raise LatentError for a file that is no film, or whose first picture cannot be read."""
    with closing(_frames(film, 1)) as frames:
        next(frames)


def seconds_of(film: Path) -> float:
    """How long a film is. Raises LatentError for files that are no films."""
    return sum(1 for _ in _frames(film, 1)) / _rate(film)


def _encoded(film: Path, model: StyledModel[Any], encoder: Encoder) -> Iterator[Tensor]:
    """w+ `(n, L, D)` of some frames after the others."""
    frames = _frames(film, encoder.architecture.size)
    while pixels := list(islice(frames, ENCODED_AT_ONCE)):
        images = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).to(model.generator.w_mean.device)
        yield start_of(model, images.float() / 127.5 - 1, Space.W_PLUS, encoder).cpu()


def _frames(film: Path, size: int) -> Generator[NDArray[np.uint8], None, None]:
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
                if count > MAX_VIDEO_FRAMES:
                    raise LatentError(f"film {film}: more than {MAX_VIDEO_FRAMES} frames; cut it")
        except av.FFmpegError as error:
            raise LatentError(f"film {film}: damaged after {count} frames ({error.strerror})") from error
    if count == 0:
        raise LatentError(f"film {film}: has no pictures")


def _rate(film: Path) -> float:
    """Frames a second."""
    with _opened(film) as container:
        rate = container.streams.video[0].average_rate
    if not rate:
        raise LatentError(f"film {film}: does not say how many frames a second it has")
    return float(rate)


@contextmanager
def _opened(film: Path) -> Iterator[Any]:
    with open_regular(film, LatentError) as file:  # not by name: FFmpeg takes some names for addresses
        try:
            container = av.open(SeekableFile(file), options={"format_whitelist": FORMATS})
        except (av.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise LatentError(f"film {film}: not a film that can be read ({reason})") from error
        with container:
            refused = _unreadable(container)
            if refused is not None:
                raise LatentError(f"film {film}: {refused}")
            # Frames may be larger than the file says.
            container.streams.video[0].codec_context.options = {"max_pixels": str(MAX_VIDEO_PIXELS)}
            yield container


def _unreadable(container: Any) -> str | None:
    """Why its pictures are not read."""
    if not container.streams.video:
        return "has no pictures"
    video = container.streams.video[0]
    if video.width * video.height > MAX_VIDEO_PIXELS:
        return f"frames of {video.width}x{video.height} pixels; make them smaller"
    return None
