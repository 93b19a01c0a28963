"""Pictures of 12, 16 and 32 bits a pixel, whole numbers and floats: white is white, black is black."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netbend.errors import DataError
from netbend.media.image import read_grey, read_image

RAMP = np.linspace(0, 1, 5)
LEVELS = [0, 64, 128, 191, 255]  # what the ramp is in eight bits; halves may fall either way
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # TIFF 6.0, SampleFormat


def tiff(
    data: bytes,
    bits: int,
    sample_format: int = UNSIGNED,
    *,
    size: tuple[int, int] = (5, 1),
    photometric: int = 1,
    big_endian: bool = False,
    more: dict[int, int] | None = None,
) -> bytes:
    """An uncompressed TIFF of one strip, one sample a pixel (TIFF 6.0, sections 2 to 4)."""
    tags = {256: size[0], 257: size[1], 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1, 278: size[1]}
    tags |= {279: len(data), 339: sample_format, **(more or {})}
    end = ">" if big_endian else "<"
    data += b"\0" * (len(data) % 2)
    entries = [struct.pack(f"{end}HHII", tag, 4, 1, value) for tag, value in sorted(tags.items())]
    start = struct.pack(f"{end}2sHI", b"MM" if big_endian else b"II", 42, 8 + len(data))
    return start + data + struct.pack(f"{end}H", len(entries)) + b"".join(entries) + bytes(4)


def packed(numbers: np.ndarray, dtype: str) -> bytes:
    return np.asarray(numbers).astype(dtype).tobytes()


def read(path: Path) -> list[int]:
    picture = np.asarray(read_image(path, DataError)).astype(int)
    assert (picture == picture[..., :1]).all()
    assert np.array_equal(np.asarray(read_grey(path, DataError)), picture[..., 0])
    return picture[0, :, 0].tolist()


WORDS = (RAMP * 65535).round()
TWELVE = bytes.fromhex("000400800bff fff0".replace(" ", ""))  # 0, 0x400, 0x800, 0xbff, 0xfff
DEEP = {
    "16 bits": tiff(packed(WORDS, "<u2"), 16),
    "16 bits, big-endian": tiff(packed(WORDS, ">u2"), 16, big_endian=True),
    "16 bits, white is zero": tiff(packed(65535 - WORDS, "<u2"), 16, photometric=0),
    "16 bits with a sign": tiff(packed(RAMP * 32767, "<i2"), 16, SIGNED),
    "16 bits with a sign, big-endian": tiff(packed(RAMP * 32767, ">i2"), 16, SIGNED, big_endian=True),
    "12 bits": tiff(TWELVE, 12),
    "32 bits": tiff(packed(RAMP * (2**32 - 1), "<u4"), 32),
    "32 bits with a sign": tiff(packed(RAMP * (2**31 - 1), "<i4"), 32, SIGNED),
    "32 bits with a sign, big-endian": tiff(packed(RAMP * (2**31 - 1), ">i4"), 32, SIGNED, big_endian=True),
    "32 bits, to 65535": tiff(packed(WORDS, "<i4"), 32, SIGNED),
    "32 bits, to 255": tiff(packed(RAMP * 255, "<i4"), 32, SIGNED),
    "floats to 1": tiff(packed(RAMP, "<f4"), 32, FLOAT),
    "floats to 1, big-endian": tiff(packed(RAMP, ">f4"), 32, FLOAT, big_endian=True),
    "floats to 1, white is zero": tiff(packed(1 - RAMP, "<f4"), 32, FLOAT, photometric=0),
    "floats to 255": tiff(packed(RAMP * 255, "<f4"), 32, FLOAT),
    "floats to 65535": tiff(packed(WORDS, "<f4"), 32, FLOAT),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_greys_of_a_tiff_are_scaled(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.tif").write_bytes(DEEP[name])
    assert np.abs(np.array(read(tmp_path / "a.tif")) - LEVELS).max() <= 1


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm", "a.jp2"])
def test_sixteen_bits_are_scaled_in_every_format(tmp_path: Path, name: str) -> None:
    words = np.array([[0, 257, 32896, 65278, 65535]], np.uint16).repeat(8, 0)
    Image.fromarray(words).save(tmp_path / name)
    assert read(tmp_path / name) == [0, 1, 128, 254, 255]


@pytest.mark.parametrize(
    ("most", "levels"), [(15, [0, 136, 255]), (255, [0, 136, 255]), (1000, [0, 136, 255])]
)
def test_a_pgm_says_itself_what_white_is(tmp_path: Path, most: int, levels: list[int]) -> None:
    numbers = f"0 {round(most * 8 / 15)} {most}"
    (tmp_path / "a.pgm").write_text(f"P2 3 1 {most}\n{numbers}\n")
    assert np.abs(np.array(read(tmp_path / "a.pgm")) - levels).max() <= 1


def test_a_pfm_is_scaled(tmp_path: Path) -> None:
    (tmp_path / "a.pfm").write_bytes(b"Pf\n5 1\n-1.0\n" + packed(RAMP, "<f4"))
    assert np.abs(np.array(read(tmp_path / "a.pfm")) - LEVELS).max() <= 1


@pytest.mark.parametrize(
    ("numbers", "levels"),
    [
        ([0.0, 0.25, 0.5], [0, 64, 128]),  # the brightest is not made white
        ([0.0, 1.0, 1.7], [0, 255, 255]),  # highlights are cut off
        ([-0.05, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 3.0, 40.0], [0, 3, 40]),
        ([0.0, 255.0, 258.0], [0, 255, 255]),
    ],
)
def test_what_white_is_among_floats(tmp_path: Path, numbers: list[float], levels: list[int]) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(packed(np.array(numbers), "<f4"), 32, FLOAT, size=(3, 1)))
    assert read(tmp_path / "a.tif") == levels


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([0.0, float("nan"), 1.0], "NaN or infinity among its pixels"),
        ([0.0, float("inf"), 1.0], "NaN or infinity among its pixels"),
        ([-1.0, 0.0, 1.0], "numbers from -1 to 1; expected 0 to 1, to 255 or to 65535"),
        ([-128.0, 0.0, 127.0], "numbers from -128 to 127"),
        ([0.0, 0.0, 1e6], "numbers from 0 to 1e\\+06"),
    ],
)
def test_floats_that_no_rule_fits_are_refused(tmp_path: Path, numbers: list[float], message: str) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(packed(np.array(numbers), "<f4"), 32, FLOAT, size=(3, 1)))
    with pytest.raises(DataError, match=rf"a\.tif: {message}.*save it with 8 or 16 bits"):
        read_image(tmp_path / "a.tif", DataError)


def test_negative_whole_numbers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(packed(np.arange(-1, 4), "<i4"), 32, SIGNED))
    with pytest.raises(DataError, match="negative numbers among its pixels"):
        read_image(tmp_path / "a.tif", DataError)


def test_tiles_that_are_larger_than_any_picture_are_refused(tmp_path: Path) -> None:
    tiles = {322: 60_000, 323: 60_000, 324: 8, 325: 5}
    (tmp_path / "a.tif").write_bytes(tiff(bytes(5), 8, more=tiles))
    with pytest.raises(DataError, match="tiles of 60000x60000 pixels"):
        read_image(tmp_path / "a.tif", DataError)
