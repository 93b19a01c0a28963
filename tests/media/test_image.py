"""Pictures of every format and mode become the same eight bits of red, green and blue, or are refused."""

import os
import re
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin, features

from netbend.errors import DataError
from netbend.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, MAX_PPM_HEADER
from netbend.media import image, signature
from netbend.media.image import read_grey, read_image

# Four pixels: red, white, black, and a colour of unlike channels.
COLOURS = np.array([[(255, 0, 0), (255, 255, 255)], [(0, 0, 0), (40, 120, 200)]], np.uint8)
GREYS = np.array([[0, 85], [170, 255]], np.uint8)
CLEAR = np.array([[255, 0], [255, 51]], np.uint8)  # opaque, transparent, opaque, a fifth


def blocks(pixels: np.ndarray) -> Image.Image:
    """Each pixel as 16x16 of it, so that formats that lose details keep it."""
    return Image.fromarray(pixels.repeat(16, 0).repeat(16, 1))


def read(path: Path) -> np.ndarray:
    """The four pixels of what was written as `blocks`."""
    picture = read_image(path, DataError)
    assert (picture.mode, picture.size) == ("RGB", (32, 32))
    return np.asarray(picture)[8::16, 8::16].astype(int)


def colours(mode: str = "RGB", **options: object) -> Callable[[Path], None]:
    return lambda path: blocks(COLOURS).convert(mode).save(path, **options)


def with_alpha(mode: str = "RGBA", **options: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        picture = blocks(COLOURS)
        picture.putalpha(blocks(CLEAR))
        picture.convert(mode).save(path, **options)

    return write


def greys(mode: str = "L", **options: object) -> Callable[[Path], None]:
    return lambda path: blocks(GREYS).convert(mode).save(path, **options)


def first_of_two(path: Path) -> None:
    blocks(COLOURS).save(path, save_all=True, append_images=[Image.new("RGB", (32, 32), "lime")])


def palette_with_transparent_entries(path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1], [2, 3]], np.uint8).repeat(16, 0).repeat(16, 1), "P")
    picture.putpalette(COLOURS.reshape(-1).tolist())
    picture.save(path, transparency=bytes(CLEAR.reshape(-1).tolist()))


def in_lab(picture: Image.Image) -> Image.Image:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.applyTransform(picture, ImageCms.buildTransform(srgb, lab, "RGB", "LAB"))


def one_bit(path: Path) -> None:
    blocks(GREYS).point(lambda level: 255 * (level > 100)).convert("1").save(path)


