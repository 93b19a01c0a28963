"""Pictures of 12, 16 and 32 bits a pixel, whole numbers and floats: white is white, black is black."""

import struct
import zlib
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
    big_endian: bool = False,
    more: dict[int, int | tuple[int, ...]] | None = None,
) -> bytes:
    """A TIFF of one strip, one sample a pixel if `more` does not say otherwise (TIFF 6.0, section 2)."""
    tags = {256: size[0], 257: size[1], 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: size[1]}
    tags |= {279: len(data), 339: sample_format, **(more or {})}
    end = ">" if big_endian else "<"
    entries = b""
    for tag, value in sorted(tags.items()):
        if isinstance(value, tuple):
            data += bytes(len(data) % 2)
            entries += struct.pack(f"{end}HHII", tag, 4, len(value), 8 + len(data))
            data += struct.pack(f"{end}{len(value)}I", *value)
        else:
            entries += struct.pack(f"{end}HHII", tag, 4, 1, value)
    data += bytes(len(data) % 2)
    start = struct.pack(f"{end}2sHI", b"MM" if big_endian else b"II", 42, 8 + len(data))
    return start + data + struct.pack(f"{end}H", len(tags)) + entries + bytes(4)


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
    "16 bits, white is zero": tiff(packed(65535 - WORDS, "<u2"), 16, more={262: 0}),
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
    "floats to 1, white is zero": tiff(packed(1 - RAMP, "<f4"), 32, FLOAT, more={262: 0}),
    "floats to 255": tiff(packed(RAMP * 255, "<f4"), 32, FLOAT),
    "16 bits, big-endian, white is zero": tiff(
        packed(65535 - WORDS, ">u2"), 16, big_endian=True, more={262: 0}
    ),
    "floats of 64 bits": tiff(packed(RAMP, "<f8"), 64, FLOAT),
    "floats to 65535": tiff(packed(WORDS, "<f4"), 32, FLOAT),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_greys_of_a_tiff_are_scaled(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.tif").write_bytes(DEEP[name])
    assert np.abs(np.array(read(tmp_path / "a.tif")) - LEVELS).max() <= 1


# 2 rows of 3 pixels, 3 colours each.
COLOURS = np.array([[(1, 0, 0), (0, 1, 0), (0, 0, 1)], [(1, 1, 1), (0.5, 0.25, 0.75), (0, 0, 0)]])


def colour_tiff(data: bytes, bits: int, sample_format: int, **more: object) -> bytes:
    tags = {258: (bits,) * 3, 262: 2, 277: 3, 339: (sample_format,) * 3} | more.pop("more", {})
    return tiff(data, bits, sample_format, size=(3, 2), more=tags, **more)


def float_differences(numbers: np.ndarray) -> bytes:
    """Adobe's predictor 3: rows of the differences of bytes, the highest bytes of all numbers first."""
    rows = numbers.astype(">f4").reshape(2, -1)
    planes = np.frombuffer(rows.tobytes(), np.uint8).reshape(2, -1, 4).transpose(0, 2, 1).reshape(2, -1, 3)
    return np.diff(planes, axis=1, prepend=np.zeros((2, 1, 3), np.uint8)).tobytes()


def in_planes(numbers: np.ndarray, dtype: str) -> tuple[bytes, dict[int, int | tuple[int, ...]]]:
    data = packed(numbers.transpose(2, 0, 1), dtype)
    size = len(data) // 3
    return data, {284: 2, 273: (8, 8 + size, 8 + 2 * size), 279: (size,) * 3}


def in_strips(numbers: np.ndarray, dtype: str) -> tuple[bytes, dict[int, int | tuple[int, ...]]]:
    data = packed(numbers, dtype)
    return data, {278: 1, 273: (8, 8 + len(data) // 2), 279: (len(data) // 2,) * 2}


PLANES_16, PLANES_16_TAGS = in_planes((COLOURS * 65535).round(), "<u2")
PLANES_FLOAT, PLANES_FLOAT_TAGS = in_planes(COLOURS, "<f4")
STRIPS_FLOAT, STRIPS_FLOAT_TAGS = in_strips(COLOURS, "<f4")
DEFLATED = zlib.compress(packed(COLOURS, "<f4"))
PREDICTED = zlib.compress(float_differences(COLOURS))
STEPS = np.diff((COLOURS * (2**32 - 1)).astype("<u4"), axis=1, prepend=np.zeros((2, 1, 3), "<u4")).tobytes()
DEEP_COLOURS = {
    "16 bits": colour_tiff(packed((COLOURS * 65535).round(), "<u2"), 16, UNSIGNED),
    "16 bits, big-endian": colour_tiff(
        packed((COLOURS * 65535).round(), ">u2"), 16, UNSIGNED, big_endian=True
    ),
    "16 bits in planes": colour_tiff(PLANES_16, 16, UNSIGNED, more=PLANES_16_TAGS),
    "16 bits with a sign": colour_tiff(packed(COLOURS * 32767, "<i2"), 16, SIGNED),
    "32 bits": colour_tiff(packed(COLOURS * (2**32 - 1), "<u4"), 32, UNSIGNED),
    "32 bits, differences": colour_tiff(STEPS, 32, UNSIGNED, more={317: 2}),
    "floats": colour_tiff(packed(COLOURS, "<f4"), 32, FLOAT),
    "floats, big-endian": colour_tiff(packed(COLOURS, ">f4"), 32, FLOAT, big_endian=True),
    "floats to 255": colour_tiff(packed(COLOURS * 255, "<f4"), 32, FLOAT),
    "floats of 16 bits": colour_tiff(packed(COLOURS, "<f2"), 16, FLOAT),
    "floats of 64 bits": colour_tiff(packed(COLOURS, "<f8"), 64, FLOAT),
    "floats in planes": colour_tiff(PLANES_FLOAT, 32, FLOAT, more=PLANES_FLOAT_TAGS),
    "floats in strips": colour_tiff(STRIPS_FLOAT, 32, FLOAT, more=STRIPS_FLOAT_TAGS),
    "floats, deflated": colour_tiff(DEFLATED, 32, FLOAT, more={259: 8}),
    "floats, deflated differences": colour_tiff(PREDICTED, 32, FLOAT, more={259: 8, 317: 3}),
}


@pytest.mark.parametrize("name", DEEP_COLOURS)
def test_deep_colours_of_a_tiff_are_scaled(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.tif").write_bytes(DEEP_COLOURS[name])
    found = np.asarray(read_image(tmp_path / "a.tif", DataError))
    assert np.abs(found - COLOURS * 255).max() <= 1


@pytest.mark.parametrize(
    ("extra", "expected"), [(2, [128, 26, 51]), (1, [255, 51, 102]), (0, [255, 51, 102])]
)
def test_deep_colours_lie_on_black_too(tmp_path: Path, extra: int, expected: list[int]) -> None:
    """Extra sample 2 is an alpha; with 1 the colours are multiplied with it already, 0 is something else."""
    tags = {258: (32,) * 4, 262: 2, 277: 4, 338: extra, 339: (FLOAT,) * 4}
    data = packed(np.array([1.0, 0.2, 0.4, 0.5]), "<f4")
    (tmp_path / "a.tif").write_bytes(tiff(data, 32, FLOAT, size=(1, 1), more=tags))
    assert np.asarray(read_image(tmp_path / "a.tif", DataError))[0, 0].tolist() == expected


def test_deep_colours_are_turned_as_the_camera_says(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(colour_tiff(packed(COLOURS, "<f4"), 32, FLOAT, more={274: 6}))
    found = np.asarray(read_image(tmp_path / "a.tif", DataError))
    assert np.abs(found - COLOURS[::-1].transpose(1, 0, 2) * 255).max() <= 1


@pytest.mark.parametrize(
    ("data", "more", "message"),
    [
        (bytes(20), {}, "truncated"),
        (bytes(72), {256: 60_000, 257: 60_000}, "pixels; expected 1 to 89000000"),
        (bytes(72), {256: 9000, 257: 9000, 278: 9000}, "at most 268435456 bytes"),
        (bytes(72), {259: 5}, "compression 5"),
        (bytes(72), {273: (8, 9, 10)}, "3 strips of 2 rows"),
        (bytes(72), {278: 0}, "strips of 0 rows"),
        (zlib.compress(bytes(10**8)), {259: 8, 256: 20_000, 257: 20_000}, "expected 1 to 89000000"),
        (b"no zlib", {259: 8}, "not a readable picture"),
        (bytes(72), {258: (32, 16, 32)}, "tag 258 is"),
        (bytes(72), {277: 2**31}, "samples of 32 bits"),
    ],
)
def test_deep_colours_that_cannot_be_read_are_refused(
    tmp_path: Path, data: bytes, more: dict[int, int], message: str
) -> None:
    (tmp_path / "a.tif").write_bytes(colour_tiff(data, 32, FLOAT, more=more))
    with pytest.raises(DataError, match=rf"a\.tif: .*{message}"):
        read_image(tmp_path / "a.tif", DataError)


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


def test_missing_strips_are_not_taken_for_black(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(bytes(5), 8, more={257: 3, 278: 1}))
    with pytest.raises(DataError, match="strips are missing"):
        read_image(tmp_path / "a.tif", DataError)
