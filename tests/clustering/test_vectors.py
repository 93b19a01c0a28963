"""Feature vectors and groups: the tables of the paper, oracles, and patterns that were planted."""

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from netbend.bending import Layer
from netbend.clustering.correlation import Correlation
from netbend.clustering.grouping import Counts, best_count, count_for, group, parse_counts
from netbend.clustering.metric_learning import batch_for
from netbend.clustering.metric_network import BOTTLENECK, MetricNetwork, ShuffleUnit, depth_for, embed_all
from netbend.clustering.settings import Settings
from netbend.errors import ClusterError

# Layers of tables 1 and 2: size, depth, clusters, batch size (of images only).
TABLE_2 = [
    ((8, 8), 1, 5, 500),
    ((16, 16), 2, 5, 500),
    ((32, 32), 3, 5, 500),
    ((64, 64), 4, 5, 200),
    ((128, 128), 5, 4, 80),
    ((256, 256), 6, 4, 50),
    ((512, 512), 7, 3, 20),
    ((1024, 1024), 8, 3, 10),
]
TABLE_1 = [((8, 33), 1, 5), ((17, 65), 2, 5), ((32, 129), 3, 4), ((64, 257), 4, 4)]


@pytest.mark.parametrize(("size", "depth", "clusters"), [row[:3] for row in TABLE_2] + TABLE_1)
def test_depth_and_number_of_clusters_are_those_of_the_paper(
    size: tuple[int, int], depth: int, clusters: int
) -> None:
    assert depth_for(*size) == depth
    assert count_for(Layer(1, "l", "l", (32, *size))) == clusters


@pytest.mark.parametrize(("size", "batch"), [(row[0], row[3]) for row in TABLE_2])
def test_batch_sizes_are_those_of_the_paper(size: tuple[int, int], batch: int) -> None:
    assert batch_for(*size) == batch


