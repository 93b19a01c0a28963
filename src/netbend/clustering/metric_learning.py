"""Training a metric network: softmax feature learning (section 4.2)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from netbend.bending import Layer
from netbend.clustering.activations import Activations
from netbend.clustering.halves import HalvedMean
from netbend.clustering.metric_network import BOTTLENECK, MetricNetwork, embed_all
from netbend.clustering.replayed import Replayed
from netbend.errors import ClusterError
from netbend.models.saving import write_state

LEARNING_RATE = 1e-4
BETAS = (0.9, 0.999)
SOUND_BATCH = 100
SAMPLES_AT_ONCE = 20  # on a GPU, where the network only looks
# Table 2: (largest number of positions in a map, batch size).
BATCHES = [(32**2, 500), (64**2, 200), (128**2, 80), (256**2, 50), (512**2, 20)]
LARGEST_MAPS_BATCH = 10


def batch_for(height: int, width: int) -> int:
    """Batch size of table 2 for maps of a size."""
    return next((batch for most, batch in BATCHES if height * width <= most), LARGEST_MAPS_BATCH)


@dataclass(frozen=True)
class Progress:
    """How far a training is: epochs done, and the share of maps whose feature is told right."""

    epoch: int
    accuracy: float


class MetricTraining:
    """Teaches a metric network which feature of a layer made which map."""

    def __init__(
        self,
        maps: Activations,
        held_out: int,
        *,
        batch: int,
        seed: int,
        learning_rate: float = LEARNING_RATE,
        checkpoint: Path | None = None,
    ):
        """held_out: how many of the samples, the last ones, only test. checkpoint: where to go on from."""
        self.maps = maps
        self.train_samples = maps.shape[0] - held_out
        self.batch = batch
        self.checkpoint = checkpoint
        self.epoch = 0
        self.accuracy = 0.0
        layer: Layer = maps.layer
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = MetricNetwork(layer.features, layer.height, layer.width)
        on_gpu = maps.device.type == "cuda"
        self.network.to(maps.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), learning_rate, BETAS, capturable=on_gpu, foreach=on_gpu
        )
        self.step: Callable[[Tensor], None] = Replayed(self._step) if on_gpu else self._step
        self.order = torch.Generator().manual_seed(seed)
        self.began, self.batches = self.order.get_state(), 0  # of the epoch at hand
        if checkpoint is not None and checkpoint.exists():
            self._resume(checkpoint)

    def run(self, epochs: int, progress: Callable[[Progress], None] = lambda _: None) -> MetricNetwork:
        """Train up to so many epochs; a checkpoint is written after each."""
        for at in self.steps(epochs):
            if at is not None:
                progress(at)
        return self.network.eval()

    def steps(self, epochs: int) -> Iterator[Progress | None]:
        """The same one step at a time. Yields after each; a Progress after that which ends an epoch."""
        while self.epoch < epochs:
            self.network.train()
            for indices in self._batches()[self.batches :]:
                if len(indices) > 1:  # batch normalisation needs more than one map
                    self.step(indices)
                    self.batches += 1
                    yield None
            self.epoch, self.batches = self.epoch + 1, 0
            self.began = self.order.get_state()
            self.save()
            yield Progress(self.epoch, self.accuracy)

    def _batches(self) -> Sequence[Tensor]:
        """Indices of the epoch's maps, the same on every device and after an interruption."""
        self.order.set_state(self.began)
        count = self.train_samples * self.maps.layer.features
        return torch.split(torch.randperm(count, generator=self.order).to(self.maps.device), self.batch)

    def _step(self, indices: Tensor) -> None:
        features = indices % self.maps.layer.features
        self.optimizer.zero_grad()
        maps = self.maps.single_maps(indices)
        with torch.autocast("cuda", torch.bfloat16, enabled=maps.is_cuda, cache_enabled=False):
            loss = F.cross_entropy(self.network(maps), features)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    @torch.no_grad()
    def test(self) -> float:
        """The share of maps of held-out samples whose feature is told right; NaN without any."""
        self.network.eval()
        right = total = 0
        for maps in self._blocks(self.train_samples, self.maps.shape[0]):
            told = self.network.classes(embed_all(self.network, maps)).argmax(dim=2).cpu()
            right += int((told == torch.arange(told.shape[1])).sum())
            total += told.numel()
        return right / total if total else float("nan")

    def mean_embedding(self) -> "MeanEmbedding":
        """The mean feature vector of each feature over the samples that taught the network."""
        self.network.eval()
        embedding = MeanEmbedding(self.network, self.maps.layer.features, self.accuracy)
        for maps in self._blocks(0, self.train_samples):
            embedding.add(maps)
        return embedding

    def _blocks(self, first: int, last: int) -> Iterator[Tensor]:
        """Maps `(N, F, H, W)` of samples, a few at a time."""
        at_once = SAMPLES_AT_ONCE if self.maps.device.type == "cuda" else 1
        for start in range(first, last, at_once):
            yield self.maps.samples(start, min(start + at_once, last))

    def save(self) -> None:
        """Test what has been learnt, and write a checkpoint if there is to be one."""
        self.accuracy = self.test()
        self.network.train()
        if self.checkpoint is None:
            return
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "order": self.began,
            "epoch": self.epoch,
            "batches": self.batches,
            "accuracy": self.accuracy,
            "clip": self.network.clip,
        }
        write_state(self.checkpoint, state, ClusterError)

    def _resume(self, checkpoint: Path) -> None:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        if state.get("clip") is not self.network.clip:
            raise ClusterError(
                f"{checkpoint}: begun by an earlier netbend, which did not clip maps to -1..1; "
                f"name another --work, or delete this folder"
            )
        self.network.load_state_dict(state["network"])
        self._load_optimizer(state["optimizer"])
        self.began, self.batches = state["order"], state.get("batches", 0)
        self.epoch, self.accuracy = state["epoch"], state["accuracy"]

    def _load_optimizer(self, state: dict[str, Any]) -> None:
        """Of a checkpoint, which may have been written on another device."""
        of_device = {key: self.optimizer.param_groups[0][key] for key in ("capturable", "foreach")}
        self.optimizer.load_state_dict(state)
        self.optimizer.param_groups[0].update(of_device)


class MeanEmbedding(HalvedMean):
    """The mean feature vector of each feature (section 4.3), in each half of the samples."""

    def __init__(self, network: MetricNetwork, features: int, accuracy: float = float("nan")):
        """accuracy: the share of held-out maps whose feature the network tells right."""
        super().__init__(features, BOTTLENECK)
        self.network = network.eval()
        self.accuracy = accuracy

    def add(self, maps: Tensor) -> None:
        """Take in maps `(N, F, H, W)` of N more samples."""
        self.take_in(embed_all(self.network, maps), lambda vectors: vectors.sum(dim=0))

    def vectors(self, count: int, half: int | None = None) -> Tensor:  # noqa: ARG002
        """Mean feature vectors `(F, 10)`, of all samples or of one half; the same for every count."""
        return self.mean(half)
