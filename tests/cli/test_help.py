"""Help is shown as it is written."""

import re
from collections.abc import Callable
from typing import Annotated, Any

import pytest
import typer

from netbend.cli.app import App

from .conftest import commands

Run = Callable[..., Any]


ALL = dict(commands())


def words(text: str) -> str:
    """Without the frames and the line breaks."""
    return re.sub(r"\s+", "", re.sub(r"[│╭╮╰╯─]", "", text))


@pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(path) or "netbend")
def test_help_says_every_text_in_full(run: Run, path: tuple[str, ...]) -> None:
    command = ALL[path]
    shown = words(run(*path, "--help").out)
    texts = [parameter.help for parameter in command.params if getattr(parameter, "help", None)]
    for text in [*texts, command.help]:
        assert words(text) in shown, text


def test_there_are_brackets_to_be_shown() -> None:
    texts = [str(getattr(p, "help", "")) for command in ALL.values() for p in command.params]
    assert any("[align]" in text for text in texts)


OPTION = "[red]X[/red] [/y] netbend[align] [1, 2] {a: [b]}"


def test_brackets_of_all_kinds_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    small = App()

    @small.callback()
    def group() -> None:
        r"""A group of [bold]one[/bold], a[0], C:\[dir]."""

    @small.command()
    def one(
        value: Annotated[str, typer.Option(help="[red]X[/red] [/y] netbend[align] [1, 2] {a: [b]}")] = "",
    ) -> None:
        """Takes [this]."""

    for arguments, texts in (
        (["--help"], [r"A group of [bold]one[/bold], a[0], C:\[dir].", "Takes [this]."]),
        (["one", "--help"], ["Takes [this].", OPTION]),
    ):
        with pytest.raises(SystemExit):
            small(arguments)
        shown = words(capsys.readouterr().out)
        for text in texts:
            assert words(text) in shown
