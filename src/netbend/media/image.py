"""Pictures of users, read by one rule for training, for projecting and for masks.

A picture is its first frame, turned as its camera says, in eight bits a channel, in sRGB, transparent
parts on black. A mask is numbers rather than colours: of its colour profile nothing is made.
"""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from netbend.errors import NetbendError
from netbend.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, MAX_PPM_HEADER
from netbend.media.colour import to_grey, to_rgb
from netbend.media.plain_tiff import is_misread, read_plain_tiff, refuse_layout
from netbend.media.signature import HEIC_REMEDY, SIGNATURE_BYTES, UnreadableImage, format_of, reads_heic
from netbend.regular_file import open_regular

Step = Callable[[Image.Image], Image.Image]
LARGE = 2**25  # pixels; larger pictures are decoded one at a time, for their memory
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # of EXIF's orientation, tag 0x0112
_large = threading.Lock()


def read_image(path: Path, kind: type[NetbendError]) -> Image.Image:
    """A picture from a file, `RGB`.

    Raises:
        NetbendError: Of the kind asked for, led by the path, if it is no file, larger than the limits,
            of a format that is not read, or damaged.
    """
    return _read(path, kind, to_rgb)


def read_grey(path: Path, kind: type[NetbendError]) -> Image.Image:
    """A picture from a file as numbers, `L`, for masks; raises as `read_image` does."""
    return _read(path, kind, to_grey)


def decode_image(file: BinaryIO, name: str, finish: Step = lambda picture: picture) -> Image.Image:
    """A picture from an open file, `RGB`.

    Args:
        file: The file.
        name: For its ending.
        finish: Makes the result of the picture, such as a smaller one, while it is the only large one.

    Raises:
        UnreadableImage: Which does not say which file.
    """
    return _decode(file, name, to_rgb, finish)


def _read(path: Path, kind: type[NetbendError], convert: Step) -> Image.Image:
    with open_regular(path, kind, MAX_IMAGE_BYTES) as file:
        try:
            return _decode(file, path.name, convert)
        except UnreadableImage as error:
            raise kind(f"{path}: {error}") from error


def _decode(file: BinaryIO, name: str, convert: Step, finish: Step = lambda picture: picture) -> Image.Image:
    with _clear_reasons():
        format = format_of(file.read(SIGNATURE_BYTES), name)
        file.seek(0)
        with _opened(file, format) as picture:
            _refuse_size(picture)
            refuse_layout(picture)
            with _large if picture.width * picture.height > LARGE else nullcontext():
                return finish(_upright(convert(picture), _orientation(picture)))


@contextmanager
def _clear_reasons() -> Iterator[None]:
    """Whatever goes wrong while a picture is decoded, in words for its owner."""
    try:
        yield
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage("not a readable picture (damaged, or of a rare kind of its format)") from error
    except Image.DecompressionBombError as error:  # of twice the pixels that Pillow warns of
        raise UnreadableImage(
            f"far more pixels than the {MAX_IMAGE_PIXELS} that are read; make it smaller"
        ) from error
    except Exception as error:  # Pillow raises whatever a damaged field happens to lead to
        raise UnreadableImage(f"not a readable picture ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """What Pillow says, without the addresses of its objects, on one line."""
    if not isinstance(error, OSError | SyntaxError | ValueError):
        return "damaged"  # what is said of a missing key or a wrong type helps nobody
    text = re.sub(r"<[^<>]* at 0x[0-9a-fA-F]+>", "it", str(error)) or "damaged"
    return " ".join(text.split())[:200]


@contextmanager
def _opened(file: BinaryIO, format: str) -> Iterator[Image.Image]:
    if format == "HEIF":
        _register_heic()
    if format == "PPM":
        _refuse_long_header(file)
    try:
        opened: Image.Image = Image.open(file, formats=[format])
    except UnidentifiedImageError:
        if format != "TIFF":
            raise
        opened = read_plain_tiff(file)
    if is_misread(opened):
        opened = read_plain_tiff(file)
    with opened as picture:
        yield picture


def _register_heic() -> None:
    if not reads_heic():
        raise UnreadableImage(f"a HEIC picture, which needs a plug-in: {HEIC_REMEDY}; or save it as JPEG")
    try:
        import pillow_heif
    except (ImportError, OSError) as error:  # its library may be of another system
        raise UnreadableImage(
            f"a HEIC picture, whose plug-in pillow-heif does not load ({_reason(OSError(*error.args))}); "
            f"install it again"
        ) from error
    pillow_heif.register_heif_opener(thumbnails=False)


def _refuse_long_header(file: BinaryIO) -> None:
    """Of a PPM: its kind, width, height and, except in bitmaps, white; and comments of any length."""
    said = re.sub(rb"#[^\r\n]*", b" ", file.read(MAX_PPM_HEADER)).split()
    file.seek(0)
    if len(said) < (3 if said[:1] in ([b"P1"], [b"P4"]) else 4):
        raise UnreadableImage(f"not a readable picture (its header does not end in {MAX_PPM_HEADER} bytes)")


def _refuse_size(picture: Image.Image) -> None:
    """Before anything is decoded."""
    width, height = picture.size
    if width < 1 or height < 1:
        raise UnreadableImage(f"not a readable picture ({width}x{height} pixels)")
    if width * height > MAX_IMAGE_PIXELS:
        raise UnreadableImage(
            f"{width}x{height} pixels; more than the {MAX_IMAGE_PIXELS} that are read, make it smaller"
        )


def _orientation(picture: Image.Image) -> int:
    """How the camera was held. Pillow has turned TIFFs already; the note of a damaged EXIF is not heeded."""
    try:
        return 1 if picture.format == "TIFF" else int(picture.getexif().get(0x0112, 1))
    except Exception:  # as above
        return 1


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture
