"""Which features of a layer a bend takes: plain data, resolved elsewhere."""

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class All:
    """Every feature."""


@dataclass(frozen=True)
class Random:
    """floor(fraction * F) features, drawn without replacement."""

    fraction: float


@dataclass(frozen=True)
class Cluster:
    """The features of one or several clusters, by number or name."""

    ids: tuple[int | str, ...]


@dataclass(frozen=True)
class Indices:
    """Exactly these features, counted from 0."""

    indices: tuple[int, ...]


@dataclass(frozen=True)
class Not:
    """All but another selection."""

    of: "All | Random | Cluster | Indices"


Selection: TypeAlias = All | Random | Cluster | Indices | Not

MOST_FEATURES = 65536  # of any layer


def parse_selection(data: object) -> Selection:
    """Read `all`, `{random: 0.25}`, `{cluster: 3}`, `{indices: [0, 4, 8-15]}` or `{not: ...}`.

    Raises ValueError saying what was expected.
    """
    if isinstance(data, All | Random | Cluster | Indices | Not):
        return data
    if data == "all":
        return All()
    if isinstance(data, dict) and len(data) == 1:
        ((kind, value),) = data.items()
        if kind in _PARSERS:
            return _PARSERS[kind](value)
    raise ValueError("expected all, {random: fraction}, {cluster: id}, {indices: [0, 4, 8-15]} or {not: ...}")


def selection_data(selection: Selection) -> object:
    """The form that `parse_selection` reads."""
    match selection:
        case Random(fraction=fraction):
            return {"random": fraction}
        case Cluster(ids=ids):
            return {"cluster": ids[0] if len(ids) == 1 else list(ids)}
        case Indices(indices=indices):
            return {"indices": _runs(indices)}
        case Not(of=of):
            return {"not": selection_data(of)}
        case _:
            return "all"


def _random(value: object) -> Selection:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"random: expected a fraction from 0 to 1, not {value!r}")
    return Random(float(value))


def _cluster(value: object) -> Selection:
    ids: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    for id in ids:
        if isinstance(id, bool) or not isinstance(id, int | str) or (isinstance(id, int) and id < 0):
            raise ValueError(f"cluster: expected a cluster's number or name, or a list of them, not {id!r}")
    if not ids or len(set(ids)) < len(ids):
        raise ValueError("cluster: expected at least one cluster, each once")
    return Cluster(tuple(ids))


def _indices(value: object) -> Selection:
    entries = value if isinstance(value, list | tuple) else [value]
    indices = [index for entry in entries for index in _range(entry)]
    if len(set(indices)) < len(indices):
        raise ValueError("indices: a feature comes twice")
    return Indices(tuple(indices))


def _range(entry: object) -> range:
    text = str(entry).strip()
    first, dash, last = text.partition("-")
    valid = isinstance(entry, int | str) and not isinstance(entry, bool)
    if not valid or not _is_number(first) or (dash and not _is_number(last)):
        raise ValueError(f"indices: expected features such as 4 or ranges such as 8-15, not {entry!r}")
    low, high = int(first), int(last or first)
    if high < low:
        raise ValueError(f"indices: the range {text} runs backwards")
    if high >= MOST_FEATURES:
        raise ValueError(f"indices: {text} goes beyond {MOST_FEATURES - 1}, more than any layer has")
    return range(low, high + 1)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _not(value: object) -> Selection:
    inner = parse_selection(value)
    if isinstance(inner, Not):
        raise ValueError("not: not of not is the selection itself")
    return Not(inner)


_PARSERS = {"random": _random, "cluster": _cluster, "indices": _indices, "not": _not}


def _runs(indices: tuple[int, ...]) -> list[int | str]:
    """Neighbours joined to ranges."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return [low if low == high else f"{low}-{high}" for low, high in runs]
