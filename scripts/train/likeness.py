"""Trains what likenesses begin with, a preview of a model and an encoder, from its pictures alone, on a GPU.

    python scripts/train/likeness.py --model model.safetensors --out out/likeness --seconds 240

Samples are drawn first, styles of two faces mixed in half of them, and the preview's head learns meanwhile
what the model makes of its maps at 64x64. Then the encoder learns which w made a sample, moved a little and
under another light; last, with the preview behind it, to come near pictures that no w makes. What there is
lies in the folder every 20 seconds. `--device cpu --seconds 120 --batch 2 --fit-batch 16` tries it out.
"""

import argparse
import json
import time
import traceback
from itertools import count
from pathlib import Path

import torch
from descent import Descent
from mixed_samples import DOUBLINGS, GROUPS, SIZE, MixedSamples, w_plus
from photographic import before, moved
from torch import Tensor
from torch.nn import functional as F

from netbend.latents.projection import encoder as encoders
from netbend.latents.projection import preview as previews
from netbend.latents.projection.encoder import Encoder, load_encoder
from netbend.latents.projection.losses import contrast_loss, pixel_loss, rmse, scatter
from netbend.latents.projection.preview import Head
from netbend.models.checkpoint import Checkpoint
from netbend.models.families import our_family
from netbend.models.native import save_network

WIDTHS, HIDDEN = (32, 64, 128, 192, 256), 320  # of the encoder
SHARES = (0.5, 0.22, 0.28)  # of the time: drawing, fitting, refining
SHARES_GOING_ON = (0.5, 0.0, 0.5)  # with an encoder
SAVE_EVERY = 20  # seconds
ODD_EVERY = 3  # batches, one that no sample is made of
LEARNING_RATES = (2e-3, 1e-3, 3e-4)
SEEN_SIZE, RIDGE = 32, 0.1
LIGHTS = (0.3, 0.8)  # of what `photographed` does, fitting and refining
PASTED = 0.3  # of the pictures refined with: a face before another's surroundings
EVEN_WEIGHT, CONTRAST_WEIGHT, SCATTER_WEIGHT, LIKELY_WEIGHT, TRUTH_WEIGHT = 0.3, 0.3, 0.01, 0.01, 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="file of a MobileStyleGAN")
    parser.add_argument("--model-hash", help="of the model, where the file is a copy in half precision")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, help="an encoder to go on with; then nothing is fitted")
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--batch", type=int, default=16, help="pictures drawn at once")
    parser.add_argument("--fit-batch", type=int, default=512)
    parser.add_argument("--refine-batch", type=int, default=64)
    Likeness(parser.parse_args()).train()


