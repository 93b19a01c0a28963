"""From the network that learnt to the network that is played, and back."""

from math import log

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from netbend.models.spectrogram_vae.network import START, Block, SpectrogramVAE

SMALLEST_SPREAD = 1e-3  # of the latent along a direction, relative to the largest
FIRST_VARIANCE = 1e-3  # of latents, of unit spread, where a network that was finished learns again


@torch.no_grad()
def finished(trained: SpectrogramVAE, means: Tensor, variances: Tensor) -> SpectrogramVAE:
    """The same network without normalisation, and with latents that are standard normal.

    A VAE that is to reconstruct well leaves its latents far from the normal distribution they are
    sampled from. Encoder and decoder are linear next to the latent, so that a change of its basis
    to principal components of unit variance, the strongest first, can be part of their weights.

    means, variances: `(N, D)`, of the latents of training data.
    """
    played = SpectrogramVAE(trained.architecture)
    for learnt, plain in zip(_blocks(trained), _blocks(played), strict=True):
        _fold(learnt, plain)
    played.decoder.output.load_state_dict(trained.decoder.output.state_dict())
    centre = means.double().mean(dim=0)
    spread = means.double().T.cov() + variances.double().mean(dim=0).diag()
    strengths, directions = torch.linalg.eigh(spread)
    strengths, directions = strengths.flip(0), directions.flip(1)
    deviations = strengths.clamp(min=0).sqrt()
    deviations = deviations.clamp(min=SMALLEST_SPREAD * float(deviations[0]))
    inward = directions.T / deviations[:, None]
    outward = directions * deviations
    encoder, decoder = trained.encoder.mean, trained.decoder.start
    weight, bias = encoder.weight.cpu().double(), encoder.bias.cpu().double()
    played.encoder.mean.weight.copy_(inward @ weight)
    played.encoder.mean.bias.copy_(inward @ (bias - centre))
    weight, bias = decoder.weight.cpu().double(), decoder.bias.cpu().double()
    played.decoder.start.weight.copy_(weight @ outward)
    played.decoder.start.bias.copy_(bias + weight @ centre)
    return played.eval().requires_grad_(False)


@torch.no_grad()
def unfinished(played: SpectrogramVAE, levels: Tensor) -> SpectrogramVAE:
    """The same network, to learn further: normalised by what it makes of such levels `(N, 1, frames, bins)`.

    Each normalisation gives back the mean and the spread that it takes away, so that nothing changes.
    How uncertain latents are is not in a finished network, and begins as next to certain.
    """
    learning = SpectrogramVAE(played.architecture, training=True)
    maps = levels
    for learnt, plain in zip(learning.encoder.layers, played.encoder.layers, strict=True):
        maps = _unfold(learnt, plain, maps)
    latents = played.encoder.mean(maps.flatten(1))
    learning.encoder.mean.load_state_dict(played.encoder.mean.state_dict())
    assert learning.encoder.log_variance is not None
    learning.encoder.log_variance.weight.zero_()
    learning.encoder.log_variance.bias.fill_(log(FIRST_VARIANCE))
    learning.decoder.start.load_state_dict(played.decoder.start.state_dict())
    maps = played.decoder.start(latents).unflatten(1, (-1, *START))
    for learnt, plain in zip(learning.decoder.layers, played.decoder.layers, strict=True):
        maps = _unfold(learnt, plain, maps)
    learning.decoder.output.load_state_dict(played.decoder.output.state_dict())
    return learning


def _unfold(learnt: nn.Module, plain: nn.Module, maps: Tensor) -> Tensor:
    """The inverse of `_fold`, by the maps that the block is given; returns those that it makes of them."""
    assert isinstance(learnt, Block)
    assert isinstance(plain, Block)
    norm, bias = learnt.norm, plain.conv.bias
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert bias is not None
    convolved = plain.conv(maps)
    variance, mean = torch.var_mean(convolved, dim=(0, 2, 3))
    learnt.conv.weight.copy_(plain.conv.weight)
    norm.running_mean.copy_(mean - bias)
    norm.running_var.copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.copy_(mean)
    return convolved.relu()


def _blocks(network: SpectrogramVAE) -> list[Block]:
    blocks = [*network.encoder.layers, *network.decoder.layers]
    return [block for block in blocks if isinstance(block, Block)]


def _fold(learnt: Block, plain: Block) -> None:
    """Put a convolution and the normalisation after it into one convolution."""
    norm = learnt.norm
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    weight, bias = fuse_conv_bn_weights(
        learnt.conv.weight,
        learnt.conv.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
        transpose=isinstance(learnt.conv, nn.ConvTranspose2d),
    )
    plain.conv.weight.copy_(weight)
    assert plain.conv.bias is not None
    plain.conv.bias.copy_(bias)
