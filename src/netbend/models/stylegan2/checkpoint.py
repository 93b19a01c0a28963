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
from netbend.models.weights import ModuleState, WeightsFile, read_weights, shown

HEADER = "netbend"
KIND = "stylegan2"
W_SAMPLES = 10_000
MOST_WIDTH = 16384
MOST_RESOLUTIONS = 10  # 4 to 2048
MOST_MAPPING_LAYERS = 64

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class CheckpointReport:
    """What is in a file.

    layout: whose, or the kind of file where that is all that is known, or None.
    reason: why it cannot be used, None if it can. refused: it asks for more than weights.
    entries: names at the top of the file. ignored: those of them that are not looked at.
    """

    file: str
    layout: str | None
    reason: str | None
    refused: bool = False
    architecture: Architecture | None = None
    parameters: int | None = None
    entries: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def lines(self) -> list[tuple[str, str]]:
        """Labels and values to show."""
        listed = [("file", self.file), ("layout", self.layout or "unknown")]
        if self.architecture is not None:
            a = self.architecture
            listed += [
                ("network", f"StyleGAN2, {a.size}x{a.size}, {a.channels} channels"),
                ("features", ", ".join(f"{4 * 2**step}: {count}" for step, count in enumerate(a.features))),
                ("latents", f"z {a.z_dim}, w {a.w_dim}, {a.mapping_depth} mapping layers"),
                ("weights", f"{self.parameters:,}"),
            ]
            if a.clamp is not None:
                listed.append(("clamp", f"{a.clamp:g}"))
            if self.ignored:
                listed.append(("ignored", _enumeration(self.ignored)))
        elif self.entries:
            listed.append(("entries", _enumeration(self.entries)))
        usable = "can be used; nothing in it was or will be executed"
        listed.append(("verdict", usable if self.reason is None else f"cannot be used: {self.reason}"))
        return listed


def save_generator(
    path: Path, generator: Generator, *, dtype: torch.dtype = torch.float32, overwrite: bool = True
) -> None:
    """Write a generator as safetensors with its architecture in the header, whole or not at all.

    dtype: float32, or float16 for half the size.
    Raises CheckpointError if the file cannot be written, or exists and `overwrite` is False.
    """
    if path.exists() and not overwrite:
        raise CheckpointError(f"{path} exists already; name another file, or say --overwrite")
    header = {"kind": KIND, "architecture": asdict(generator.architecture)}
    state = generator.state_dict()
    tensors = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in state.items()}
    for name, tensor in tensors.items():
        if state[name].isfinite().all() and not tensor.isfinite().all():
            raise CheckpointError(f"cannot write {path}: {name} holds numbers too large for {dtype}")
    _write(path, save(tensors, metadata={HEADER: json.dumps(header)}))


def load_generator(path: Path | str) -> Generator:
    """Read a generator of any of the three layouts; float32, for inference.

    Raises CheckpointError, naming what was found, for anything else; nothing in the file is executed.
    """
    _, state, generator = _convert(read_weights(path), str(path))
    if "w_mean" not in state:
        generator.w_mean.copy_(mean_w(generator))
    return generator


@torch.no_grad()
def mean_w(generator: Generator, samples: int = W_SAMPLES) -> Tensor:
    """The mean of w `(w_dim,)` over seeded z, for files that do not hold it."""
    random = torch.Generator().manual_seed(0)
    z = torch.randn(samples, generator.architecture.z_dim, generator=random)
    return generator.mapping(z).mean(dim=0)


def describe_checkpoint(path: Path | str) -> CheckpointReport:
    """What is in a file, also where it is refused. Raises CheckpointError if there is none."""
    file = str(path)
    if not Path(path).exists():
        raise CheckpointError(f"{file}: no such file")
    try:
        weights = read_weights(path)
    except CheckpointError as error:
        return CheckpointReport(file, None, *_verdict(error, file))
    entries = tuple(shown(str(key), 60) for key in weights.tree) if isinstance(weights.tree, dict) else ()
    try:
        layout, state, generator = _convert(weights, file)
    except CheckpointError as error:
        return CheckpointReport(file, weights.format, *_verdict(error, file), entries=entries)
    count = sum(tensor.numel() for tensor in state.values())
    ignored = () if layout == "netbend" else tuple(entry for entry in entries if entry not in _READ)
    return CheckpointReport(file, layout, None, False, generator.architecture, count, entries, ignored)


_READ = {"g_ema", "latent_avg", "G_ema"}


def _verdict(error: CheckpointError, file: str) -> tuple[str, bool]:
    return str(error).removeprefix(f"{file}: "), isinstance(error, RefusedFile)


def _enumeration(names: tuple[str, ...], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _write(path: Path, data: bytes) -> None:
    """Beside its place first, so that there is never half a file under its name."""
    unfinished = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".unfinished-", delete=False) as file:
            unfinished = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o644)
        os.replace(unfinished, path)
    except OSError as error:
        raise CheckpointError(f"cannot write {path}: {error.strerror}") from error
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)


