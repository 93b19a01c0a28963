"""Sound files, read and written block by block, so that an hour needs no more memory than a second."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from netbend.atomic import atomic_write
from netbend.errors import SoundError
from netbend.limits import MAX_SAMPLE_RATE, MAX_SOUND_CHANNELS, MAX_SOUND_SECONDS, MIN_SAMPLE_RATE
from netbend.regular_file import open_regular
from netbend.sound.quietly import quietly
from netbend.sound.truncation import refuse_truncated

EXTENSIONS = {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"}
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
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
UNKNOWN_LENGTH = 2**40  # frames; libsndfile gives more for a FLAC that does not say how many it has
MOST_BYTES = 2**32 - 2**16  # that fit into a WAV or AIFF file
Samples = NDArray[np.float32]  # (channels, frames), a full-scale sine from -1 to 1


class SoundReader:
    """A sound file to read. Raises SoundError for what is no sound, is cut off, or holds NaN.

    sample_rate: Hz. frames: samples of each channel that it has. subtype: of its samples, such as
    PCM_16.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            with quietly() if _may_be_mp3(path) else nullcontext():
                self._file = soundfile.SoundFile(path)
        except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
            raise SoundError(
                f"{path}: not a sound that can be read ({_reason(error)}); netbend reads WAV, FLAC, OGG, MP3 "
                f"and AIFF"
            ) from error
        try:
            self._describe()
        except BaseException:
            self._file.close()
            raise

    def _describe(self) -> None:
        path = self.path
        self.sample_rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int = self._file.frames
        self.format: str = self._file.format.replace("WAVEX", "WAV")
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
        if self.frames >= UNKNOWN_LENGTH:
            raise SoundError(
                f"{path}: its header does not say how long it is, as of files that were streamed; "
                f"convert it to .wav, or encode it again"
            )
        if self.seconds > MAX_SOUND_SECONDS:
            raise SoundError(
                f"{path}: {self.seconds / 3600:.1f} hours; "
                f"at most {MAX_SOUND_SECONDS / 3600:g} are read. Cut it"
            )
        refuse_truncated(path, self.format)

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
                with quietly() if self.format == "MP3" else nullcontext():
                    block = self._file.read(size, dtype="float32", always_2d=True).T
            except soundfile.SoundFileError as error:
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
            yield np.ascontiguousarray(block)
        # Lossy formats may announce a little more than they hold.
        slack = 0.25 * self.sample_rate if self.format in ("OGG", "MP3") else 0
        if count < self.frames - slack:
            raise self._cut_off(count)

    def _cut_off(self, count: int) -> SoundError:
        return SoundError(
            f"{self.path}: cut off or damaged after {count / self.sample_rate:.2f} of {self.seconds:.2f} s; "
            f"take a whole copy of it, or save what is left as a new file"
        )


def _may_be_mp3(path: Path) -> bool:
    """Whether a file does not begin as the other kinds do."""
    with open_regular(path, SoundError) as file:
        return file.read(4) not in (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"FORM")


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


class Resampling:
    """A stream of samples at one rate to the same sound at another; nothing is done if they are equal."""

    def __init__(self, source: int, target: int, channels: int):
        self._channels = channels
        equal = source == target
        self._stream = None if equal else soxr.ResampleStream(source, target, channels, dtype="float32")

    def push(self, samples: Samples) -> Samples:
        """Samples `(channels, n)` in, what is ready of the result out."""
        return samples if self._stream is None else self._pushed(samples, last=False)

    def flush(self) -> Samples:
        """The rest, when nothing more comes."""
        nothing = np.zeros((self._channels, 0), np.float32)
        return nothing if self._stream is None else self._pushed(nothing, last=True)

    def _pushed(self, samples: Samples, *, last: bool) -> Samples:
        assert self._stream is not None
        resampled = self._stream.resample_chunk(np.ascontiguousarray(samples.T), last=last)
        return np.ascontiguousarray(resampled.reshape(-1, self._channels).T)


