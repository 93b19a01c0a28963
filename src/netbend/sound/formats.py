"""Kinds of sound files: what is read, what is written, and what an encoder takes."""

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from netbend.errors import SoundError

Samples = NDArray[np.float32]  # (channels, frames), a full-scale sine from -1 to 1
BLOCK = 1 << 16  # frames
FORMATS = {
    ".wav": "WAV",
    ".flac": "FLAC",
    ".ogg": "OGG",
    ".oga": "OGG",
    ".opus": "OGG",
    ".mp3": "MP3",
    ".aif": "AIFF",
    ".aiff": "AIFF",
}
# Endings of what is looked for in folders; a file that is named is read whatever its ending.
FILMS = frozenset({".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".3gp", ".mts", ".m2ts"})
SOUNDS = frozenset(
    {
        *FORMATS,
        *(".aifc", ".wave", ".w64", ".rf64", ".caf", ".au", ".snd", ".mp2", ".m4a", ".m4b", ".aac"),
        *(".mka", ".weba", ".wma", ".ac3", ".amr", ".wv", ".ape", ".tta"),
    }
)
# Sample rates that an encoder takes, where it does not take all, and the most channels.
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_MAX_FLAC_RATE = 655_350
_MAX_VORBIS_RATE = 200_000
_MAX_CHANNELS = {"FLAC": 8, "MP3": 2}


def format_of(path: Path) -> str:
    """The format that a file's ending stands for. Raises SoundError for one that cannot be written."""
    if path.suffix.lower() not in FORMATS:
        raise SoundError(
            f"{path}: cannot write sound with the ending {path.suffix!r}; choose {', '.join(FORMATS)}"
        )
    return FORMATS[path.suffix.lower()]


def written_rate(path: Path, sample_rate: int) -> int:
    """The sample rate in Hz at which a file of that ending is written: the nearest above that its encoder
    takes, or its highest. Raises SoundError for an ending that cannot be written."""
    format = format_of(path)
    if path.suffix.lower() == ".opus":
        return _nearest(sample_rate, _OPUS_RATES)
    if format == "MP3":
        return _nearest(sample_rate, _MP3_RATES)
    if format == "FLAC":
        return min(sample_rate, _MAX_FLAC_RATE)
    return min(sample_rate, _MAX_VORBIS_RATE) if format == "OGG" else sample_rate


def _nearest(sample_rate: int, rates: tuple[int, ...]) -> int:
    return next((rate for rate in rates if rate >= sample_rate), rates[-1])


def refuse_channels(path: Path, channels: int) -> None:
    """Raise SoundError for more channels than a file of that ending can hold."""
    most = _MAX_CHANNELS.get(format_of(path))
    if most is not None and channels > most:
        raise SoundError(
            f"{path}: {channels} channels, and {path.suffix.lower()} holds at most {most}; choose .wav"
        )


def default_subtype(format: str) -> str:
    """Of the samples in a file of a format, where nothing else is asked for."""
    kind: str = "PCM_24" if format in ("WAV", "AIFF", "FLAC") else soundfile.default_subtype(format)
    return kind


def reason(error: Exception) -> str:
    """What libsndfile or the system say, in their words but for what only they understand."""
    text = str(getattr(error, "error_string", "") or getattr(error, "strerror", "") or error)
    text = text.strip().rstrip(".")
    return "a damaged header" if "SF_INFO" in text else text  # libsndfile's word for what it filled in itself
