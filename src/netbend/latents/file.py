"""Latents in files: `.npz`/`.npy`, `.safetensors` and `.pt`."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netbend.choices import Space
from netbend.errors import LatentError
from netbend.limits import MAX_LATENT_VALUES
from netbend.models.base import Latents, Model
from netbend.models.weights import read_tensors

# Names under which projectors store their result, and the space it lies in.
SPACE_OF_KEY = {"z": Space.Z, "w": Space.W, "w+": Space.W_PLUS, "w_plus": Space.W_PLUS, "latent": Space.W}


def load_latents(path: Path | str, space: Space | str | None = None) -> Latents:
    """Read one or many latents; nothing in the file is executed.

    A file names its space by its key: z, w or w+; `latent`, which projectors of `.pt` files use,
    is w. Arrays of shape `(D,)` or `(N, D)` are z or w, `(N, L, D)` is w+. Latents without a key
    need `space`. Several arrays, such as one for each projected image, are put together. Noise maps
    beside w or w+, `noise_0` ... of shape `(N, 1, H, W)`, one for each layer, are taken along.
    Raises LatentError naming what was found.
    """
    path, space = Path(path), None if space is None else Space(space)
    if not path.is_file():
        raise LatentError(f"latents {path}: {'not a file' if path.exists() else 'no such file'}")
    tree = _read(path)
    found = list(_candidates(tree))
    if space is not None:  # what a key names otherwise is not meant
        found = [(named, values) for named, values in found if named in (None, space)] or found
    if not found:
        raise LatentError(f"latents {path}: no array named {', '.join(SPACE_OF_KEY)} in it")
    batches = [_batch(path, values, space or named) for named, values in found]
    spaces = {batch_space for batch_space, _ in batches}
    if len(spaces) > 1:
        raise LatentError(f"latents {path}: holds {', '.join(sorted(spaces))}; say which with --space")
    try:
        values = torch.cat([batch for _, batch in batches])
    except RuntimeError as error:
        shapes = ", ".join(str(tuple(batch.shape)) for _, batch in batches)
        raise LatentError(f"latents {path}: arrays of different shapes, {shapes}") from error
    if len(values) == 0:
        raise LatentError(f"latents {path}: no latents in it, an array of shape {tuple(values.shape)}")
    if not values.isfinite().all():
        raise LatentError(f"latents {path}: NaN or infinity among the values")
    try:
        return Latents(spaces.pop(), values, tuple(range(len(values))), _noise_maps(tree))
    except LatentError as error:
        raise LatentError(f"latents {path}: {error}") from error


def noise_key(layer: int) -> str:
    """The name of a layer's noise maps in a file."""
    return f"noise_{layer}"


def _noise_maps(tree: Any) -> tuple[Tensor, ...] | None:
    if not isinstance(tree, dict) or noise_key(0) not in tree:
        return None
    count = next(layer for layer in range(len(tree) + 1) if noise_key(layer) not in tree)
    noise_maps = tuple(tree[noise_key(layer)] for layer in range(count))
    if not all(isinstance(maps, Tensor) and maps.ndim == 4 and maps.isfinite().all() for maps in noise_maps):
        raise LatentError("noise maps are finite numbers of shape (N, 1, H, W)")
    return tuple(maps.float() for maps in noise_maps)


def load_latents_for(model: Model, path: Path, space: Space | None = None) -> Latents:
    """Latents from a file that a model can play. Raises LatentError, also where they do not fit it."""
    latents = load_latents(path, space)
    try:
        model.check(latents)
    except LatentError as error:
        raise LatentError(f"latents {path}: {error}") from error
    return latents


def _read(path: Path) -> Any:
    """The file as a tree of dicts, lists and tensors."""
    if path.suffix not in {".npz", ".npy"}:
        return read_tensors(path)
    return {
        name: torch.from_numpy(array.astype(np.float32))
        for name, array in read_arrays(path, "latents").items()
        if np.issubdtype(array.dtype, np.number) and not np.issubdtype(array.dtype, np.complexfloating)
    }


def read_arrays(path: Path, kind: str) -> dict[str, NDArray[Any]]:
    """The arrays of a `.npz` or `.npy` by name; nothing in it is executed. kind: for messages.

    Raises LatentError.
    """
    try:
        if path.suffix == ".npz":
            _refuse_bombs(path, kind)
        loaded = np.load(path, allow_pickle=False)
        return {path.stem: loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, KeyError) as error:
        raise LatentError(f"{kind} {path}: not a readable array file ({error})") from error


def _refuse_bombs(path: Path, kind: str) -> None:
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > 8 * MAX_LATENT_VALUES:
        raise LatentError(f"{kind} {path}: unpacks to {unpacked} bytes, more than any set of {kind}")


def _candidates(tree: Any, name: str | None = None) -> list[tuple[Space | None, Tensor]]:
    """Arrays that may be latents, with the space that their key names."""
    if isinstance(tree, Tensor):
        return [(SPACE_OF_KEY.get(name or ""), tree)]
    if not isinstance(tree, dict):
        return []
    named = {key: value for key, value in tree.items() if key in SPACE_OF_KEY and isinstance(value, Tensor)}
    if named:
        return [(SPACE_OF_KEY[key], value) for key, value in named.items()]
    tensors = [value for value in tree.values() if isinstance(value, Tensor)]
    if len(tensors) == 1 and len(tree) == 1:
        return [(None, tensors[0])]
    return [found for value in tree.values() if isinstance(value, dict) for found in _candidates(value)]


def _batch(path: Path, values: Tensor, space: Space | None) -> tuple[Space, Tensor]:
    values = values.detach().float()
    if values.ndim == 1:
        values = values[None]
    if values.ndim == 2 and space is Space.W_PLUS:
        values = values[None]
    if values.ndim == 3:
        if space is Space.Z:
            raise LatentError(f"latents {path}: an array {tuple(values.shape)} is w+, not z")
        return Space.W_PLUS, values
    if values.ndim != 2:
        raise LatentError(
            f"latents {path}: expected (N, dimensions) or (N, layers, dimensions), "
            f"found {tuple(values.shape)}"
        )
    if space is None:
        raise LatentError(
            f"latents {path}: is the array {tuple(values.shape)} z or w? Say --space z or --space w"
        )
    return space, values
