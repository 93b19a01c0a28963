"""Models in netbend's own file format: reading, describing and writing, the same for all."""

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch

from netbend.models.base import Model
from netbend.models.checkpoint import Checkpoint
from netbend.models.family import Family, Report
from netbend.models.native import describe_network, network_bytes, network_in, save_network


class StoredModel(Model):
    """A model whose whole network is kept in a file.

    kind: of network, in files. Architecture, Network: what it is built from; a Network is called with
    an Architecture and keeps it as `architecture`.
    """

    kind: ClassVar[str]
    Architecture: ClassVar[type[Any]]
    Network: ClassVar[type[Any]]

    @abstractmethod
    def __init__(self, network: Any, name: str, hash: str):
        """network: of the kind's own class."""

    @property
    @abstractmethod
    def stored(self) -> Any:
        """The network, as files keep it."""

    def content(self) -> bytes:
        """As `save` writes it, in float32."""
        return network_bytes(self.stored, self.kind, self.stored.architecture)

    def save(self, path: Path, *, half: bool = False, overwrite: bool = False) -> None:
        """Write as safetensors, with the architecture in its header; half precision if asked."""
        dtype = torch.float16 if half else torch.float32
        save_network(path, self.stored, self.kind, self.stored.architecture, dtype=dtype, overwrite=overwrite)


class StoredFamily(Family):
    """Models that are read from netbend's own format."""

    expects = "a file that netbend wrote"

    def __init__(self, model: type[StoredModel]):
        self.model = model

    @property
    def name(self) -> str:
        return self.model.kind

    def sniff(self, checkpoint: Checkpoint) -> bool:
        return checkpoint.kind == self.name

    def load(self, checkpoint: Checkpoint) -> StoredModel:
        kinds = self.model.kind, self.model.Architecture, self.model.Network
        network = network_in(checkpoint.weights, checkpoint.file, *kinds)[1]
        return self.model(network, checkpoint.name, checkpoint.hash)

    def describe(self, checkpoint: Checkpoint) -> Report:
        kinds = self.model.kind, self.model.Architecture, self.model.Network
        return describe_network(checkpoint.weights, checkpoint.file, *kinds)
