"""Options that would be passed over in silence are refused."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import typer

from netbend.cli.usage import UsageError, is_given, shown

Needs = Mapping[str, Sequence[str]]


def refuse_idle_options(context: typer.Context, without: Needs, beside: Needs) -> None:
    """Raise UsageError for an option that means nothing with the others given.

    without: options that need the one they are listed under. beside: those that it rules out.
    """
    names = {parameter.name: shown(parameter) for parameter in context.command.params}
    given = [name for name in names if is_given(context, str(name))]
    ruled_out = {name for ruling in beside if ruling in given for name in beside[ruling]}
    for needed, idle in without.items():
        for name in given:
            if name in idle and needed not in given and name not in ruled_out:
                raise UsageError(f"{names[name]} means nothing without {names[needed]}")
    for ruling, idle in beside.items():
        for name in given:
            if name in idle and ruling in given:
                said = context.params.get(ruling)
                beside_it = f"{names[ruling]} {said}" if isinstance(said, StrEnum) else names[ruling]
                raise UsageError(f"{names[name]} means nothing beside {beside_it}; leave one out")
