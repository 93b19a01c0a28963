"""Pixels of any kind as eight bits of red, green and blue in sRGB, or of grey."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from netbend.limits import MAX_IMAGE_PROFILE
from netbend.media.deep import is_deep, to_eight_bits

_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}  # of a picture's mode: of the profile's


def to_rgb(picture: Image.Image) -> Image.Image:
    """A picture that was opened and not yet decoded as `RGB`: in sRGB, transparent parts on black."""
    profile = picture.info.get("icc_profile")
    colours, alpha = _colours_and_alpha(picture)
    return _apart(_on_black(_in_srgb(colours, profile), alpha), picture)


def to_grey(picture: Image.Image) -> Image.Image:
    """A picture that was opened and not yet decoded as `L`, transparent parts black, no profile applied."""
    colours, alpha = _colours_and_alpha(picture)
    if colours.mode not in ("L", "RGB"):
        colours = colours.convert("RGB")
    return _apart(_on_black(colours if colours.mode == "L" else colours.convert("L"), alpha), picture)


def _apart(result: Image.Image, picture: Image.Image) -> Image.Image:
    """Nothing of the file hangs on the result, such as a profile that was applied already."""
    result = result.copy() if result is picture else result
    result.info = {}
    return result


def _on_black(colours: Image.Image, alpha: Image.Image | None) -> Image.Image:
    if alpha is None:
        return colours
    black = Image.new(colours.mode, colours.size)
    black.paste(colours, mask=alpha)
    return black


def _colours_and_alpha(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """In one of the modes L, RGB, CMYK, LAB; and how opaque each pixel is, where not all are."""
    stored = _stored_mode(picture)  # before decoding: Pillow forgets it
    picture.load()
    if is_deep(picture):
        return to_eight_bits(picture)
    if picture.mode == "LA":
        return picture.getchannel("L"), picture.getchannel("A")
    if picture.has_transparency_data:
        _scale_transparent_colour(picture, stored)
        layered = picture if picture.mode == "RGBA" else picture.convert("RGBA")
        return layered.convert("RGB"), layered.getchannel("A")
    if picture.mode == "1":
        return picture.convert("L"), None
    if picture.mode in ("L", "RGB", "CMYK", "LAB"):
        return picture, None
    return picture.convert("RGB"), None


def _stored_mode(picture: Image.Image) -> str:
    """How a PNG holds its pixels: such as `L;2` for grey of two bits."""
    tiles = getattr(picture, "tile", None)
    stored = tiles[0][3] if picture.format == "PNG" and tiles else ""
    return stored if isinstance(stored, str) else str(stored[0])


def _scale_transparent_colour(picture: Image.Image, stored: str) -> None:
    """The colour that a PNG calls transparent is of its own bits, while its pixels are now of eight."""
    colour = picture.info.get("transparency")
    if isinstance(colour, int) and picture.mode == "1":
        picture.info["transparency"] = 255 if colour else 0
    elif isinstance(colour, int) and picture.mode == "L":
        picture.info["transparency"] = colour * {"L;2": 85, "L;4": 17}.get(stored, 1)
    elif isinstance(colour, tuple) and stored.startswith("RGB;16"):
        picture.info["transparency"] = tuple(level >> 8 for level in colour)


def _in_srgb(colours: Image.Image, profile: bytes | None) -> Image.Image:
    """By the picture's profile; where it has none that can be used it is sRGB already."""
    if isinstance(profile, bytes) and 0 < len(profile) <= MAX_IMAGE_PROFILE and colours.mode in _SPACES:
        space = _space_of(profile)
        if space == "RGB " and colours.mode == "L":
            colours = colours.convert("RGB")
        if space.strip() == _SPACES[colours.mode]:
            transform = _transform(profile, colours.mode)
            if transform is not None:
                return ImageCms.applyTransform(colours, transform) or colours
    return colours if colours.mode == "RGB" else colours.convert("RGB")


def _space_of(profile: bytes) -> str:
    return profile[16:20].decode("ascii", "replace")  # ICC.1:2010, table 17


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB; None if it is damaged, or moves no colour by more than a level."""
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
    if mode == "CMYK":
        return transform
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    probe = Image.fromarray(grid if mode == "RGB" else np.ascontiguousarray(grid[..., 0]))
    changed = np.asarray(ImageCms.applyTransform(probe, transform)).astype(int)
    return None if np.abs(changed - np.asarray(probe.convert("RGB"))).max() <= 1 else transform
