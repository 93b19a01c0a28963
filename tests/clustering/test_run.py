"""From a model to clusters: both presets, interrupted, resumed, and refused."""

import shutil
from collections import namedtuple
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor, nn

from netbend.bending import Layer
from netbend.clustering import (
    Counts,
    cluster_features,
    cluster_latents,
    default_settings,
    load_networks,
    save_networks,
)
from netbend.clustering.activations import ActivationSet, sampled_maps
from netbend.clustering.correlation import correlate
from netbend.clustering.metric_learning import MetricTraining
from netbend.clustering.metric_network import MetricNetwork
from netbend.clustering.progress import Report
from netbend.errors import ClusterError
from netbend.models.base import Model
from netbend.models.wrap import WrappedModule

FEATURES = 12
TRUTH = np.arange(FEATURES) % 3


class Blobs(nn.Module):
    """Three blobs that move with z `(N, 6)`; feature f shows blob f % 3, as an image of 12 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Identity()

    def forward(self, z: Tensor) -> Tensor:
        centres = z.reshape(-1, 3, 2, 1, 1) * 2 + 4
        place = torch.arange(8.0)
        distance = (place[:, None] - centres[:, :, 0]) ** 2 + (place - centres[:, :, 1]) ** 2
        gains = torch.linspace(1, 4, FEATURES)[:, None, None]
        return self.maps((-distance / 3).exp()[:, torch.from_numpy(TRUTH)] * gains)


@pytest.fixture
def blobs() -> WrappedModule:
    return WrappedModule(Blobs(), [Layer(1, "blobs", "maps", (FEATURES, 8, 8))], hash="ab" * 32)


def run_of(model: WrappedModule):
    def run(seeds: Sequence[int]) -> None:
        model.network(
            torch.stack([torch.randn(6, generator=torch.Generator().manual_seed(s)) for s in seeds])
        )

    return run


def score(clusters, layer: int = 1) -> float:
    labels = np.zeros(FEATURES)
    for number, members in clusters.layers[layer].items():
        labels[list(members)] = number
    return adjusted_rand_score(TRUTH, labels)


def test_quick_finds_what_moves_together(blobs: WrappedModule) -> None:
    settings = default_settings(blobs, samples=50)
    found = cluster_features(blobs, settings, counts=Counts(3), run=run_of(blobs))
    assert score(found) == 1
    assert found.model_hash == blobs.hash
    assert found.method == {"preset": "quick", "samples": 50, "seed": 0, "truncation": 1.0}


def test_the_papers_method_groups_features_whose_maps_look_alike(tmp_path: Path) -> None:
    """Each feature draws one of three shapes, its own size: what a metric network can tell apart."""

    class Shapes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.maps = nn.Identity()

        def forward(self, z: Tensor) -> Tensor:
            rows = torch.linspace(0, 6.28, 8)
            shapes = torch.stack(
                [
                    torch.sin(rows)[:, None].expand(8, 8),
                    torch.sin(rows).expand(8, 8),
                    torch.cos(rows).outer(rows.cos()),
                ]
            )
            gains = torch.linspace(0.8, 1.2, FEATURES)[:, None, None]
            maps = shapes[torch.from_numpy(TRUTH)] * gains
            return self.maps(maps + 0.3 * z.reshape(-1, 1, 1, 6).mean(3, keepdim=True))

    model = WrappedModule(Shapes(), [Layer(1, "shapes", "maps", (FEATURES, 8, 8))], hash="cd" * 32)
    settings = default_settings(model, preset="paper", samples=60, test_samples=6, epochs=30)
    reports: list[Report] = []
    file = tmp_path / "networks.safetensors"
    found = cluster_features(
        model,
        settings,
        counts=Counts(3),
        run=run_of(model),
        work=tmp_path,
        networks=file,
        tell=reports.append,
    )
    assert score(found) == 1
    assert {report.stage for report in reports} == {
        "layer 1 (shapes): activations",
        "layer 1 (shapes): epochs",
    }
    assert not list(tmp_path.glob("*.npy"))  # activations are large and done with
    assert set(load_networks(file, model)) == {"shapes"}
    other = WrappedModule(Shapes(), model.layers, hash="ef" * 32)
    with pytest.raises(ClusterError, match="of another model"):
        load_networks(file, other)
    smaller = WrappedModule(Shapes(), [Layer(1, "shapes", "maps", (FEATURES, 4, 4))], hash=model.hash)
    with pytest.raises(ClusterError, match=r"missing, not known or of another shape$"):
        load_networks(file, smaller)
    file.write_bytes(b"no safetensors")
    with pytest.raises(ClusterError, match="not a readable safetensors file"):
        load_networks(file, model)


def test_an_interrupted_pass_goes_on_and_ends_the_same(blobs: WrappedModule, tmp_path: Path) -> None:
    file = tmp_path / "correlations.safetensors"
    whole = correlate(blobs, blobs.layers, run_of(blobs), range(100))

    def stop(report: Report) -> None:
        if report.done > 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        correlate(blobs, blobs.layers, run_of(blobs), range(100), file, stop)
    reports: list[Report] = []
    resumed = correlate(blobs, blobs.layers, run_of(blobs), range(100), file, reports.append)
    assert reports[0].done > 64  # not from the start
    torch.testing.assert_close(resumed["blobs"].totals, whole["blobs"].totals)


def test_activations_go_on_where_they_stopped(blobs: WrappedModule, tmp_path: Path) -> None:
    (layer,) = blobs.layers
    maps = ActivationSet(tmp_path / "a.npy", layer, 80)

    def stop(done: int) -> None:
        if done == 64:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        maps.collect(blobs, run_of(blobs), range(80), stop)
    seen: list[int] = []
    maps.collect(blobs, run_of(blobs), range(80), seen.append)
    assert min(seen) == 80
    (expected,) = [part[layer.name] for part in sampled_maps(blobs, [layer], run_of(blobs), range(64, 80))]
    torch.testing.assert_close(maps.samples(64, 80), expected, atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(
        maps.single_maps(torch.tensor([70 * FEATURES + 5]))[0, 0], maps.samples(70, 71)[0, 5]
    )
    assert maps.bytes == (tmp_path / "a.npy").stat().st_size - 128  # numpy's header


def test_a_training_goes_on_where_it_stopped(blobs: WrappedModule, tmp_path: Path) -> None:
    maps = ActivationSet(tmp_path / "a.npy", blobs.layers[0], 20)
    maps.collect(blobs, run_of(blobs), range(20))
    whole = MetricTraining(maps, 4, batch=50, seed=1)
    whole.run(4)
    first = MetricTraining(maps, 4, batch=50, seed=1, checkpoint=tmp_path / "a.pt")
    first.run(2)
    second = MetricTraining(maps, 4, batch=50, seed=1, checkpoint=tmp_path / "a.pt")
    assert second.epoch == 2
    second.run(4)
    third = MetricTraining(maps, 4, batch=50, seed=1)
    third.checkpoint = tmp_path / "b.pt"
    for _, at in zip(range(FEATURES * 16 // 50 + 3), third.steps(4), strict=False):
        assert at is None or at.epoch == 1
    third.save()  # amid the second epoch
    fourth = MetricTraining(maps, 4, batch=50, seed=1, checkpoint=tmp_path / "b.pt")
    assert (fourth.epoch, fourth.batches) == (1, third.batches)
    assert fourth.batches > 0
    fourth.run(4)
    for training in (second, fourth):
        for name, tensor in whole.network.state_dict().items():
            torch.testing.assert_close(training.network.state_dict()[name], tensor)


def test_networks_from_before_maps_were_clipped_see_whole_maps(blobs: WrappedModule, tmp_path: Path) -> None:
    file = tmp_path / "networks.safetensors"
    earlier = MetricNetwork(FEATURES, 8, 8, clip=False)
    save_networks({"blobs": earlier}, file, blobs.hash)
    assert not load_networks(file, blobs)["blobs"].clip
    save_networks({"blobs": MetricNetwork(FEATURES, 8, 8)}, file, blobs.hash)
    assert load_networks(file, blobs)["blobs"].clip


def test_work_begun_before_maps_were_clipped_is_not_gone_on_with(
    blobs: WrappedModule, tmp_path: Path
) -> None:
    maps = ActivationSet(tmp_path / "maps.npy", blobs.layers[0], 3)
    maps.collect(blobs, run_of(blobs), range(3))
    checkpoint = tmp_path / "maps.pt"
    training = MetricTraining(maps, 0, batch=9, seed=0, checkpoint=checkpoint)
    training.run(1)
    state = torch.load(checkpoint, weights_only=True)
    del state["clip"]
    torch.save(state, checkpoint)
    with pytest.raises(ClusterError, match="did not clip maps"):
        MetricTraining(maps, 0, batch=9, seed=0, checkpoint=checkpoint)


def test_the_papers_preset_says_how_well_each_network_tells_its_features(blobs: WrappedModule) -> None:
    settings = default_settings(
        blobs, preset="paper", samples=6, test_samples=2, epochs=1, batch=12, learning_rate=0.01
    )
    method = cluster_features(blobs, settings, run=run_of(blobs), counts=Counts(3)).method
    assert (method["batch"], method["learning_rate"]) == (12, 0.01)
    assert 0 <= method["accuracy"][1] <= 1


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    blobs: WrappedModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1))
    settings = default_settings(blobs, preset="paper", samples=900, test_samples=100)
    with pytest.raises(ClusterError, match=r"take 0.0 GB|fewer --samples"):
        cluster_features(blobs, settings, run=run_of(blobs), work=tmp_path)
    assert not list(tmp_path.iterdir())


def test_seeds_share_no_sample() -> None:
    model = WrappedModule(Blobs(), [Layer(1, "blobs", "maps", (FEATURES, 8, 8))])
    for preset in ("quick", "paper"):
        first, second = (default_settings(model, preset=preset, samples=10, seed=seed) for seed in (0, 1))
        assert not set(first.latent_seeds) & set(second.latent_seeds)


def test_one_latent_has_clusters_of_its_own(model: Model) -> None:
    found = cluster_latents(model, model.latents([7]))
    other = cluster_latents(model, model.latents([8]))
    assert set(found.layers) == {
        layer.number for layer in model.layers if layer.number is not None and layer.features >= 8
    }
    for layer, members in found.layers.items():
        features = sorted(feature for each in members.values() for feature in each)
        (described,) = [place for place in model.layers if place.number == layer]
        assert features == list(range(described.features))
    assert found.layers != other.layers


@pytest.mark.parametrize(
    ("layers", "counts", "message"),
    [
        ([99], Counts(), "layer 99"),
        (["b4.conv9"], Counts(), "did you mean"),
        ([1], Counts(500), "500 clusters of"),
        ([1], Counts("auto"), "one latent has none"),
    ],
)
def test_what_cannot_be_clustered_is_refused(model: Model, layers, counts: Counts, message: str) -> None:
    with pytest.raises(ClusterError, match=message):
        cluster_latents(model, model.latents([0]), layers=layers, counts=counts)


def test_a_network_of_ones_own_says_how_it_generates(blobs: WrappedModule) -> None:
    with pytest.raises(ClusterError, match="run="):
        cluster_features(blobs)
