"""Films as GIF: one palette of 256 colours for all frames."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from PIL import Image

PALETTE_FRAMES = 32  # that the palette is made from
PALETTE_WIDTH = 128  # to which they are reduced for that


def write_gif(parts: Sequence[Path], out: Path, fps: Fraction, length: int) -> None:
    """Write a GIF that repeats for ever from parts of a film without loss.

    Its clock counts hundredths of a second: frames last one more or less, so that the whole keeps time.
    """
    from netbend.film.video import decoded

    def frames() -> Iterator[Image.Image]:
        for part in parts:
            yield from decoded(part)

    palette = _palette(frames(), length)
    indexed = (frame.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for frame in frames())
    ends = [round((number + 1) * 100 / fps) for number in range(length)]
    durations = [10 * (end - start) for start, end in zip([0, *ends], ends, strict=False)]  # milliseconds
    first = next(indexed)
    first.save(
        out,
        "GIF",
        save_all=True,
        append_images=indexed,
        duration=durations,
        loop=0,
        disposal=1,
        optimize=False,
    )


def _palette(frames: Iterator[Image.Image], length: int) -> Image.Image:
    """A picture with the colours of frames from all of the film."""
    every = max(1, length // PALETTE_FRAMES)
    chosen = [frame for number, frame in enumerate(frames) if number % every == 0]
    width, height = chosen[0].size
    size = PALETTE_WIDTH, max(1, PALETTE_WIDTH * height // width)
    strip = Image.new("RGB", (size[0], size[1] * len(chosen)))
    for number, frame in enumerate(chosen):
        strip.paste(frame.resize(size, Image.Resampling.BOX), (0, size[1] * number))
    # Nearer by two decibels than median cut, which leaves out rare colours such as the white of eyes.
    return strip.quantize(256, method=Image.Quantize.FASTOCTREE)
