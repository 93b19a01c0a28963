"""Commands whose help is shown as it is written: rich would take `netbend[align]` for markup."""

from collections.abc import Callable
from copy import copy
from typing import Any

import typer
from rich.markup import escape
from typer import core


def literal(command: Any) -> Any:
    """A copy of a command, of its options and of its own commands with brackets that rich shows."""
    if not core.HAS_RICH or command.rich_markup_mode is None:
        return command
    shown = _literal(command)
    shown.params = [_literal(parameter) for parameter in command.params]
    if hasattr(command, "commands"):
        shown.commands = {name: _literal(each) for name, each in command.commands.items()}
    return shown


def _literal(part: Any) -> Any:
    shown = copy(part)
    for text in ("help", "short_help", "epilog"):
        if isinstance(getattr(part, text, None), str):
            setattr(shown, text, escape(getattr(part, text)))
    return shown


class Command(core.TyperCommand):
    """One command."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        core.TyperCommand.format_help(literal(self), ctx, formatter)


class Group(core.TyperGroup):
    """A command of commands."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        core.TyperGroup.format_help(literal(self), ctx, formatter)


class App(typer.Typer):
    """A Typer of such commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"cls": Group, **settings})

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        return super().command(name, **{"cls": Command, **settings})
