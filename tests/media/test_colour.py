"""Colour profiles: what a phone stores in Display P3 becomes sRGB; masks are left alone."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from netbend.errors import DataError
from netbend.limits import MAX_IMAGE_PROFILE
from netbend.media.image import read_grey, read_image

# Columns: XYZ of the primaries under D50 (SMPTE EG 432-1 and IEC 61966-2-1, adapted by Bradford's method).
P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
COLOURS = np.array([(200, 40, 90), (30, 200, 60), (128, 128, 128), (255, 255, 255), (20, 60, 220)], np.uint8)


def profile(space: bytes, primaries: np.ndarray, gamma: float) -> bytes:
    """An ICC profile of version 2: primaries, white and a power curve (ICC.1:2001-04)."""

    def xyz(values: np.ndarray) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(gamma * 256))
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(79)
    white = xyz(np.array([0.9642, 1.0, 0.8249]))
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0free\0\0\0\0", b"wtpt": white}
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        for name, column in zip((b"r", b"g", b"b"), primaries.T, strict=True):
            tags[name + b"XYZ"], tags[name + b"TRC"] = xyz(column), curve
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content
    whole = start + len(data)
    header = struct.pack(">I4sI4s4s4s", whole, b"\0\0\0\0", 0x02400000, b"mntr", space, b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header + bytes(128 - len(header)) + table + data


def in_srgb(colours: np.ndarray, primaries: np.ndarray, gamma: float) -> np.ndarray:
    """The same light in levels of sRGB, clipped to what it has."""
    light = np.linalg.inv(SRGB) @ primaries @ ((colours / 255.0) ** gamma).T
    light = light.T.clip(0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return encoded * 255


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
@pytest.mark.parametrize(("primaries", "gamma"), [(P3, 2.2), (SRGB, 1.0), (SRGB, 1.8)])
def test_colours_of_a_profile_become_srgb(
    tmp_path: Path, name: str, primaries: np.ndarray, gamma: float
) -> None:
    picture = Image.fromarray(COLOURS[None].repeat(16, 0).repeat(16, 1))
    options = {"lossless": True, "quality": 100, "subsampling": 0}
    picture.save(tmp_path / name, icc_profile=profile(b"RGB ", primaries, gamma), **options)
    found = np.asarray(read_image(tmp_path / name, DataError))[8, 8::16].astype(float)
    assert np.abs(found - in_srgb(COLOURS, primaries, gamma)).max() <= (4 if name == "a.jpg" else 2)


def test_transparent_parts_and_turns_are_kept_beside_a_profile(tmp_path: Path) -> None:
    picture = Image.fromarray(COLOURS[None])
    picture.putalpha(Image.fromarray(np.array([[255, 0, 255, 0, 255]], np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = 2  # mirrored
    picture.save(tmp_path / "a.png", icc_profile=profile(b"RGB ", P3, 2.2), exif=exif)
    expected = in_srgb(COLOURS, P3, 2.2) * np.array([[1], [0], [1], [0], [1]])
    assert np.abs(np.asarray(read_image(tmp_path / "a.png", DataError))[0] - expected[::-1]).max() <= 2


@pytest.mark.parametrize("sixteen_bits", [False, True])
def test_greys_of_a_profile_become_srgb(tmp_path: Path, sixteen_bits: bool) -> None:
    greys = np.array([[0, 60, 128, 200, 255]], np.uint8)
    picture = Image.fromarray(greys.astype(np.uint16) * 257 if sixteen_bits else greys)
    picture.save(tmp_path / "a.png", icc_profile=profile(b"GRAY", P3, 1.0))
    found = np.asarray(read_image(tmp_path / "a.png", DataError))[0].astype(float)
    assert np.abs(found - in_srgb(greys[0, :, None].repeat(3, 1), SRGB, 1.0)).max() <= 2


def test_a_profile_of_srgb_changes_nothing(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(levels).save(tmp_path / "a.png", icc_profile=srgb)
    assert np.array_equal(np.asarray(read_image(tmp_path / "a.png", DataError)), levels)


@pytest.mark.parametrize(
    "unusable",
    [
        b"no profile",
        profile(b"RGB ", P3, 2.2)[:200],
        profile(b"GRAY", P3, 1.0),  # of greys, in a picture of colours
        profile(b"RGB ", P3, 2.2) + bytes(MAX_IMAGE_PROFILE),
    ],
    ids=["text", "cut off", "of another kind", "too large"],
)
def test_a_profile_that_cannot_be_used_is_left_out(tmp_path: Path, unusable: bytes) -> None:
    Image.fromarray(COLOURS[None]).save(tmp_path / "a.tif", icc_profile=unusable)
    assert np.array_equal(np.asarray(read_image(tmp_path / "a.tif", DataError))[0], COLOURS)


def test_masks_are_numbers_that_no_profile_changes(tmp_path: Path) -> None:
    greys = np.array([[0, 60, 128, 200, 255]], np.uint8)
    Image.fromarray(greys).save(tmp_path / "a.png", icc_profile=profile(b"GRAY", P3, 1.0))
    assert np.array_equal(np.asarray(read_grey(tmp_path / "a.png", DataError)), greys)


def test_inks_that_adobe_stores_inverted_are_read_so(tmp_path: Path) -> None:
    inks = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    inks.save(tmp_path / "adobe.jpg", quality=95)  # Pillow writes Adobe's marker, and inverts
    assert b"Adobe" in (tmp_path / "adobe.jpg").read_bytes()
    red = np.asarray(read_image(tmp_path / "adobe.jpg", DataError))[8, 8]
    assert np.abs(red.astype(int) - (255, 0, 0)).max() <= 4
