"""Sound out of the containers that libsndfile does not know: m4a, mp4, webm, mkv, aac, wma, by FFmpeg."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np

from netbend.errors import SoundError
from netbend.limits import MAX_VIDEO_PIXELS
from netbend.media.seekable import SeekableFile
from netbend.regular_file import open_regular
from netbend.sound.formats import Samples

# No playlists: they open other files, and addresses.
DEMUXERS = (
    "mov,matroska,asf,avi,mpegts,mpeg,flv,ogg,aac,loas,ac3,eac3,dts,mp3,caf,au,w64,wav,aiff,flac,"
    "wv,amr,ape,tta"
)
PADDING = 8192  # frames by which the last packet of a codec is longer than the sound
SLACK = 0.25  # seconds by which a file may end before it says
MAX_LEADING = 100  # packets before the first that can be decoded: recordings of broadcasts begin anywhere
SUBTYPES = {  # of lossless codecs, as libsndfile calls them
    "pcm_u8": "PCM_U8",
    "pcm_s16le": "PCM_16",
    "pcm_s16be": "PCM_16",
    "pcm_s24le": "PCM_24",
    "pcm_s24be": "PCM_24",
    "pcm_s32le": "PCM_32",
    "pcm_f32le": "FLOAT",
    "pcm_f64le": "DOUBLE",
}


class ContainerFile:
    """The sound of a file that FFmpeg reads, decoded forwards, once.

    sample_rate: Hz. frames: of each channel, as its packets say; it may hold a little less or more.
    format: FFmpeg's word in capitals, such as MOV. subtype: as libsndfile calls it, or the codec.
    Raises SoundError for what holds no sound or is cut off, av.FFmpegError for what cannot be read.
    """

    def __init__(self, path: Path):
        self.path = path
        with ExitStack() as resources:
            # Not by name: FFmpeg takes some names for addresses.
            file = resources.enter_context(open_regular(path, SoundError))
            self._container = resources.enter_context(_opened(file))
            self._stream = _sound_of(self._container, path)
            self.format: str = self._container.format.name.split(",")[0].upper()
            self._decoded = self._decode()
            first = next(self._decoded, None)
            if first is None:
                raise SoundError(f"{path}: its sound track is empty; name a file with sound")
            self._first: Any = first
            self.sample_rate: int = first.sample_rate
            self.channels: int = len(first.layout.channels)
            self.subtype: str = self._subtype()
            status = path.stat()
            extent = _extent(path, self._stream.index, status.st_size, status.st_mtime_ns)
            self.frames = round(extent.seconds * self.sample_rate)
            self._is_padded = extent.is_padded
            if extent.is_cut_off:
                raise SoundError(
                    f"{path}: cut off, it is shorter than it says itself; take a whole copy of it, or save "
                    f"what is left as a new file"
                )
            self._resources = resources.pop_all()
        self._blocks = self._samples()
        self._held: Samples = np.zeros((self.channels, 0), np.float32)

    @property
    def least_frames(self) -> float:
        """Frames that it must hold; a little less than an MP4 says, where others say little that is true."""
        return 0.99 * self.frames - SLACK * self.sample_rate if self.format == "MOV" else 0.0

    def close(self) -> None:
        self._resources.close()

    def read(self, size: int) -> Samples:
        """The next samples `(channels, at most size)`; none after the last. Raises av.FFmpegError."""
        parts = [self._held]
        while sum(part.shape[1] for part in parts) < size:
            part = next(self._blocks, None)
            if part is None:
                break
            parts.append(part)
        together = np.concatenate(parts, axis=1)
        self._held = together[:, size:]
        return together[:, :size]

    def _decode(self) -> Iterator[Any]:
        started, failed = False, 0
        for packet in self._demuxed():
            if packet.is_corrupt and packet.size and self.format == "MOV":  # its index says the size
                raise av.InvalidDataError(0, "a packet is not whole")
            try:
                for frame in packet.decode():
                    started = True
                    yield frame
            except av.FFmpegError:
                failed += 1
                if started or failed > MAX_LEADING:
                    raise

    def _demuxed(self) -> Iterator[Any]:
        try:
            yield from self._container.demux(self._stream)
        except IndexError as error:  # what PyAV says to a stream that the file did not begin with
            raise av.InvalidDataError(0, "another stream begins") from error

    def _samples(self) -> Iterator[Samples]:
        left = self.frames if self._is_padded else 2**62
        for frame in self._in_one_form():
            # Not planar: PyAV reads past the end of planes beyond the eighth.
            samples: Samples = frame.to_ndarray().reshape(-1, self.channels).T[:, :left]
            left -= samples.shape[1]
            if samples.shape[1]:
                yield samples

    def _in_one_form(self) -> Iterator[Any]:
        """Frames as float32, with the rate and channels of the first: broadcasts change them on the way."""
        layout, rate = self._first.layout, self.sample_rate
        resampler, form = None, None
        for frame in chain([self._first], self._decoded):
            frame.pts = None  # gaps in time are not filled
            if form != (form := (frame.format.name, frame.layout.name, frame.sample_rate)):
                if resampler is not None:
                    yield from resampler.resample(None)
                resampler = av.AudioResampler(format="flt", layout=layout, rate=rate)
            assert resampler is not None
            yield from resampler.resample(frame)
        if resampler is not None:
            yield from resampler.resample(None)

    def _subtype(self) -> str:
        name = self._stream.codec_context.name
        if name in SUBTYPES:
            return SUBTYPES[name]
        if name in ("flac", "alac", "wavpack", "tta"):
            return {"s16": "PCM_16", "s16p": "PCM_16"}.get(self._first.format.name, "PCM_24")
        return str(name)


def _opened(file: BinaryIO) -> Any:
    return av.open(
        SeekableFile(file), options={"format_whitelist": DEMUXERS, "max_pixels": str(MAX_VIDEO_PIXELS)}
    )


def _sound_of(container: Any, path: Path) -> Any:
    stream = container.streams.best("audio")
    if stream is None or stream.codec_context is None:
        kinds = sorted({str(stream.type) for stream in container.streams})
        held = f"only {' and '.join(kinds)}" if kinds else "nothing"
        raise SoundError(f"{path}: holds no sound, {held}; name a file with a sound track")
    return stream


@dataclass(frozen=True)
class _Extent:
    """How long a sound track is. is_cut_off: the file ends before it says. is_padded: more is decoded than
    is to be heard."""

    seconds: float
    is_cut_off: bool
    is_padded: bool


@lru_cache(maxsize=64)
def _extent(path: Path, index: int, _size: int, _changed: int) -> _Extent:
    """What the packets of a file tell, without decoding them: headers of streams say little that is true."""
    with open_regular(path, SoundError) as file, _opened(file) as container:
        stream, is_mp4 = container.streams.best("audio"), container.format.name.startswith("mov")
        begun, ended, total, last = None, 0.0, 0.0, 0.0
        for packet in _packets(container):
            if packet.pts is None or packet.time_base is None:
                continue
            start, length = (float(time * packet.time_base) for time in (packet.pts, packet.duration or 0))
            last = max(last, start + length)
            if packet.stream_index == index:
                begun = start if begun is None else min(begun, start)
                ended, total = max(ended, start + length), total + length
        said = float(stream.duration * stream.time_base) if stream.duration else 0.0
        padding = (total - said) * stream.codec_context.sample_rate
        if is_mp4 and said and 0 <= padding <= PADDING:  # edit lists say what is heard of the last packet
            return _Extent(said, False, True)
        announced = ((container.duration or 0) + (container.start_time or 0)) / av.time_base
        is_cut_off = container.format.name.startswith("matroska") and last < announced - SLACK
        return _Extent(ended - (begun or 0.0), is_cut_off, False)


def _packets(container: Any) -> Iterator[Any]:
    with suppress(av.FFmpegError, IndexError):  # which decoding meets, too
        yield from container.demux()
