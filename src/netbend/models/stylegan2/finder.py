"""Finds a generator in a file, whichever tool wrapped it in whatever: by the names of its tensors.

Every tensor of the file has a path, such as `state_dict`, `decoder.input.input`. Where a path ends as that
of a generator's first constant does, a generator begins; what comes before that is its place.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from netbend.errors import CheckpointError, RefusedFile
from netbend.limits import MAX_GENERATORS
from netbend.models.weights import Entry, ModuleState, entries, shown

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


def holds_generator(names: Iterable[str]) -> bool:
    """Whether there is a generator's first constant among the paths of tensors."""
    return any(_place(name, constant) is not None for name in names for constant in CONSTANTS.values())


def find_generator(tree: Any, file: str) -> FoundGenerator | None:
    """The generator of a file's tree that is meant, None if there is none.

    Raises CheckpointError for several that are meant alike.
    """
    modules: dict[str, ModuleState] = {}
    found = list(entries(tree, modules, file))
    places = sorted(
        (_rank(place), place.count("."), place, layout)
        for layout, constant in CONSTANTS.items()
        for place in {_place(entry.path, constant) for entry in found}
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
    return _found(layout, place, found, modules)


def _found(
    layout: str, place: str, entries: list[Entry], modules: Mapping[str, ModuleState]
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


def _mean_beside(place: str, entries: list[Entry]) -> Entry | None:
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
