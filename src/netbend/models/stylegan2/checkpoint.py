"""Generators to and from files: ours, rosinality's layout and NVIDIA's."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from netbend.errors import CheckpointError, RefusedFile
from netbend.models.stylegan2 import nvidia, rosinality
from netbend.models.stylegan2.network import Architecture, Generator
from netbend.models.weights import ModuleState, WeightsFile, read_weights

HEADER = "netbend"
KIND = "stylegan2"
MOST_PARAMETERS = 2_000_000_000
W_SAMPLES = 10_000


@dataclass(frozen=True)
class CheckpointReport:
    """What is in a file. layout: whose, None if unknown. reason: why it cannot be used, None if it can."""

    file: str
    layout: str | None
    reason: str | None
    refused: bool = False
    architecture: Architecture | None = None
    parameters: int | None = None
    entries: tuple[str, ...] = ()

    def lines(self) -> list[tuple[str, str]]:
        """Labels and values to show."""
        shown = [("file", self.file), ("layout", self.layout or "unknown")]
        if self.architecture is not None:
            a = self.architecture
            shown += [
                ("network", f"StyleGAN2, {a.size}x{a.size}, {a.channels} channels"),
                ("features", ", ".join(f"{4 * 2**step}: {count}" for step, count in enumerate(a.features))),
                ("latents", f"z {a.z_dim}, w {a.w_dim}, {a.mapping_depth} mapping layers"),
                ("weights", f"{self.parameters:,}"),
            ]
            if a.clamp is not None:
                shown.append(("clamp", f"{a.clamp:g}"))
        if self.entries and self.layout != "netbend":
            shown.append(("entries", ", ".join(self.entries[:12])))
        usable = "can be used; nothing in it was or will be executed"
        shown.append(("verdict", usable if self.reason is None else f"cannot be used: {self.reason}"))
        return shown


def save_generator(
    path: Path, generator: Generator, *, dtype: torch.dtype = torch.float32, overwrite: bool = True
) -> None:
    """Write a generator as safetensors with its architecture in the header, whole or not at all."""
    if path.exists() and not overwrite:
        raise CheckpointError(f"{path} exists already; name another file, or say --overwrite")
    header = {"kind": KIND, "architecture": asdict(generator.architecture)}
    state = generator.state_dict()
    tensors = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in state.items()}
    data = save(tensors, metadata={HEADER: json.dumps(header)})
    unfinished = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            unfinished = Path(file.name)
            file.write(data)
        unfinished.chmod(0o644)
        os.replace(unfinished, path)
    except OSError as error:
        raise CheckpointError(f"cannot write {path}: {error.strerror}") from error
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)


def load_generator(path: Path | str) -> Generator:
    """Read a generator of any of the three layouts; float32, for inference.

    Raises CheckpointError, naming what was found, for anything else; nothing in the file is executed.
    """
    weights = read_weights(path)
    layout, architecture, state = _recognize(weights, str(path))
    generator = _fill(architecture, state, str(path))
    if not generator.w_mean.any():
        generator.w_mean.copy_(mean_w(generator))
    if not all(bool(tensor.isfinite().all()) for tensor in state.values()):
        raise CheckpointError(
            f"{path}: NaN or infinity among its weights ({layout}); its training went astray"
        )
    return generator


@torch.no_grad()
def mean_w(generator: Generator, samples: int = W_SAMPLES) -> Tensor:
    """The mean of w, for files that do not hold it."""
    random = torch.Generator().manual_seed(0)
    z = torch.randn(samples, generator.architecture.z_dim, generator=random)
    return generator.mapping(z).mean(dim=0)


def describe_checkpoint(path: Path | str) -> CheckpointReport:
    """What is in a file, also where it is refused. Raises CheckpointError if there is none."""
    file = str(path)
    if not Path(path).is_file():
        raise CheckpointError(f"{file}: no such file")
    try:
        weights = read_weights(path)
    except CheckpointError as error:
        return CheckpointReport(file, None, _reason(error, file), isinstance(error, RefusedFile))
    entries = tuple(str(key) for key in weights.tree) if isinstance(weights.tree, dict) else ()
    try:
        layout, architecture, state = _recognize(weights, file)
        _fill(architecture, state, file)
    except CheckpointError as error:
        return CheckpointReport(file, weights.format, _reason(error, file), entries=entries)
    count = sum(tensor.numel() for tensor in state.values())
    return CheckpointReport(file, layout, None, False, architecture, count, entries)


def _reason(error: CheckpointError, file: str) -> str:
    return str(error).removeprefix(f"{file}: ")


def _recognize(weights: WeightsFile, file: str) -> tuple[str, Architecture, Mapping[str, Tensor]]:
    """Name of the layout, architecture, and the weights under our names."""
    tree = weights.tree
    if weights.format == "safetensors":
        return "netbend", _architecture(weights.header, file), tree
    if isinstance(tree, dict) and isinstance(tree.get("g_ema"), dict):
        return "rosinality", *rosinality.convert(tree, file)
    module = tree.get("G_ema") if isinstance(tree, dict) else tree
    if isinstance(module, ModuleState):
        return "NVIDIA", *nvidia.convert(module, file)
    found = ", ".join(map(str, list(tree)[:8])) if isinstance(tree, dict) else type(tree).__name__
    raise CheckpointError(
        f"{file}: no StyleGAN2 generator in it; expected `g_ema` (rosinality) or `G_ema` (NVIDIA), "
        f"found {found}"
    )


def _architecture(header: Mapping[str, str], file: str) -> Architecture:
    try:
        content = json.loads(header.get(HEADER, "{}"))
        if content.get("kind") != KIND:
            raise CheckpointError(f"{file}: a safetensors file, but not of a StyleGAN2 that netbend wrote")
        known = {field.name for field in fields(Architecture)}
        given: dict[str, Any] = {k: v for k, v in content["architecture"].items() if k in known}
        return Architecture(**{**given, "features": tuple(given["features"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{file}: the architecture in its header is damaged ({error})") from error


def _fill(architecture: Architecture, state: Mapping[str, Tensor], file: str) -> Generator:
    """A generator with these weights, built only once every shape is known to fit."""
    _check_plausible(architecture, file)
    with torch.device("meta"):
        generator = Generator(architecture)
    expected = {name: tuple(tensor.shape) for name, tensor in generator.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    for name, shape in expected.items():
        if name not in found:
            raise CheckpointError(f"{file}: the weights {name} are missing")
        if found[name] != shape:
            raise CheckpointError(f"{file}: {name} has the shape {found[name]}, expected {shape}")
    extra = sorted(set(found) - set(expected))
    if extra:
        raise CheckpointError(
            f"{file}: unknown weights {', '.join(extra[:4])}; not a plain StyleGAN2 generator"
        )
    floats = {name: tensor.float().contiguous() for name, tensor in state.items()}
    generator.load_state_dict(floats, assign=True)
    return generator.eval().requires_grad_(False)


def _check_plausible(architecture: Architecture, file: str) -> None:
    """Bounds before anything is built by what a header says."""
    numbers = [
        *architecture.features,
        architecture.z_dim,
        architecture.w_dim,
        architecture.mapping_depth,
        architecture.channels,
    ]
    plausible = (
        all(
            isinstance(number, int) and not isinstance(number, bool) and 0 < number <= 16384
            for number in numbers
        )
        and 2 <= len(architecture.features) <= 10
        and architecture.mapping_depth <= 64
        and (
            architecture.clamp is None
            or (isinstance(architecture.clamp, int | float) and architecture.clamp > 0)
        )
        and sum(9 * f * f for f in architecture.features) <= MOST_PARAMETERS
    )
    if not plausible:
        raise CheckpointError(f"{file}: not an architecture of StyleGAN2: {architecture!s:.200}")
