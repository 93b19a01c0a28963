"""Generators to and from files: ours, rosinality's layout and NVIDIA's."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from netbend.errors import CheckpointError, RefusedFile
from netbend.models.checkpoint import Checkpoint
from netbend.models.family import reason_of
from netbend.models.native import Weights, fill, read_architecture, save_network
from netbend.models.stylegan2 import nvidia, rosinality
from netbend.models.stylegan2.finder import find_generator
from netbend.models.stylegan2.network import Architecture, Generator
from netbend.models.stylegan2.unsupported import check_channels
from netbend.models.weights import shown

KIND = "stylegan2"


@dataclass(frozen=True)
class CheckpointReport:
    """What is in a file.

    layout: whose, or the kind of file where that is all that is known, or None.
    reason: why it cannot be used, None if it can. refused: it asks for more than weights.
    entries: names at the top of the file. ignored: those of them that are not looked at.
    generator: its place in the file. mean_of_w: where truncation's centre comes from.
    """

    file: str
    layout: str | None
    reason: str | None
    refused: bool = False
    architecture: Architecture | None = None
    parameters: int | None = None
    entries: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    generator: str = ""
    mean_of_w: str = ""

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
                ("mean of w", self.mean_of_w),
            ]
            if self.generator:
                listed.insert(2, ("generator", self.generator))
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
    return read_generator(Checkpoint.read(path))


def read_generator(checkpoint: Checkpoint) -> Generator:
    """The same of a file that is read already."""
    return _convert(checkpoint).generator


def describe_generator(checkpoint: Checkpoint) -> CheckpointReport:
    """What is in a file with a generator, also where it cannot be used."""
    file, entries = checkpoint.file, tuple(shown(name, 60) for name in checkpoint.entries)
    try:
        found = _convert(checkpoint)
    except CheckpointError as error:
        refused, layout = isinstance(error, RefusedFile), checkpoint.weights.format
        return CheckpointReport(file, layout, reason_of(error, file), refused, entries=entries)
    ignored = [name for name in checkpoint.entries if name not in found.entries]
    return CheckpointReport(
        file,
        found.layout,
        None,
        architecture=found.generator.architecture,
        parameters=found.parameters,
        entries=entries,
        ignored=() if found.layout == "netbend" else tuple(shown(name, 60) for name in ignored),
        generator=shown(found.place, 100),
        mean_of_w=found.mean_of_w,
    )


def _enumeration(names: tuple[str, ...], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


@dataclass(frozen=True)
class _Converted:
    """A generator under our names, ready to be played. entries: what of the file's top was read."""

    generator: Generator
    layout: str
    parameters: int
    place: str = ""
    mean_of_w: str = "in the file"
    entries: frozenset[str] = frozenset()


def _convert(checkpoint: Checkpoint) -> _Converted:
    weights, file = checkpoint.weights, checkpoint.file
    if checkpoint.kind == KIND:
        architecture, state = read_architecture(weights, Architecture, file), dict(weights.tree)
        check_channels(architecture.channels, file)
        generator, mean = _built(architecture, state, state.pop("w_mean", None), file)
        return _Converted(generator, "netbend", _count(weights.tree), mean_of_w=mean)
    found = find_generator(weights.tree, file)
    if found is None:
        raise CheckpointError(f"{file}: no StyleGAN2 generator in it, found {checkpoint.summary()}")
    try:
        architecture, state = _CONVERTERS[found.layout](found, file)
    except ValueError as error:
        raise CheckpointError(f"{file}: not an architecture of StyleGAN2 ({shown(str(error))})") from error
    generator, mean = _built(architecture, state, found.mean, file)
    parameters = _count(state) + (0 if found.mean is None else found.mean.numel())
    return _Converted(generator, found.layout, parameters, found.place, mean, found.entries)


_CONVERTERS = {"rosinality": rosinality.convert, "NVIDIA": nvidia.convert}


def _count(state: Weights) -> int:
    return sum(tensor.numel() for tensor in state.values())


def _built(
    architecture: Architecture, state: Weights, mean: Tensor | None, file: str
) -> tuple[Generator, str]:
    """The generator, and where its mean of w comes from."""
    _check_plausible(architecture, state, file)
    generator = fill(lambda: Generator(architecture), state, file, _MAY_BE_MISSING)
    if mean is None:
        generator.w_mean.copy_(generator.sampled_w_mean())
        return generator, "sampled, as the file does not hold it"
    generator.w_mean = _mean_of_w(mean, architecture, file).to(generator.w_mean)
    return generator, "in the file" if generator.w_mean.ndim == 1 else "in the file, one for each layer"


_MAY_BE_MISSING = ("synthesis.noise_", "w_mean")


def _mean_of_w(mean: Tensor, architecture: Architecture, file: str) -> Tensor:
    """`(w_dim,)`, or `(latent_count, w_dim)` where layers have means of their own."""
    sizes = [size for size in mean.shape if size != 1]
    rows = mean.numel() // architecture.w_dim
    if not mean.is_floating_point() or mean.shape[-1:] != (architecture.w_dim,) or len(sizes) > 2:
        rows = 0
    if rows not in (1, architecture.latent_count):
        raise CheckpointError(
            f"{file}: the mean of w has the shape {tuple(mean.shape)}, expected ({architecture.w_dim},) or "
            f"({architecture.latent_count}, {architecture.w_dim})"
        )
    if not mean.isfinite().all():
        raise CheckpointError(f"{file}: NaN or infinity in the mean of w; take an earlier checkpoint")
    means = mean.reshape(rows, architecture.w_dim)
    return means[0] if (means == means[0]).all() else means


def _check_plausible(architecture: Architecture, state: Weights, file: str) -> None:
    """Nothing is built that the file does not hold the weights for."""
    a = architecture
    needed = sum((9 * f + a.w_dim) * f for f in a.features) + a.mapping_depth * a.w_dim * min(
        a.w_dim, a.z_dim
    )
    held = sum(tensor.numel() for tensor in state.values())
    if held < needed:
        raise CheckpointError(f"{file}: {held:,} weights, fewer than its architecture has ({shown(str(a))})")
