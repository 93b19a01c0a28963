"""Entry point: commands, and how errors are shown."""

import os
import sys
import traceback
import warnings
from types import TracebackType
from typing import Annotated, Any

import typer

from netbend import __version__
from netbend.cli import (
    atlas,
    breed,
    cluster,
    convert,
    directions,
    film,
    grid,
    inspect,
    layers,
    models,
    project,
    render,
    schema,
    sound,
    train,
    transforms,
    vary,
)
from netbend.cli.app import App
from netbend.cli.completion import completing
from netbend.cli.stopping import orderly_exit
from netbend.cli.terminal import Commands, complain, shield
from netbend.errors import NetbendError
from netbend.memory import keep_freed_memory
from netbend.printable import printable

app = App(
    name="netbend",
    cls=Commands,
    help="Put transformations into a trained generative network and see everything it makes change.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("atlas")(atlas.atlas)
app.command("project")(project.project)
app.command("render")(render.render)
app.command("film")(film.film)
app.command("sound")(sound.sound)
app.command("vary")(vary.vary)
app.command("grid")(grid.grid)
app.command("directions")(directions.directions)
app.command("breed")(breed.breed)
app.command("layers")(layers.layers)
app.command("transforms")(transforms.transforms)
app.command("inspect")(inspect.inspect)
app.command("convert")(convert.convert)
app.command("schema")(schema.schema)
app.add_typer(cluster.app, name="cluster")
app.add_typer(models.app, name="models")
app.add_typer(train.app, name="train")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def command() -> Any:
    """The command that people type."""
    return completing(shield(typer.main.get_command(app)))


def main() -> None:
    """Run a command; an error that a user can act upon is one message and exit code 1."""
    with orderly_exit():
        _run()


def _run() -> None:
    warnings.showwarning = lambda message, *_: complain(f"warning: {message}")
    sys.excepthook = _show_fault
    keep_freed_memory()
    try:
        command()()
    except NetbendError as error:
        complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader, `head` for one, has seen enough; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        # Of a path that the system does not even look up: too long, or in a folder of somebody else's.
        if error.filename is None:
            raise
        complain(f"{error.filename}: {error.strerror}; name another path")
        sys.exit(1)


def _show_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A fault of netbend's own, whose message may quote a file as well."""
    print(printable("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)


if __name__ == "__main__":
    main()
