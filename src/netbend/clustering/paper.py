"""The preset `paper`: a metric network for each layer, taught from activations on disk (section 4)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load, save
from torch import Tensor

from netbend.atomic import write_atomic
from netbend.bending import Bendable, Layer
from netbend.bundled import bundled_file
from netbend.clustering.activations import (
    Activations,
    ActivationSet,
    ActivationsOnDevice,
    Run,
    fits_memory,
    refuse_full_disk,
    sampled_maps,
)
from netbend.clustering.metric_learning import SOUND_BATCH, MeanEmbedding, MetricTraining, batch_for
from netbend.clustering.metric_network import MetricNetwork
from netbend.clustering.progress import Report, Tell, silent
from netbend.clustering.settings import Settings
from netbend.errors import ClusterError
from netbend.models.base import Model
from netbend.models.output import AudioOutput
from netbend.regular_file import refuse_special

HEADER = "netbend-metric-networks"
CLIPPED = "netbend-clips-maps"  # what networks from before maps were clipped do not say
Networks = Mapping[str, MetricNetwork]
"""By the names of their layers."""


def learn(
    model: Bendable, layers: Sequence[Layer], run: Run, settings: Settings, work: Path, tell: Tell = silent
) -> dict[str, MeanEmbedding]:
    """Teach the network of each layer, and average its feature vectors over the samples.

    work: folder for the activations, one layer's at a time, and the networks; what is there already
    is not done again. Raises ClusterError if its disk is too small, before anything is done.
    """
    to_learn = [layer for layer in layers if not _averages(layer, work).exists()]
    on_disk = [activations_of(model, layer, settings, work) for layer in to_learn]
    largest = max((each.bytes for each in on_disk if isinstance(each, ActivationSet)), default=0)
    refuse_full_disk(work, largest)  # there is one layer's at a time
    return {layer.name: _learn_layer(model, layer, run, settings, work, tell) for layer in layers}


def _learn_layer(
    model: Bendable, layer: Layer, run: Run, settings: Settings, work: Path, tell: Tell
) -> MeanEmbedding:
    maps = activations_of(model, layer, settings, work)
    training = training_of(model, maps, settings, work)
    averaged = _averages(layer, work)
    if averaged.exists():
        embedding = MeanEmbedding(training.network, layer.features, training.accuracy)
        embedding.totals, embedding.samples = load(averaged.read_bytes())["totals"], settings.samples
        return embedding
    maps.collect(
        model,
        run,
        settings.latent_seeds,
        lambda done: tell(Report(f"{layer}: activations", done, len(settings.latent_seeds))),
    )
    training.run(
        settings.epochs,
        lambda at: tell(
            Report(f"{layer}: epochs", at.epoch, settings.epochs, f"{at.accuracy:.1%} told right")
        ),
    )
    embedding = training.mean_embedding()
    write_atomic(averaged, save({"totals": embedding.totals}), ClusterError, overwrite=True)
    maps.remove()
    return embedding


def activations_of(model: Bendable, layer: Layer, settings: Settings, work: Path) -> Activations:
    """Where the maps of a layer are kept: on a GPU if the model is there and they fit, or on disk."""
    samples = settings.samples + settings.test_samples
    on_disk = ActivationSet(_file(layer, work, ".npy"), layer, samples)
    example = next(chain(model.network.parameters(), model.network.buffers()), torch.empty(0))
    if fits_memory(on_disk.bytes, example.device):
        return ActivationsOnDevice(layer, samples, example.device)
    return on_disk


def training_of(model: Bendable, maps: Activations, settings: Settings, work: Path) -> MetricTraining:
    """The training of a layer's network; it goes on from its checkpoint if there is one."""
    return MetricTraining(
        maps,
        settings.test_samples,
        batch=settings.batch or _paper_batch(model, maps.layer),
        seed=settings.seed,
        learning_rate=settings.learning_rate,
        checkpoint=_file(maps.layer, work, ".pt"),
    )


