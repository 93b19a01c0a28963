"""Errors as the command line tells them: one line, exit code 2 for wrong options and 1 for wrong input."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import typer

from netbend.errors import NetbendError
from netbend.printable import printable

USAGE, INPUT = 2, 1  # exit codes
# What Typer raises about a line that cannot be read; newer ones bring their own click.
LINE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]


class UsageError(NetbendError):
    """Options that are wrong, by themselves or together."""


class Refusal(Exception):
    """A command that is not carried out: what to say, and the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code

    @classmethod
    def unknown_command(cls, name: str, known: Iterable[str], context: Any) -> "Refusal":
        """Of a word that is none of the commands."""
        nearest = get_close_matches(name, list(known), 1)
        meant = f" (did you mean {nearest[0]}?)" if nearest else ""
        return cls(f"no such command: {name}{meant}{_see_help(context)}", USAGE)


def refusal_of(error: NetbendError, context: Any) -> Refusal:
    """What becomes of an error of the library: about what stands on the line it is one of usage."""
    said = {parameter.name: shown(parameter) for parameter in context.command.params}
    wrong = isinstance(error, UsageError) or is_given(context, error.where or _led_by(error, said))
    return Refusal(error.text(lambda name: said.get(name) or option(name)), USAGE if wrong else INPUT)


def _led_by(error: NetbendError, said: Mapping[str, str]) -> str | None:
    """The parameter whose option an error begins with, where it does not say which it is about."""
    first = error.message.partition(" ")[0]
    return next((name for name, shown in said.items() if shown == first), None)


def option(name: str) -> str:
    """How a parameter is written on the command line."""
    return f"--{name.strip('_').replace('_', '-')}"


def is_given(context: Any, name: str | None) -> bool:
    """Whether an option or argument stands on the command line."""
    source = None if name is None else context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def refusal_of_line(error: Any) -> Refusal:
    """The same of what Typer says about a line that it cannot read."""
    return Refusal(printable(_words(error)) + _see_help(error.ctx), USAGE)


def _words(error: Any) -> str:
    parameter = getattr(error, "param", None)
    if parameter is not None:
        name = shown(parameter)
        message = error.message or "is missing, and must be given"
        # Without what Typer's checks call themselves.
        message = message.replace("Value error, ", "", 1).replace("Input should be", "must be", 1)
        return f"{name}: {message.rstrip('.')}" if error.message else f"{name} {message}"
    possible = " or ".join(getattr(error, "possibilities", None) or [])
    meant = f" (did you mean {possible}?)" if possible else ""
    message = error.message.rstrip(".")
    return message[:1].lower() + message[1:] + meant


def shown(parameter: Any) -> str:
    """How an option or argument is called in help."""
    if parameter.param_type_name == "option":
        return max(parameter.opts, key=len)
    return (parameter.metavar or parameter.name).upper()


def _see_help(context: Any) -> str:
    return "" if context is None else f"; see `{context.command_path} --help`"
