"""What files that are no checkpoints are, by how they begin, and what to do about them."""

BEGINNINGS = {
    b"\x89HDF": "a Keras or TensorFlow file (HDF5)",
    b"\x1f\x8b": "packed by gzip; unpack it first",
    b"BZh": "packed by bzip2; unpack it first",
    b"\xfd7zXZ": "packed by xz; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
    b"GGUF": "a language model (GGUF)",
    b"version https://git-lfs": "a placeholder of Git LFS; `git lfs pull` fetches the file itself",
    b"\x93NUMPY": "an array of numpy; if it holds latents, `--latents` takes it",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
WEB_PAGES = (b"<!doctype html", b"<html")
TAR_MAGIC, TAR_AT = b"ustar", 257


def named(data: bytes) -> str:
    """What a file is, as the middle of a sentence; nothing where it is not known."""
    if not data:
        return ", but empty: the download did not arrive"
    if data[:200].lstrip().lower().startswith(WEB_PAGES):
        return ", but a web page: the download asks for something first, open its address in a browser"
    if data[TAR_AT : TAR_AT + len(TAR_MAGIC)] == TAR_MAGIC:
        return ", but a tar archive; unpack it first"
    return next((f", but {what}" for start, what in BEGINNINGS.items() if data.startswith(start)), "")
