"""Latents in files: `.npz`/`.npy`, `.safetensors`, `.pt` and `.pkl`, as tools and projectors write them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netbend.choices import Space, choose
from netbend.errors import CheckpointError, LatentError
from netbend.latents.arrays import NO_ARRAYS, arrays_in, is_array_file, pickled_objects, read_file
from netbend.latents.candidates import SPACES_OF_KEY, Candidate, Sizes, candidates, said
from netbend.limits import MAX_LATENT_VALUES
from netbend.models.base import Latents, Model
from netbend.models.capabilities import style_count
from netbend.models.weights import UnknownFile, parse_weights, shown


def load_latents(path: Path | str, space: Space | str | None = None) -> Latents:
    """Read one or many latents; nothing in the file is executed.

    A file names its space by its key: z, w or w+, and those that projectors use. Arrays of shape `(D,)` or
    `(N, D)` are z or w, `(N, L, D)` is w+; `(L, D)` under `latent` is one w+. Several arrays, such as one for
    each projected image, are put together. Noise maps beside them, `noise`, `noises` or `noise_0` ..., are
    taken along.

    Args:
        path: Of a .npz, .npy, .safetensors, .pt or .pkl file, by content.
        space: Of latents without a key that says it; they need this, or a model to play them
            (`load_latents_for`).

    Raises:
        LatentError: Naming what was found.
    """
    return _load(Path(path), None if space is None else choose(Space, space, "space"), None)


def load_latents_for(model: Model, path: Path, space: Space | None = None) -> Latents:
    """Latents from a file that a model can play, whose sizes decide where keys do not.

    Raises LatentError, also where they do not fit it.
    """
    latents = _load(path, None if space is None else choose(Space, space, "space"), _sizes(model))
    try:
        model.check(latents)
    except LatentError as error:
        raise LatentError(f"latents {path}: {error}") from error
    return latents


def check_arrays(path: Path) -> None:
    """Raise LatentError for a file that holds no arrays; which of them are latents, a model decides."""
    with _named(path):
        _unpacked(read_file(path, "latents"), path)


def noise_key(layer: int) -> str:
    """The name of a layer's noise maps in a file."""
    return f"noise_{layer}"


def _sizes(model: Model) -> Sizes:
    z_dim = model.latents([0]).values.shape[-1]
    styles = style_count(model)
    w_dim = model.mean_latent().values.shape[-1] if styles else 0
    return Sizes(z_dim, w_dim, styles)