class Likeness:
    """What is trained, and what it is trained with."""

    def __init__(self, options: argparse.Namespace):
        self.began, self.options, device = time.monotonic(), options, options.device
        options.out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(1)
        torch.backends.cudnn.benchmark = True
        model = our_family("mobilestylegan").load(Checkpoint.read(options.model))
        hash = options.model_hash or model.hash
        of = model.generator.architecture
        self.samples = MixedSamples(model, device)
        self.encoder = (
            load_encoder(options.encoder)
            if options.encoder
            else Encoder(
                encoders.Architecture(
                    SIZE, of.channels, of.latent_count, of.w_dim, hash, WIDTHS, HIDDEN, GROUPS
                )
            )
        )
        self.head = Head(
            previews.Architecture(DOUBLINGS, of.features[DOUBLINGS], of.w_dim, of.channels, hash)
        )
        for network in (self.encoder, self.head):
            network.requires_grad_(True).train().to(device, memory_format=torch.channels_last)

    def train(self) -> None:
        """The three parts, one behind the other; one that fails is told, and the next goes on."""
        shares = SHARES if self.options.encoder is None else SHARES_GOING_ON
        end = self.began
        for share, rate, part in zip(shares, LEARNING_RATES, (self.draw, self.fit, self.refine), strict=True):
            if not share:
                continue
            end += share * self.options.seconds
            try:
                part(rate, end - time.monotonic())
            except RuntimeError:
                self.tell(failed=part.__name__, why=traceback.format_exc()[-1500:])
            self.save()

    def draw(self, rate: float, seconds: float) -> None:
        """Samples, as many as there is time for; the head learns from each once."""
        samples, descent = self.samples, None
        for number in count():
            drawn = samples.drawn_vectors(self.options.batch)
            odd = number % ODD_EVERY == ODD_EVERY - 1
            w = samples.made_odd(w_plus(drawn)) if odd else w_plus(drawn)
            maps, images = samples.drawn(w)
            if not odd:
                samples.add(images, drawn)
            if descent is None:
                begin(self.head, maps)
                descent = Descent(self.head, rate, seconds)
            if not descent.goes_on():
                break
            loss = self.unlike(self.looked(maps, w), images).mean()
            descent.step(loss, {"loss": loss})
            self.look(descent)
        samples.gather()
        self.tell(samples=len(samples))

    def fit(self, rate: float, seconds: float) -> None:
        """Guess the w of samples."""
        metric, descent = self.what_is_seen(), Descent(self.encoder, rate, seconds)
        while descent.goes_on():
            images, truth = self.samples.chosen(self.options.fit_batch)
            found = self.guessed(moved(images, self.samples.random, LIGHTS[0]))
            loss = self.wrong(found, truth, metric)
            descent.step(loss, {"loss": loss})
            self.look(descent)

    def refine(self, rate: float, seconds: float) -> None:
        """Come near pictures, as the preview shows what was guessed."""
        samples, size = self.samples, self.options.refine_batch
        metric, descent = self.what_is_seen(), Descent(self.encoder, rate, seconds)
        self.head.requires_grad_(False)
        while descent.goes_on():
            (images, truth), (others, _) = samples.chosen(size), samples.chosen(size)
            pasted = samples.uniform(size, 1, 1, 1) < PASTED
            images = torch.where(pasted, before(images, others, samples.random), images)
            targets = moved(images, samples.random, LIGHTS[1])
            offsets = self.guessed(targets)
            near = self.unlike(self.previewed(samples.vectors_of(offsets)), targets)
            likely = (samples.deviation * offsets @ samples.inverse).square().mean(dim=(1, 2))
            held = SCATTER_WEIGHT * scatter(offsets) + LIKELY_WEIGHT * likely
            loss = (near + held).mean() + TRUTH_WEIGHT * self.wrong(offsets, truth, metric)
            descent.step(loss, {"loss": loss, "near": near.mean()})
            self.look(descent)

    def unlike(self, images: Tensor, targets: Tensor) -> Tensor:
        """As projections compare, `(N,)`."""
        return pixel_loss(images, targets) + CONTRAST_WEIGHT * contrast_loss(images, targets)

    def looked(self, maps: Tensor, w: Tensor) -> Tensor:
        """What the head makes of maps."""
        with torch.autocast(maps.device.type, torch.bfloat16):
            return self.head(maps, w).float()

    def previewed(self, vectors: Tensor) -> Tensor:
        w = w_plus(vectors)
        return self.looked(self.samples.maps(w), w)

    def guessed(self, images: Tensor) -> Tensor:
        """Offsets of each group `(N, groups, w_dim)`, in deviations of w."""
        with torch.autocast(images.device.type, torch.bfloat16):
            offsets = self.encoder(images.to(memory_format=torch.channels_last)).float()
        return offsets[:, [sum(GROUPS[:group]) for group in range(len(GROUPS))]]

    def wrong(self, found: Tensor, truth: Tensor, metric: Tensor) -> Tensor:
        """Faults in w by what they change in the picture, and a little by themselves; 1.3 for the mean."""
        seen = ((found - truth).flatten(1) @ metric).square().sum(dim=1).mean()
        return seen + EVEN_WEIGHT * (found - truth).square().mean() / truth.square().mean()

    def what_is_seen(self) -> Tensor:
        """How much a picture changes with w, `(groups * w_dim, values)`: a linear fit of pictures to w."""
        samples, first = self.samples, self.samples.held_out
        small = [F.avg_pool2d(some.float(), SIZE // SEEN_SIZE) for some in samples.pictures.split(1024)]
        images = (torch.cat(small)[first:] / 127.5 - 1).flatten(1)
        w = samples.offsets_of(samples.vectors[first:]).flatten(1)
        square = w.T @ w
        ridge = RIDGE * square.diagonal().mean() * torch.eye(len(square), device=w.device)
        fitted = torch.linalg.solve(square + ridge, w.T @ (images - images.mean(dim=0)))
        return fitted / (w @ fitted).square().sum(dim=1).mean().sqrt()

    @torch.no_grad()
    def tried(self) -> dict[str, float]:
        """Of samples held out, in levels of 0 to 255: how far previews are off, and pictures of guesses."""
        samples = self.samples
        images, vectors = samples.pictures[:32].float() / 127.5 - 1, samples.vectors[:32].float()
        guess = samples.vectors_of(self.guessed(images))
        pictures = {"preview": self.previewed(vectors)} | {
            name: torch.cat([samples.drawn(w_plus(some))[1] for some in w.split(self.options.batch)])
            for name, w in {"guess": guess, "mean": samples.mean.expand_as(guess)}.items()
        }
        return {name: round(rmse(some, images).mean().item(), 2) for name, some in pictures.items()}

    def look(self, descent: Descent) -> None:
        """Tell how far it is, and keep it, from time to time."""
        if descent.due(SAVE_EVERY):
            self.samples.gather()
            self.tell(**json.loads(descent.told(**self.tried())))
            self.save()

    def save(self) -> None:
        for name, kind, network in (
            ("encoder", encoders.KIND, self.encoder),
            ("preview", previews.KIND, self.head),
        ):
            path = self.options.out / f"{name}.safetensors"
            save_network(path, network, kind, network.architecture, dtype=torch.float16)

    def tell(self, **what: object) -> None:
        line = json.dumps({"at": round(time.monotonic() - self.began), **what})
        print(line, flush=True)
        with (self.options.out / "likeness.jsonl").open("a") as log:
            log.write(line + "\n")


@torch.no_grad()
def begin(head: Head, maps: Tensor) -> None:
    """Styles near 1 for maps of all strengths."""
    strengths = maps.float().std(dim=(0, 2, 3)).clamp(min=1e-3)
    for place, layer in enumerate([*head.layers, head.to_wavelets]):
        layer.style.weight.mul_(0.3)
        layer.style.bias.fill_(1).mul_(1 if place else 1 / strengths)


if __name__ == "__main__":
    main()
