"""What a step of training does to the network."""

from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from netbend.models.recording import Recording, go_on
from netbend.models.spectrogram_vae.network import FRAMES, SpectrogramVAE
from netbend.models.spectrogram_vae.training.export import unfinished
from netbend.models.spectrogram_vae.training.settings import Settings
from netbend.models.spectrogram_vae.training.sounds import QUIET, TRIES, Sounds
from netbend.sound.spectrum import Spectrum

CUTS_KNOWN = 128  # by which a finished network's normalisation is found again
SHARE_OF_MEMORY = 0.5  # of a GPU's, that sounds may take


class Steps:
    """A network with its optimizer, and what improves it.

    `error` (dB, root mean square) and `nats` are tensors that lie where the network does: to look at
    one waits for the device.
    """

    def __init__(
        self, sounds: Sounds, settings: Settings, fabric: Fabric, start: SpectrogramVAE | None = None
    ):
        """start: a finished network to go on from."""
        self.sounds, self.settings, self.fabric = sounds, settings, fabric
        self.spectrum = settings.architecture().spectrum()
        self.length = self.spectrum.samples_in(FRAMES)
        self.weights = mel_density(self.spectrum).pow(settings.emphasis).to(fabric.device)
        self.weights /= self.weights.mean()
        self.random = self._generator()
        torch.manual_seed(settings.seed)
        if start is None:
            network = SpectrogramVAE(settings.architecture(), training=True)
        else:
            known = sounds.random_cuts(CUTS_KNOWN, self.length, torch.Generator().manual_seed(0))
            network = unfinished(start, self.levels(known).to("cpu"))
        self.network = network.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), betas=(settings.beta1, settings.beta2), fused=True, **self._rate()
        )
        self.error = self.nats = torch.tensor(torch.nan)

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.settings.seed)

    def _rate(self) -> dict[str, Any]:
        return {"lr": self.settings.learning_rate}

    def step(self, rate: float) -> None:
        """Learn from a batch of cuts. rate: of learning."""
        self.optimizer.param_groups[0]["lr"] = rate
        self.network.train()
        self._learn()

    def _learn(self) -> None:
        levels = self.levels(self._loudness_varied(self._cuts(self.settings.batch)))
        with self._autocast():
            mean, log_variance = self.network.encode_distribution(levels)
            mean, log_variance = mean.float(), log_variance.float().clamp(-20, 10)
            noise = torch.randn(mean.shape, generator=self.random, device=self.random.device)
            decoded = self.network(mean + noise.to(mean.device) * (log_variance / 2).exp()).float()
        difference = decoded - levels
        # Below silence there is nothing to be heard: no need to be there exactly.
        difference = torch.where(levels > 0, difference, difference.clamp(min=0))
        error = (difference.square() * self.weights).mean() * self.spectrum.decibels**2
        nats = (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1).mean() / 2
        self.optimizer.zero_grad()
        self.fabric.backward(error + self.settings.kl_weight * nats)
        self.optimizer.step()
        self.error, self.nats = error.detach().sqrt(), nats.detach()

    def _cuts(self, count: int) -> Tensor:
        return self.sounds.random_cuts(count, self.length, self.random)

    def _loudness_varied(self, cuts: Tensor) -> Tensor:
        shares = torch.rand(len(cuts), 1, generator=self.random, device=self.random.device)
        return cuts * 10 ** ((shares * 2 - 1) * self.settings.gain / 20)

    def levels(self, cuts: Tensor) -> Tensor:
        """Samples `(N, T)` to what the network sees, `(N, 1, frames, bins)`."""
        return self.spectrum.levels(self.spectrum.analyse(cuts.to(self.fabric.device)))[:, None]

    def _autocast(self) -> torch.autocast:
        return torch.autocast(
            self.fabric.device.type, torch.bfloat16, enabled=self.settings.bf16, cache_enabled=False
        )

    def state(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": self.random.get_state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave; rates and options are those of this run on this device."""
        self.network.load_state_dict(state["network"])
        groups = [
            {**new, "params": old["params"]}
            for new, old in zip(
                self.optimizer.state_dict()["param_groups"], state["optimizer"]["param_groups"], strict=True
            )
        ]
        self.optimizer.load_state_dict({**state["optimizer"], "param_groups": groups})
        go_on(self.random, state["random"])


class StepsOnCuda(Steps):
    """The same steps on one GPU: cuts are made there, and the whole step is recorded and replayed."""

    def __init__(
        self, sounds: Sounds, settings: Settings, fabric: Fabric, start: SpectrogramVAE | None = None
    ):
        super().__init__(sounds, settings, fabric, start)
        device = fabric.device
        self._samples = torch.from_numpy(np.array(sounds.samples)).to(device)
        self._starts = torch.from_numpy(sounds.starts).to(device)
        self._within = torch.arange(self.length, device=device)
        self._recording = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            self._recording = Recording(self._learn, self.random, self._stream)

    def _generator(self) -> torch.Generator:
        return torch.Generator(self.fabric.device).manual_seed(self.settings.seed)

    def _rate(self) -> dict[str, Any]:
        device = self.fabric.device
        rate = torch.tensor(self.settings.learning_rate, device=device)
        return {"lr": rate, "capturable": device.type == "cuda"}

    def step(self, rate: float) -> None:
        self.optimizer.param_groups[0]["lr"].fill_(rate)
        self.network.train()
        if self._recording is None:
            self._learn()
            return
        usual = torch.cuda.current_stream()
        self._stream.wait_stream(usual)
        with torch.cuda.stream(self._stream):
            self._recording()
        usual.wait_stream(self._stream)

    def _cuts(self, count: int) -> Tensor:
        """As `Sounds.random_cuts`: of several places the first where something is heard."""
        size, device = (count, TRIES), self._samples.device
        places = torch.randint(len(self._samples), size, generator=self.random, device=device)
        sounds = torch.searchsorted(self._starts, places, right=True) - 1
        begins = torch.minimum(places, self._starts[sounds + 1] - self.length).maximum(self._starts[sounds])
        tried = self._samples[begins[:, :, None] + self._within]
        heard = tried.float().abs().amax(dim=2) > QUIET * 32768
        first = torch.where(heard.any(dim=1), heard.int().argmax(dim=1), TRIES - 1)
        return tried[torch.arange(count, device=device), first].float() / 32768


def fits(sounds: Sounds, device: torch.device) -> bool:
    """Whether all samples can lie on that GPU."""
    return device.type == "cuda" and sounds.samples.nbytes < SHARE_OF_MEMORY * torch.cuda.mem_get_info()[0]


def mel_density(spectrum: Spectrum) -> Tensor:
    """How many mel lie in each bin, `(bins,)`, relative to the lowest."""
    frequencies = torch.arange(spectrum.bins) * (spectrum.sample_rate / spectrum.window)
    return 1 / (1 + frequencies / 700)
