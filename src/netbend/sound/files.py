"""Sound files, read block by block, so that an hour needs no more memory than a second."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType

import av
import numpy as np
import soundfile

from netbend.errors import SoundError
from netbend.limits import MAX_SAMPLE_RATE, MAX_SOUND_CHANNELS, MAX_SOUND_SECONDS, MIN_SAMPLE_RATE
from netbend.regular_file import open_regular
from netbend.sound.container import ContainerFile
from netbend.sound.formats import BLOCK, Samples, reason
from netbend.sound.quietly import quietly
from netbend.sound.resampling import Resampling
from netbend.sound.truncation import has_no_length, refuse_truncated

UNKNOWN_LENGTH = 2**40  # frames; libsndfile gives more for a FLAC that does not say how many it has
HEAD_BYTES = 12  # by which kinds are told apart
# How files begin that libsndfile reads, but for MP3; RIFF may also be AVI, which FFmpeg reads then.
PLAIN = (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"OggS", b"FORM", b"caff", b".snd")


class SoundReader:
    """A sound file to read: WAV, FLAC, OGG, MP3, AIFF, or the sound track of a container or film.

    Args:
        path: The file.

    Attributes:
        sample_rate: Hz.
        channels: Their number.
        frames: Samples of each channel; of lossy formats and containers what they announce, which may
            be a little more or less.
        format: WAV, FLAC, OGG, MP3, AIFF ... or the name of the container.
        subtype: Of its samples, such as PCM_16.

    Raises:
        SoundError: For what is no sound, holds none, is cut off, or has NaN in it.
    """

    def __init__(self, path: Path):
        self.path = path
        self._file = _open(path)
        try:
            self._describe()
        except BaseException:
            self._file.close()
            raise

    def _describe(self) -> None:
        path = self.path
        self.sample_rate: int = self._file.sample_rate
        self.channels: int = self._file.channels
        self.frames: int = self._file.frames
        self.format: str = self._file.format
        self.subtype: str = self._file.subtype
        if not MIN_SAMPLE_RATE <= self.sample_rate <= MAX_SAMPLE_RATE:
            raise SoundError(
                f"{path}: {self.sample_rate} samples a second; "
                f"expected {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}"
            )
        if self.channels > MAX_SOUND_CHANNELS:
            raise SoundError(
                f"{path}: {self.channels} channels; at most {MAX_SOUND_CHANNELS} are read. "
                f"Take it apart first"
            )
        if self.seconds > MAX_SOUND_SECONDS:
            raise SoundError(
                f"{path}: {self.seconds / 3600:.1f} hours; "
                f"at most {MAX_SOUND_SECONDS / 3600:g} are read. Cut it"
            )

    def __enter__(self) -> "SoundReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate

    def blocks(self, size: int = BLOCK) -> Iterator[Samples]:
        """All its samples, in order, `(channels, at most size)` at a time."""
        count = 0
        while True:
            try:
                block = self._file.read(size)
            except (soundfile.SoundFileError, av.FFmpegError) as error:
                raise self._cut_off(count) from error
            if block.shape[1] == 0:
                break
            if not np.isfinite(block).all():
                place = count + int(np.flatnonzero(~np.isfinite(block).all(axis=0))[0])
                raise SoundError(
                    f"{self.path}: NaN or infinity at {place / self.sample_rate:.3f} s; "
                    f"mend the file in the program that made it"
                )
            count += block.shape[1]
            if count > MAX_SOUND_SECONDS * self.sample_rate:
                raise SoundError(
                    f"{self.path}: more than the {MAX_SOUND_SECONDS / 3600:g} hours that are read. Cut it"
                )
            yield np.ascontiguousarray(block)
        if count < self._file.least_frames:
            raise self._cut_off(count)

    def _cut_off(self, count: int) -> SoundError:
        return SoundError(
            f"{self.path}: cut off or damaged after {count / self.sample_rate:.2f} of {self.seconds:.2f} s; "
            f"take a whole copy of it, or save what is left as a new file"
        )


class _SndFile:
    """A file that libsndfile reads."""

    def __init__(self, path: Path, head: bytes):
        # libmpg123, which reads MP3, prints what it makes of damaged files.
        self._silence = nullcontext if head.startswith(PLAIN) else quietly
        with self._silence():
            self._file = soundfile.SoundFile(path)
        self.sample_rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int = self._file.frames
        self.format: str = self._file.format.replace("WAVEX", "WAV").replace("RF64", "WAV")
        self.subtype: str = self._file.subtype
        # Lossy formats may announce a little more than they hold.
        self.least_frames = self.frames - (0.25 * self.sample_rate if self.format in ("OGG", "MP3") else 0)

    def read(self, size: int) -> Samples:
        """The next samples `(channels, at most size)`; none after the last."""
        with self._silence():
            block: Samples = self._file.read(size, dtype="float32", always_2d=True).T
        return block

    def close(self) -> None:
        self._file.close()


def _open(path: Path) -> _SndFile | ContainerFile:
    """A file by the library that knows its kind."""
    with open_regular(path, SoundError) as file:
        head = file.read(HEAD_BYTES)
    native = head.startswith(PLAIN) or _is_mp3(head)
    refused: Exception | None = None
    for reads_native in (native, not native):
        try:
            return _native(path, head) if reads_native else ContainerFile(path)
        except (soundfile.SoundFileError, av.FFmpegError, OSError, TypeError, ValueError) as error:
            refused = refused or error
    assert refused is not None
    raise SoundError(
        f"{path}: not a sound that can be read ({reason(refused)}); netbend reads WAV, FLAC, OGG, MP3, AIFF, "
        f"and the sound of m4a, mp4, mov, webm, mkv and other containers"
    ) from refused


def _native(path: Path, head: bytes) -> _SndFile | ContainerFile:
    """What libsndfile reads, but for streams that do not say how long they are: it loses their end."""
    file = _SndFile(path, head)
    try:
        if file.frames >= UNKNOWN_LENGTH or (file.format == "WAV" and has_no_length(path)):
            file.close()
            return ContainerFile(path)
        refuse_truncated(path, file.format)
    except BaseException:
        file.close()
        raise
    return file


def _is_mp3(head: bytes) -> bool:
    """Whether a file begins with a tag, or as MPEG audio of a layer; without a layer it is AAC."""
    return head[:3] == b"ID3" or (
        len(head) > 1 and head[0] == 0xFF and head[1] >> 5 == 7 and head[1] & 6 != 0
    )


def read_mono(path: Path, sample_rate: int, seconds: float = float("inf")) -> Samples:
    """The beginning of a file, or all of it, as the mean of its channels `(frames,)`, at a rate."""
    return np.concatenate(list(mono_blocks(path, sample_rate, seconds)))


def mono_blocks(path: Path, sample_rate: int, seconds: float = float("inf")) -> Iterator[Samples]:
    """The same piece by piece, each `(n,)`, so that its length does not matter."""
    with SoundReader(path) as reader:
        stream = Resampling(reader.sample_rate, sample_rate, 1)
        left = seconds * reader.sample_rate
        for block in reader.blocks():
            yield stream.push(block[:, : int(min(left, BLOCK))].mean(axis=0, keepdims=True))[0]
            left -= block.shape[1]
            if left <= 0:
                break
        yield stream.flush()[0]
