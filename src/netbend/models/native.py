"""netbend's own format: safetensors, with kind and architecture of the network in the header."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from netbend.atomic import exists_already, is_there, write_atomic
from netbend.errors import CheckpointError
from netbend.limits import MAX_RESOLUTIONS, MAX_WIDTH
from netbend.models.weights import WeightsFile, parse_weights, read_content, shown
from netbend.models.weights.safetensorsfile import parse_json

HEADER = "netbend"
PICTURE_CHANNELS = (1, 3)  # of which pictures are made

Weights = Mapping[str, Tensor]


class Architecture(Protocol):
    """What has to be known to build a network: a dataclass of whole numbers and tuples of them."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


A = TypeVar("A", bound=Architecture)
Network = TypeVar("Network", bound=nn.Module)


def check_widths(features: object, *dimensions: object) -> None:
    """Raise ValueError unless these are features from 4x4 on, and dimensions, of a real network."""
    if not isinstance(features, tuple) or not 2 <= len(features) <= MAX_RESOLUTIONS:
        raise ValueError(f"features {features!r:.80}: expected 2 to {MAX_RESOLUTIONS} numbers")
    for width in (*features, *dimensions):
        if type(width) is not int or not 0 < width <= MAX_WIDTH:
            raise ValueError(f"{width!r:.40} where a whole number from 1 to {MAX_WIDTH} was expected")


def network_bytes(
    network: nn.Module, kind: str, architecture: Architecture, dtype: torch.dtype = torch.float32
) -> bytes:
    """A network as the content of a file; the same weights give the same bytes everywhere.

    kind: of network, as `kind_of` gives it back. dtype: float32, or float16 for half the size.
    Raises CheckpointError for numbers that the type cannot hold.
    """
    header = {"kind": kind, "architecture": asdict(architecture)}
    state = network.state_dict()
    tensors = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in state.items()}
    for name, tensor in tensors.items():
        if state[name].isfinite().all() and not tensor.isfinite().all():
            raise CheckpointError(f"{name} holds numbers too large for {dtype}")
    return save(tensors, metadata={HEADER: json.dumps(header)})


def save_network(
    path: Path,
    network: nn.Module,
    kind: str,
    architecture: Architecture,
    *,
    dtype: torch.dtype = torch.float32,
    overwrite: bool = True,
) -> None:
    """Write a network's weights and architecture, as `network_bytes` gives them, whole or not at all.

    Raises CheckpointError if the file cannot be written, or exists and `overwrite` is False.
    """
    if not overwrite and is_there(path, CheckpointError):
        raise CheckpointError(exists_already(path))
    try:
        data = network_bytes(network, kind, architecture, dtype)
    except CheckpointError as error:
        raise CheckpointError(f"cannot write {path}: {error}") from error
    write_atomic(path, data, CheckpointError, overwrite=overwrite)


def kind_of(weights: WeightsFile) -> str | None:
    """The kind of network in a file of ours, None for any other file."""
    try:
        kind = parse_json(weights.header.get(HEADER, "{}")).get("kind")
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return kind if isinstance(kind, str) else None