ON_BLACK = (COLOURS * (CLEAR[..., None] / 255)).round().astype(int)
GREY_ON_BLACK = (GREYS * (CLEAR / 255)).round().astype(int)[..., None].repeat(3, 2)
BLACK_WHITE = (GREYS > 100)[..., None].repeat(3, 2) * 255
THREE = GREYS[..., None].repeat(3, 2)
TABLE = [
    ("a.png", colours(), COLOURS, 0),
    ("a.PNG", colours(format="PNG"), COLOURS, 0),
    ("a.apng", colours(format="PNG"), COLOURS, 0),
    ("a.jpg", colours(quality=95, subsampling=0), COLOURS, 4),
    ("a.jpeg", colours(quality=95, subsampling=0, progressive=True), COLOURS, 4),
    ("a.jfif", colours(format="JPEG", quality=95, subsampling=0), COLOURS, 4),
    ("a.webp", colours(lossless=True), COLOURS, 0),
    ("lossy.webp", colours(quality=95), COLOURS, 25),
    ("a.avif", colours(quality=100, subsampling="4:4:4"), COLOURS, 4),
    ("a.gif", colours(), COLOURS, 0),
    ("a.bmp", colours(), COLOURS, 0),
    ("a.tif", colours(), COLOURS, 0),
    ("a.tiff", colours(compression="tiff_lzw"), COLOURS, 0),
    ("deflate.tiff", colours(compression="tiff_adobe_deflate"), COLOURS, 0),
    ("a.jp2", colours(), COLOURS, 0),
    ("a.j2k", colours(), COLOURS, 0),
    ("a.ppm", colours(), COLOURS, 0),
    ("a.tga", colours(), COLOURS, 0),
    ("rle.TGA", colours(format="TGA", compression="tga_rle"), COLOURS, 0),
    ("jpeg.png", colours(format="JPEG", quality=95, subsampling=0), COLOURS, 4),  # named wrongly
    ("palette.png", lambda path: blocks(COLOURS).quantize(4).save(path), COLOURS, 0),
    ("grey.png", greys(), THREE, 0),
    ("grey.jpg", greys(quality=95), THREE, 2),
    ("grey.pgm", greys(), THREE, 0),
    ("grey.jp2", greys(), THREE, 0),
    ("grey.tif", greys(), THREE, 0),
    ("grey.gif", greys(), THREE, 0),
    ("alpha.png", with_alpha(), ON_BLACK, 1),
    ("alpha.webp", with_alpha(lossless=True, exact=True), ON_BLACK, 1),
    ("alpha.avif", with_alpha(quality=100, subsampling="4:4:4"), ON_BLACK, 4),
    ("alpha.tif", with_alpha(), ON_BLACK, 1),
    ("alpha.tga", with_alpha(), ON_BLACK, 1),
    ("alpha.jp2", with_alpha(), ON_BLACK, 1),
    ("entries.png", palette_with_transparent_entries, ON_BLACK, 1),
    ("la.png", lambda path: Image.merge("LA", [blocks(GREYS), blocks(CLEAR)]).save(path), GREY_ON_BLACK, 1),
    ("la.tif", lambda path: Image.merge("LA", [blocks(GREYS), blocks(CLEAR)]).save(path), GREY_ON_BLACK, 1),
    ("cmyk.jpg", colours("CMYK", quality=95), COLOURS, 4),  # inverted, as Adobe's programs store them
    ("cmyk.tif", colours("CMYK"), COLOURS, 1),
    ("ycbcr.tif", colours("YCbCr"), COLOURS, 3),
    ("ycbcr-jpeg.tif", colours(compression="jpeg", quality=95), COLOURS, 25),
    ("lab.tif", lambda path: in_lab(blocks(COLOURS)).save(path), COLOURS, 6),
    ("rgbx.tif", colours("RGBX"), COLOURS, 0),
    ("one-bit.tif", one_bit, BLACK_WHITE, 0),
    ("one-bit.png", one_bit, BLACK_WHITE, 0),
    ("one-bit.pbm", one_bit, BLACK_WHITE, 0),
    ("one-bit.bmp", one_bit, BLACK_WHITE, 0),
    ("two.gif", first_of_two, COLOURS, 0),
    ("two.png", first_of_two, COLOURS, 0),
    ("two.tif", first_of_two, COLOURS, 0),
]


@pytest.mark.parametrize(("name", "write", "expected", "tolerance"), TABLE, ids=[row[0] for row in TABLE])
def test_every_format_and_mode_has_its_colours(
    tmp_path: Path, name: str, write: Callable[[Path], None], expected: np.ndarray, tolerance: int
) -> None:
    if name.endswith(".avif") and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    write(tmp_path / name)
    assert np.abs(read(tmp_path / name) - expected).max() <= tolerance


