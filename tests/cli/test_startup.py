"""The command line answers without what takes seconds to load."""

import json
import os
import subprocess
import sys

import pytest

from .conftest import Run, commands

SLOW = {"torch", "numpy", "av", "PIL", "ruamel.yaml", "sklearn", "scipy", "soundfile"}
ALL = dict(commands())
# Prints what each command's help is, and the modules that are loaded then.
ASK = """
import contextlib, io, json, sys
from netbend.cli.main import main
answers = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["netbend", *words, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        main()
    answers.append(shown.getvalue())
print(json.dumps([answers, list(sys.modules)]))
"""


def loaded_by(statements: str) -> set[str]:
    """The modules that are loaded after some statements."""
    script = f"{statements}\nimport sys\nprint('LOADED', *sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(ran.stdout.rpartition("LOADED")[2].split())


def asked(*lines: tuple[str, ...]) -> tuple[list[str], set[str]]:
    """Helps of commands, as a process says them in which nothing is loaded before, and what it loads."""
    command = [sys.executable, "-c", ASK, json.dumps(lines)]
    environment = {**os.environ, "COLUMNS": "200"}
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    helps, loaded = json.loads(ran.stdout)
    return helps, set(loaded)


def test_importing_netbend_loads_nothing_slow() -> None:
    assert loaded_by("import netbend").isdisjoint({*SLOW, "pydantic"})


def test_the_main_help_loads_no_command() -> None:
    modules = {entry.module for group in ALL.values() for entry in getattr(group, "entries", {}).values()}
    assert len(modules) > 15
    _, loaded = asked(())
    assert loaded.isdisjoint({*modules, *SLOW, "pydantic", "rich.progress"})


def test_help_loads_nothing_slow_and_is_that_of_the_loaded_commands(run: Run) -> None:
    """A stand-in would show where a default comes from a module that is not loaded for help."""
    helps, loaded = asked(*ALL)
    assert loaded.isdisjoint(SLOW)
    assert helps == [run(*path, "--help").out for path in ALL]


@pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(path) or "netbend")
def test_a_group_says_of_each_command_what_its_own_help_begins_with(path: tuple[str, ...]) -> None:
    for name, entry in getattr(ALL[path], "entries", {}).items():
        help = ALL[(*path, name)].help
        assert " ".join(help.partition("\n\n")[0].split()) == entry.help


def test_help_as_the_value_of_an_option_is_no_question(run: Run) -> None:
    ran = run("grid", "--rows", "--help")
    assert ran.code == 2
    assert ran.err.startswith("netbend: say both --rows and --columns")
