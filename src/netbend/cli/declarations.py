"""The options of commands without what carries them out: for help and completion, which should be at once.

A command's module imports all that it works with, torch included. Help and completion need its options
alone; while they are answered, every module of netbend that is not named here is a stand-in whose names
are all there and mean nothing, and what such a module would import is not loaded.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# What declares options, and loads nothing else.
LIGHT = {
    "netbend.atomic",
    "netbend.choices",
    "netbend.cli",
    "netbend.digits",
    "netbend.errors",
    "netbend.film",
    "netbend.film.formats",
    "netbend.latents",
    "netbend.latents.projection",
    "netbend.latents.projection.settings",
    "netbend.limits",
    "netbend.memory",
    "netbend.printable",
    "netbend.ranges",
}
HEAVY = {"lightning_fabric", "numpy", "PIL", "torch"}  # of others, as far as commands import them by name


class NeedsWork(Exception):
    """The line asks for more than help after all."""


class _Anything(type):
    """A class that has every attribute, and can be called and subscripted with anything."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls

    def __call__(cls, *_: object, **__: object) -> Any:
        return cls

    def __getitem__(cls, _: object) -> Any:
        return cls


class _Nothing(metaclass=_Anything):
    """What is not loaded."""


class _StandIn(ModuleType):
    """A module, in which every name is there."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


class _Finder(MetaPathFinder, Loader):
    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        package, _, _ = name.partition(".")
        if package in HEAVY or (package == "netbend" and not _is_light(name)):
            return ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def _is_light(name: str) -> bool:
    return name == "netbend" or name in LIGHT or name.startswith("netbend.cli.")


_finder = _Finder()


@contextmanager
def declarations_only() -> Iterator[None]:
    """Within it, commands that are loaded have their options and cannot be run. Nothing of it is left."""
    before = set(sys.modules)
    sys.meta_path.insert(0, _finder)
    try:
        yield
    finally:
        sys.meta_path.remove(_finder)
        for name in set(sys.modules) - before:
            if isinstance(sys.modules[name], _StandIn) or name.startswith("netbend.cli."):
                _forget(name)


def _forget(name: str) -> None:
    module = sys.modules.pop(name)
    package, _, last = name.rpartition(".")
    if vars(sys.modules.get(package, module)).get(last) is module:
        delattr(sys.modules[package], last)


def refuse_work() -> None:
    """Raise NeedsWork where there are declarations only."""
    if _finder in sys.meta_path:
        raise NeedsWork
