"""Options that would be passed over in silence are refused."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import typer

from netbend.errors import RenderError

Needs = Mapping[str, Sequence[str]]


def refuse_idle_options(context: typer.Context, without: Needs, beside: Needs) -> None:
    """Raise RenderError for an option that means nothing with the others given.

    without: options that need the one they are listed under. beside: those that it rules out.
    """
    shown = {option.name: max(option.opts, key=len) for option in context.command.params}
    given = [name for name in shown if is_given(context, str(name))]
    ruled_out = {name for ruling in beside if ruling in given for name in beside[ruling]}
    for needed, idle in without.items():
        for name in given:
            if name in idle and needed not in given and name not in ruled_out:
                raise RenderError(f"{shown[name]} means nothing without {shown[needed]}")
    for ruling, idle in beside.items():
        for name in given:
            if name in idle and ruling in given:
                said = context.params.get(ruling)
                beside_it = f"{shown[ruling]} {said}" if isinstance(said, StrEnum) else shown[ruling]
                raise RenderError(f"{shown[name]} means nothing beside {beside_it}; leave one out")


def option(name: str) -> str:
    """How a parameter is written on the command line."""
    return f"--{name.replace('_', '-')}"


def is_given(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
