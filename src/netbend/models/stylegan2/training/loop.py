"""The training loop: alternate generator and discriminator, average, log, checkpoint."""

import json
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from netbend.atomic import atomic_write
from netbend.errors import DataError
from netbend.models.saving import write_state
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.discriminator import Discriminator
from netbend.models.stylegan2.layers import channels_last
from netbend.models.stylegan2.network import Generator
from netbend.models.stylegan2.training.augment import AdaptiveProbability, augment
from netbend.models.stylegan2.training.images import batches
from netbend.models.stylegan2.training.losses import (
    PathLength,
    discriminator_loss,
    generator_loss,
    r1_penalty,
)
from netbend.models.stylegan2.training.settings import Settings
from netbend.pictures import contact_sheet, to_pictures

W_MEAN_STEP = 0.005
SAVE_EVERY_SECONDS = 300


@dataclass(frozen=True)
class Progress:
    """Where a run stands: thousands of images shown, images per second, latest losses."""

    kimg: float
    images_per_second: float
    losses: dict[str, float]


class Trainer:
    """One training run in a folder, resumed from its last checkpoint if it has one.

    The folder receives `checkpoint.pt` (everything needed to go on), `model.safetensors` (the
    averaged generator), `log.jsonl`, `settings.json`, `samples/` and `snapshots/`.
    """

    def __init__(self, images: Tensor, settings: Settings, folder: Path, fabric: Fabric):
        """images: uint8 `(N, 3, size, size)`."""
        self.settings, self.folder, self.fabric = settings, folder, fabric
        self.images_seen = 0
        self.step = 0
        self.random = torch.Generator(fabric.device).manual_seed(settings.seed * 1000 + fabric.global_rank)
        shuffle = torch.Generator().manual_seed(settings.seed * 1000 + fabric.global_rank)
        self.batch = settings.batch // fabric.world_size
        if self.batch < 1:
            raise DataError(f"--batch {settings.batch}: fewer than the {fabric.world_size} devices")
        self.real_batches = batches(images, self.batch, shuffle, settings.mirror)
        self._build()
        self._fix_samples(images)
        self.augmentation = AdaptiveProbability(value=settings.fixed_augmentation() or 0.0)
        self.path_length = PathLength()
        self.losses: dict[str, float] = {}

    def _build(self) -> None:
        """Both networks and their optimizers."""
        torch.manual_seed(self.settings.seed)
        architecture = self.settings.architecture()
        self.generator = channels_last(Generator(architecture).to(self.fabric.device))
        self.averaged = deepcopy(self.generator).eval().requires_grad_(False)
        discriminator = channels_last(Discriminator(architecture.features))
        self.mapping = self.fabric.setup_module(self.generator.mapping)
        self.synthesis = self.fabric.setup_module(self.generator.synthesis)
        self.discriminator = self.fabric.setup_module(discriminator)
        path_length_interval = self.settings.path_length_interval if self.settings.path_length_weight else 0
        self.generator_optimizer = self._optimizer(self.generator, path_length_interval)
        self.discriminator_optimizer = self._optimizer(discriminator, self.settings.r1_interval)

    def _optimizer(self, module: nn.Module, interval: int) -> Any:
        # A penalty every `interval` steps adds a step's worth of updates: slow down to match (section B).
        ratio = interval / (interval + 1) if interval else 1.0
        optimizer = torch.optim.Adam(
            module.parameters(), lr=self.settings.learning_rate * ratio, betas=(0.0, 0.99**ratio), eps=1e-8
        )
        return self.fabric.setup_optimizers(optimizer)

    def _fix_samples(self, images: Tensor) -> None:
        random = torch.Generator().manual_seed(self.settings.seed)
        self.sample_z = torch.randn(64, self.settings.z_dim, generator=random).to(self.fabric.device)
        self.real_sample = images[torch.randperm(len(images), generator=random)[:64]]

    def run(self, report: Callable[[Progress], None] = lambda _: None) -> None:
        """Train until `kimg`; an interruption leaves a checkpoint to go on from."""
        total = self.settings.kimg * 1000
        if self.images_seen == 0 and self.fabric.is_global_zero:
            self._save_samples(self.real_sample.float() / 127.5 - 1, "real")
        saved = time.monotonic()
        try:
            for _ in self._steps(total):
                report(self._progress())
                if self._passed(self.settings.snapshot_kimg * 1000):
                    self._snapshot()
                if time.monotonic() - saved > SAVE_EVERY_SECONDS:
                    self.save()
                    saved = time.monotonic()
        finally:
            self.save()

    def _steps(self, total: float) -> Iterator[None]:
        self._started, self._seen_at_start = time.monotonic(), self.images_seen
        while self.images_seen < total:
            real = next(self.real_batches).to(self.fabric.device, memory_format=torch.channels_last)
            self._train_generator()
            self._train_discriminator(real)
            self._average()
            self.images_seen += self.batch * self.fabric.world_size
            self.step += 1
            yield

    def _train_generator(self) -> None:
        self.discriminator.requires_grad_(False)
        with self.fabric.no_backward_sync(self.discriminator):
            with self._autocast():
                loss = generator_loss(self.discriminator(self._augmented(self._fake())))
            self.fabric.backward(loss)
        self.discriminator.requires_grad_(True)
        self.generator_optimizer.step()
        self.generator_optimizer.zero_grad()
        self.losses["generator"] = loss.item()
        if self.settings.path_length_weight and self.step % self.settings.path_length_interval == 0:
            self._penalize_path_length()

    def _penalize_path_length(self) -> None:
        w = self._w(max(1, self.batch // 2))
        images = self.synthesis(w, self._noise(len(w)))
        penalty = self.path_length.penalty(images, w, self.random)
        weight = self.settings.path_length_weight * self.settings.path_length_interval
        self.fabric.backward(penalty * weight + 0 * images.sum())
        self.generator_optimizer.step()
        self.generator_optimizer.zero_grad()
        self.losses["path_length"] = penalty.item()

    def _train_discriminator(self, real: Tensor) -> None:
        with self._autocast():
            with torch.no_grad():
                fake = self._fake()
            fake_logits = self.discriminator(self._augmented(fake))
            real_logits = self.discriminator(self._augmented(real))
            loss = discriminator_loss(real_logits, fake_logits)
        self.fabric.backward(loss)
        self.discriminator_optimizer.step()
        self.discriminator_optimizer.zero_grad()
        if self.settings.fixed_augmentation() is None:
            mean_sign: Any = self.fabric.all_reduce(real_logits.detach().sign().mean())
            self.augmentation.update(mean_sign.item(), self.batch * self.fabric.world_size)
        self.losses["discriminator"] = loss.item()
        if self.step % self.settings.r1_interval == 0:
            self._penalize_gradient(real)

    def _penalize_gradient(self, real: Tensor) -> None:
        images = self._augmented(real).detach().requires_grad_(True)
        logits = self.discriminator(images)
        penalty = r1_penalty(logits, images)
        weight = self.settings.gradient_penalty() / 2 * self.settings.r1_interval
        # Several devices wait for every parameter's gradient; the last bias has none in the penalty.
        self.fabric.backward(penalty * weight + 0 * logits.sum())
        self.discriminator_optimizer.step()
        self.discriminator_optimizer.zero_grad()
        self.losses["r1"] = penalty.item()

    def _autocast(self) -> torch.autocast:
        """Losses compute in bfloat16 if asked; penalties, whose gradients are small, never do."""
        return torch.autocast(self.fabric.device.type, torch.bfloat16, enabled=self.settings.bf16)

    def _fake(self) -> Tensor:
        w = self._w(self.batch)
        images: Tensor = self.synthesis(w, self._noise(len(w)))
        return images

    def _w(self, count: int) -> Tensor:
        """Latents of new z, some of them crossed over from a second one at a random layer."""
        device, latent_count = self.fabric.device, self.generator.architecture.latent_count
        z = torch.randn(2, count, self.settings.z_dim, generator=self.random, device=device)
        first, second = self.mapping(z.flatten(0, 1)).float().chunk(2)
        self.generator.w_mean.lerp_(first.detach().mean(dim=0), W_MEAN_STEP)
        crossover = torch.randint(1, latent_count, (count, 1), generator=self.random, device=device)
        mixed = torch.rand(count, 1, generator=self.random, device=device) < self.settings.style_mixing
        swapped = mixed & (torch.arange(latent_count, device=device) >= crossover)
        return torch.where(swapped[:, :, None], second[:, None], first[:, None])

    def _noise(self, count: int) -> list[Tensor]:
        architecture = self.generator.architecture
        sizes = [architecture.resolution(layer) for layer in range(architecture.layer_count)]
        return [
            torch.randn(count, 1, size, size, generator=self.random, device=self.fabric.device)
            for size in sizes
        ]

    def _augmented(self, images: Tensor) -> Tensor:
        changed = augment(images, self.augmentation.value, self.random)
        return changed.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def _average(self) -> None:
        half_life = min(self.settings.ema_kimg * 1000, 0.05 * self.images_seen + 1e-8)
        keep = 0.5 ** (self.batch * self.fabric.world_size / half_life)
        for average, current in zip(self.averaged.parameters(), self.generator.parameters(), strict=True):
            average.lerp_(current, 1 - keep)
        self.averaged.w_mean.copy_(self.generator.w_mean)

    def _passed(self, interval: float) -> bool:
        previous = self.images_seen - self.batch * self.fabric.world_size
        return self.images_seen // interval > previous // interval

    def _progress(self) -> Progress:
        elapsed = time.monotonic() - self._started
        speed = (self.images_seen - self._seen_at_start) / max(elapsed, 1e-6)
        return Progress(self.images_seen / 1000, speed, dict(self.losses))

    def _snapshot(self) -> None:
        """A sample grid, a kept half-precision model and a line in the log."""
        if not self.fabric.is_global_zero:
            return
        name = f"{int(self.images_seen / 1000):06d}k"
        with torch.no_grad():
            w = self.averaged.w_plus(self.sample_z, truncation=0.7)
            images = self.averaged.synthesis(w, self.averaged.synthesis.constant_noise())
        self._save_samples(images, name)
        (self.folder / "snapshots").mkdir(exist_ok=True)
        save_generator(self.folder / "snapshots" / f"{name}.safetensors", self.averaged, dtype=torch.float16)
        line = {
            "kimg": self.images_seen / 1000,
            "images_per_second": round(self._progress().images_per_second, 2),
            "augmentation": round(self.augmentation.value, 4),
            "overfitting": round(self.augmentation.overfitting, 4),
            **{name: round(value, 5) for name, value in self.losses.items()},
        }
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

    def _save_samples(self, images: Tensor, name: str) -> None:
        (self.folder / "samples").mkdir(exist_ok=True)
        pictures = to_pictures(images)
        with atomic_write(self.folder / "samples" / f"{name}.png", DataError, overwrite=True) as unfinished:
            contact_sheet(pictures, [""] * len(pictures)).save(unfinished, "PNG")

    def save(self) -> None:
        """Write the checkpoint and the averaged model, each whole or not at all."""
        if not self.fabric.is_global_zero:
            return
        state = {
            "generator": self.generator.state_dict(),
            "averaged": self.averaged.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
            "images_seen": self.images_seen,
            "step": self.step,
            "augmentation": [self.augmentation.value, self.augmentation.overfitting],
            "path_length": self.path_length.mean,
            "random": self.random.get_state(),
        }
        write_state(self.folder / "checkpoint.pt", state, DataError)
        save_generator(self.folder / "model.safetensors", self.averaged)

    def resume(self) -> None:
        """Go on from `checkpoint.pt`."""
        state = torch.load(self.folder / "checkpoint.pt", map_location=self.fabric.device, weights_only=True)
        self.generator.load_state_dict(state["generator"])
        self.averaged.load_state_dict(state["averaged"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.generator_optimizer.load_state_dict(state["generator_optimizer"])
        self.discriminator_optimizer.load_state_dict(state["discriminator_optimizer"])
        self.images_seen, self.step = state["images_seen"], state["step"]
        self.augmentation.value, self.augmentation.overfitting = state["augmentation"]
        self.path_length.mean = state["path_length"]
        self.random.set_state(state["random"].cpu())
