"""What models put out: each declares it, and whoever plays a model asks."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from netbend.sound.spectrum import Spectrum


class Output(ABC):
    """What `Model.generate` gives, without the samples, which come first.

    what: in words, as messages name it.
    """

    what: ClassVar[str]

    @abstractmethod
    def __str__(self) -> str:
        """Its size, such as `64x64`."""


@dataclass(frozen=True)
class ImageOutput(Output):
    """Pictures `(N, channels, height, width)`, -1 black to 1 white; 1 channel is grey, 3 are RGB."""

    what = "pictures"
    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True)
class AudioOutput(Output):
    """Sound as levels of spectra `(N, 1, frames, bins)`, 0 the floor of the spectrum to 1 its ceiling.

    spectrum: how sound is analysed. frames: of a spectrogram.
    """

    what = "sound"
    spectrum: Spectrum
    frames: int

    def __str__(self) -> str:
        return f"{self.frames} frames of {self.spectrum.bins} bins, {self.spectrum.sample_rate} Hz"


@dataclass(frozen=True)
class TextOutput(Output):
    """Scores of each next token `(N, T, vocabulary)`; vocabulary: how many tokens there are."""

    what = "text"
    vocabulary: int

    def __str__(self) -> str:
        return f"{self.vocabulary} tokens"


@dataclass(frozen=True)
class VolumeOutput(Output):
    """Volumes `(N, channels, depth, height, width)`."""

    what = "volumes"
    channels: int
    depth: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}x{self.depth}"


@dataclass(frozen=True)
class TensorOutput(Output):
    """Anything else: numbers of a shape, with a letter for each axis as those of a `Layer`."""

    what = "numbers"
    axes: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.axes):
            raise ValueError(f"shape {self.shape!r:.60}: expected a size for each of the axes {self.axes}")

    def __str__(self) -> str:
        return f"{self.axes} {'x'.join(map(str, self.shape))}"
