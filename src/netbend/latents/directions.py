"""Directions of w along which it varies most (GANSpace, Harkonen et al. 2020, section 2.1)."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netbend.atomic import write_atomic
from netbend.errors import LatentError
from netbend.latents.arrays import read_file
from netbend.latents.direction_files import find_in, read_tree
from netbend.models.base import Model
from netbend.models.capabilities import HasStyles, style_count
from netbend.models.weights import shown

SAMPLES = 10_000
BATCH = 1000


@dataclass(frozen=True)
class Directions:
    """Principal components of w, that of the largest variance first.

    vectors: `(count, D)`, of length 1, the largest entry of each positive. deviations: `(count,)`, standard
    deviations along them. shares: `(count,)` of the whole variance. samples: how many w they were found in.
    Those of other tools have the signs and the order that these gave them, and may be `(count, L, D)`, with
    a way of its own for each layer, the longest of length 1.
    """

    vectors: Tensor
    deviations: Tensor
    shares: Tensor
    samples: int
    model: str
    model_hash: str

    def __len__(self) -> int:
        return len(self.vectors)

    def step(self, direction: int) -> Tensor:
        """What to add to w `(D,)`, or w+ `(L, D)`, to go one standard deviation.

        Raises LatentError for a number too high.
        """
        if not 0 <= direction < len(self):
            raise LatentError(f"direction {direction}: {self.model} has directions 0 to {len(self) - 1} here")
        return self.vectors[direction] * self.deviations[direction]

    def first(self, count: int) -> "Directions":
        """So many of them at most."""
        return replace(
            self, vectors=self.vectors[:count], deviations=self.deviations[:count], shares=self.shares[:count]
        )

    def check(self, model: Model) -> None:
        """Raise LatentError if they are not of this model."""
        if self.model_hash != model.hash:
            raise LatentError(
                f"directions of {self.model}, of the hash {self.model_hash[:12]}; {model.name} has "
                f"{model.hash[:12]}. `netbend directions {model.name}` finds its own"
            )
        width = model.mean_latent().values.shape[-1]
        sizes = tuple(self.vectors.shape), tuple(self.deviations.shape), tuple(self.shares.shape)
        steps = {(len(self), width), (len(self), style_count(model), width)}
        if sizes[0] not in steps or sizes[1:] != ((len(self),), (len(self),)):
            raise LatentError(f"expected directions of {width} numbers, found {sizes[0]}")
        if not all(values.isfinite().all() for values in (self.vectors, self.deviations, self.shares)):
            raise LatentError("NaN or infinity among the directions")

    def save(self, path: Path | str, *, overwrite: bool = True) -> None:
        """Write as `.npz`. Raises LatentError for what the system refuses, and what may not be replaced."""
        file = io.BytesIO()
        np.savez(
            file,
            directions=self.vectors.numpy(),
            deviations=self.deviations.numpy(),
            shares=self.shares.numpy(),
            samples=np.array(self.samples),
            model=np.array(self.model),
            model_hash=np.array(self.model_hash),
        )
        write_atomic(Path(path), file.getvalue(), LatentError, overwrite=overwrite)


def find_directions(model: Model, count: int | None = None, samples: int = SAMPLES) -> Directions:
    """Principal components of the w of seeds 0 to samples - 1, untruncated (GANSpace).

    Args:
        model: With w.
        count: How many; None for as many as w has dimensions.
        samples: How many w are looked at.

    Raises:
        LatentError: For models without w: their z varies alike in all directions, and has no principal ones.
    """
    _with_w(model)
    width = model.mean_latent().values.shape[-1]
    count = width if count is None else count
    if not 1 <= count <= width:
        raise LatentError(f"{count} directions: {model.name} has 1 to {width}")
    if samples <= count:
        raise LatentError(f"{samples} samples: {count} directions need more than {count}")
    variances, vectors = torch.linalg.eigh(_covariance(model, samples, width))
    variances, vectors = variances.flip(0).clamp(min=0), vectors.T.flip(0)
    vectors = vectors * _signs(vectors)
    shares = variances / variances.sum()
    return Directions(
        vectors[:count].float(),
        variances[:count].sqrt().float(),
        shares[:count].float(),
        samples,
        model.name,
        model.hash,
    )


def _with_w(model: Model) -> HasStyles:
    if not isinstance(model, HasStyles):
        raise LatentError(
            f"{model.name} has no w to find directions in; its z varies alike in all directions. "
            "Models with styles have directions"
        )
    return model


def _covariance(model: Model, samples: int, width: int) -> Tensor:
    """Of w `(width, width)`, summed batch by batch in double precision."""
    total, products = torch.zeros(width, dtype=torch.double), torch.zeros(width, width, dtype=torch.double)
    for start in range(0, samples, BATCH):
        seeds = range(start, min(start + BATCH, samples))
        w = _with_w(model).to_w(model.latents(seeds)).values.double()
        total += w.sum(dim=0)
        products += w.T @ w
    return (products - torch.outer(total, total) / samples) / (samples - 1)


def _signs(vectors: Tensor) -> Tensor:
    """What makes the largest entry of each positive: a component has no sign of its own."""
    largest = vectors.abs().argmax(dim=1, keepdim=True)
    return vectors.gather(1, largest).sign()


def load_directions(path: Path | str, model: Model) -> Directions:
    """Read directions of a model: what `Directions.save` wrote, or what other tools found.

    Of other tools are GANSpace's components, SeFa's factors and plain boundaries; what they lack, how far w
    reaches along them, is measured in the model.

    Args:
        path: Of the file; nothing in it is executed.
        model: That they are directions of.

    Raises:
        LatentError: If the file cannot be used, or holds directions of another model.
    """
    path = Path(path)
    data = read_file(path, "directions")
    tree = read_tree(data, path)
    try:
        found = _saved(tree) if "directions" in tree and "model_hash" in tree else _of_a_tool(tree, model)
        found.check(model)
    except LatentError as error:
        raise LatentError(f"directions {path}: {error}") from error
    return found


def _saved(arrays: Mapping[str, Any]) -> Directions:
    try:
        vectors, deviations, shares = (
            torch.from_numpy(arrays[key].astype(np.float32)) for key in ("directions", "deviations", "shares")
        )
        samples, model, hash = (arrays[key].item() for key in ("samples", "model", "model_hash"))
        return Directions(vectors, deviations, shares, int(samples), str(model), str(hash))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise LatentError(f"not a file of `netbend directions` ({shown(str(error))})") from error


def _of_a_tool(tree: Mapping[str, Any], model: Model) -> Directions:
    width = model.mean_latent().values.shape[-1]
    found = find_in(tree, width, _with_w(model).style_count)
    # A step moves the layer that moves most by one standard deviation of w along its way.
    vectors, leading, lengths = found.vectors, found.vectors, found.vectors.norm(dim=-1)
    if vectors.ndim == 3:
        lengths, layer = lengths.max(dim=1)
        leading = vectors[range(len(vectors)), layer]
    if not lengths.isfinite().all() or not (lengths > 0).all():
        raise LatentError("directions of no length, or with NaN or infinity among their numbers")
    vectors = vectors / lengths.reshape(-1, *[1] * (vectors.ndim - 1))
    leading = (leading / lengths[:, None]).double()
    covariance = _covariance(model, SAMPLES, width)
    variances = ((leading @ covariance) * leading).sum(dim=1).clamp(min=0)
    deviations = variances.sqrt().float() if found.deviations is None else found.deviations * lengths
    shares = (variances / covariance.trace()).float() if found.shares is None else found.shares
    return Directions(vectors, deviations, shares, SAMPLES, model.name, model.hash)
