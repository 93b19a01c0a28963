"""Text inside PNG files, read chunk by chunk: no pixel is decoded, and no more unpacked than asked for."""

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

from netbend.errors import RenderError
from netbend.limits import MAX_PNG_CHUNKS, MAX_RECORD_TEXT
from netbend.regular_file import open_regular

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_png_text(path: Path, keyword: str) -> str | None:
    """The international text (iTXt) of that keyword in a PNG file, None if there is none.

    Raises:
        RenderError: If it is no PNG, is damaged, or the text has more than `MAX_RECORD_TEXT` bytes.
    """
    with open_regular(path, RenderError) as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            raise RenderError(f"{path}: not a readable PNG (it begins otherwise)")
        try:
            return _find(file, keyword.encode())
        except (ValueError, OSError, zlib.error, struct.error) as error:
            raise RenderError(f"{path}: not a readable PNG ({error})") from error


def _find(file: BinaryIO, keyword: bytes) -> str | None:
    for _ in range(MAX_PNG_CHUNKS):
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind == b"IEND":
            return None
        if kind != b"iTXt":
            file.seek(length + 4, 1)
            continue
        if length > MAX_RECORD_TEXT:
            raise ValueError(f"a text of {length} bytes; at most {MAX_RECORD_TEXT} are read")
        body, (checksum,) = file.read(length), struct.unpack(">I", file.read(4))
        if zlib.crc32(kind + body) != checksum:
            raise ValueError("a damaged chunk of text")
        found, _, rest = body.partition(b"\0")
        if found == keyword:
            return _text(rest)
    raise ValueError(f"more than {MAX_PNG_CHUNKS} chunks")


def _text(rest: bytes) -> str:
    """Compression flag and method, language, translated keyword, and the text itself."""
    compressed = rest[:1] == b"\1"
    _, _, text = rest[2:].split(b"\0", 2)
    if compressed:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(text, MAX_RECORD_TEXT + 1)
        if not unpacker.eof and len(text) <= MAX_RECORD_TEXT:
            raise ValueError("a text that is cut off")
    if len(text) > MAX_RECORD_TEXT:
        raise ValueError(f"a text that unpacks to more than {MAX_RECORD_TEXT} bytes")
    return text.decode("utf-8")
