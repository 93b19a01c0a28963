"""The training loop: learn from random cuts, measure on sounds set apart, log, checkpoint."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from netbend.atomic import atomic_write
from netbend.errors import DataError
from netbend.models.native import save_network
from netbend.models.saving import write_state
from netbend.models.spectrogram_vae.model import KIND
from netbend.models.spectrogram_vae.network import FRAMES, SpectrogramVAE
from netbend.models.spectrogram_vae.training.export import finished
from netbend.models.spectrogram_vae.training.settings import Settings
from netbend.models.spectrogram_vae.training.sounds import Sounds
from netbend.models.spectrogram_vae.training.steps import Steps, StepsOnCuda, fits
from netbend.sound.drawing import spectrogram_sheet
from netbend.sound.writer import write_sound

SAVE_EVERY_SECONDS = 300
STEPS_BETWEEN_LOOKS = 50  # at losses on a GPU
MEASURED = 512  # cuts
LATENTS_KNOWN = 4096  # from which their spread is estimated
EXAMPLES = 6


@dataclass(frozen=True)
class Progress:
    """Where a run stands: epochs, cuts per second, root mean square error in dB, nats in the latent."""

    epoch: float
    cuts_per_second: float
    error: float
    nats: float


class Trainer:
    """One training run in a folder, resumed from its last checkpoint if it has one.

    The folder receives `checkpoint.pt` (everything needed to go on), `model.safetensors` (the network
    to play), `log.jsonl`, `settings.json`, and `samples/`: sounds that were set apart, with their
    reconstructions, as pictures and to listen to.
    """

    def __init__(
        self,
        sounds: Sounds,
        apart: Sounds,
        settings: Settings,
        folder: Path,
        fabric: Fabric,
        start: SpectrogramVAE | None = None,
    ):
        """start: a finished network to go on from."""
        self.settings, self.folder, self.sounds = settings, folder, sounds
        on_gpu = fabric.world_size == 1 and fits(sounds, fabric.device)
        self.steps = (StepsOnCuda if on_gpu else Steps)(sounds, settings, fabric, start)
        self._steps_between_looks = STEPS_BETWEEN_LOOKS if on_gpu else 1
        self.step = 0
        self.cuts_seen = 0
        length = self.steps.length
        self.apart = apart.even_cuts(min(MEASURED, 1 + len(apart) // length), length)
        self.error = self.nats = float("nan")

    @property
    def cuts_in_epoch(self) -> int:
        return max(1, len(self.sounds) // (FRAMES * self.steps.spectrum.hop))

    def run(self, report: Callable[[Progress], None] = lambda _: None) -> None:
        """Train until `epochs`; an interruption leaves a checkpoint to go on from."""
        total = self.settings.epochs * self.cuts_in_epoch
        started = saved = time.monotonic()
        seen_at_start = self.cuts_seen
        try:
            while self.cuts_seen < total:
                before = self.epoch
                self._step(total)
                speed = (self.cuts_seen - seen_at_start) / (time.monotonic() - started)
                report(Progress(self.epoch, speed, self.error, self.nats))
                if int(self.epoch) > int(before) and self.cuts_seen < total:
                    self.snapshot()
                if time.monotonic() - saved > SAVE_EVERY_SECONDS:
                    self.save()
                    saved = time.monotonic()
        finally:
            self.save()
        self.snapshot()

    @property
    def epoch(self) -> float:
        return self.cuts_seen / self.cuts_in_epoch

    def _step(self, total: float) -> None:
        rate = self.settings.learning_rate
        if self.settings.warm_up:
            warm_up = min(self.settings.warm_up * self.settings.batch, 0.1 * total)
            rate *= min(1.0, (self.cuts_seen + self.settings.batch) / warm_up)
        if self.settings.anneal:
            rate *= (1 + cos(pi * self.cuts_seen / total)) / 2
        self.steps.step(rate)
        self.step += 1
        self.cuts_seen += self.settings.batch
        if self.step % self._steps_between_looks == 0 or self.cuts_seen >= total:
            self._look()

    def _look(self) -> None:
        """Read the losses, for which a GPU is waited for."""
        self.error, self.nats = self.steps.error.item(), self.steps.nats.item()

    @torch.no_grad()
    def snapshot(self) -> None:
        """Measure, write the network to play, pictures and sounds, and a line in the log."""
        self._look()
        network = self.network_to_play()
        errors = [
            _errors(network, self.steps.levels(cuts), self.steps.weights)
            for cuts in torch.split(self.apart, self.settings.batch)
        ]
        squared, absolute, weighted = (torch.cat(errors).mean(dim=0)).tolist()
        save_network(
            self.folder / "model.safetensors",
            network,
            KIND,
            network.architecture,
            dtype=torch.float16,
        )
        line = {
            "epoch": round(self.epoch, 3),
            "cuts": self.cuts_seen,
            "training_rms_db": self.error,
            "apart_rms_db": squared**0.5 * self.steps.spectrum.decibels,
            "apart_mean_db": absolute * self.steps.spectrum.decibels,
            "apart_weighted_rms_db": weighted**0.5 * self.steps.spectrum.decibels,
            "nats": self.nats,
        }
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        self._write_examples(network)

    def network_to_play(self) -> SpectrogramVAE:
        """The network without what only training needs, its latents of unit spread."""
        self.steps.network.eval()
        random = torch.Generator().manual_seed(0)
        count = min(LATENTS_KNOWN, max(self.settings.latent_dim, self.cuts_in_epoch))
        cuts = (
            self.sounds.random_cuts(self.settings.batch, self.steps.length, random)
            for _ in range(0, count, self.settings.batch)
        )
        with torch.no_grad():
            found = [self.steps.network.encode_distribution(self.steps.levels(batch)) for batch in cuts]
        means = torch.cat([mean for mean, _ in found])
        variances = torch.cat([log_variance.clamp(-20, 10).exp() for _, log_variance in found])
        return finished(self.steps.network, means.cpu(), variances.cpu()).to(self.steps.fabric.device)

    def _write_examples(self, network: SpectrogramVAE) -> None:
        cuts = self.apart[:: max(1, len(self.apart) // EXAMPLES)][:EXAMPLES].to(self.steps.fabric.device)
        spectra = self.steps.spectrum.analyse(cuts)
        levels = self.steps.spectrum.levels(spectra)
        decoded = network(network.encode(levels[:, None]))[:, 0]
        folder = self.folder / "samples"
        folder.mkdir(exist_ok=True)
        name = f"epoch{round(self.epoch):04d}"
        rows = [("source", list(levels)), ("reconstruction", list(decoded))]
        with atomic_write(folder / f"{name}.png", DataError, overwrite=True) as unfinished:
            spectrogram_sheet(rows).save(unfinished, "PNG")
        heard = self.steps.spectrum.synthesise(self.steps.spectrum.magnitudes(decoded) * torch.sgn(spectra))
        both = torch.cat([cuts, heard], dim=1).flatten()  # each source, then its reconstruction
        write_sound(folder / f"{name}.wav", both.cpu().numpy()[None], self.steps.spectrum.sample_rate)

    def save(self) -> None:
        """Write everything needed to go on."""
        state = {**self.steps.state(), "cuts_seen": self.cuts_seen}
        write_state(self.folder / "checkpoint.pt", state, DataError)

    def resume(self) -> None:
        """Go on from `checkpoint.pt`."""
        device = self.steps.fabric.device
        state = torch.load(self.folder / "checkpoint.pt", map_location=device, weights_only=True)
        self.steps.load_state(state)
        self.cuts_seen = state["cuts_seen"]


def _errors(network: SpectrogramVAE, levels: Tensor, weights: Tensor) -> Tensor:
    """Mean squared, mean absolute and weighted mean squared error of each reconstruction, `(N, 3)`."""
    difference = network(network.encode(levels)) - levels
    squared = difference.square()
    errors = torch.stack([squared, difference.abs(), squared * weights], dim=1)
    return errors.mean(dim=(2, 3, 4))
