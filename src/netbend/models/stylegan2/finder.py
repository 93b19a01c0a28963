"""Finds a generator in a file, whichever tool wrapped it in whatever: by the names of its tensors.

Every tensor of the file has a path, such as `state_dict`, `decoder.input.input`. Where a path ends as that
of a generator's first constant does, a generator begins; what comes before that is its place.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from netbend.errors import CheckpointError, RefusedFile
from netbend.limits import MAX_GENERATORS, MAX_MODULE_PATH, MAX_MODULES, MAX_TENSORS
from netbend.models.weights import ModuleState, shown

# The learned constant that every generator of a layout has, and nothing else.
CONSTANTS = {"rosinality": "input.input", "NVIDIA": "synthesis.b4.const"}

# Averages of a generator over its training before the generator itself.
PREFERRED = (
    ("g_ema",),
    ("G_ema",),
    ("generator_ema", "ema_generator", "netG_ema", "g_running", "ema", "params_ema"),
    ("g",),
    ("G",),
    ("generator", "netG", "decoder"),
)
MEANS_OF_W = (
    "latent_avg",
    "w_avg",
    "mapping.w_avg",
    "w_mean",
    "mean_latent",
    "dlatent_avg",
    "truncation.w_avg",
)


@dataclass(frozen=True)
class FoundGenerator:
    """A generator in a file.

    layout: whose names its tensors have. place: its path in the file, empty for a bare generator.
    weights: by their names within it. modules: pickled parts of it, by path, empty for the whole.
    mean: of w, where the file holds one beside or within it. entries: what of the file's top is read.
    """

    layout: str
    place: str
    weights: Mapping[str, Tensor]
    modules: Mapping[str, ModuleState]
    mean: Tensor | None
    entries: frozenset[str]


@dataclass(frozen=True)
class _Entry:
    """A tensor at its path. container: path of the dictionary or network that it is directly in."""

    path: str
    tensor: Tensor
    container: str
    top: str


def find_generator(tree: Any, file: str) -> FoundGenerator | None:
    """The generator of a file's tree that is meant, None if there is none.

    Raises CheckpointError for several that are meant alike.
    """
    modules: dict[str, ModuleState] = {}
    entries = list(_entries(tree, modules, file))
    places = sorted(
        (_rank(place), place.count("."), place, layout)
        for layout, constant in CONSTANTS.items()
        for place in {_place(entry.path, constant) for entry in entries}
        if place is not None
    )
    if not places:
        return None
    if len(places) > MAX_GENERATORS:
        raise RefusedFile(f"{file}: more than {MAX_GENERATORS} generators; refused")
    first, second = places[0], places[1] if len(places) > 1 else None
    if second is not None and first[:2] == second[:2]:
        names = " and ".join(f"`{shown(place.rstrip('.'), 60)}`" for _, _, place, _ in places[:2])
        raise CheckpointError(f"{file}: two generators, {names}; save the one that is meant as `g_ema`")
    _, _, place, layout = first
    return _found(layout, place, entries, modules)


def _found(
    layout: str, place: str, entries: list[_Entry], modules: Mapping[str, ModuleState]
) -> FoundGenerator:
    root = next(entry.container for entry in entries if entry.path == place + CONSTANTS[layout])
    mean = _mean_beside(place, entries)
    within = [entry for entry in entries if entry.path.startswith(place) and entry is not mean]
    # In dictionaries of their own beside a bare generator lie other things.
    own = [entry for entry in within if entry.container == root or _KNOWN.match(entry.path[len(place) :])]
    read = own if mean is None else [*own, mean]
    return FoundGenerator(
        layout,
        place.rstrip("."),
        {entry.path[len(place) :]: entry.tensor for entry in own if not _is_count(entry.tensor)},
        {path[len(place) :]: module for path, module in modules.items() if f"{path}.".startswith(place)},
        None if mean is None else mean.tensor,
        frozenset(entry.top for entry in read),
    )


_KNOWN = re.compile(r"(?:input|style|conv1|convs|to_rgb1|to_rgbs|noises|mapping|synthesis)\.")


def _is_count(tensor: Tensor) -> bool:
    """Steps, and batches seen, stand among the weights of some tools."""
    return tensor.ndim == 0 and not tensor.is_floating_point()


def _mean_beside(place: str, entries: list[_Entry]) -> _Entry | None:
    """The mean of w that is nearest: in the generator, or in what holds it."""
    by_path = {entry.path: entry for entry in entries}
    parts = place.split(".")[:-1]
    for length in range(len(parts), -1, -1):
        above = "".join(f"{part}." for part in parts[:length])
        for name in MEANS_OF_W:
            if f"{above}{name}" in by_path:
                return by_path[f"{above}{name}"]
    return None


def _place(path: str, constant: str) -> str | None:
    if path == constant or path.endswith(f".{constant}"):
        return path[: -len(constant)]
    return None


def _rank(place: str) -> int:
    parts = set(place.split("."))
    return next((rank for rank, names in enumerate(PREFERRED) if parts & set(names)), len(PREFERRED))


def _entries(tree: Any, modules: dict[str, ModuleState], file: str) -> Iterator[_Entry]:
    """All tensors; modules: gets the pickled networks that are met, by their paths."""
    pending: list[tuple[str, Any, str, str]] = [("", tree, "", "")]
    tensors = visited = 0
    while pending:
        path, node, container, top = pending.pop()
        visited += 1
        if isinstance(node, Tensor):
            tensors += 1
            yield _Entry(path, node, container, top)
        elif isinstance(node, ModuleState):
            inside = container if container in modules else path
            if len(modules) >= MAX_MODULES * MAX_GENERATORS:
                raise RefusedFile(f"{file}: more modules than any StyleGAN2 has; refused")
            modules[path] = node
            for kind in ("_parameters", "_buffers", "_modules"):
                held = node.attributes.get(kind)
                if isinstance(held, dict):
                    pending += _below(path, held, inside, top)
        elif isinstance(node, dict):
            pending += _below(path, node, path, top)
        elif isinstance(node, list) and len(node) <= MAX_GENERATORS:
            pending += _below(path, dict(enumerate(node)), path, top)
        if tensors > MAX_TENSORS or visited + len(pending) > 4 * MAX_TENSORS:
            raise RefusedFile(f"{file}: more entries than any file of a StyleGAN2 has; refused")


def _below(
    path: str, held: Mapping[Any, Any], container: str, top: str
) -> Iterator[tuple[str, Any, str, str]]:
    for name, value in held.items():
        if isinstance(value, Tensor | ModuleState | dict | list) and len(str(name)) <= MAX_MODULE_PATH:
            below = f"{path}.{name}" if path else str(name)
            if len(below) <= 4 * MAX_MODULE_PATH:
                yield below, value, container, top or str(name)
