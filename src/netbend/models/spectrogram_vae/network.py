"""The spectrogram VAE of the network bending paper (section 3.2, table 1).

A plain network that knows nothing of bending. Maps are time x frequency.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netbend.limits import MAX_WIDTH
from netbend.sound.spectrum import Spectrum

FRAMES, BINS = 128, 513  # of the spectrograms
PAPER_FEATURES = (512, 256, 128, 64)
START = (4, 17)  # of the maps that the first layer of the decoder is given


@dataclass(frozen=True)
class _Shape:
    """Of one transposed convolution, each time x frequency."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    output: tuple[int, int]


# Where the paper's table contradicts itself, its resolutions decide over its paddings.
SHAPES = (
    _Shape((5, 5), (1, 2), (0, 2), (8, 33)),
    _Shape((3, 5), (2, 2), (0, 2), (17, 65)),
    _Shape((4, 5), (2, 2), (2, 2), (32, 129)),
    _Shape((4, 5), (2, 2), (1, 2), (64, 257)),
    _Shape((4, 5), (2, 2), (1, 2), (128, 513)),
)
ENCODED = (1, 13)  # of a spectrogram after five convolutions 5x5, stride 2, without padding


@dataclass(frozen=True)
class Architecture:
    """What has to be known to build the network.

    features: of the decoder's layers 1 to 4; the encoder has the same, the other way round.
    latent_dim: of the latent. sample_rate: of the sounds, in Hz.
    window, hop: of the Fourier transform, in samples.
    floor, ceiling: levels in dB of full scale that the network knows as 0 and 1.
    Raises ValueError for numbers that no such network has.
    """

    features: tuple[int, ...] = PAPER_FEATURES
    latent_dim: int = 512
    sample_rate: int = 44100
    window: int = 2 * (BINS - 1)
    hop: int = 256
    floor: float = -80.0
    ceiling: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.features, tuple) or len(self.features) != len(PAPER_FEATURES):
            raise ValueError(f"features {self.features!r:.80}: expected {len(PAPER_FEATURES)} numbers")
        for number in (*self.features, self.latent_dim):
            _check_whole(number, MAX_WIDTH)
        _check_whole(self.sample_rate, 1_000_000)
        hops = [self.window // overlap for overlap in (4, 8, 16)]
        if self.window != 2 * (BINS - 1) or type(self.hop) is not int or self.hop not in hops:
            raise ValueError(f"window {self.window!r:.20}, hop {self.hop!r:.20}: not of {BINS} bins")
        levels = (self.floor, self.ceiling)
        if any(type(level) not in (int, float) or not -1000 < level < 1000 for level in levels):
            raise ValueError(f"levels {levels!r:.80}: expected decibels")
        if not self.floor < self.ceiling:
            raise ValueError(f"levels {levels!r:.80}: the floor is not below the ceiling")

    @classmethod
    def of_width(cls, width: float, latent_dim: int = 512, sample_rate: int = 44100) -> "Architecture":
        """width: 1 has the paper's number of features."""
        features = tuple(max(1, round(width * count)) for count in PAPER_FEATURES)
        return cls(features, latent_dim, sample_rate)

    def spectrum(self) -> Spectrum:
        """How the network's sounds are analysed."""
        return Spectrum(self.sample_rate, self.window, self.hop, self.floor, self.ceiling)


def _check_whole(number: object, most: int) -> None:
    if type(number) is not int or not 0 < number <= most:
        raise ValueError(f"{number!r:.40} where a whole number from 1 to {most} was expected")


class TransposedConv(nn.ConvTranspose2d):
    """Adds its bias by itself: torch would take a path that is nine times slower in bfloat16."""

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: ARG002
        maps = F.conv_transpose2d(maps, self.weight, None, self.stride, self.padding)  # type: ignore[arg-type]
        if self.bias is None:
            return maps
        bias = self.bias[:, None, None]
        return maps + bias if torch.is_grad_enabled() else maps.add_(bias)


class Output(TransposedConv):
    """Levels. Silence is 0, however far below it the convolution goes; training sees how far."""

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        levels = super().forward(maps, output_size)
        return levels if self.training else F.relu(levels)


class Block(nn.Module):
    """Convolution, batch normalisation while training, ReLU: in the decoder one bendable layer.

    Once trained, the normalisation is a factor and an offset, and part of the convolution.
    """

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, *, normalised: bool):
        super().__init__()
        self.conv = conv
        self.norm: nn.Module = nn.BatchNorm2d(conv.out_channels) if normalised else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(maps)), inplace=not torch.is_grad_enabled())


class Encoder(nn.Module):
    """Spectrograms to the mean of their latents, and in training its uncertainty."""

    def __init__(self, architecture: Architecture, *, training: bool):
        super().__init__()
        inward = (*reversed(architecture.features), architecture.features[0])
        convolutions = [
            nn.Conv2d(coarse, fine, 5, 2, bias=not training) for coarse, fine in pairwise((1, *inward))
        ]
        self.layers = nn.ModuleList(Block(conv, normalised=training) for conv in convolutions)
        flat = inward[-1] * ENCODED[0] * ENCODED[1]
        self.mean = nn.Linear(flat, architecture.latent_dim)
        self.log_variance = nn.Linear(flat, architecture.latent_dim) if training else None

    def forward(self, spectrograms: Tensor) -> Tensor:
        return self.mean(self.features(spectrograms))

    def features(self, spectrograms: Tensor) -> Tensor:
        """Flat, `(N, F)`."""
        maps = spectrograms
        for layer in self.layers:
            maps = layer(maps)
        return maps.flatten(1)


class Decoder(nn.Module):
    """Latents to spectrograms."""

    def __init__(self, architecture: Architecture, *, training: bool):
        super().__init__()
        features = architecture.features
        self.start = nn.Linear(architecture.latent_dim, features[0] * START[0] * START[1])
        self.layers = nn.ModuleList(
            Block(_transposed(coarse, fine, shape, bias=not training), normalised=training)
            for (coarse, fine), shape in zip(pairwise((features[0], *features)), SHAPES[:-1], strict=True)
        )
        last = SHAPES[-1]
        self.output = Output(features[-1], 1, last.kernel, last.stride, last.padding)

    def forward(self, latents: Tensor) -> Tensor:
        maps = self.start(latents).unflatten(1, (-1, *START))
        for layer in self.layers:
            maps = layer(maps)
        return self.output(maps)


def _transposed(inputs: int, outputs: int, shape: _Shape, *, bias: bool = True) -> nn.ConvTranspose2d:
    return TransposedConv(inputs, outputs, shape.kernel, shape.stride, shape.padding, bias=bias)


class SpectrogramVAE(nn.Module):
    """Called with latents `(N, D)` it gives spectrograms `(N, 1, 128, 513)`, 0 silent to 1 loud.

    training: with batch normalisation and the uncertainty of latents, which a trained network sheds.
    """

    def __init__(self, architecture: Architecture, *, training: bool = False):
        super().__init__()
        self.architecture = architecture
        self.encoder = Encoder(architecture, training=training)
        self.decoder = Decoder(architecture, training=training)

    def forward(self, latents: Tensor) -> Tensor:
        return self.decoder(latents)

    def encode(self, spectrograms: Tensor) -> Tensor:
        """Spectrograms `(N, 1, 128, 513)` to latents `(N, D)`."""
        return self.encoder(spectrograms)

    def encode_distribution(self, spectrograms: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latents, of a network in training."""
        features = self.encoder.features(spectrograms)
        assert self.encoder.log_variance is not None
        return self.encoder.mean(features), self.encoder.log_variance(features)