def png(bits: int, colour_type: int, row: bytes, transparent: bytes, width: int = 4) -> bytes:
    """A PNG of one row, as its specification says: header, the transparent colour, pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, 1, bits, colour_type, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        (b"tRNS", transparent),
        (b"IDAT", zlib.compress(b"\0" + row)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


@pytest.mark.parametrize(
    ("bits", "colour_type", "row", "transparent", "expected"),
    [
        (1, 0, b"\x50", b"\0\1", [0, 0, 0, 0]),
        (1, 0, b"\x50", b"\0\0", [0, 255, 0, 255]),
        (2, 0, b"\x1b", b"\0\2", [0, 85, 0, 255]),
        (4, 0, b"\x0f\x38", b"\0\3", [0, 255, 0, 136]),
        (8, 0, bytes([0, 3, 51, 255]), b"\0\3", [0, 0, 51, 255]),
        (16, 0, struct.pack(">4H", 0, 771, 65535, 32896), struct.pack(">H", 65535), [0, 3, 0, 128]),
        (8, 2, bytes([9, 9, 9, 9, 9, 8, 0, 0, 0, 7, 7, 7]), b"\0\x09" * 3, [0, 9, 0, 7]),
        (16, 2, struct.pack(">12H", *[65535] * 3, *[771] * 3, *[0] * 6), b"\xff\xff" * 3, [0, 3, 0, 0]),
    ],
)
def test_the_colour_that_a_png_calls_transparent_is_black(
    tmp_path: Path, bits: int, colour_type: int, row: bytes, transparent: bytes, expected: list[int]
) -> None:
    (tmp_path / "a.png").write_bytes(png(bits, colour_type, row, transparent))
    assert np.asarray(read_image(tmp_path / "a.png", DataError))[0, :, 0].tolist() == expected


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.avif"])
def test_pictures_are_turned_as_the_camera_says(tmp_path: Path, name: str, orientation: int) -> None:
    if name == "a.avif" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    exif = Image.Exif()
    exif[0x0112] = orientation
    levels = np.arange(0, 240, 40, dtype=np.uint8).reshape(2, 3)
    seen = {
        1: levels,
        2: levels[:, ::-1],
        3: levels[::-1, ::-1],
        4: levels[::-1],
        5: levels.T,
        6: levels[::-1].T,
        7: levels[::-1, ::-1].T,
        8: levels.T[::-1],
    }[orientation]
    blocks(levels).convert("RGB").save(tmp_path / name, exif=exif, **{"lossless": True, "quality": 100})
    upright = np.asarray(read_image(tmp_path / name, DataError))[8::16, 8::16, 0]
    assert upright.shape == seen.shape
    assert np.abs(upright.astype(int) - seen).max() <= 3


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_damaged_note_of_the_camera_is_not_heeded(tmp_path: Path) -> None:
    blocks(COLOURS).save(tmp_path / "a.png", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 9)
    assert np.array_equal(read(tmp_path / "a.png"), COLOURS)


def test_masks_are_greys_with_transparent_parts_black_and_no_profile(tmp_path: Path) -> None:
    picture = blocks(GREYS)
    picture.putalpha(blocks(CLEAR))
    picture.save(tmp_path / "mask.png", icc_profile=b"no profile at all")
    mask = read_grey(tmp_path / "mask.png", DataError)
    assert mask.mode == "L"
    assert np.asarray(mask)[8::16, 8::16].tolist() == GREY_ON_BLACK[..., 0].tolist()


# --- What is refused -----------------------------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_image(path, DataError)
    with pytest.raises(DataError, match=re.escape(str(path))):
        read_grey(path, DataError)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert " at 0x" not in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["a.eps", "a.png", "a.jpg", "a.tga.png"])
def test_postscript_is_never_run_whatever_its_name(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *arguments, **_: started.append(arguments))
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / name).write_bytes(text)
    assert "PostScript" in refused(tmp_path / name)
    assert not started


@pytest.mark.filterwarnings("ignore:IM image format")
@pytest.mark.parametrize(
    "format", ["ICO", "PCX", "DDS", "ICNS", "IM", "MSP", "SGI", "SPIDER", "XBM", "PDF", "EPS", "QOI", "PSD"]
)
def test_formats_that_are_not_on_the_list_are_refused(tmp_path: Path, format: str) -> None:
    modes = {"MSP": "1", "XBM": "1", "SPIDER": "F", "ICNS": "RGBA"}
    path = tmp_path / "a.png"
    Image.init()
    if format in Image.SAVE:
        Image.new(modes.get(format, "RGB"), (32, 32)).save(tmp_path / "a", format)
        (tmp_path / "a").rename(path)
    else:
        path.write_bytes({"QOI": b"qoif", "PSD": b"8BPS"}[format] + bytes(100))
    assert "not a readable picture" in refused(path)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"not a picture", "its content is none of PNG, JPEG"),
        (b"<!DOCTYPE html><title>404</title>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"\0\x05\x16\x07" + bytes(80), "a resource fork of macOS"),
        (b"%PDF-1.7", "it is a PDF"),
        (b"\x89PNG\r\n\x1a\nnonsense", "Truncated File Read"),
        (b"\xff\xd8\xff\xe0", "."),
        (b"GIF89a", "."),
        (b"II*\0" + bytes(60), "."),
        (b"BM" + bytes(60), "."),
    ],
)
def test_what_is_no_picture_is_refused_with_what_it_is(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.png").write_bytes(content)
    assert message in refused(tmp_path / "a.png")


@pytest.mark.parametrize(
    "name", ["a.png", "a.jpg", "a.webp", "a.avif", "a.gif", "a.bmp", "a.tif", "a.jp2", "a.ppm"]
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_pictures_are_refused(tmp_path: Path, name: str, share: float) -> None:
    if name == "a.avif" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * share)])
    assert "not a readable picture" in refused(tmp_path / name)


def large_png(width: int, height: int) -> bytes:
    """Its header says that it is large; there are no pixels."""
    data = bytearray(png(8, 2, b"", b"\0" * 6))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


@pytest.mark.parametrize(
    "size", [(MAX_IMAGE_PIXELS // 1000 + 1, 1000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)]
)
def test_pictures_of_too_many_pixels_are_refused_before_they_are_decoded(
    tmp_path: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda _: pytest.fail("it was decoded"))
    (tmp_path / "a.png").write_bytes(large_png(*size))
    assert f"than the {MAX_IMAGE_PIXELS} that are read" in refused(tmp_path / "a.png")


def test_pictures_without_pixels_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_bytes(b"P6 0 5 255\n")
    (tmp_path / "b.png").write_bytes(large_png(0, 5))
    for name in ("a.ppm", "b.png"):
        assert "not a readable picture" in refused(tmp_path / name)


def test_files_of_too_many_bytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)  # takes no room on the disk
    assert f"at most {MAX_IMAGE_BYTES}" in refused(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["zTXt", "iTXt", "iCCP"])
def test_text_in_a_png_that_unpacks_to_much_is_refused_or_left_alone(tmp_path: Path, name: str) -> None:
    bomb = zlib.compress(bytes(200 * 2**20), 9)
    head = {"zTXt": b"a\0\0", "iTXt": b"a\0\1\0\0\0", "iCCP": b"a\0\0"}[name]
    chunk = name.encode() + head + bomb
    whole = png(8, 0, bytes(4), b"\0\7")
    data = (
        whole[:33]
        + struct.pack(">I", len(chunk) - 4)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + whole[33:]
    )
    (tmp_path / "a.png").write_bytes(data)
    code = (
        "import resource, sys; from pathlib import Path; from netbend.errors import DataError\n"
        "from netbend.media.image import read_image\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: read_image(Path(sys.argv[1]), DataError)\n"
        "except DataError: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.png"], capture_output=True, text=True)
    assert done.stderr == ""
    assert int(done.stdout) < 50_000 * (1 if sys.platform == "linux" else 1024)


def test_large_pictures_are_decoded_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "LARGE", 32 * 32 - 1)
    blocks(COLOURS).save(tmp_path / "a.png")
    now, most = 0, 0

    def slowly(picture: Image.Image) -> Image.Image:
        nonlocal now, most
        now += 1
        most = max(most, now)
        time.sleep(0.005)
        now -= 1
        return picture

    def decode(_: int) -> None:
        with (tmp_path / "a.png").open("rb") as file:
            image.decode_image(file, "a.png", slowly)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(decode, range(8)))
    assert most == 1


def test_comments_of_a_ppm_may_be_short_and_no_longer(tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_bytes(b"P6 # by hand\n1 1 # one\n255\n\1\2\3")
    assert read_image(tmp_path / "a.ppm", DataError).getpixel((0, 0)) == (1, 2, 3)
    for start, end in ((b"P6 #", b"\n1 1 255\n\1\2\3"), (b"P6 1 1 #", b"\n255\n\1\2\3")):
        (tmp_path / "a.ppm").write_bytes(start + b"x" * MAX_PPM_HEADER + end)
        assert f"its header does not end in {MAX_PPM_HEADER} bytes" in refused(tmp_path / "a.ppm")


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "not a file, but a pipe" in refused(tmp_path / "pipe.png")
    assert "not a file, but a folder" in refused(tmp_path)
    assert "no such file" in refused(tmp_path / "gone.png")


def test_heic_without_its_plug_in_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signature, "find_spec", lambda _: None)
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    assert "pip install 'netbend[heic]'" in refused(tmp_path / "a.jpg")


def test_heic_is_read_with_its_plug_in(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    picture = blocks(COLOURS)
    pillow_heif.from_pillow(picture).save(tmp_path / "a.heic", quality=95, chroma=444)
    assert np.abs(read(tmp_path / "a.heic") - COLOURS).max() <= 6
