"""What a picture file is by its first bytes, whatever its name says; only these kinds are ever opened.

Pillow by itself would try some forty formats, one of which starts another program (EPS: Ghostscript).
"""

import re
from importlib.util import find_spec

HEIC_ENDINGS = frozenset({".heic", ".heif", ".hif"})
ENDINGS = HEIC_ENDINGS | {
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff"),
    *(".jp2", ".j2k", ".j2c", ".jpf", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tga"),
}
SIGNATURE_BYTES = 64
READ = "PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF, JPEG 2000, PPM and its kin, TGA, HEIC"
HEIC_REMEDY = "pip install 'netbend[heic]'"

# Pillow's name of the format, and how its files begin.
_READ = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "GIF": rb"GIF8[79]a",
    "WEBP": rb"RIFF....WEBP",
    "BMP": rb"BM",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "JPEG2000": rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n",
    "PPM": rb"P[1-6f]\s",
    "AVIF": rb"....ftyp(?:avif|avis|mif1(?=(?:....)*avif)|msf1(?=(?:....)*avis))",
    "HEIF": rb"....ftyp(?:hei[cmsx]|hev[cmsx]|mif1|msf1)",
}
_NOT_READ = {
    "PostScript, which is a program": rb"%!PS|\xc5\xd0\xd3\xc6",
    "a PDF": rb"%PDF",
    "a Photoshop file": rb"8BPS",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "OpenEXR": rb"\x76\x2f\x31\x01",
    "Radiance HDR": rb"#\?RADIANCE",
    "a PFM in colour": rb"PF\s",
    "SVG or other XML": rb"\s*<(?:\?xml|svg)",
    "a web page": rb"\s*<(?:!doctype|html)",
    "a resource fork of macOS": rb"\0\x05\x16[\0\x07]",
    "a pointer of Git LFS; fetch the file itself": rb"version https://git-lfs",
    "a film": rb"....ftyp(?:qt|mp4|isom|M4V)|\x1aE\xdf\xa3|RIFF....AVI ",
}


class UnreadableImage(Exception):
    """Why bytes are not read as a picture. Whoever asked says which file it is."""


def format_of(head: bytes, name: str) -> str:
    """Pillow's name for the format of a file.

    Args:
        head: Its first `SIGNATURE_BYTES`, or all of it if it has fewer.
        name: Its name; only TGA, which has no signature, is known by it.

    Raises:
        UnreadableImage: For all that is not read, saying what it is as far as that is known.
    """
    if not head:
        raise UnreadableImage("not a readable picture (an empty file)")
    for kind, start in _READ.items():
        if re.match(start, head, re.DOTALL):
            return kind
    if name.lower().endswith(".tga"):
        return "TGA"
    for what, start in _NOT_READ.items():
        if re.match(start, head, re.DOTALL | re.IGNORECASE):
            raise UnreadableImage(f"not a readable picture (it is {what}); netbend reads {READ}")
    raise UnreadableImage(f"not a readable picture (its content is none of {READ})")


def reads_heic() -> bool:
    """Whether the plug-in for the pictures of iPhones is installed."""
    return find_spec("pillow_heif") is not None
