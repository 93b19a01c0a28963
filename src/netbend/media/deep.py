"""Pixels of more than eight bits as eight bits. Pillow itself would cut most of them off at 255.

What is white is said by the format for up to 16 bits. Numbers of 32 bits and floats do not say it: white
is then the smallest of a few levels that programs use and that none of the picture's numbers exceeds.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netbend.media.signature import UnreadableImage

BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # tags of TIFF 6.0
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # values of SAMPLE_FORMAT
WHITE_IS_ZERO = 0  # value of PHOTOMETRIC
FLOAT_WHITES = (1, 255, 65535)
INTEGER_WHITES = (255, 65535, 2**31 - 1, 2**32 - 1)
OVERSHOOT = 1  # how far floats may be above 1, as highlights are, before 1 cannot be white


def is_deep(picture: Image.Image) -> bool:
    """Whether Pillow holds a picture with more than 8 bits a value."""
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def to_eight_bits(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """A decoded deep picture as `L`, and its alpha if one of its levels means transparent.

    Raises UnreadableImage for NaN, negative numbers, and floats that no known level of white fits.
    """
    bits, sample_format = (32, FLOAT) if picture.mode == "F" else (16, UNSIGNED)
    numbers: NDArray[np.number] = np.asarray(picture)
    if picture.format == "TIFF":
        bits, sample_format = _tag(picture, BITS_PER_SAMPLE, bits), _tag(picture, SAMPLE_FORMAT, UNSIGNED)
        if picture.mode == "I" and sample_format == UNSIGNED:
            numbers = numbers.view(np.uint32)  # Pillow's own are signed
    grey = scaled(numbers, white_of(numbers, bits, sample_format))
    if picture.format == "TIFF" and _tag(picture, PHOTOMETRIC, 1) == WHITE_IS_ZERO:
        grey = 255 - grey
    transparent = picture.info.get("transparency")
    if not isinstance(transparent, int):
        return Image.fromarray(grey), None
    alpha = np.where(numbers == transparent, 0, 255).astype(np.uint8)
    return Image.fromarray(grey), Image.fromarray(alpha)


def white_of(numbers: NDArray[np.number], bits: int, sample_format: int) -> int:
    """Which number is white. Raises UnreadableImage where that cannot be known; see the top."""
    least, most = float(numbers.min()), float(numbers.max())
    if not np.isfinite([least, most]).all():
        raise UnreadableImage("NaN or infinity among its pixels; save it with 8 or 16 bits a pixel")
    if sample_format == FLOAT:
        return _white_of_floats(least, most)
    if least < 0:
        raise UnreadableImage(
            f"negative numbers among its pixels (from {least:g}); save it with 8 or 16 bits a pixel"
        )
    if bits <= 16:
        return int(2 ** (bits - (sample_format == SIGNED)) - 1)
    return next(white for white in INTEGER_WHITES if most <= white)


def _white_of_floats(least: float, most: float) -> int:
    for white in FLOAT_WHITES:
        overshoot = OVERSHOOT if white == 1 else 0.02 * white  # sharpening and enlarging overshoot a little
        if most <= white + overshoot:
            if least < -0.1 * white:
                break
            return white
    raise UnreadableImage(
        f"numbers from {least:g} to {most:g}; expected 0 to 1, to 255 or to 65535: "
        f"save it with 8 or 16 bits a pixel"
    )


def scaled(numbers: NDArray[np.number], white: int) -> NDArray[np.uint8]:
    """Numbers as levels from 0 to 255, cut off beyond white."""
    levels = np.multiply(numbers, np.float32(255 / white), dtype=np.float32)
    np.rint(levels, out=levels)
    return np.clip(levels, 0, 255, out=levels).astype(np.uint8)


def _tag(picture: Image.Image, tag: int, default: int) -> int:
    """The first number of a TIFF's tag."""
    value = getattr(picture, "tag_v2", {}).get(tag, default)
    value = value[0] if isinstance(value, tuple) and value else value
    return value if isinstance(value, int) else default
