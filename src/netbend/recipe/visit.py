"""Walks through a recipe: one way down to every bend, selection, number, latent and path in it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeAlias, TypeVar

from netbend.recipe.yamlfile import Source

T = TypeVar("T")
Part: TypeAlias = tuple[str | int, Any]
"""Where a part stands in what holds it: the name of a field, its place in a list, its key; and the part."""


def parts_of(value: Any) -> list[Part]:
    """What stands directly in a value: fields of data classes, entries of tuples and mappings."""
    if isinstance(value, tuple):
        return list(enumerate(value))
    if isinstance(value, Mapping):
        return list(value.items())
    if is_dataclass(value) and not isinstance(value, type | Source):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    return []


def rebuilt(value: T, change: Callable[[str | int, Any], Any]) -> T:
    """The value with each of its parts replaced by what `change` makes of it; itself if none changes.

    Args:
        value: A recipe or anything in it.
        change: Given where a part stands, see `Part`, and the part.
    """
    parts = parts_of(value)
    changed = {key: change(key, part) for key, part in parts}
    if all(changed[key] is part for key, part in parts):
        return value
    made: Any
    if isinstance(value, tuple):
        made = tuple(changed.values())
    elif isinstance(value, Mapping):
        made = changed
    else:
        made = replace(value, **{str(key): part for key, part in changed.items()})  # type: ignore[type-var]
    return made


def walk(value: Any) -> Iterator[Any]:
    """The value and everything in it, at any depth."""
    yield value
    for _, part in parts_of(value):
        yield from walk(part)
