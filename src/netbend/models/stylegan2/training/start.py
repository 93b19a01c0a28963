"""What a run starts from: a model, perhaps with its discriminator, grown to the size of the pictures."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from netbend.errors import DataError, ModelError
from netbend.models.catalog import load_model
from netbend.models.native import load_network, save_network
from netbend.models.stylegan2.discriminator import Discriminator
from netbend.models.stylegan2.model import StyleGAN2
from netbend.models.stylegan2.network import Architecture, Generator

MODEL, DISCRIMINATOR = "model.safetensors", "discriminator.safetensors"  # in the folder of a run
KIND = "stylegan2-discriminator"


@dataclass(frozen=True)
class Start:
    """Networks to go on from. name: what was asked for, and a hash of what was found."""

    name: str
    generator: Generator
    discriminator: Discriminator | None = None

    def judges(self, size: int) -> bool:
        """Whether there is a discriminator of pictures of that size."""
        return self.discriminator is not None and 4 * 2 ** len(self.discriminator.blocks) == size


def load_start(source: str) -> Start:
    """The model of that name or file; of a run's folder its generator and its discriminator.

    Raises ModelError or CheckpointError for what is no StyleGAN2.
    """
    folder = Path(source)
    file = folder / MODEL if folder.is_dir() else source
    if isinstance(file, Path) and not file.is_file():
        raise ModelError(f"--from {source}: no {MODEL} in that folder; name a model, or the folder of a run")
    model = load_model(file, "cpu")
    if not isinstance(model, StyleGAN2):
        raise ModelError(f"--from {source}: a model of another kind; only a StyleGAN2 can be trained further")
    hashes = model.hash
    beside = folder / DISCRIMINATOR
    discriminator = load_discriminator(beside) if folder.is_dir() and beside.is_file() else None
    if discriminator is not None:
        hashes += hashlib.sha256(beside.read_bytes()).hexdigest()
    name = f"{source} {hashlib.sha256(hashes.encode()).hexdigest()[:12]}"
    return Start(name, model.generator, discriminator)


def save_discriminator(path: Path, discriminator: Discriminator, architecture: Architecture) -> None:
    """Write it in half precision, whole or not at all. architecture: of the generator that it judges."""
    save_network(path, discriminator, KIND, architecture, dtype=torch.float16)


def load_discriminator(path: Path) -> Discriminator:
    """Raises CheckpointError for any other file."""
    _, discriminator = load_network(
        path, KIND, Architecture, lambda found: Discriminator(found.features, found.channels)
    )
    return discriminator


def grown_architecture(start: Architecture, size: int, feature_base: int, feature_max: int) -> Architecture:
    """The same with `feature_base / resolution` features, at most `feature_max`, at further resolutions.

    Raises DataError where it draws larger pictures already, or none in colour.
    """
    if start.size > size:
        raise DataError(
            f"--size {size}: the model to start from draws {start.size}x{start.size} already; "
            f"give --size {start.size} or more"
        )
    if start.channels != 3:
        raise DataError(f"the model to start from draws pictures of {start.channels} channel, expected 3")
    wider = Architecture.of_width(size, feature_base, feature_max)
    return replace(start, features=(*start.features, *wider.features[len(start.features) :]))


@torch.no_grad()
def grow_generator(grown: Generator, start: Generator) -> None:
    """Put a smaller generator into a new one, whose further resolutions add nothing to the picture yet."""
    known = {name: value for name, value in start.state_dict().items() if name != "w_mean"}
    grown.load_state_dict({**grown.state_dict(), **known})
    mean = start.w_mean
    if mean.ndim == 2:  # layers have means of their own
        missing = grown.architecture.latent_count - len(mean)
        mean = torch.cat([mean, mean[-1:].expand(missing, -1)])
    grown.w_mean = mean.to(grown.w_mean).clone()
    for number in range(len(start.architecture.features), len(grown.architecture.features)):
        for name in ("conv.weight", "bias"):
            grown.synthesis.to_rgb.get_parameter(f"{number}.{name}").zero_()


@torch.no_grad()
def grow_discriminator(grown: Discriminator, start: Discriminator) -> None:
    """Put a discriminator of smaller pictures into a new one, behind its further blocks."""
    further = len(grown.blocks) - len(start.blocks)
    state = grown.state_dict()
    for name, value in start.state_dict().items():
        if name.startswith("blocks."):
            _, block, rest = name.split(".", 2)
            state[f"blocks.{int(block) + further}.{rest}"] = value
        elif not name.startswith("from_rgb.") or not further:
            state[name] = value
    grown.load_state_dict(state)
