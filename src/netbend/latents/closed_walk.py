"""A closed curve among random latents, of a given length and smoothness."""

from math import ceil, pi, sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netbend.models.seeding import checked_seed

Values = NDArray[np.float64]
HALVINGS = 80  # of the interval in which the curve's width of spectrum is looked for


class ClosedWalk:
    """A random Fourier series that is a random latent at every point.

    z(t) = sum over k of a_k (A_k cos 2 pi k t + B_k sin 2 pi k t), with A_k and B_k standard normal, A_0
    the z of the seed, and the squares of all a_k summing to 1: so every z(t) is standard normal, too. The
    a_k^2 are the spectrum of a Matern process on the circle (Rasmussen and Williams 2006, equation 4.15,
    at whole frequencies), of order `smoothness`, stretched until the curve is `length` long.

    length: 1 is the way between two random latents, a quarter of a circle of radius sqrt(dimensions).
    Short walks stay near the z of the seed. Raises LatentError for what is no seed.
    """

    def __init__(self, seed: int, dimensions: int, length: float, smoothness: float):
        harmonics = np.arange(1, ceil(4 * length) + 9)
        random = np.random.RandomState(checked_seed(seed))
        constant = random.standard_normal(dimensions)
        waves = random.standard_normal((len(harmonics), 2, dimensions))
        # A great circle is 4 long, one at k times the speed 4k: the mean of k^2 decides the length.
        energies = (waves**2).sum(axis=(1, 2)) / (2 * dimensions) * harmonics**2
        first, rest = _spectrum(harmonics, energies, smoothness, (length / 4) ** 2)
        self.harmonics = harmonics
        self.constant = sqrt(first) * constant
        self.waves = np.sqrt(rest)[:, None, None] * waves

    def at(self, turn: float) -> Tensor:
        """The z `(dimensions,)` after part of a turn; whole turns give the same numbers."""
        # Rounded to what no picture shows, so that whole turns which were divided are whole again.
        angles = 2 * pi * self.harmonics * (round(turn, 12) % 1)
        factors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        values = self.constant + np.tensordot(factors, self.waves, axes=2)
        return torch.from_numpy(values.astype(np.float32))


def _spectrum(
    harmonics: NDArray[np.int64], energies: Values, smoothness: float, wanted: float
) -> tuple[float, Values]:
    """The share of the constant and those of the harmonics at which their energies sum to what is wanted."""
    low, high = np.log(1e-6), np.log(1e6)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        first, rest = _matern(harmonics, smoothness, float(np.exp(middle)))
        low, high = (middle, high) if (rest * energies).sum() < wanted else (low, middle)
    return first, rest


def _matern(harmonics: NDArray[np.int64], order: float, width: float) -> tuple[float, Values]:
    densities = (1 + harmonics**2 / (2 * order * width**2)) ** -(order + 0.5)
    total = 1 + 2 * densities.sum()
    return 1 / total, 2 * densities / total