def _paper_batch(model: Bendable, layer: Layer) -> int:
    is_sound = isinstance(model, Model) and isinstance(model.output, AudioOutput)
    return SOUND_BATCH if is_sound else batch_for(layer.height, layer.width)


def _file(layer: Layer, work: Path, ending: str) -> Path:
    return work / (re.sub(r"[^\w.-]", "_", layer.name) + ending)


def _averages(layer: Layer, work: Path) -> Path:
    return _file(layer, work, ".vectors.safetensors")


def embed_latents(
    model: Bendable, layers: Sequence[Layer], run: Run, samples: Sequence[int], networks: Networks
) -> dict[str, MeanEmbedding]:
    """The feature vectors of one latent, or the mean of several, by networks that were taught before."""
    missing = [layer for layer in layers if layer.name not in networks]
    if missing:
        raise ClusterError(
            f"{missing[0]}: no metric network for it; there are those of {', '.join(networks)}"
        )
    found = {layer.name: MeanEmbedding(networks[layer.name], layer.features) for layer in layers}
    for maps in sampled_maps(model, layers, run, samples):
        for name, embedding in found.items():
            embedding.network.to(maps[name].device)
            embedding.add(maps[name])
    return found


def save_networks(networks: Networks, path: Path, model_hash: str | None) -> None:
    """Write metric networks as one safetensors file. Raises ClusterError if that fails."""
    tensors: dict[str, Tensor] = {}
    metadata = {HEADER: model_hash or ""}
    if all(network.clip for network in networks.values()):
        metadata[CLIPPED] = "yes"
    for layer, network in networks.items():
        for name, tensor in network.state_dict().items():
            tensors[f"{layer}/{name}"] = tensor.contiguous()
    write_atomic(path, save(tensors, metadata=metadata), ClusterError, overwrite=True)


def networks_file(path: Path | str) -> Path:
    """Where metric networks lie: a file, or those that come with netbend, such as photo-faces/paper."""
    here = Path(path)
    return here if here.exists() else bundled_file(path, "networks-{}.safetensors") or here


def load_networks(path: Path | str, model: Bendable) -> Networks:
    """The metric networks in a file, or those that come with netbend, by a name such as photo-faces/paper.

    Raises ClusterError if there are none, or another model's.
    """
    path = networks_file(path)
    made_for, clip = check_networks(path)
    if model.hash is not None and made_for not in ("", model.hash):
        raise ClusterError(f"{path}: metric networks of another model (hash {made_for[:12]})")
    with _readable(path):
        tensors = load(path.read_bytes())
    return {
        layer.name: _network(layer, tensors, path, clip=clip)
        for layer in model.layers
        if f"{layer.name}/bottleneck.weight" in tensors
    }


def check_networks(path: Path) -> tuple[str, bool]:
    """The hash of the model whose metric networks a file holds, and whether they take clipped maps.

    Raises ClusterError if it holds none.
    """
    refuse_special(path, ClusterError)
    with _readable(path), safe_open(path, "pt") as file:
        about = file.metadata() or {}
    made_for = about.get(HEADER)
    if made_for is None:
        raise ClusterError(f"{path}: no metric networks in it; `netbend cluster --preset paper` makes them")
    return made_for, CLIPPED in about


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # safetensors raises several kinds
        raise ClusterError(
            f"{path}: not a readable safetensors file, which `netbend cluster --preset paper` writes beside "
            f"the clusters"
        ) from error


def _network(layer: Layer, tensors: Mapping[str, Tensor], path: Path, *, clip: bool) -> MetricNetwork:
    network = MetricNetwork(layer.features, layer.height, layer.width, clip=clip)
    prefix = f"{layer.name}/"
    state = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ClusterError(
            f"{path}: its network for {layer} has weights that are missing, not known or of another shape"
        ) from error
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
