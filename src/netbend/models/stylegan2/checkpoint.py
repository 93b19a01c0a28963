"""Generators to and from files: ours, rosinality's layout and NVIDIA's."""

from dataclasses import dataclass
from pathlib import Path

import torch

from netbend.errors import CheckpointError, RefusedFile
from netbend.models.native import Weights, fill, kind_of, read_architecture, save_network
from netbend.models.stylegan2 import nvidia, rosinality
from netbend.models.stylegan2.network import Architecture, Generator
from netbend.models.weights import ModuleState, WeightsFile, read_weights, shown

KIND = "stylegan2"


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
    save_network(path, generator, KIND, generator.architecture, dtype=dtype, overwrite=overwrite)


def load_generator(path: Path | str) -> Generator:
    """Read a generator of any of the three layouts; float32, for inference.

    Raises CheckpointError, naming what was found, for anything else; nothing in the file is executed.
    """
    _, state, generator = _convert(read_weights(path), str(path))
    if "w_mean" not in state:
        generator.w_mean.copy_(generator.sampled_w_mean())
    return generator


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


def _convert(weights: WeightsFile, file: str) -> tuple[str, Weights, Generator]:
    """Name of the layout, the weights under our names, and the generator that they make."""
    try:
        layout, architecture, state = _recognize(weights, file)
    except ValueError as error:
        raise CheckpointError(f"{file}: not an architecture of StyleGAN2 ({shown(str(error))})") from error
    _check_plausible(architecture, state, file)
    generator = fill(lambda: Generator(architecture), state, file, _MAY_BE_MISSING)
    return layout, state, generator


_MAY_BE_MISSING = ("synthesis.noise_", "w_mean")


def _recognize(weights: WeightsFile, file: str) -> tuple[str, Architecture, Weights]:
    tree = weights.tree
    if weights.format == "safetensors":
        if kind_of(weights) != KIND:
            raise CheckpointError(f"{file}: a safetensors file, but not of a StyleGAN2 that netbend wrote")
        return "netbend", read_architecture(weights, Architecture, file), tree
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


def _check_plausible(architecture: Architecture, state: Weights, file: str) -> None:
    """Nothing is built that the file does not hold the weights for."""
    a = architecture
    needed = sum((9 * f + a.w_dim) * f for f in a.features) + a.mapping_depth * a.w_dim * min(
        a.w_dim, a.z_dim
    )
    held = sum(tensor.numel() for tensor in state.values())
    if held < needed:
        raise CheckpointError(f"{file}: {held:,} weights, fewer than its architecture has ({shown(str(a))})")
