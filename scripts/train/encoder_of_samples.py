"""Trains an encoder from a model's own pictures alone, for models that are too large to train through.

    python scripts/train/encoder_of_samples.py out/samples --model photo-faces --out encoder.safetensors

The folder is that of `samples.py`. Each picture is moved a little, and put under another light and another
lens; what is learnt is its w. How much a fault in w matters is how much it changes the picture. Stop it
as you like: the same command goes on from its last checkpoint.
"""

import argparse
import json
import time
from math import cos, pi
from pathlib import Path

import torch
from photographic import photographed, turned
from shards import Shards
from torch import Tensor
from torch.nn import functional as F

from netbend.latents.projection.encoder import KIND, Architecture, Encoder
from netbend.latents.projection.start import deviation_of_w
from netbend.models.catalog import load_model
from netbend.models.native import save_network
from netbend.models.precision import has_bfloat16
from netbend.models.styled import StyledModel

BATCH = 64
LEARNING_RATE = 1e-3
CHECKPOINT_EVERY = 50  # steps
SAMPLE_SIZE, SIZE = 128, 64
WIDTHS, HIDDEN = (32, 64, 128, 256), 512
SEEN_SIZE = 32  # of the pictures in which changes are measured
RIDGE = 0.1  # of the samples' number
LIGHT = 0.3  # of what `photographed` does; a picture's light is to be found again
EVEN_WEIGHT = 0.3  # of all directions of w alike, beside what is seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--model", default="photo-faces")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    encoder = train(load_model(options.model, device="cpu"), options)
    save_network(options.out, encoder, KIND, encoder.architecture, dtype=torch.float16)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


def train(model: StyledModel, options: argparse.Namespace) -> Encoder:
    of = model.generator.architecture
    encoder = Encoder(Architecture(SIZE, of.channels, 1, of.w_dim, model.hash, WIDTHS, HIDDEN))
    encoder = encoder.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(encoder.parameters(), LEARNING_RATE, betas=(0.9, 0.99), weight_decay=0.02)
    checkpoint = options.out.with_suffix(".checkpoint.pt")
    step, spent, average, seconds = 0, 0.0, {}, options.minutes * 60
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        encoder.load_state_dict(state["encoder"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["spent"]
    random = torch.Generator().manual_seed(step)
    samples, held_out = (Shards(options.samples, SAMPLE_SIZE, held_out=held) for held in (False, True))
    mean, deviation = model.generator.w_mean, deviation_of_w(model)
    seen = what_is_seen(samples, mean, deviation)
    while spent < seconds:
        began = time.monotonic()
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * (0.01 + 0.99 * (1 + cos(pi * spent / seconds)) / 2)
        index = torch.randint(len(samples), (BATCH,), generator=random)
        truth = (samples.w[index] - mean) / deviation
        images = moved(samples.pictures[index].float() / 127.5 - 1, random)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16(torch.device("cpu"))):
            found = encoder(images.to(memory_format=torch.channels_last))[:, 0]
        losses = losses_of(found.float(), truth, seen)
        optimizer.zero_grad()
        (losses["seen"] + EVEN_WEIGHT * losses["even"]).backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        step += 1
        spent += time.monotonic() - began
        average = {
            name: 0.98 * average.get(name, one.item()) + 0.02 * one.item() for name, one in losses.items()
        }
        if step % CHECKPOINT_EVERY == 0:
            shown = {name: round(value, 4) for name, value in average.items()}
            shown |= {
                f"held out {name}": round(value, 4)
                for name, value in tried(encoder, held_out, mean, deviation, seen).items()
            }
            print(
                json.dumps({"step": step, "seconds": round(spent), **shown, "samples": len(samples)}),
                flush=True,
            )
            state = {"encoder": encoder.state_dict(), "optimizer": optimizer.state_dict()}
            unfinished = checkpoint.with_suffix(".unfinished")
            torch.save({**state, "step": step, "spent": spent}, unfinished)
            unfinished.replace(checkpoint)
            save_network(options.out, encoder, KIND, encoder.architecture, dtype=torch.float16)
            samples.read_on()
            if step % (8 * CHECKPOINT_EVERY) == 0:
                seen = what_is_seen(samples, mean, deviation)
    return encoder.eval()


def what_is_seen(samples: Shards, mean: Tensor, deviation: Tensor) -> Tensor:
    """How much a picture changes with w, `(w_dim, w_dim)`: the metric of a linear fit of pictures to w.

    In parts of all that changes among the samples, so that the mean of w is a fault of 1.
    """
    images = F.avg_pool2d(samples.pictures.float() / 127.5 - 1, SAMPLE_SIZE // SEEN_SIZE).flatten(1)
    w = (samples.w - mean) / deviation
    square = w.T @ w
    fitted = torch.linalg.solve(
        square + RIDGE * len(w) * torch.eye(len(square)) * square.diagonal().mean() / len(w),
        w.T @ (images - images.mean(dim=0)),
    )
    metric = fitted @ fitted.T
    return metric / torch.einsum("nd,de,ne->n", w, metric, w).mean()


def losses_of(found: Tensor, truth: Tensor, seen: Tensor) -> dict[str, Tensor]:
    """Parts of what is wrong about the mean of w. seen: in the picture; even: in w."""
    wrong = found - truth
    return {
        "seen": torch.einsum("nd,de,ne->n", wrong, seen, wrong).mean(),
        "even": wrong.square().mean() / truth.square().mean(),
    }


@torch.no_grad()
def tried(
    encoder: Encoder, samples: Shards, mean: Tensor, deviation: Tensor, seen: Tensor
) -> dict[str, float]:
    """The same of samples as they are."""
    images = F.avg_pool2d(samples.pictures.float() / 127.5 - 1, SAMPLE_SIZE // SIZE)
    losses = losses_of(encoder(images)[:, 0], (samples.w - mean) / deviation, seen)
    return {name: loss.item() for name, loss in losses.items()}


def moved(images: Tensor, random: torch.Generator) -> Tensor:
    """Images `(N, 3, H, W)` as alignment and cameras leave them, `(N, 3, SIZE, SIZE)`."""
    count = len(images)
    centre = 0.02 * torch.randn(count, 2, generator=random)
    half = torch.exp(0.03 * torch.randn(count, generator=random))
    angle = 0.03 * torch.randn(count, generator=random)
    right = half[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    small = F.avg_pool2d(turned(images, centre, right, 2 * SIZE), 2)
    return photographed(small, random, LIGHT)


if __name__ == "__main__":
    main()