def read_architecture(weights: WeightsFile, cls: type[A], file: str) -> A:
    """The architecture in the header. Raises CheckpointError for one that `cls` is not made of."""
    try:
        given: dict[str, Any] = parse_json(weights.header[HEADER])["architecture"]
        unknown = sorted(set(given) - {field.name for field in fields(cls)})
        if unknown:
            raise CheckpointError(
                f"{file}: its architecture has `{shown(unknown[0], 40)}`, which a newer netbend may know"
            )
        return cls(
            **{key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = shown(str(error))
        raise CheckpointError(f"{file}: the architecture in its header is damaged ({reason})") from error


def fill(
    build: Callable[[], Network], state: Weights, file: str, may_be_missing: tuple[str, ...] = ()
) -> Network:
    """Build a network for inference and put weights into it.

    build: makes it; what `may_be_missing` names by its beginning keeps the values it was built with,
    which are the same each time.
    Raises CheckpointError for weights that are unknown, missing, of another shape, or not finite.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            network = build().eval().requires_grad_(False)
        _fill(network, state, file, may_be_missing)
    except (MemoryError, RuntimeError) as error:  # torch reports a lack of memory as a RuntimeError
        raise CheckpointError(f"{file}: its weights cannot be unpacked ({shown(str(error))})") from error
    return network


def _fill(network: nn.Module, state: Weights, file: str, may_be_missing: tuple[str, ...]) -> None:
    places = network.state_dict()
    unknown = sorted(set(state) - set(places))
    if unknown:
        names = ", ".join(shown(name, 60) for name in unknown[:4])
        raise CheckpointError(
            f"{file}: unknown weights {names}; not a plain {type(network).__name__.lower()}"
        )
    for name, place in places.items():
        if name in state:
            place.copy_(_fitted(state[name], place, name, file))
            if not place.isfinite().all():
                raise CheckpointError(
                    f"{file}: NaN or infinity among its weights ({name}); its training went astray, "
                    f"take an earlier checkpoint"
                )
        elif not name.startswith(may_be_missing):
            raise CheckpointError(f"{file}: the weights {name} are missing")


def _fitted(tensor: Tensor, place: Tensor, name: str, file: str) -> Tensor:
    """In the shape of its place; other layouts carry dimensions of length 1 along."""
    if not tensor.is_floating_point():
        raise CheckpointError(f"{file}: {name} is of {tensor.dtype}, expected floating-point numbers")
    if [length for length in tensor.shape if length != 1] != [size for size in place.shape if size != 1]:
        raise CheckpointError(
            f"{file}: {name} has the shape {tuple(tensor.shape)}, expected {tuple(place.shape)}"
        )
    return tensor.reshape(place.shape)


@dataclass(frozen=True)
class NativeReport:
    """What is in a file of ours. reason: why it cannot be used, None if it can."""

    file: str
    kind: str
    architecture: Architecture | None = None
    parameters: int | None = None
    reason: str | None = None

    def lines(self) -> list[tuple[str, str]]:
        """Labels and values to show."""
        listed = [("file", self.file), ("layout", "netbend"), ("network", self.kind)]
        if self.architecture is not None:
            listed += [
                (name.replace("_", " "), str(value)) for name, value in asdict(self.architecture).items()
            ]
            listed.append(("weights", f"{self.parameters:,}"))
        verdict = "can be used" if self.reason is None else f"cannot be used: {self.reason}"
        return [*listed, ("verdict", verdict)]


def load_network(
    path: Path, kind: str, architecture: type[A], build: Callable[[A], Network]
) -> tuple[A, Network]:
    """Read a network of one kind. Raises CheckpointError for any other file."""
    return network_in(parse_weights(read_content(path), str(path)), str(path), kind, architecture, build)


def network_in(
    weights: WeightsFile, path: str, kind: str, architecture: type[A], build: Callable[[A], Network]
) -> tuple[A, Network]:
    """The same for what a file holds; path: its name, for messages."""
    if kind_of(weights) != kind:
        raise CheckpointError(f"{path}: not a file of kind {kind} that netbend wrote")
    found = read_architecture(weights, architecture, path)
    held = sum(tensor.numel() for tensor in weights.tree.values())
    _check_channels(found, path)
    try:
        with torch.device("meta"), _NothingDrawn():
            needed = sum(tensor.numel() for tensor in build(found).state_dict().values())
    except (TypeError, ValueError, RuntimeError, IndexError, MemoryError) as error:
        raise CheckpointError(f"{path}: not an architecture of {kind} ({shown(str(error))})") from error
    if held < needed:
        raise CheckpointError(f"{path}: {held:,} weights, its architecture has {needed:,}")
    return found, fill(lambda: build(found), weights.tree, path)


class _NothingDrawn(TorchFunctionMode):
    """Random numbers on no device: torch would load half a second of modules to draw none."""

    def __torch_function__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return (torch.empty if func is torch.randn else func)(*args, **(kwargs or {}))


def _check_channels(architecture: Architecture, path: str) -> None:
    channels = getattr(architecture, "channels", 3)
    if channels not in PICTURE_CHANNELS:
        raise CheckpointError(
            f"{path}: a network of {channels} channels, which netbend does not support; "
            f"those of 1 or 3 can be used"
        )


def describe_network(
    weights: WeightsFile, path: str, kind: str, architecture: type[A], build: Callable[[A], Network]
) -> NativeReport:
    """What is in a file of one kind, also where it cannot be used."""
    try:
        found, network = network_in(weights, path, kind, architecture, build)
    except CheckpointError as error:
        return NativeReport(path, kind, reason=str(error).removeprefix(f"{path}: "))
    count = sum(tensor.numel() for tensor in network.state_dict().values())
    return NativeReport(path, kind, found, count)
