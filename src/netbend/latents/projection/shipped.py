"""Networks that come with netbend, each made for one model."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol, TypeVar


class MadeForOne(Protocol):
    """A network whose architecture names the model that it was made for by its `model_hash`."""

    architecture: Any


N = TypeVar("N", bound=MadeForOne)


def shipped_for(model_hash: str, name: str, load: Callable[[Path], N]) -> N | None:
    """The network of a name, such as encoder, for the model with this hash; None if there is none."""
    folder = Path(str(files("netbend.data")))
    networks = map(load, sorted(folder.glob(f"*/{name}.safetensors")))
    return next((network for network in networks if network.architecture.model_hash == model_hash), None)
