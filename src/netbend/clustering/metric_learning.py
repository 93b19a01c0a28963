"""Training a metric network: softmax feature learning (section 4.2)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

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
        self.network.to(maps.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        on_gpu = maps.device.type == "cuda"
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), learning_rate, BETAS, capturable=on_gpu, foreach=on_gpu
        )
        self.step: Callable[[Tensor], None] = Replayed(self._step) if on_gpu else self._step
        self.order = torch.Generator().manual_seed(seed)
        if checkpoint is not None and checkpoint.exists():
            self._resume(checkpoint)

    def run(self, epochs: int, progress: Callable[[Progress], None] = lambda _: None) -> MetricNetwork:
        """Train up to so many epochs; a checkpoint is written after each."""
        while self.epoch < epochs:
            self.network.train()
            count = self.train_samples * self.maps.layer.features
            # Batch normalisation needs more than one map.
            for indices in torch.split(self._order(count), self.batch):
                if len(indices) > 1:
                    self.step(indices)
            self.epoch += 1
            self.accuracy = self.test()
            self._save()
            progress(Progress(self.epoch, self.accuracy))
        return self.network.eval()

    def _order(self, count: int) -> Tensor:
        """Of an epoch's maps, the same on every device."""
        return torch.randperm(count, generator=self.order).to(self.maps.device)

    def _step(self, indices: Tensor) -> None:
        features = indices % self.maps.layer.features
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.network(self.maps.single_maps(indices)), features)
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
        embedding = MeanEmbedding(self.network, self.maps.layer.features, self.accuracy)
        for maps in self._blocks(0, self.train_samples):
            embedding.add(maps)
        return embedding

    def _blocks(self, first: int, last: int) -> Iterator[Tensor]:
        """Maps `(N, F, H, W)` of samples, a few at a time."""
        at_once = SAMPLES_AT_ONCE if self.maps.device.type == "cuda" else 1
        for start in range(first, last, at_once):
            yield self.maps.samples(start, min(start + at_once, last))

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "order": self.order.get_state(),
            "epoch": self.epoch,
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
        self.optimizer.load_state_dict(state["optimizer"])
        self.order.set_state(state["order"])
        self.epoch, self.accuracy = state["epoch"], state["accuracy"]


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
