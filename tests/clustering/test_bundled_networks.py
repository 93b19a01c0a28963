"""The metric networks that come with netbend tell which feature made a map that they were not taught with."""

from pathlib import Path

import pytest
import torch

from netbend import load_model
from netbend.clustering import cluster_latents, load_networks
from netbend.clustering.activations import watched
from netbend.clustering.paper import networks_file
from netbend.errors import ClusterError
from netbend.models.base import SynthesisOptions
from netbend.recipe import load_clusters

SEEDS = [9001, 9002, 9003]


def test_those_of_faces_tell_features_of_faces_never_seen() -> None:
    faces = load_model("faces", "cpu")
    networks = load_networks("faces/paper", faces)
    layers = [layer for layer in faces.layers if layer.number is not None]
    assert set(networks) == {layer.name for layer in layers}
    with watched(faces, layers) as maps, torch.no_grad():
        faces.generate(faces.latents(SEEDS), SynthesisOptions(truncation_psi=1.0))
    told_before = load_clusters("faces/paper").method["accuracy"]
    for layer in layers:
        with torch.no_grad():
            told = networks[layer.name](maps[layer.name].flatten(0, 1)[:, None]).argmax(dim=1)
        right = (told == torch.arange(layer.features).repeat(len(SEEDS))).double().mean()
        assert abs(right - told_before[layer.number]) < 0.15, layer


def test_they_cluster_single_latents() -> None:
    faces = load_model("faces", "cpu")
    found = cluster_latents(
        faces, faces.latents([7]), layers=[5], networks=load_networks("faces/paper", faces)
    )
    members = sorted(feature for cluster in found.layers[5].values() for feature in cluster)
    assert members == list(range(64))
    assert found.method["preset"] == "paper"


def test_a_file_of_that_name_comes_first_and_other_names_are_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert networks_file("faces/paper").name == "networks-paper.safetensors"
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "paper").write_bytes(b"mine")
    assert networks_file("faces/paper") == Path("faces/paper")
    with pytest.raises(ClusterError, match="not a readable safetensors file"):
        load_networks("faces/paper", load_model("faces", "cpu"))
    assert networks_file("faces/papre") == Path("faces/papre")
