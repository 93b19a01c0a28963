"""Directions as other tools keep them: GANSpace's components, SeFa's factors, boundaries of InterFaceGAN."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netbend.errors import CheckpointError, LatentError
from netbend.latents.arrays import NO_ARRAYS, arrays_in, is_array_file
from netbend.latents.candidates import SPACES_OF_KEY
from netbend.limits import MAX_DIRECTIONS
from netbend.models.weights import UnknownFile, parse_weights

# Components, and standard deviations along them: GANSpace's of latents, e4e's copy, GANSpace's of features.
COMPONENTS = (("lat_comp", "lat_stdev"), ("comp", "std"), ("act_comp", "act_stdev"))
SHARES = "var_ratio"
COLUMNS = ("eigvec", "eigvecs", "V")  # of the singular value decomposition of all styles' weights


@dataclass(frozen=True)
class FoundDirections:
    """Directions in a file, `(count, D)`, or `(count, L, D)` where layers move in their own.

    deviations, shares: `(count,)`, where the file has them.
    """

    vectors: Tensor
    deviations: Tensor | None = None
    shares: Tensor | None = None


def read_tree(data: bytes, path: Path) -> Mapping[str, Any]:
    """What a file of directions holds, by name; nothing in it is executed. Raises LatentError."""
    if is_array_file(data) or path.suffix in {".npz", ".npy"}:
        # Components of features can be gigabytes, and are the lesser choice.
        arrays = arrays_in(data, path, "directions", lambda name: not name.startswith("act_"))
        if not arrays or (SHARES in arrays and "lat_comp" not in arrays):
            arrays = arrays_in(data, path, "directions")
        return arrays
    try:
        tree = parse_weights(data, str(path)).tree
    except UnknownFile as error:
        raise LatentError(f"directions {path}: {NO_ARRAYS}") from error
    except CheckpointError as error:
        raise LatentError(f"directions {error}") from error
    if isinstance(tree, list):
        tree = {str(number): value for number, value in enumerate(tree)}
    return tree if isinstance(tree, dict) else {path.stem: tree}


def find_in(tree: Mapping[str, Any], width: int, layers: int) -> FoundDirections:
    """The directions in a tree. width: of w. layers: of w+. Raises LatentError for none."""
    tensors = {str(name): tensor for name, value in tree.items() if (tensor := _tensor(value)) is not None}
    latents = [name for name in tensors if name.lower() in SPACES_OF_KEY]
    if latents:
        raise LatentError(
            f"not a file of `netbend directions` or another tool's, but of latents (`{latents[0]}`)"
        )
    for components, deviations in COMPONENTS:
        if components in tensors:
            return _components(tensors, components, deviations, width)
    for name in COLUMNS:
        if name in tensors:
            return FoundDirections(_columns(tensors[name], width))
    arrays = [tensor for tensor in tensors.values() if tensor.numel() > 1]  # boundaries may have an intercept
    fitting = [vectors for tensor in arrays if (vectors := _rows(tensor, width, layers)) is not None]
    if not fitting or len(fitting) < len(arrays):
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in arrays[:6]) or "nothing"
        raise LatentError(
            f"expected directions of {width} numbers, or of ({layers}, {width}); found arrays {shapes}"
        )
    if len({vectors.shape[1:] for vectors in fitting}) > 1:
        raise LatentError("holds directions of w and of w+; keep them apart")
    return FoundDirections(torch.cat(fitting))


def _tensor(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value.detach().float()
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        return torch.from_numpy(value.astype(np.float32))
    return None


def _components(tensors: Mapping[str, Tensor], name: str, deviations: str, width: int) -> FoundDirections:
    vectors = tensors[name]
    if vectors.ndim < 2 or vectors[0].numel() != width:
        raise LatentError(
            f"`{name}` has the shape {tuple(vectors.shape)}; expected components of w, of {width} numbers"
        )
    vectors = vectors.reshape(len(vectors), width)
    given = tensors.get(deviations)
    if given is not None and given.numel() != len(vectors):
        raise LatentError(f"`{deviations}` has {given.numel()} numbers for {len(vectors)} directions")
    if given is not None and deviations == "lat_stdev" and (given == 1).all():
        warnings.warn(
            "its deviations are all 1, as GANSpace writes them for directions of z; they are taken as "
            "directions of w, which its option --use_w finds",
            stacklevel=2,
        )
    shares = tensors.get(SHARES)
    fits = shares is not None and shares.numel() == len(vectors)
    return FoundDirections(
        vectors,
        None if given is None else given.flatten(),
        shares.flatten() if shares is not None and fits else None,
    )


def _columns(vectors: Tensor, width: int) -> Tensor:
    if vectors.ndim != 2 or vectors.shape[0] != width:
        raise LatentError(
            f"factors of the shape {tuple(vectors.shape)}; expected columns of {width} numbers, as w has"
        )
    return vectors.T.contiguous()


def _rows(tensor: Tensor, width: int, layers: int) -> Tensor | None:
    """Directions of w `(count, width)` or of w+ `(count, layers, width)`, None for other arrays."""
    shape = tuple(tensor.shape)
    if not shape or shape[-1] != width or not 0 < tensor.numel() // width <= MAX_DIRECTIONS:
        return None
    if shape[-2:] == (layers, width):
        return tensor.reshape(-1, layers, width)
    return tensor.reshape(-1, width) if len(shape) <= 2 or shape[-2] == 1 else None
