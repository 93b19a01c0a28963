"""Which features of a layer a bend takes: plain data, resolved elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, TypeAlias

from netbend.limits import MAX_FEATURES
from netbend.motion import Number, bounds_of, number_data, parse_number
from netbend.motion.parse import noise_data, noise_seed, noise_settings
from netbend.ranges import ranges_in, refuse_twice


@dataclass(frozen=True)
class All:
    """Every feature."""


@dataclass(frozen=True)
class Random:
    """floor(fraction * F) features, drawn without replacement; a fraction that grows adds to them."""

    fraction: Number

    def __post_init__(self) -> None:
        low, high = bounds_of(self.fraction)
        if not (low >= 0 and high <= 1):
            raise ValueError(f"Random: expected a fraction from 0 to 1, not {self.fraction!r:.40}")


@dataclass(frozen=True)
class Cluster:
    """The features of one or several clusters, by number or name."""

    ids: tuple[int | str, ...]


@dataclass(frozen=True)
class Indices:
    """Exactly these features, counted from 0."""

    indices: tuple[int, ...]

    def __post_init__(self) -> None:
        wrong = [index for index in self.indices if not isinstance(index, Integral) or index < 0]
        if wrong:
            raise ValueError(f"Indices: features are counted from 0, not {wrong[0]!r:.40}")


@dataclass(frozen=True)
class Drift:
    """Those features whose Perlin noise is above a threshold at the time; each has noise of its own.

    seed, seconds, loop, octaves: of the noise, see `perlin`. within: the others are never taken.
    time: seconds at which the noise is looked at, None while it moves.
    """

    seed: int
    above: Number = 0.0
    seconds: float = 1.0
    loop: float | None = None
    octaves: int = 1
    within: "All | Random | Cluster | Indices" = All()
    time: float | None = None


@dataclass(frozen=True)
class Not:
    """All but another selection."""

    of: "All | Random | Cluster | Indices | Drift"


Selection: TypeAlias = All | Random | Cluster | Indices | Drift | Not


def parse_selection(data: object, folder: Path | None = None) -> Selection:
    """Read `all`, `{random: 0.25}`, `{cluster: 3}`, `{indices: [0, 4, 8-15]}`, `{not: ...}` or
    `{noise: 7, above: 0.1}`. folder: where the paths of sounds start that something follows.

    Raises ValueError saying what was expected.
    """
    if isinstance(data, All | Random | Cluster | Indices | Drift | Not):
        return data
    if data == "all":
        return All()
    if isinstance(data, dict) and "noise" in data:
        return _drift(data, folder)
    if isinstance(data, dict) and len(data) == 1:
        ((kind, value),) = data.items()
        if kind == "random":
            return _random(value, folder)
        if kind == "not":
            return _not(value, folder)
        if kind in _PARSERS:
            return _PARSERS[kind](value)
    raise ValueError(
        "expected all, {random: fraction}, {cluster: id}, {indices: [0, 4, 8-15]}, {not: ...} "
        "or {noise: seed, above: 0.1}"
    )


def selection_data(selection: Selection) -> object:
    """The form that `parse_selection` reads."""
    match selection:
        case Random(fraction=fraction):
            return {"random": number_data(fraction)}
        case Cluster(ids=ids):
            return {"cluster": ids[0] if len(ids) == 1 else list(ids)}
        case Indices(indices=indices):
            return {"indices": _runs(indices)}
        case Drift():
            return _drift_data(selection)
        case Not(of=of):
            return {"not": selection_data(of)}
        case _:
            return "all"


def listed_features(selection: Selection) -> tuple[int, ...]:
    """The features that it names one by one."""
    match selection:
        case Indices(indices=indices):
            return indices
        case Drift(within=inner) | Not(of=inner):
            return listed_features(inner)
        case _:
            return ()


def _random(value: object, folder: Path | None) -> Selection:
    try:
        fraction = parse_number(value, folder)
    except ValueError as error:
        if isinstance(value, Mapping):
            raise ValueError(f"random: {error}") from error
        fraction = -1.0
    low, high = bounds_of(fraction)
    if low < 0 or high > 1:
        raise ValueError(f"random: expected a fraction from 0 to 1, not {value!r:.60}")
    return Random(fraction)


def _drift(data: Mapping[str, Any], folder: Path | None) -> Selection:
    known = ("noise", "above", "seconds", "loop", "octaves", "within")
    unknown = [key for key in data if key not in known]
    if unknown:
        raise ValueError(f"noise: unknown key `{unknown[0]!s:.40}`; it takes {', '.join(known)}")
    above = parse_number(data.get("above", 0.0), folder)
    within: Any = parse_selection(data.get("within", "all"), folder)
    if isinstance(within, Not | Drift):
        raise ValueError("noise: within: expected all, {random: ...}, {cluster: ...} or {indices: ...}")
    return Drift(noise_seed(data["noise"]), above, **noise_settings(data), within=within)


def _drift_data(drift: Drift) -> dict[str, Any]:
    data = {"noise": drift.seed, "above": number_data(drift.above)}
    data |= noise_data(drift.seconds, drift.loop, drift.octaves)
    return data if drift.within == All() else {**data, "within": selection_data(drift.within)}


def _cluster(value: object) -> Selection:
    ids: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    for id in ids:
        if isinstance(id, bool) or not isinstance(id, int | str) or (isinstance(id, int) and id < 0):
            raise ValueError(
                f"cluster: expected a cluster's number or name, or a list of them, not {id!r:.60}"
            )
    if not ids or len(set(ids)) < len(ids):
        raise ValueError("cluster: expected at least one cluster, each once")
    return Cluster(tuple(ids))


def _indices(value: object) -> Selection:
    if value in ([], ()):
        return Indices(())
    try:
        indices = ranges_in(value, most=MAX_FEATURES, largest=MAX_FEATURES - 1)
    except ValueError as error:
        raise ValueError(f"indices {error}") from error
    try:
        refuse_twice(indices)
    except ValueError as error:
        raise ValueError(f"indices: feature {error}") from error
    return Indices(tuple(indices))


def _not(value: object, folder: Path | None) -> Selection:
    inner = parse_selection(value, folder)
    if isinstance(inner, Not):
        raise ValueError("not: not of not is the selection itself")
    return Not(inner)


_PARSERS = {"cluster": _cluster, "indices": _indices}


def _runs(indices: tuple[int, ...]) -> list[int | str]:
    """Neighbours joined to ranges."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return [low if low == high else f"{low}-{high}" for low, high in runs]
