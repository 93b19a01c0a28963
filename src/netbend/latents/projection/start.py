"""Where a projection begins."""

from typing import Any

import torch
from torch import Tensor

from netbend.choices import Space, Start, choose
from netbend.errors import LatentError
from netbend.latents.projection.encoder import Encoder, shipped_encoder
from netbend.latents.projection.losses import pixel_loss
from netbend.models.styled import W_SAMPLES, StyledModel

CORRECTIONS = 2  # docs/projecting.md measures them


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
def start_of(
    model: StyledModel[Any],
    targets: Tensor,
    space: Space,
    encoder: Encoder | None,
    corrections: int = 0,
    deviation: Tensor | None = None,
) -> Tensor:
    """The first w+ of each picture, `(N, latent_count, w_dim)`; of w, `(N, 1, w_dim)`.

    corrections: how often the encoder looks at what the model makes of its guess, and moves it by as much
    as it finds that to be off. The guess that came nearest is taken: of a picture unlike all that the
    encoder has seen, that may be the first. deviation: of w, if it is known.
    """
    mean = model.generator.central_w
    vectors = 1 if space == Space.W else model.style_count
    if encoder is None:
        return mean.repeat(len(targets), vectors, 1)
    guess = wanted = _offsets(encoder, targets, vectors)
    deviation = deviation_of_w(model) if deviation is None else deviation
    noise = model.generator.synthesis.constant_noise()
    best, least = guess, torch.full((len(targets),), torch.inf, device=targets.device)
    for correction in range(corrections + 1 if corrections else 0):
        w_plus = (mean + deviation * guess).expand(-1, model.style_count, -1)
        images = torch.cat([model.network(one[None], noise) for one in w_plus]).clamp(-1, 1)
        losses = pixel_loss(images, targets)
        best = torch.where((losses < least)[:, None, None], guess, best)
        least = torch.minimum(losses, least)
        if correction < corrections:
            guess = guess + wanted - _offsets(encoder, images, vectors)
    w: Tensor = mean + deviation * best
    return w


def _offsets(encoder: Encoder, images: Tensor, vectors: int) -> Tensor:
    """What an encoder finds, as so many vectors: one, their mean, or one a layer. `(N, vectors, w_dim)`."""
    offsets: Tensor = encoder.to(images.device)(images)
    return offsets.mean(dim=1, keepdim=True) if vectors == 1 else offsets.expand(-1, vectors, -1)


@torch.no_grad()
def deviation_of_w(model: StyledModel[Any]) -> Tensor:
    """The standard deviation of w over seeded z, one number for all dimensions (appendix D)."""
    w = sampled_w(model)
    return (w - w.mean(dim=0)).square().mean().sqrt()


@torch.no_grad()
def sampled_w(model: StyledModel[Any]) -> Tensor:
    """The w of seeded z `(W_SAMPLES, w_dim)`."""
    z = torch.randn(W_SAMPLES, model.generator.architecture.z_dim, generator=torch.Generator().manual_seed(0))
    w: Tensor = model.generator.mapping(z.to(model.generator.w_mean))
    return w