class SoundWriter:
    """A sound file to write: by way of a temporary one beside it, so that it is there whole or not at all.

    subtype: of its samples, such as PCM_16, PCM_24 or FLOAT; the format's usual if None or if the format
    has no such samples. frames: how many are to come, where that is known: too many are refused at once.
    comment: to keep in the file. overwrite: replace a file that is there. `clipped` counts the samples
    beyond full scale, which are cut in all but FLOAT.
    """

    def __init__(
        self,
        path: Path,
        sample_rate: int,
        channels: int,
        subtype: str | None = None,
        comment: str = "",
        frames: int = 0,
        *,
        overwrite: bool = True,
    ):
        self.path, self.clipped, self._overwrite = path, 0, overwrite
        format = format_of(path)
        if subtype is None or not soundfile.check_format(format, subtype):
            subtype = "PCM_24" if format in ("WAV", "AIFF", "FLAC") else soundfile.default_subtype(format)
        if path.suffix.lower() == ".opus":
            subtype = "OPUS"
        self._bits = BITS.get(subtype)
        if format in ("WAV", "AIFF") and frames * channels * (self._bits or 32) // 8 > MOST_BYTES:
            raise SoundError(f"{path}: a result of more than 4 GB does not fit into {format}; choose .flac")
        self._bounded = subtype not in ("FLOAT", "DOUBLE")
        self._open = partial(
            soundfile.SoundFile,
            mode="w",
            samplerate=sample_rate,
            channels=channels,
            subtype=subtype,
            format=format,
        )
        self._comment = comment
        self._resources = ExitStack()

    def __enter__(self) -> "SoundWriter":
        with ExitStack() as resources:
            unfinished = resources.enter_context(
                atomic_write(self.path, SoundError, overwrite=self._overwrite)
            )
            with self._refusals():
                self._file = resources.enter_context(self._open(unfinished))
                if self._comment:
                    self._file.comment = self._comment
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._refusals():
            self._resources.__exit__(kind, error, trace)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
            raise SoundError(
                f"cannot write {self.path}: {_reason(error)}; other rates and numbers of channels fit into "
                f".wav, and up to 8 channels into .flac"
            ) from error

    def check(self) -> None:
        """Begin such a file and take it away again. Raises SoundError for what cannot be written."""

        class Tried(Exception):
            pass

        with suppress(Tried), self:
            raise Tried

    def write(self, samples: Samples) -> None:
        """Append samples `(channels, n)`."""
        if self._bounded:
            self.clipped += int((np.abs(samples) > 1).sum())
            samples = samples.clip(-1, 1)
        with self._refusals():
            self._file.write(samples.T if self._bits is None else _whole_numbers(samples, self._bits).T)


def _whole_numbers(samples: Samples, bits: int) -> NDArray[np.int32]:
    """Samples as whole numbers of so many bits, in the upper ones of 32: to the bit what was read.

    libsndfile itself scales by one less when it writes than when it reads.
    """
    full = 2 ** (bits - 1)
    rounded = np.rint(samples.astype(np.float64) * full).clip(-full, full - 1)
    return rounded.astype(np.int32) << (32 - bits)


def write_sound(path: Path, samples: Samples, sample_rate: int, subtype: str | None = None) -> None:
    """Write samples `(channels, frames)`."""
    with SoundWriter(path, sample_rate, len(samples), subtype) as writer:
        writer.write(samples)


def format_of(path: Path) -> str:
    """The format that a file's ending stands for. Raises SoundError for one that cannot be written."""
    if path.suffix.lower() not in FORMATS:
        raise SoundError(
            f"{path}: cannot write sound with the ending {path.suffix!r}; choose {', '.join(FORMATS)}"
        )
    return FORMATS[path.suffix.lower()]


def _reason(error: Exception) -> str:
    text = str(getattr(error, "error_string", "") or getattr(error, "strerror", "") or error)
    text = text.strip().rstrip(".")
    return "a damaged header" if "SF_INFO" in text else text  # libsndfile's word for what it filled in itself
