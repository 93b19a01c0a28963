"""The training loop: alternate generator and discriminator, average, log, checkpoint."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from netbend.atomic import atomic_write
from netbend.errors import DataError
from netbend.models.saving import write_state
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.training.on_cuda import StepsOnCuda
from netbend.models.stylegan2.training.pace import Pace
from netbend.models.stylegan2.training.settings import Settings
from netbend.models.stylegan2.training.start import DISCRIMINATOR, MODEL, Start, save_discriminator
from netbend.models.stylegan2.training.steps import Steps
from netbend.pictures import contact_sheet, to_pictures

STEPS_BETWEEN_LOOKS = 50  # at losses on a GPU
STEPS_BETWEEN_LOOKS_AT_FIRST = 10


@dataclass(frozen=True)
class Progress:
    """Where a run stands: thousands of images shown, images per second, latest losses."""

    kimg: float
    images_per_second: float
    losses: dict[str, float]


class Trainer:
    """One training run in a folder, resumed from its last checkpoint if it has one.

    The folder receives `checkpoint.pt` (everything needed to go on), `model.safetensors` (the averaged
    generator), `discriminator.safetensors` (for runs that start from this one), `log.jsonl`,
    `settings.json`, `samples/` and `snapshots/`.
    """

    def __init__(
        self,
        images: Tensor,
        settings: Settings,
        folder: Path,
        fabric: Fabric,
        start: Start | None = None,
    ):
        """images: uint8 `(N, 3, size, size)`. start: networks to go on from."""
        self.settings, self.folder, self.fabric = settings, folder, fabric
        self.images_seen = 0
        self.step = 0
        batch = settings.batch // fabric.world_size
        if batch < 1:
            raise DataError(f"--batch {settings.batch}: fewer than the {fabric.world_size} devices")
        self.batch = batch * fabric.world_size
        on_one_gpu = fabric.device.type == "cuda" and fabric.world_size == 1
        self.steps = (StepsOnCuda if on_one_gpu else Steps)(images, settings, fabric, batch, start)
        self.pace = Pace(settings.warm_up, start is not None and not start.judges(settings.size))
        self._on_one_gpu = on_one_gpu
        self.losses: dict[str, float] = {}
        self._fix_samples(images)

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
                    self._look()
                    self._snapshot()
                if time.monotonic() - saved > self.settings.save_seconds:
                    self.save()
                    saved = time.monotonic()
        finally:
            self.save()

    def _steps(self, total: float) -> Iterator[None]:
        self._started, self._seen_at_start = time.monotonic(), self.images_seen
        while self.images_seen < total:
            self.steps.set_rates(*self.pace.rates())
            self.steps.step(self.step, self._share_kept())
            self.pace.step()
            self.images_seen += self.batch
            self.step += 1
            apart = self._steps_between_looks()
            if self.step % apart == 0 or self.images_seen >= total:
                self._look()
                self.pace.see(self.losses["discriminator"], apart)
            yield

    def _steps_between_looks(self) -> int:
        """A GPU is waited for with every look at losses."""
        if not self._on_one_gpu:
            return 1
        return STEPS_BETWEEN_LOOKS if self.pace.settled else STEPS_BETWEEN_LOOKS_AT_FIRST

    def _look(self) -> None:
        """Read the losses, the same on all devices: the pace hangs on them."""
        for name, loss in self.steps.losses.items():
            mean: Any = self.fabric.all_reduce(loss)
            self.losses[name] = mean.item()

    def _share_kept(self) -> float:
        """Of the averaged generator, in this step."""
        half_life = self.settings.ema_kimg * 1000
        if self.settings.from_ is None:
            half_life = min(half_life, 0.05 * self.images_seen + 1e-8)
        return 0.5 ** (self.batch / half_life)

    def _passed(self, interval: float) -> bool:
        previous = self.images_seen - self.batch
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
        averaged, augmentation = self.steps.averaged, self.steps.augmentation
        with torch.no_grad():
            w = averaged.w_plus(self.sample_z, truncation=0.7)
            images = averaged.synthesis(w, averaged.synthesis.constant_noise())
        self._save_samples(images, name)
        (self.folder / "snapshots").mkdir(exist_ok=True)
        save_generator(self.folder / "snapshots" / f"{name}.safetensors", averaged, dtype=torch.float16)
        line = {
            "kimg": self.images_seen / 1000,
            "images_per_second": round(self._progress().images_per_second, 2),
            "augmentation": round(augmentation.value.item(), 4),
            "overfitting": round(augmentation.overfitting.item(), 4),
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
        state = {**self.steps.state(), "images_seen": self.images_seen, "step": self.step}
        state["pace"] = self.pace.state()
        write_state(self.folder / "checkpoint.pt", state, DataError)
        save_generator(self.folder / MODEL, self.steps.averaged)
        save_discriminator(
            self.folder / DISCRIMINATOR, self.steps.discriminator, self.settings.architecture()
        )

    def resume(self) -> None:
        """Go on from `checkpoint.pt`."""
        state = torch.load(self.folder / "checkpoint.pt", map_location=self.fabric.device, weights_only=True)
        self.steps.load_state(state)
        self.pace.load_state(state.get("pace", {}))
        self.images_seen, self.step = state["images_seen"], state["step"]