def _convert(weights: WeightsFile, file: str) -> tuple[str, Weights, Generator]:
    """Name of the layout, the weights under our names, and the generator that they make."""
    layout, architecture, state = _recognize(weights, file)
    try:
        return layout, state, _fill(architecture, state, file)
    except (MemoryError, RuntimeError) as error:  # torch reports a lack of memory as a RuntimeError
        raise CheckpointError(f"{file}: its weights cannot be unpacked ({shown(str(error))})") from error


def _recognize(weights: WeightsFile, file: str) -> tuple[str, Architecture, Weights]:
    tree = weights.tree
    if weights.format == "safetensors":
        return "netbend", _architecture(weights.header, file), tree
    if isinstance(tree, dict) and isinstance(tree.get("g_ema"), dict):
        return "rosinality", *rosinality.convert(tree, file)
    module = tree.get("G_ema") if isinstance(tree, dict) else tree
    if isinstance(module, ModuleState):
        return "NVIDIA", *nvidia.convert(module, file)
    names = tuple(shown(str(key), 40) for key in tree) if isinstance(tree, dict) else ()
    raise CheckpointError(
        f"{file}: no StyleGAN2 generator in it; expected `g_ema` (rosinality) or `G_ema` (NVIDIA), "
        f"found {_enumeration(names, 8) or type(tree).__name__}"
    )


def _architecture(header: Mapping[str, str], file: str) -> Architecture:
    try:
        content = json.loads(header.get(HEADER, "{}"))
        if content.get("kind") != KIND:
            raise CheckpointError(f"{file}: a safetensors file, but not of a StyleGAN2 that netbend wrote")
        given: dict[str, Any] = content["architecture"]
        unknown = sorted(set(given) - {field.name for field in fields(Architecture)})
        if unknown:
            raise CheckpointError(
                f"{file}: its architecture has `{shown(unknown[0], 40)}`, which a newer netbend may know"
            )
        return Architecture(**{**given, "features": tuple(given["features"])})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = shown(str(error))
        raise CheckpointError(f"{file}: the architecture in its header is damaged ({reason})") from error


def _fill(architecture: Architecture, state: Weights, file: str) -> Generator:
    """A generator with these weights. Noise maps and the mean of w may be missing."""
    _check_plausible(architecture, state, file)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # missing noise maps are drawn the same each time
        generator = Generator(architecture).eval().requires_grad_(False)
    places = generator.state_dict()
    unknown = sorted(set(state) - set(places))
    if unknown:
        names = ", ".join(shown(name, 60) for name in unknown[:4])
        raise CheckpointError(f"{file}: unknown weights {names}; not a plain StyleGAN2 generator")
    for name, place in places.items():
        if name in state:
            place.copy_(_fitted(state[name], place, name, file))
            if not place.isfinite().all():
                raise CheckpointError(
                    f"{file}: NaN or infinity among its weights ({name}); its training went astray, "
                    f"take an earlier checkpoint"
                )
        elif not name.startswith(_MAY_BE_MISSING):
            raise CheckpointError(f"{file}: the weights {name} are missing")
    return generator


_MAY_BE_MISSING = ("synthesis.noise_", "w_mean")


def _fitted(tensor: Tensor, place: Tensor, name: str, file: str) -> Tensor:
    """In the shape of its place; other layouts carry dimensions of length 1 along."""
    if not tensor.is_floating_point():
        raise CheckpointError(f"{file}: {name} is of {tensor.dtype}, expected floating-point numbers")
    if [length for length in tensor.shape if length != 1] != [size for size in place.shape if size != 1]:
        raise CheckpointError(
            f"{file}: {name} has the shape {tuple(tensor.shape)}, expected {tuple(place.shape)}"
        )
    return tensor.reshape(place.shape)


def _check_plausible(architecture: Architecture, state: Weights, file: str) -> None:
    """Nothing is built that the file does not hold the weights for."""
    a = architecture
    widths = [*a.features, a.z_dim, a.w_dim, a.mapping_depth, a.channels]
    clamp_fits = a.clamp is None or (type(a.clamp) in (int, float) and a.clamp > 0)
    if not (
        all(type(width) is int and 0 < width <= MOST_WIDTH for width in widths)
        and 2 <= len(a.features) <= MOST_RESOLUTIONS
        and a.mapping_depth <= MOST_MAPPING_LAYERS
        and clamp_fits
    ):
        raise CheckpointError(f"{file}: not an architecture of StyleGAN2: {shown(str(a))}")
    needed = sum((9 * f + a.w_dim) * f for f in a.features) + a.mapping_depth * a.w_dim * min(
        a.w_dim, a.z_dim
    )
    held = sum(tensor.numel() for tensor in state.values())
    if held < needed:
        raise CheckpointError(f"{file}: {held:,} weights, fewer than its architecture has ({shown(str(a))})")
