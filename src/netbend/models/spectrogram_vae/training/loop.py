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
from netbend.models.spectrogram_vae.training.export import finished, unfinished
from netbend.models.spectrogram_vae.training.settings import Settings
from netbend.models.spectrogram_vae.training.sounds import Sounds
from netbend.sound.drawing import spectrogram_sheet
from netbend.sound.files import write_sound
from netbend.sound.spectrum import Spectrum

SAVE_EVERY_SECONDS = 300
MEASURED = 512  # cuts
LATENTS_KNOWN = 4096  # from which their spread is estimated
CUTS_KNOWN = 128  # by which a finished network's normalisation is found again
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
        self.settings, self.folder, self.fabric, self.sounds = settings, folder, fabric, sounds
        architecture = settings.architecture()
        self.spectrum = architecture.spectrum()
        self.length = self.spectrum.samples_in(FRAMES)
        self.weights = mel_density(self.spectrum).pow(settings.emphasis).to(fabric.device)
        self.weights /= self.weights.mean()
        self.cuts_seen = 0
        self.random = torch.Generator().manual_seed(settings.seed)
        torch.manual_seed(settings.seed)
        if start is None:
            self.network = SpectrogramVAE(architecture, training=True)
        else:
            self.network = unfinished(start, self._levels_known(fabric).to("cpu"))
        self.network = self.network.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(
            self.network.parameters(),
            lr=settings.learning_rate,
            betas=(settings.beta1, settings.beta2),
            fused=True,
        )
        self.apart = apart.even_cuts(min(MEASURED, 1 + len(apart) // self.length), self.length)
        self.error = self.nats = float("nan")

    def _levels_known(self, fabric: Fabric) -> Tensor:
        cuts = self.sounds.random_cuts(CUTS_KNOWN, self.length, torch.Generator().manual_seed(0))
        return self.spectrum.levels(self.spectrum.analyse(cuts.to(fabric.device)))[:, None]

    @property
    def cuts_in_epoch(self) -> int:
        return max(1, len(self.sounds) // (FRAMES * self.spectrum.hop))

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
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        levels = self._levels(self._loudness_varied(self._cuts(self.settings.batch)))
        with self._autocast():
            mean, log_variance = self.network.encode_distribution(levels)
            mean, log_variance = mean.float(), log_variance.float().clamp(-20, 10)
            noise = torch.randn(mean.shape, generator=self.random).to(mean.device)
            decoded = self.network(mean + noise * (log_variance / 2).exp()).float()
        difference = decoded - levels
        # Below silence there is nothing to be heard: no need to be there exactly.
        difference = torch.where(levels > 0, difference, difference.clamp(min=0))
        error = (difference.square() * self.weights).mean() * self.spectrum.decibels**2
        nats = (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1).mean() / 2
        self.optimizer.zero_grad()
        self.fabric.backward(error + self.settings.kl_weight * nats)
        self.optimizer.step()
        self.cuts_seen += len(levels)
        self.error, self.nats = error.sqrt().item(), nats.item()

    def _cuts(self, count: int) -> Tensor:
        return self.sounds.random_cuts(count, self.length, self.random)

    def _loudness_varied(self, cuts: Tensor) -> Tensor:
        decibels = (torch.rand(len(cuts), 1, generator=self.random) * 2 - 1) * self.settings.gain
        return cuts * 10 ** (decibels / 20)

    def _levels(self, cuts: Tensor) -> Tensor:
        """Samples `(N, T)` to what the network sees, `(N, 1, frames, bins)`."""
        return self.spectrum.levels(self.spectrum.analyse(cuts.to(self.fabric.device)))[:, None]

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.fabric.device.type, torch.bfloat16, enabled=self.settings.bf16)

    @torch.no_grad()
    def snapshot(self) -> None:
        """Measure, write the network to play, pictures and sounds, and a line in the log."""
        network = self.network_to_play()
        errors = [
            _errors(network, self._levels(cuts), self.weights)
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
            "apart_rms_db": squared**0.5 * self.spectrum.decibels,
            "apart_mean_db": absolute * self.spectrum.decibels,
            "apart_weighted_rms_db": weighted**0.5 * self.spectrum.decibels,
            "nats": self.nats,
        }
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        self._write_examples(network)

    def network_to_play(self) -> SpectrogramVAE:
        """The network without what only training needs, its latents of unit spread."""
        self.network.eval()
        random = torch.Generator().manual_seed(0)
        count = min(LATENTS_KNOWN, max(self.settings.latent_dim, self.cuts_in_epoch))
        cuts = (
            self.sounds.random_cuts(self.settings.batch, self.length, random)
            for _ in range(0, count, self.settings.batch)
        )
        with torch.no_grad():
            found = [self.network.encode_distribution(self._levels(batch)) for batch in cuts]
        means = torch.cat([mean for mean, _ in found])
        variances = torch.cat([log_variance.clamp(-20, 10).exp() for _, log_variance in found])
        return finished(self.network, means.cpu(), variances.cpu()).to(self.fabric.device)

    def _write_examples(self, network: SpectrogramVAE) -> None:
        cuts = self.apart[:: max(1, len(self.apart) // EXAMPLES)][:EXAMPLES].to(self.fabric.device)
        spectra = self.spectrum.analyse(cuts)
        levels = self.spectrum.levels(spectra)
        decoded = network(network.encode(levels[:, None]))[:, 0]
        folder = self.folder / "samples"
        folder.mkdir(exist_ok=True)
        name = f"epoch{round(self.epoch):04d}"
        rows = [("source", list(levels)), ("reconstruction", list(decoded))]
        with atomic_write(folder / f"{name}.png", DataError, overwrite=True) as unfinished:
            spectrogram_sheet(rows).save(unfinished, "PNG")
        heard = self.spectrum.synthesise(self.spectrum.magnitudes(decoded) * torch.sgn(spectra))
        both = torch.cat([cuts, heard], dim=1).flatten()  # each source, then its reconstruction
        write_sound(folder / f"{name}.wav", both.cpu().numpy()[None], self.spectrum.sample_rate)

    def save(self) -> None:
        """Write everything needed to go on."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "cuts_seen": self.cuts_seen,
            "random": self.random.get_state(),
        }
        write_state(self.folder / "checkpoint.pt", state, DataError)

    def resume(self) -> None:
        """Go on from `checkpoint.pt`."""
        state = torch.load(self.folder / "checkpoint.pt", map_location=self.fabric.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.cuts_seen = state["cuts_seen"]
        self.random.set_state(state["random"].cpu())


def _errors(network: SpectrogramVAE, levels: Tensor, weights: Tensor) -> Tensor:
    """Mean squared, mean absolute and weighted mean squared error of each reconstruction, `(N, 3)`."""
    difference = network(network.encode(levels)) - levels
    squared = difference.square()
    errors = torch.stack([squared, difference.abs(), squared * weights], dim=1)
    return errors.mean(dim=(2, 3, 4))


def mel_density(spectrum: Spectrum) -> Tensor:
    """How many mel lie in each bin, `(bins,)`, relative to the lowest."""
    frequencies = torch.arange(spectrum.bins) * (spectrum.sample_rate / spectrum.window)
    return 1 / (1 + frequencies / 700)
