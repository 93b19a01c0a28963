"""Where a projection begins."""

from typing import Any

import torch
from torch import Tensor

from netbend.choices import Space, Start, choose
from netbend.errors import LatentError
from netbend.latents.projection.encoder import Encoder, shipped_encoder
from netbend.models.styled import W_SAMPLES, StyledModel


def encoder_of(model: StyledModel[Any], start: Start) -> Encoder | None:
    """The encoder to begin with, None for the mean of w.

    Raises LatentError where an encoder is asked for and netbend has none for this model.
    """
    start = choose(Start, start, "start")
    encoder = None if start is Start.MEAN else shipped_encoder(model.hash)
    if encoder is None and start is Start.ENCODER:
        raise LatentError(f"start encoder: no encoder comes with {model.name}; begin at the mean")
    return encoder


@torch.no_grad()
def start_of(model: StyledModel[Any], targets: Tensor, space: Space, encoder: Encoder | None) -> Tensor:
    """The first w+ of each picture, `(N, latent_count, w_dim)`; of w, `(N, 1, w_dim)`."""
    mean = model.generator.central_w
    if encoder is None:
        vectors = 1 if space == Space.W else model.generator.architecture.latent_count
        return mean.repeat(len(targets), vectors, 1)
    w: Tensor = mean + deviation_of_w(model) * encoder.to(targets.device)(targets)
    return w.mean(dim=1, keepdim=True) if space == Space.W else w


@torch.no_grad()
def deviation_of_w(model: StyledModel[Any]) -> Tensor:
    """The standard deviation of w over seeded z, one number for all dimensions (appendix D)."""
    z = torch.randn(W_SAMPLES, model.generator.architecture.z_dim, generator=torch.Generator().manual_seed(0))
    w = model.generator.mapping(z.to(model.generator.w_mean))
    return (w - w.mean(dim=0)).square().mean().sqrt()
