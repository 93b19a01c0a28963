"""What `--out` means: a file where its ending is one of files, a folder otherwise.

The same for all commands. One that writes a single file takes either; one that writes several takes a
folder, and refuses the name of a file instead of making a folder that is called so.
"""

from collections.abc import Sequence
from pathlib import Path

from netbend.cli.usage import UsageError
from netbend.render.files import refuse_unwritable as refuse

ENDINGS = frozenset(
    [
        *(
            ".png",
            ".jpg",
            ".jpeg",
            ".webp",
            ".gif",
            ".bmp",
            ".tif",
            ".tiff",
            ".avif",
            ".heic",
            ".pdf",
            ".svg",
        ),
        *(".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v"),
        *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".m4a", ".aac", ".wma"),
        *(".yaml", ".yml", ".json", ".html", ".txt", ".csv", ".zip"),
        *(".npz", ".npy", ".safetensors", ".pt", ".pth", ".pkl", ".onnx"),
    ]
)


def is_file_name(out: Path) -> bool:
    """Whether --out names a file; a folder that is there is a folder, whatever its name."""
    return out.suffix.lower() in ENDINGS and not out.is_dir()


def places(out: Path, names: Sequence[str], remedy: str = "") -> list[Path]:
    """Where to write files: into a folder by these names, or the only one of them to `out` itself.

    remedy: what else to do about several, as an end of the message. Raises UsageError.
    """
    if not is_file_name(out):
        return [out / name for name in names]
    endings = {Path(name).suffix for name in names}
    if len(names) > 1:
        raise UsageError(f"--out {out}: is a file; name a folder for the {len(names)} to write{remedy}")
    if endings != {out.suffix.lower()}:
        raise UsageError(f"--out {out}: expected a name that ends in {endings.pop()}, or a folder")
    return [out]


def place_of_sheet(out: Path, sheet: str | None, besides: str | None) -> tuple[Path, str | None]:
    """Folder and name of a sheet. besides: what else is written, None if nothing. Raises UsageError."""
    if sheet is None or besides is not None:
        refuse_file_name(out, besides or "files")
        return out, sheet
    (path,) = places(out, [sheet])
    return path.parent, path.name


def refuse_other_ending(out: Path, endings: Sequence[str], written: str) -> None:
    """Raise UsageError for a file whose name ends as those of something else do. written: what it is."""
    if out.suffix.lower() not in endings and out.suffix.lower() in ENDINGS:
        raise UsageError(f"{out}: {written} is written; expected a name that ends in {' or '.join(endings)}")


def refuse_file_name(out: Path, written: str) -> None:
    """Raise UsageError for the name of a file where a folder is expected. written: what goes into it."""
    if is_file_name(out):
        raise UsageError(f"--out {out}: names a file, but {written} are written; name a folder")


def refuse_unwritable(out: Path) -> None:
    """Find out before a model is loaded whether anything can be written there. Raises RenderError."""
    refuse(out.parent if is_file_name(out) else out)