@pytest.mark.parametrize("size", [(4, 4), (8, 8), (8, 33), (17, 65), (64, 64)])
def test_a_metric_network_ends_near_4x4_and_passes_a_bottleneck_of_10(size: tuple[int, int]) -> None:
    network = MetricNetwork(7, *size).eval()
    maps = torch.randn(3, 1, *size)
    assert network.embed(maps).shape == (3, 10)
    assert network(maps).shape == (3, 7)
    side = min(size)
    for _ in network.units:
        side = -(-side // 2)
    assert 4 <= side <= 7
    assert network.bottleneck.out_features == BOTTLENECK == network.classes.in_features


def test_a_unit_halves_its_maps_and_mixes_channels_of_both_groups() -> None:
    unit = ShuffleUnit().eval()
    assert unit(torch.randn(2, 50, 17, 9)).shape == (2, 50, 9, 5)
    maps = torch.randn(1, 50, 8, 8, requires_grad=True)
    # Without the shuffle, the last output channel would see the second group only.
    inner = unit(maps) - torch.nn.functional.avg_pool2d(maps, 3, stride=2, padding=1).relu()
    inner[0, -1].sum().backward()
    assert maps.grad is not None
    assert maps.grad[0, :25].abs().sum() > 0


def test_embedding_many_maps_is_embedding_each() -> None:
    network = MetricNetwork(3, 8, 8).eval()
    maps = torch.randn(4, 3, 8, 8)
    vectors = embed_all(network, maps, batch=5)
    torch.testing.assert_close(vectors[2, 1], network.embed(maps[2, 1][None, None])[0])


def test_metric_networks_see_maps_in_the_papers_range() -> None:
    network = MetricNetwork(3, 8, 8).eval()
    maps = 5 * torch.randn(4, 1, 8, 8)
    torch.testing.assert_close(network.embed(maps), network.embed(maps.clamp(-1, 1)))
    assert not torch.allclose(network.embed(maps), network.embed(maps.clamp(-2, 0.5)))


class Points:
    """A space whose features lie on a line: k-means from one start may end in a poor grouping."""

    samples = 10

    def vectors(self, count: int, half: int | None = None) -> Tensor:  # noqa: ARG002
        generator = torch.Generator().manual_seed(3)
        return torch.rand(60, 2, generator=generator)


def test_the_papers_k_means_starts_once_and_quick_keeps_the_best_of_twenty() -> None:
    from sklearn.cluster import KMeans

    vectors = Points().vectors(5).double().numpy()
    for preset, starts in (("paper", 1), ("quick", 20)):
        settings = Settings(None, ("a",), preset=preset, seed=4)
        labels = KMeans(5, init="random", algorithm="lloyd", n_init=starts, random_state=4).fit_predict(
            vectors
        )
        expected = {tuple(np.flatnonzero(labels == label).tolist()) for label in range(5)}
        assert set(group(Points(), 5, 4, settings.restarts)) == expected
    assert group(Points(), 5, 4, 1) != group(Points(), 5, 4, 20)


def planted(samples: int, groups: int = 3, each: int = 4, seed: int = 0) -> tuple[Tensor, np.ndarray]:
    """Maps `(samples, groups * each, 8, 8)`: features of a group are bright where its blob is, which
    moves from sample to sample."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.arange(8.0)
    truth = np.repeat(np.arange(groups), each)
    centres = torch.rand(samples, groups, 2, generator=generator) * 7
    distance = (rows[:, None] - centres[..., 0, None, None]) ** 2 + (rows - centres[..., 1, None, None]) ** 2
    blobs = (-distance / 4).exp()[:, truth]
    gains = 1 + torch.rand(len(truth), 1, 1, generator=generator) * 50
    noise = torch.randn(blobs.shape, generator=generator) * 0.05
    return (blobs + noise) * gains + 3, truth


def labels_of(groups: list[tuple[int, ...]], features: int) -> np.ndarray:
    labels = np.full(features, -1)
    for number, members in enumerate(groups):
        labels[list(members)] = number
    return labels


def test_correlations_are_the_mean_of_numpys() -> None:
    maps, _ = planted(6)
    correlation = Correlation(12)
    correlation.add(maps)
    expected = np.mean([np.corrcoef(sample.reshape(12, -1)) for sample in maps.numpy()], axis=0)
    np.testing.assert_allclose(correlation.totals.sum(0).numpy() / 6, expected, atol=1e-5)


def test_vectors_are_the_rows_of_the_regularised_laplacians_eigenvectors() -> None:
    correlation = Correlation(12)
    correlation.add(torch.randn(6, 12, 8, 8, generator=torch.Generator().manual_seed(0)))
    vectors = correlation.vectors(3).numpy()
    edges = np.maximum((correlation.totals.sum(0) / 6).double().numpy(), 0)
    edges += edges.mean()
    # Of the generalised problem `edges v = value degrees v`, solved by another library.
    _, solutions = scipy.linalg.eigh(edges, np.diag(edges.sum(0)))
    rows = np.sqrt(edges.sum(0))[:, None] * solutions[:, :-4:-1]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(np.abs(vectors), np.abs(rows), atol=1e-5)
    np.testing.assert_allclose(vectors @ vectors.T, rows @ rows.T, atol=1e-5)  # signs are one's choice


def test_correlation_does_not_depend_on_how_samples_come_in_batches() -> None:
    maps, _ = planted(7)
    whole, parts = Correlation(12), Correlation(12)
    whole.add(maps)
    for part in torch.split(maps, 3):
        parts.add(part)
    torch.testing.assert_close(whole.totals, parts.totals)
    for half in (0, 1):
        alone = Correlation(12)
        alone.add(maps[half::2])
        torch.testing.assert_close(alone.totals.sum(0), whole.totals[half])


def test_neither_gain_nor_offset_of_a_feature_counts() -> None:
    maps, _ = planted(5)
    plain, other = Correlation(12), Correlation(12)
    plain.add(maps)
    other.add(maps * torch.linspace(1, 9, 12)[:, None, None] - 40)
    torch.testing.assert_close(plain.totals, other.totals, atol=1e-3, rtol=1e-3)


def test_constant_maps_are_no_error() -> None:
    correlation = Correlation(3)
    correlation.add(torch.full((2, 3, 8, 8), 5.0))
    assert correlation.vectors(3).isfinite().all()


def test_planted_groups_are_found_the_largest_first() -> None:
    maps, truth = planted(40)
    maps, truth = maps[:, 1:], truth[1:]  # one group is smaller
    correlation = Correlation(11)
    correlation.add(maps)
    groups = group(correlation, 3, seed=5)
    assert adjusted_rand_score(truth, labels_of(groups, 11)) == 1
    assert [len(members) for members in groups] == [4, 4, 3]
    assert groups == group(correlation, 3, seed=5)


def test_auto_finds_how_many_groups_were_planted() -> None:
    maps, _ = planted(60, groups=4)
    correlation = Correlation(16)
    correlation.add(maps)
    assert best_count(correlation, seed=0) == 4


def test_counts_are_read_for_all_layers_and_for_some() -> None:
    layer = Layer(1, "b8.conv0", "m", (32, 8, 8))
    assert parse_counts("7").of(layer) == 7
    assert parse_counts("6, 1:auto").of(layer) == "auto"
    assert parse_counts("b8.conv0:3,2:9").of(layer) == 3
    assert parse_counts("2:9").of(layer) == 5 == Counts().of(layer)


@pytest.mark.parametrize("text", ["", "1", "five", "1:", "3.5", "1:1", "-2"])
def test_counts_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ClusterError, match="expected 2 or more"):
        parse_counts(text)
