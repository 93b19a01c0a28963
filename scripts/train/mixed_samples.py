"""Pictures that a MobileStyleGAN draws, and the w of each group of layers, kept where they are drawn."""

from copy import deepcopy

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.latents.projection.encoder import spread_over
from netbend.latents.projection.quick import roots_of_covariance
from netbend.latents.projection.start import deviation_of_w, sampled_w
from netbend.models.mobilestylegan.model import MobileStyleGAN

SIZE = 128  # side of the pictures kept
DOUBLINGS = 4  # of 4x4, up to the maps that a preview's head reads
GROUPS = (3, 4, 4, 5)  # layers that share a vector: 4x4 and 8x8, to 32x32, to 128x128, to the picture
MIN_PSI, MIXED = 0.5, 0.5  # truncation is drawn from here to 1; how many samples are of two faces
ODD_BY = 0.6  # how far off layers may lie, at most, in deviations of w
HELD_OUT = 256  # samples that nothing is trained with, or a quarter of them if that is less


class MixedSamples:
    """A model that draws on its device, and what it drew.

    pictures: bytes `(N, C, SIZE, SIZE)`. vectors: `(N, groups, w_dim)`. The first are held out.
    """

    def __init__(self, model: MobileStyleGAN, device: torch.device):
        self.random = torch.Generator(device).manual_seed(1)
        self.mean, self.deviation = model.generator.w_mean.to(device), deviation_of_w(model).to(device)
        self.root, self.inverse = (root.to(device) for root in roots_of_covariance(sampled_w(model)))
        self.mapping = model.generator.mapping.to(device)
        self.synthesis = deepcopy(model.generator.synthesis).to(device).bfloat16()
        self.noise = self.synthesis.constant_noise()
        self.pictures, self.vectors = torch.empty(0), torch.empty(0)
        self._new: list[tuple[Tensor, Tensor]] = []

    def add(self, pictures: Tensor, vectors: Tensor) -> None:
        """Keep samples; they are among the others from the next `gather` on."""
        self._new.append((((pictures + 1) * 127.5).round().to(torch.uint8), vectors.half()))

    def gather(self) -> None:
        if self._new:
            parts = [(self.pictures, self.vectors)] if len(self) else []
            self.pictures, self.vectors = map(torch.cat, zip(*parts, *self._new, strict=True))
            self._new = []

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def held_out(self) -> int:
        return min(HELD_OUT, len(self) // 4)

    def chosen(self, count: int) -> tuple[Tensor, Tensor]:
        """Samples `(N, C, SIZE, SIZE)`, -1 to 1, and their offsets `(N, groups, w_dim)`; none held out."""
        places = self.held_out + (self.uniform(count) * (len(self) - self.held_out)).long()
        return self.pictures[places].float() / 127.5 - 1, self.offsets_of(self.vectors[places])

    def offsets_of(self, vectors: Tensor) -> Tensor:
        """From the mean of w, in its deviations."""
        return (vectors.float() - self.mean) / self.deviation

    def vectors_of(self, offsets: Tensor) -> Tensor:
        return self.mean + self.deviation * offsets

    @torch.no_grad()
    def drawn_vectors(self, count: int) -> Tensor:
        """One w for each group of layers, `(N, groups, w_dim)`; of some samples, of two faces."""
        z = self._normal(2 * count, self.mapping.layers[0].in_features)
        psi = MIN_PSI + (1 - MIN_PSI) * self.uniform(2 * count, 1)
        one, other = self.mean.lerp(self.mapping(z), psi).split(count)
        theirs = (self.uniform(count, len(GROUPS)) < 0.5) & (self.uniform(count, 1) < MIXED)
        return torch.where(theirs[..., None], other[:, None], one[:, None])

    def made_odd(self, w: Tensor) -> Tensor:
        """w+ as projections come to: each layer somewhere else."""
        return w + ODD_BY * self.uniform(len(w), 1, 1) * self._normal(*w.shape) @ self.root

    @torch.no_grad()
    def drawn(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Maps `(N, F, 64, 64)` of w+, and pictures averaged down `(N, C, SIZE, SIZE)`."""
        kept: list[Tensor] = []
        last = self.synthesis.layers[2 * DOUBLINGS]
        hook = last.register_forward_hook(lambda _layer, _inputs, maps: kept.append(maps))
        image = self.synthesis(w.bfloat16(), self.noise)
        hook.remove()
        return kept[0], F.avg_pool2d(image, image.shape[-1] // SIZE).float().clamp(-1, 1)

    def maps(self, w: Tensor) -> Tensor:
        """The same maps, with gradients, and nothing behind them."""
        maps: Tensor = self.synthesis.maps(w.bfloat16(), self.noise, DOUBLINGS)
        return maps

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.random, device=self.mean.device)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.random, device=self.mean.device)


def w_plus(vectors: Tensor) -> Tensor:
    """A vector for each group, as one for each layer."""
    return spread_over(vectors, GROUPS)
