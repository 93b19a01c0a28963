"""A stream of frames cut into chunks that a network can take, and put together without a seam."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cutting:
    """How frames are cut into chunks.

    frames: in a chunk. overlap: frames over which a chunk is faded into the next.
    context: frames at the beginning of each chunk that the network sees, but of which nothing is
    heard. The more, the shorter the wait for a result, and the more chunks there are.
    """

    frames: int = 128
    overlap: int = 32
    context: int = 0

    def __post_init__(self) -> None:
        if self.overlap < 0 or self.context < 0 or self.step < max(1, self.overlap):
            raise ValueError(
                f"{self.overlap} frames of overlap and {self.context} of context leave too few of "
                f"{self.frames}"
            )

    @property
    def step(self) -> int:
        """Frames from one chunk to the next."""
        return self.frames - self.context - self.overlap


class Cutter:
    """Frames `(C, n, bins)` in, chunks `(K, C, frames, bins)` out."""

    def __init__(self, cutting: Cutting, channels: int, bins: int, dtype: torch.dtype = torch.float32):
        self._cutting = cutting
        self._waiting = torch.zeros(channels, cutting.context, bins, dtype=dtype)
        self._frames = 0  # received and not yet heard as part of a chunk's step

    def push(self, frames: Tensor) -> Tensor:
        self._frames += frames.shape[1]
        self._waiting = torch.cat([self._waiting, frames], dim=1)
        size, step = self._cutting.frames, self._cutting.step
        count = max(0, (self._waiting.shape[1] - size) // step + 1)
        if count == 0:
            return self._waiting.new_zeros(0, len(frames), size, frames.shape[2])
        used = self._waiting[:, : (count - 1) * step + size]
        chunks = used.unfold(1, size, step).permute(1, 0, 3, 2)
        self._waiting = self._waiting[:, count * step :]
        self._frames -= count * step
        return chunks

    def flush(self) -> Tensor:
        """The rest, with silence after the last frame; none if all has been heard."""
        chunks = []
        while self._frames > 0:
            missing = self._cutting.frames - self._waiting.shape[1]
            silence = self._waiting.new_zeros(len(self._waiting), missing, self._waiting.shape[2])
            frames = self._frames
            chunks.append(self.push(silence))
            self._frames = frames - self._cutting.step
        empty = self._waiting.new_zeros(0, len(self._waiting), self._cutting.frames, self._waiting.shape[2])
        return torch.cat([empty, *chunks])


class Crossfade:
    """Chunks `(K, C, frames, bins)` in, frames `(C, K * step, bins)` out: each chunk fades into the next."""

    def __init__(self, cutting: Cutting):
        self._cutting = cutting
        self._fading: Tensor | None = None

    def push(self, chunks: Tensor) -> Tensor:
        overlap, step = self._cutting.overlap, self._cutting.step
        rising = ((torch.arange(overlap, device=chunks.device) + 0.5) / overlap)[:, None] if overlap else None
        heard = []
        for chunk in chunks[:, :, self._cutting.context :]:
            part = chunk[:, :step]
            if rising is not None and self._fading is not None:
                part = torch.cat([self._fading.lerp(part[:, :overlap], rising), part[:, overlap:]], dim=1)
            self._fading = chunk[:, step:]
            heard.append(part)
        return torch.cat(heard, dim=1) if heard else chunks.new_zeros(chunks.shape[1], 0, chunks.shape[3])
