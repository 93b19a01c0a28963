"""What in a file may be latents, and what they may be: z, w or w+."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from netbend.choices import Space
from netbend.errors import LatentError
from netbend.limits import MAX_TENSORS
from netbend.models.weights import shown

_ANY = frozenset(Space)
_STYLES = frozenset({Space.W, Space.W_PLUS})

_KEYS_OF_STYLES = (
    *("w", "ws", "latent", "dlatent", "dlatents", "projected_w", "projected_ws", "w_latent", "latent_w"),
    *("w_pivot", "pivot", "w_opt", "w_code", "w_codes"),
)

# Names under which tools keep latents, and what these may be.
SPACES_OF_KEY = {
    "z": frozenset({Space.Z}),
    **dict.fromkeys(_KEYS_OF_STYLES, _STYLES),
    **dict.fromkeys(("w+", "w_plus", "wplus", "wp", "projected_w_plus"), frozenset({Space.W_PLUS})),
    **dict.fromkeys(("latents", "latent_code", "latent_codes"), _ANY),
}
ONE_PICTURES = {"latent", "dlatent", "projected_w"}  # with two dimensions they are the w+ of one picture
NOISE_KEYS = ("noise", "noises", "noise_maps")


@dataclass(frozen=True)
class Sizes:
    """What a model takes. styles, w_dim: 0 for models that know z alone."""

    z_dim: int
    w_dim: int
    styles: int


@dataclass(frozen=True)
class Candidate:
    """Values that may be latents.

    where: their path in the file, for messages. spaces: what their key says that they may be.
    noise: maps beside them, one for each layer. one: they are of one picture.
    """

    where: str
    values: Tensor
    spaces: frozenset[Space]
    noise: tuple[Tensor, ...] | None = None
    one: bool = False

    def readings(self, sizes: Sizes | None) -> dict[Space, Tensor]:
        """As a batch of every kind of latents that they can be.

        sizes: of the model that is to play them, which then decides. What no model of these sizes takes
        is read as if there were none, for the model to say what it takes.
        """
        possible = self._by_shape()
        if sizes is not None:
            possible = {
                space: batch for space, batch in possible.items() if fits(batch, space, sizes)
            } or possible
        if self.values.ndim == 2 and {Space.W, Space.W_PLUS} == set(possible):
            single = self.one or bool(self.noise) if sizes is None else fits_styles(self.values, sizes)
            del possible[Space.W if single else Space.W_PLUS]
        return possible

    def _by_shape(self) -> dict[Space, Tensor]:
        values = self.values
        match values.ndim:
            case 1:
                batches = {Space.Z: values[None], Space.W: values[None]}
            case 2:
                batches = {Space.Z: values, Space.W: values, Space.W_PLUS: values[None]}
            case 3 if values.shape[1] == 1:
                batches = {Space.Z: values[:, 0], Space.W: values[:, 0]}
            case 3:
                batches = {Space.W_PLUS: values}
            case _:
                batches = {}
        # `--space w` is said of w+, too.
        spaces = self.spaces | ({Space.W_PLUS} if values.ndim == 3 and Space.W in self.spaces else set())
        return {space: batch for space, batch in batches.items() if space in spaces}


def fits(batch: Tensor, space: Space, sizes: Sizes) -> bool:
    """Whether a model of these sizes takes such a batch."""
    expected = {
        Space.Z: (sizes.z_dim,),
        Space.W: (sizes.w_dim,) if sizes.styles else None,
        Space.W_PLUS: (sizes.styles, sizes.w_dim) if sizes.styles else None,
    }
    return tuple(batch.shape[1:]) == expected[space]


def fits_styles(values: Tensor, sizes: Sizes) -> bool:
    """Whether rows are as many as a model has styles, so that they are one w+ and not many w."""
    return tuple(values.shape) == (sizes.styles, sizes.w_dim)


def candidates(tree: Any, name: str, sizes: Sizes | None) -> list[Candidate]:
    """All in a file's tree. name: of the file, which is the key of a tree that is one array.

    Raises LatentError for more than any file has.
    """
    found: list[Candidate] = []
    for candidate in _candidates(tree, name, None, sizes):
        found.append(candidate)
        if len(found) > MAX_TENSORS:
            raise LatentError(f"more than {MAX_TENSORS} arrays, at most so many are read")
    return found


def _candidates(
    node: Any, where: str, noise: tuple[Tensor, ...] | None, sizes: Sizes | None
) -> Iterator[Candidate]:
    key = where.rpartition(" > ")[2]
    if isinstance(node, Tensor):
        yield _candidate(where, key, node, noise)
    elif isinstance(node, list):
        for number, item in enumerate(node):
            if isinstance(item, Tensor):
                yield _among_others(_candidate(where, key, item, noise), sizes)
            else:
                yield from _candidates(item, f"{where} > {number}", noise, sizes)
    elif isinstance(node, dict):
        yield from _of_mapping(node, where, noise_in(node) or noise, sizes)


def _of_mapping(
    tree: dict[Any, Any], where: str, noise: tuple[Tensor, ...] | None, sizes: Sizes | None
) -> Iterator[Candidate]:
    def below(key: Any) -> str:
        return f"{where} > {shown(str(key), 40)}"

    known = [key for key in tree if str(key).lower() in SPACES_OF_KEY and _holds_numbers(tree[key])]
    for key in known:
        yield from _candidates(tree[key], f"{where} > {str(key).lower()}", noise, sizes)
    if known:
        return
    others = {
        key: value
        for key, value in tree.items()
        if key not in NOISE_KEYS and not re.fullmatch(r"noise_\d+", str(key))
    }
    tensors = [key for key, value in others.items() if isinstance(value, Tensor)]
    if len(others) == 1 and tensors:
        yield _candidate(below(tensors[0]), str(tensors[0]), others[tensors[0]], noise)
        return
    for key, value in others.items():
        if isinstance(value, dict | list):
            yield from _candidates(value, below(key), noise, sizes)
        elif isinstance(value, Tensor) and sizes is not None:
            unnamed = _candidate(below(key), str(key), value, noise)
            if any(fits(batch, space, sizes) for space, batch in unnamed._by_shape().items()):
                yield _among_others(unnamed, sizes)


def _among_others(candidate: Candidate, sizes: Sizes | None) -> Candidate:
    """One of several arrays of as many rows as there are styles: each is the w+ of a picture."""
    if sizes is not None and fits_styles(candidate.values, sizes) and Space.W_PLUS in candidate.spaces:
        return said(candidate, frozenset({Space.W_PLUS}))
    return candidate


def _holds_numbers(value: Any) -> bool:
    return isinstance(value, Tensor) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, Tensor) for item in value)
    )


def _candidate(where: str, key: str, values: Tensor, noise: tuple[Tensor, ...] | None) -> Candidate:
    while values.ndim > 3 and values.shape[:2] == (1, 1):
        values = values[0]
    one = key.lower() in ONE_PICTURES
    return Candidate(where, values, SPACES_OF_KEY.get(key.lower(), _ANY), noise, one)


def noise_in(tree: dict[Any, Any]) -> tuple[Tensor, ...] | None:
    """Noise maps in a mapping, `(N, 1, H, W)` for each layer: a list, or one by one as `noise_0` ..."""
    held = next((tree[key] for key in NOISE_KEYS if tree.get(key)), tree)
    if isinstance(held, dict):
        numbered = sorted(
            (int(found[1]), str(key)) for key in held if (found := re.fullmatch(r"noise_(\d{1,3})", str(key)))
        )
        if [number for number, _ in numbered] != list(range(len(numbered))):
            raise LatentError("noise maps of some layers are missing")
        return tuple(_noise_map(held[key], at_least=4) for _, key in numbered) or None
    if not isinstance(held, list) or not held:
        return None
    return tuple(_noise_map(maps, at_least=2) for maps in held)


def _noise_map(maps: Any, at_least: int) -> Tensor:
    if not isinstance(maps, Tensor) or not at_least <= maps.ndim <= 4 or not maps.isfinite().all():
        raise LatentError("noise maps are finite numbers of shape (N, 1, H, W)")
    maps = maps.detach().float()
    while maps.ndim < 4:
        maps = maps[None]
    return maps


def said(candidate: Candidate, spaces: frozenset[Space]) -> Candidate:
    """The same, where somebody said what it is."""
    return replace(candidate, spaces=spaces)
