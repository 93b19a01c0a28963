"""Pictures into film files, and parts of a film into one. FFmpeg's libraries do the work, by PyAV."""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from netbend.errors import RenderError
from netbend.film.formats import Format
from netbend.film.sound_track import SoundTrack, ffmpegs_errors
from netbend.sound.files import SoundReader

ITU709 = av.video.reformatter.Colorspace.ITU709
REPRODUCIBLE = {"fflags": "+bitexact"}  # else Matroska writes random numbers into each file
TRIED_SIZE = (256, 256)  # of a frame that shows whether a GPU encodes: the smallest they take is 145 wide
BT709, LIMITED_RANGE = 1, 1  # as H.273 numbers them: what players take HD films for


def encode(pictures: Iterable[Image.Image], out: Path, format: Format, fps: Fraction, quality: int) -> int:
    """Write pictures of one size as a film without sound; gives their number.

    quality: the codec's CRF, from 0, of those that have one. Raises RenderError.
    """
    count = 0
    with ffmpegs_errors(out), _container(out, format) as container:
        stream: Any = None
        for picture in pictures:
            if stream is None:
                stream = _video_stream(container, format, fps, picture.size, quality)
            container.mux(stream.encode(_frame(picture, count, format, fps)))
            count += 1
        if stream is not None:
            container.mux(stream.encode())
    return count


def check_gpu(format: Format, fps: Fraction, quality: int) -> None:
    """Raise RenderError unless a GPU encodes a frame."""
    container = av.open(io.BytesIO(), "w", format=format.container, options=REPRODUCIBLE)
    try:
        stream = _video_stream(container, format, fps, TRIED_SIZE, quality)
        container.mux(stream.encode(_frame(Image.new("RGB", TRIED_SIZE), 0, format, fps)))
        container.mux(stream.encode())
        container.close()
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RenderError(
            f"--encoder gpu: {format.codec} does not work on this machine ({reason}); it takes a GPU of "
            f"NVIDIA's with its driver. Leave --encoder out"
        ) from error


def _container(out: Path, format: Format) -> Any:
    return av.open(str(out), "w", format=format.container, options=REPRODUCIBLE)


def _frame(picture: Image.Image, number: int, format: Format, fps: Fraction) -> Any:
    rgb = av.VideoFrame.from_ndarray(np.asarray(picture.convert("RGB")), format="rgb24")
    frame = rgb.reformat(format=format.pixels, dst_colorspace=ITU709) if format.is_yuv else rgb
    frame.pts, frame.time_base = number, 1 / fps
    return frame


def _video_stream(container: Any, format: Format, fps: Fraction, size: tuple[int, int], quality: int) -> Any:
    stream = container.add_stream(format.codec, rate=fps)
    stream.width, stream.height = size
    stream.pix_fmt = format.pixels
    if format.is_yuv:
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
    # Without frames that refer forward, parts follow each other without a gap.
    stream.codec_context.max_b_frames = 0
    # What comes out must not depend on how many processors there are: the number is fixed.
    stream.codec_context.thread_count = 2 if format.codec == "libx264" else 1
    if format.codec == "libx264":
        # Half of the time of `medium`, for half a decibel and files of the same size.
        stream.options = {"crf": str(quality), "preset": "faster"}
    elif format.codec == format.gpu_codec:
        stream.options = {"preset": "p5", "rc": "vbr", "cq": str(quality), "b": "0"}
        stream.codec_context.bit_rate = 0
    elif format.codec == "libvpx-vp9":
        stream.options = {"crf": str(quality), "b": "0", "deadline": "good", "cpu-used": "3", "row-mt": "0"}
        stream.codec_context.bit_rate = 0
    return stream


def join(
    parts: Sequence[Path],
    out: Path,
    format: Format,
    fps: Fraction,
    length: int,
    sound: Path | None = None,
    comment: str = "",
) -> None:
    """Put parts of a film one after the other without encoding them again, and a sound beneath.

    length: number of frames in all; a longer sound is cut. Raises RenderError, SoundError.
    """
    with ExitStack() as stack:
        stack.enter_context(ffmpegs_errors(out))
        reader = None if sound is None else stack.enter_context(SoundReader(sound))
        container = stack.enter_context(_container(out, format))
        container.metadata["comment"] = comment
        with av.open(str(parts[0])) as first:
            stream = container.add_stream_from_template(first.streams.video[0])
            stream.time_base = 1 / fps
        track = None if reader is None else SoundTrack(container, format, reader, length / fps)
        for number, packet in enumerate(_packets(parts)):
            packet.stream, packet.time_base = stream, 1 / fps
            packet.pts = packet.dts = number
            packet.duration = 1
            if track is not None:
                track.write_until((number + 1) / fps)
            container.mux(packet)
        if track is not None:
            track.finish()


def _packets(parts: Sequence[Path]) -> Iterator[Any]:
    """Encoded frames; they lie in the order in which they are shown."""
    for part in parts:
        with av.open(str(part)) as container:
            yield from (packet for packet in container.demux(video=0) if packet.pts is not None)


def decoded(path: Path) -> Iterator[Image.Image]:
    """The pictures of a film."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield Image.fromarray(frame.to_ndarray(format="rgb24"))
