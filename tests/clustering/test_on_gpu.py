"""The paper's training where the model is on a GPU: maps in its memory, steps replayed, whole kernels."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netbend.bending import Layer
from netbend.clustering.activations import Activations, ActivationSet, ActivationsOnDevice
from netbend.clustering.metric_learning import MetricTraining
from netbend.clustering.metric_network import ShuffleUnit, whole_kernel
from netbend.clustering.replayed import EAGER_STEPS, Replayed
from netbend.models.wrap import WrappedModule

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
FEATURES = 6


class Rows(nn.Module):
    """Maps `(N, 6, 8, 8)` of numbers: each feature has a bright row of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.rows = nn.Identity()

    def forward(self, seeds: Tensor) -> Tensor:
        maps = [torch.randn(FEATURES, 8, 8, generator=torch.Generator().manual_seed(int(s))) for s in seeds]
        places = torch.eye(FEATURES, 8)[:, :, None].expand(-1, -1, 8)  # a bright row each
        return self.rows((torch.stack(maps) / 4 + places).to(self.gain.device) * self.gain)


def rows() -> WrappedModule:
    return WrappedModule(Rows(), [Layer(1, "rows", "rows", (FEATURES, 8, 8))], hash="ab" * 32)


def collected(model: WrappedModule, maps: Activations, **options: Any) -> MetricTraining:
    maps.collect(model, lambda seeds: model.network(torch.tensor(seeds)), range(20))
    return MetricTraining(maps, 4, batch=20, seed=1, learning_rate=1e-3, **options)


def test_a_training_from_memory_is_that_from_disk(tmp_path: Path) -> None:
    model = rows()
    (layer,) = model.layers
    on_disk = collected(model, ActivationSet(tmp_path / "a.npy", layer, 20))
    in_memory = collected(model, ActivationsOnDevice(layer, 20, torch.device("cpu")))
    for training in (on_disk, in_memory):
        training.run(8)
    assert on_disk.accuracy == in_memory.accuracy > 2 / FEATURES
    for name, tensor in on_disk.network.state_dict().items():
        assert torch.equal(in_memory.network.state_dict()[name], tensor), name
    assert torch.equal(on_disk.mean_embedding().vectors(3), in_memory.mean_embedding().vectors(3))


@pytest.mark.parametrize("name", ["squeeze", "expand"])
def test_a_whole_kernel_does_what_the_grouped_one_does(name: str) -> None:
    torch.manual_seed(2)
    convolution = getattr(ShuffleUnit(), name).double()
    maps = torch.randn(3, convolution.in_channels, 9, 12, dtype=torch.float64)
    upstream = torch.randn_like(convolution(maps))
    results = []
    for kernel, groups in (
        (convolution.weight, convolution.groups),
        (whole_kernel(convolution.weight, convolution.groups), 1),
    ):
        made = nn.functional.conv2d(maps, kernel, groups=groups)
        (gradient,) = torch.autograd.grad((made * upstream).sum(), convolution.weight)
        results.append((made, gradient))
    torch.testing.assert_close(results[1], results[0])


def test_all_that_a_step_needs_is_on_the_device_of_the_maps() -> None:
    (layer,) = rows().layers
    meta = torch.device("meta")
    training = MetricTraining(ActivationsOnDevice(layer, 20, meta), 4, batch=20, seed=1)
    training.maps._stored = torch.empty(20, FEATURES, 8, 8, dtype=torch.float16, device=meta)  # type: ignore[union-attr]
    training._step(torch.randint(FEATURES * 16, (20,), device=meta))
    gradients = [each.grad for each in training.network.parameters()]
    assert all(each is not None and each.device == meta for each in gradients)


class FakeGraph:
    """A graph that does on a processor what CUDA's does: recorded without being run, then replayed."""

    recording = False

    def replay(self) -> None:
        self.step()  # type: ignore[attr-defined]


def test_every_batch_is_learnt_from_once_whether_recorded_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []

    def step(indices: Tensor) -> None:
        if FakeGraph.recording:
            graph.step = lambda: seen.append(indices.tolist())  # type: ignore[attr-defined]
        else:
            seen.append(indices.tolist())

    graph = FakeGraph()

    @contextmanager
    def record(which: FakeGraph, **_: str) -> Iterator[None]:
        assert which is graph
        FakeGraph.recording = True
        yield
        FakeGraph.recording = False

    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: graph)
    monkeypatch.setattr(torch.cuda, "graph", record)
    replayed = Replayed(step)
    batches = [*torch.randperm(44).split(5), *torch.randperm(44).split(5)]  # the last of each is smaller
    for batch in batches:
        replayed(batch)
    assert len(batches) > 2 * EAGER_STEPS
    assert seen == [batch.tolist() for batch in batches]


@needs_gpu
def test_replayed_steps_teach_what_single_steps_do() -> None:
    model = rows()
    model.network.cuda()
    (layer,) = model.layers
    trainings = [collected(model, ActivationsOnDevice(layer, 20, torch.device("cuda"))) for _ in range(2)]
    trainings[1].step = trainings[1]._step
    for training in trainings:
        training.run(20)
    assert trainings[0].accuracy > 0.9
    assert abs(trainings[0].accuracy - trainings[1].accuracy) < 0.1
    for name, tensor in trainings[1].network.state_dict().items():
        torch.testing.assert_close(trainings[0].network.state_dict()[name], tensor, atol=0.1, rtol=0.1)
