"""Models in netbend's own file format: reading, describing and writing, the same for all."""

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from netbend.models.base import Model
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

    @classmethod
    def from_content(cls, data: bytes, file: str, name: str, hash: str) -> Self:
        """Read the content of a file in netbend's own format, as it was hashed.

        file: its name, for messages. Raises CheckpointError for any other format.
        """
        return cls(network_in(data, file, cls.kind, cls.Architecture, cls.Network)[1], name, hash)

    @classmethod
    def describe(cls, path: Path) -> Any:
        """A report on what is in a file, also where it cannot be used."""
        return describe_network(path, cls.kind, cls.Architecture, cls.Network)

    def content(self) -> bytes:
        """As `save` writes it, in float32."""
        return network_bytes(self.stored, self.kind, self.stored.architecture)

    def save(self, path: Path, *, half: bool = False, overwrite: bool = False) -> None:
        """Write as safetensors, with the architecture in its header; half precision if asked."""
        dtype = torch.float16 if half else torch.float32
        save_network(path, self.stored, self.kind, self.stored.architecture, dtype=dtype, overwrite=overwrite)
