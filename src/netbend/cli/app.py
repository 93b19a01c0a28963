"""Commands and groups of them: help shown as it is written, errors in one style, modules loaded late."""

from collections.abc import Callable, Mapping
from copy import copy
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import typer
from rich.markup import escape
from typer import core

from netbend.cli import declarations
from netbend.cli.completion import completing, described
from netbend.cli.terminal import printing_safely
from netbend.cli.usage import Refusal, refusal_of
from netbend.errors import NetbendError


def literal(command: Any, below: Mapping[str, Any] | None = None) -> Any:
    """A copy of a command, of its options and of its own commands with brackets that rich shows.

    Rich would take `netbend[align]` for markup. below: its own commands, if not those that it has.
    """
    if not core.HAS_RICH or command.rich_markup_mode is None:
        return command
    shown = _literal(command)
    shown.params = [_literal(parameter) for parameter in command.params]
    if hasattr(command, "commands"):
        commands = command.commands if below is None else below
        shown.commands = {name: _literal(each) for name, each in commands.items()}
    return shown


def _literal(part: Any) -> Any:
    shown = copy(part)
    for text in ("help", "short_help", "epilog"):
        if isinstance(getattr(part, text, None), str):
            setattr(shown, text, escape(getattr(part, text)))
    return shown


class Command(core.TyperCommand):
    """One command. What it prints is harmless; what it refuses becomes a Refusal."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        core.TyperCommand.format_help(literal(self), ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        declarations.refuse_work()
        with printing_safely():
            try:
                return super().invoke(ctx)
            except NetbendError as error:
                raise refusal_of(error, ctx) from error


class Group(core.TyperGroup):
    """A command of commands."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        core.TyperGroup.format_help(literal(self), ctx, formatter)


class Entry(NamedTuple):
    """Where a command is, and the first line of its help."""

    module: str
    name: str
    help: str


class LazyGroup(Group):
    """A command of commands, whose modules are imported when they are run or their own help is asked for."""

    entries: ClassVar[Mapping[str, Entry]]

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(self.entries)

    def get_command(self, ctx: Any, name: str) -> Any:  # noqa: ARG002
        if name in self.entries and name not in self.commands:
            self.commands[name] = _loaded(name, self.entries[name])
        return self.commands.get(name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        lines = {name: core.TyperCommand(name=name, help=entry.help) for name, entry in self.entries.items()}
        core.TyperGroup.format_help(literal(self, lines), ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        begun = [name for name in self.entries if name.startswith(incomplete)]
        named = [described(name, self.entries[name].help) for name in begun]
        return [*named, *core.TyperCommand.shell_complete(self, ctx, incomplete)]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Raises a usage error that names the nearest for what is none of the commands."""
        if args[0] not in self.entries and args[0][:1].isalnum() and not ctx.resilient_parsing:
            raise Refusal.unknown_command(args[0], self.entries, ctx)
        return super().resolve_command(ctx, args)


def _loaded(name: str, entry: Entry) -> Any:
    """A command out of its module, or a group of them."""
    found = getattr(import_module(entry.module), entry.name)
    if not isinstance(found, typer.Typer):
        alone = App(add_completion=False)
        alone.command(name)(found)
        found = alone
    command = typer.main.get_command(found)
    command.name = name
    return completing(command)


class App(typer.Typer):
    """A Typer of such commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"cls": Group, "add_completion": False, **settings})

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        return super().command(name, **{"cls": Command, **settings})
