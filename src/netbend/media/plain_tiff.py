"""TIFFs that Pillow does not know, or misreads: colours in floats or 32 bits, or in planes of 16 (TIFF 6.0).

Of these only what programs commonly write: in strips, as they are or deflated, with or without a predictor.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from netbend.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS
from netbend.media.deep import FLOAT, SIGNED, UNSIGNED, WHITE_IS_ZERO, scaled, white_of
from netbend.media.signature import UnreadableImage

# Tags, by the names of TIFF 6.0.
WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, OFFSETS = 256, 257, 258, 259, 262, 273
ORIENTATION, SAMPLES, ROWS_PER_STRIP, COUNTS, PLANAR, PREDICTOR = 274, 277, 278, 279, 284, 317
TILE_WIDTH, TILE_LENGTH, EXTRA_SAMPLES, SAMPLE_FORMAT, PROFILE = 322, 323, 338, 339, 34675
NONE, DEFLATE = (1,), (8, 32946)  # compressions
IN_PLANES = 2
DIFFERENCES, FLOAT_DIFFERENCES = 2, 3  # predictors; the latter: Adobe's Technical Note 3 of 2005
ALPHA = 2  # extra sample: an alpha that the colours are not multiplied with; also where it is not said
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class _Layout:
    """How the samples lie in the file."""

    width: int
    height: int
    samples: int  # of a pixel in a strip; in planes one
    planes: int
    dtype: np.dtype[np.number]
    deflated: bool
    predictor: int
    rows: int  # of a strip
    places: list[tuple[int, int]]  # offset and bytes of each strip


def read_plain_tiff(file: BinaryIO) -> Image.Image:
    """A picture in eight bits a channel, `L`, `LA`, `RGB` or `RGBA`, not turned; profile and turn in `info`.

    Raises UnreadableImage for what it does not read, struct.error, zlib.error and the like for damaged files.
    """
    tags = _tags(file)
    layout = _layout(tags)
    numbers = np.concatenate([_plane(file, layout, number) for number in range(layout.planes)], axis=2)
    white = white_of(numbers, 8 * layout.dtype.itemsize, _one(tags, SAMPLE_FORMAT, UNSIGNED))
    levels = scaled(numbers, white)
    if _one(tags, PHOTOMETRIC) == WHITE_IS_ZERO:
        levels[..., :1] = 255 - levels[..., :1]
    if _one(tags, EXTRA_SAMPLES, ALPHA) != ALPHA:  # no alpha; or colours that lie on black with it already
        levels = levels[..., :-1]
    if levels.shape[2] not in MODES:
        raise _rare(f"{levels.shape[2]} samples a pixel")
    picture = Image.fromarray(np.ascontiguousarray(levels.squeeze(2) if levels.shape[2] == 1 else levels))
    exif = Image.Exif()
    exif[ORIENTATION] = _one(tags, ORIENTATION, 1)
    picture.info = {"icc_profile": tags.get(PROFILE), "exif": exif.tobytes()}
    return picture


def is_misread(picture: Image.Image) -> bool:
    """Whether Pillow opens a TIFF and then gets its pixels wrong: planes of 16 bits."""
    tags = getattr(picture, "tag_v2", {})
    bits = tags.get(BITS, 1)
    return tags.get(PLANAR) == IN_PLANES and isinstance(bits, tuple) and len(bits) > 1 and max(bits) > 8


def refuse_layout(picture: Image.Image) -> None:
    """Raise UnreadableImage for an opened TIFF of huge tiles, or of fewer strips than it has rows for.

    Pillow would allocate the one, and leave what is missing of the other black.
    """
    tags = getattr(picture, "tag_v2", {})
    width, height = (_first(tags, tag, 0) for tag in (TILE_WIDTH, TILE_LENGTH))
    if width * height > MAX_IMAGE_PIXELS:
        raise UnreadableImage(
            f"tiles of {width}x{height} pixels, more than the {MAX_IMAGE_PIXELS} that are read"
        )
    length = _first(tags, LENGTH, 0)  # not the picture's height: Pillow turns that at once
    rows = max(1, _first(tags, ROWS_PER_STRIP, length))
    planes = _first(tags, SAMPLES, 1) if _first(tags, PLANAR, 1) == IN_PLANES else 1
    if OFFSETS in tags and len(_all(tags, OFFSETS)) < -(-length // rows) * planes:
        raise UnreadableImage("not a readable picture (strips are missing)")


def _first(tags: Mapping[int, Any], tag: int, default: int) -> int:
    value = tags.get(tag, default)
    value = value[0] if isinstance(value, tuple) and value else value
    return value if isinstance(value, int) else default


def _rare(what: str) -> UnreadableImage:
    return UnreadableImage(f"not a readable picture (a rare kind of TIFF: {what}); save it with 8 or 16 bits")


def _tags(file: BinaryIO) -> ImageFileDirectory_v2:
    file.seek(0)
    head = file.read(8)
    if head[2:3] == b"+" or head[3:4] == b"+":  # BigTIFF
        head += file.read(8)
    tags = ImageFileDirectory_v2(head)
    file.seek(tags.next)
    tags.load(file)
    return tags


def _one(tags: ImageFileDirectory_v2, tag: int, default: int | None = None) -> int:
    """The number of a tag; of several, such as the bits of each sample, all have to be the same."""
    value = tags.get(tag, default)
    values = value if isinstance(value, tuple) else (value,)
    if len(set(values)) != 1 or not isinstance(values[0], int):
        raise _rare(f"tag {tag} is {str(value)[:50]}")
    return values[0]


def _layout(tags: ImageFileDirectory_v2) -> _Layout:
    width, height, samples = _one(tags, WIDTH), _one(tags, LENGTH), _one(tags, SAMPLES, 1)
    bits, sample_format = _one(tags, BITS, 1), _one(tags, SAMPLE_FORMAT, UNSIGNED)
    compression = _one(tags, COMPRESSION, 1)
    if min(width, height) < 1 or width * height > MAX_IMAGE_PIXELS:
        raise UnreadableImage(f"{width}x{height} pixels; expected 1 to {MAX_IMAGE_PIXELS} of them")
    if (bits, sample_format) not in [(8, 1), (16, 1), (16, 2), (32, 1), (32, 2), (16, 3), (32, 3), (64, 3)]:
        raise _rare(f"{bits} bits of sample format {sample_format}")
    if not 1 <= samples <= 5 or samples * width * height * bits // 8 > MAX_IMAGE_BYTES:
        raise _rare(f"{samples} samples of {bits} bits, {width}x{height}; at most {MAX_IMAGE_BYTES} bytes")
    if compression not in NONE + DEFLATE or _one(tags, PHOTOMETRIC) not in (0, 1, 2) or OFFSETS not in tags:
        raise _rare(f"compression {compression}, colours {tags.get(PHOTOMETRIC)}, or in tiles")
    rows = min(_one(tags, ROWS_PER_STRIP, height), height)
    planes = samples if _one(tags, PLANAR, 1) == IN_PLANES else 1
    offsets, counts = _all(tags, OFFSETS), _all(tags, COUNTS)
    if rows < 1 or len(offsets) != -(-height // rows) * planes:
        raise _rare(f"{len(offsets)} strips of {rows} rows")
    kind = {UNSIGNED: "u", SIGNED: "i", FLOAT: "f"}[sample_format]
    return _Layout(
        width,
        height,
        samples // planes,
        planes,
        np.dtype(f"{'>' if tags.prefix == b'MM' else '<'}{kind}{bits // 8}"),
        compression in DEFLATE,
        _one(tags, PREDICTOR, 1),
        rows,
        list(zip(offsets, counts, strict=True)),
    )


def _all(tags: Mapping[int, Any], tag: int) -> tuple[int, ...]:
    value = tags[tag]
    return value if isinstance(value, tuple) else (value,)


def _plane(file: BinaryIO, layout: _Layout, number: int) -> NDArray[np.number]:
    """Some or all samples of all pixels, `(height, width, samples)`."""
    strips = len(layout.places) // layout.planes
    places = layout.places[number * strips : (number + 1) * strips]
    heights = [min(layout.rows, layout.height - index * layout.rows) for index in range(strips)]
    return np.concatenate(
        [_strip(file, layout, place, rows) for place, rows in zip(places, heights, strict=True)]
    )


def _strip(file: BinaryIO, layout: _Layout, place: tuple[int, int], rows: int) -> NDArray[np.number]:
    """`(rows, width, samples)`; place: offset and bytes."""
    offset, count = place
    size = rows * layout.width * layout.samples * layout.dtype.itemsize
    file.seek(offset)
    data = file.read(min(count, MAX_IMAGE_BYTES))
    if layout.deflated:
        data = zlib.decompressobj().decompress(data, size)
    if len(data) < size:
        raise UnreadableImage("not a readable picture (image file is truncated)")
    shape = rows, layout.width, layout.samples
    data = data[:size]
    if layout.predictor == FLOAT_DIFFERENCES and layout.dtype.kind == "f":
        numbers = _from_float_differences(data, shape, layout.dtype)
    else:
        numbers = np.frombuffer(data, layout.dtype).reshape(shape)
        if layout.predictor == DIFFERENCES and layout.dtype.kind != "f":
            numbers = numbers.cumsum(axis=1, dtype=layout.dtype)
        elif layout.predictor != 1:
            raise _rare(f"predictor {layout.predictor}")
    return numbers.astype(np.float32) if layout.dtype.kind == "f" else numbers


def _from_float_differences(
    data: bytes, shape: tuple[int, int, int], dtype: np.dtype[np.number]
) -> NDArray[np.number]:
    """Rows of differences of bytes, the most significant bytes of all numbers first."""
    rows, width, samples = shape
    steps = np.frombuffer(data, np.uint8).reshape(rows, -1, samples)
    bytes_ = steps.cumsum(axis=1, dtype=np.uint8).reshape(rows, dtype.itemsize, width * samples)
    return np.ascontiguousarray(bytes_.transpose(0, 2, 1)).view(dtype.newbyteorder(">")).reshape(shape)