def _load(path: Path, space: Space | None, sizes: Sizes | None) -> Latents:
    with _named(path):
        return _latents(_read(path, sizes), path.stem, space, sizes)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file of latents, as a LatentError that names it."""
    try:
        yield
    except UnknownFile as error:
        raise LatentError(f"latents {path}: {NO_ARRAYS}") from error
    except CheckpointError as error:
        raise LatentError(f"latents {error}") from error
    except LatentError as error:
        message = str(error)
        raise LatentError(message if str(path) in message else f"latents {path}: {message}") from error


def _read(path: Path, sizes: Sizes | None) -> Any:
    """The file as a tree of dicts, lists and tensors."""
    data = read_file(path, "latents")
    tree = _unpacked(data, path)
    if pickled_objects(data, path) is not None and not candidates(tree, path.stem, sizes):
        raise LatentError("not a readable array file (it holds pickled objects, none of them latents)")
    return tree


def _unpacked(data: bytes, path: Path) -> Any:
    pickled = pickled_objects(data, path)
    if pickled is not None:
        return parse_weights(pickled, str(path)).tree
    if not is_array_file(data) and path.suffix not in {".npz", ".npy"}:
        return parse_weights(data, str(path)).tree
    tensors = {
        name: torch.from_numpy(array.astype(np.float32))
        for name, array in arrays_in(data, path, "latents").items()
        if np.issubdtype(array.dtype, np.number) and not np.issubdtype(array.dtype, np.complexfloating)
    }
    return tensors[path.stem] if list(tensors) == [path.stem] else tensors


def _latents(tree: Any, name: str, space: Space | None, sizes: Sizes | None) -> Latents:
    found = candidates(tree, name, sizes)
    if space is not None:  # what a key names otherwise is not meant
        fitting = [candidate for candidate in found if space in candidate.spaces] or found
        found = [said(candidate, frozenset({space})) for candidate in fitting]
    if not found:
        raise LatentError(f"no array named {', '.join(SPACES_OF_KEY)} in it, found {_contents(tree)}")
    count = sum(candidate.values.numel() for candidate in found)
    if count > MAX_LATENT_VALUES:
        raise LatentError(f"{count} values, at most {MAX_LATENT_VALUES} are read")
    batches = [_only_reading(candidate, space, sizes) for candidate in found]
    spaces = {batch_space for batch_space, _ in batches}
    if len(spaces) > 1:
        raise LatentError(f"holds {', '.join(sorted(spaces))}; say which with --space")
    values = _together([batch for _, batch in batches], "arrays")
    if len(values) == 0:
        raise LatentError(f"no latents in it, an array of shape {tuple(values.shape)}")
    if not values.isfinite().all():
        raise LatentError("NaN or infinity among the values")
    noise_maps = _noise_maps(found, [len(batch) for _, batch in batches])
    return Latents(spaces.pop(), values, tuple(range(len(values))), noise_maps)


def _only_reading(candidate: Candidate, space: Space | None, sizes: Sizes | None) -> tuple[Space, Tensor]:
    """The one kind of latents that an array is. Raises LatentError for none, and for several."""
    readings = candidate.readings(sizes)
    shape = tuple(candidate.values.shape)
    if len(readings) > 1:
        kinds = list(readings)
        options = " or ".join(f"--space {kind}" for kind in kinds)
        raise LatentError(f"is the array {shape} {' or '.join(kinds)}? Say {options}")
    if not readings:
        kind = "" if space is None else f" of {space}"
        raise LatentError(
            f"expected latents{kind}, (N, dimensions) or (N, layers, dimensions), found {shape}"
        )
    ((found, batch),) = readings.items()
    return found, batch.detach().float()


def _noise_maps(found: list[Candidate], counts: list[int]) -> tuple[Tensor, ...] | None:
    noises = [candidate.noise for candidate in found]
    if all(noise is None for noise in noises):
        return None
    if not all(noises):
        without = next(candidate.where for candidate in found if not candidate.noise)
        warnings.warn(
            f"latents {without}: no noise maps beside it, as beside others; those of none are used. "
            f"Keep them in files of their own",
            stacklevel=2,
        )
        return None
    first = noises[0]
    assert first is not None
    if all(noise is first for noise in noises):  # of the whole file
        return _fitted(first, sum(counts))
    layers = zip(
        *(_fitted(noise or (), count) for noise, count in zip(noises, counts, strict=True)), strict=False
    )
    return tuple(_together(list(maps), "noise maps") for maps in layers)


def _fitted(noise: tuple[Tensor, ...], count: int) -> tuple[Tensor, ...]:
    """Maps that stand for all latents as one for each."""
    return tuple(maps.expand(count, -1, -1, -1) if len(maps) == 1 else maps for maps in noise)


def _together(batches: list[Tensor], what: str) -> Tensor:
    if len({batch.shape[1:] for batch in batches}) > 1:
        shapes = ", ".join(dict.fromkeys(str(tuple(batch.shape)) for batch in batches[:8]))
        raise LatentError(f"{what} of different shapes, {shapes}")
    return torch.cat(batches)


def _contents(tree: Any, most: int = 6) -> str:
    """What a file holds, for messages."""
    if isinstance(tree, Tensor):
        return f"an array {tuple(tree.shape)}"
    if not isinstance(tree, dict):
        return type(tree).__name__
    names = [
        f"{shown(str(key), 40)} {tuple(value.shape)}" if isinstance(value, Tensor) else shown(str(key), 40)
        for key, value in list(tree.items())[:most]
    ]
    return ", ".join(names) + (f" and {len(tree) - most} more" if len(tree) > most else "") or "nothing"
