"""Kinds of film files, without anything that has to be loaded to name them."""

from dataclasses import dataclass, replace
from pathlib import Path

from netbend.choices import Encoder
from netbend.errors import RenderError


@dataclass(frozen=True)
class Format:
    """How a film is encoded.

    container, codec: as FFmpeg calls them. pixels: how a pixel is kept.
    audio: codec of the sound, None where there is none. audio_rate: None for the sound's own.
    most_fps: frames a second that players show as they should. gpu_codec: in place of `codec` where a GPU
    encodes, None where none does.
    """

    container: str
    codec: str
    pixels: str
    audio: str | None = None
    audio_rate: int | None = None
    most_fps: float = 240
    gpu_codec: str | None = None

    @property
    def is_yuv(self) -> bool:
        return self.pixels.startswith("yuv")


QUALITY = 18  # CRF: 0 is nearly without loss, 18 looks like it, 30 is small

FORMATS = {
    ".mp4": Format("mp4", "libx264", "yuv420p", "aac", 48000, gpu_codec="h264_nvenc"),
    ".webm": Format("webm", "libvpx-vp9", "yuv420p", "libopus", 48000),
    ".mkv": Format("matroska", "ffv1", "bgr0", "flac"),
    ".gif": Format("gif", "gif", "pal8", most_fps=50),  # browsers take a hundredth of a second for a tenth
}
LOSSLESS = FORMATS[".mkv"]
PART_FRAMES = 32  # of a part of a film; a killed render loses at most twice as many


@dataclass(frozen=True)
class Encoding:
    """What becomes of a film's frames.

    height: pixels to which they are brought; None for their own, small ones enlarged. quality: CRF.
    sound: put beneath. comment: kept in the file. encoder: see there.
    """

    height: int | None = None
    quality: int = QUALITY
    sound: Path | None = None
    comment: str = ""
    encoder: Encoder = Encoder.SOFTWARE

    def format(self, out: Path) -> Format | None:
        """See `format_of`, encoded by what is to encode it. Raises RenderError if that cannot."""
        format = format_of(out)
        if self.encoder is Encoder.SOFTWARE:
            return format
        if format is None or format.gpu_codec is None:
            raise RenderError(f"--encoder gpu: GPUs encode .mp4 films, no {out.suffix or 'PNG'} ones")
        return replace(format, codec=format.gpu_codec)


def format_of(out: Path) -> Format | None:
    """How a film of that name is encoded, None for a folder of PNG files.

    Raises RenderError for an ending that netbend does not write.
    """
    suffix = out.suffix.lower()
    if suffix == "":
        return None
    if suffix not in FORMATS:
        raise RenderError(
            f"{out}: netbend does not write {suffix} films; choose {', '.join(FORMATS)}, or name a folder "
            f"for one PNG a frame",
            where="out",
        )
    return FORMATS[suffix]


def check_out(out: Path, fps: float, height: int | None) -> None:
    """Refuse before the work what cannot be written so. Raises RenderError."""
    format = format_of(out)
    if out.name in ("", ".."):
        raise RenderError(f"--out {out}: name a folder of the film's own, such as {out / 'film'}")
    if out.exists() and out.is_dir() != (format is None):
        raise RenderError(f"{out}: is a {'folder' if out.is_dir() else 'file'}; name another --out")
    if height is not None and height % 2 and format is not None and format.is_yuv:
        raise RenderError(f"--height {height}: {out.suffix} films have an even number of rows")
    if format is not None and fps > format.most_fps:
        raise RenderError(
            f"--fps {fps:g}: players slow {out.suffix} films down above {format.most_fps:g} frames a second"
        )


def parts_ending(ending: str) -> str:
    """The ending of the files in which the parts of a film of that ending are kept."""
    return {"": ".png", ".gif": ".mkv"}.get(ending, ending)
