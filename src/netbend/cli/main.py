"""Entry point: commands, and how errors are shown."""

import os
import sys
import traceback
import warnings
from types import TracebackType
from typing import Annotated, Any, ClassVar

import typer

from netbend import __version__
from netbend.cli.app import App, Entry, LazyGroup
from netbend.cli.declarations import NeedsWork, declarations_only
from netbend.cli.stopping import orderly_exit
from netbend.cli.terminal import complain
from netbend.cli.usage import INPUT, LINE_ERROR, Refusal, refusal_of_line
from netbend.printable import printable
from netbend.process import tune_process

NAME = "netbend"
ASKING = {"-h", "--help"}
COMPLETING = "_NETBEND_COMPLETE"  # set by shells that ask what could stand there


class Netbend(LazyGroup):
    """The command that people type."""

    entries: ClassVar = {
        "atlas": Entry(
            "netbend.cli.atlas",
            "atlas",
            "Show every cluster: its maps, and what ablating, multiplying and dilating it does.",
        ),
        "project": Entry(
            "netbend.cli.project",
            "project",
            "Find the latents from which a model generates pictures of yours, to bend them.",
        ),
        "render": Entry("netbend.cli.render", "render", "Render pictures, bent by a recipe."),
        "film": Entry(
            "netbend.cli.film",
            "film",
            "Render a film: whatever moves in the recipe - bends, latent, truncation - moves.",
        ),
        "sound": Entry(
            "netbend.cli.sound",
            "sound",
            "Send sound through a model that a recipe bends; with --seeds the model sings by itself.",
        ),
        "vary": Entry(
            "netbend.cli.vary",
            "vary",
            "See one latent under many draws of a recipe, or under recipes by chance.",
        ),
        "grid": Entry(
            "netbend.cli.grid",
            "grid",
            "Make one picture of every value of one thing by every value of another.",
        ),
        "directions": Entry(
            "netbend.cli.directions",
            "directions",
            "Find the principal directions of a model's w (GANSpace), and show what each one does.",
        ),
        "breed": Entry(
            "netbend.cli.breed", "breed", "Cross two recipes and change what comes of it by chance."
        ),
        "layers": Entry(
            "netbend.cli.layers", "layers", "List a model's layers: number, name, resolution, features."
        ),
        "transforms": Entry(
            "netbend.cli.transforms", "transforms", "List all transforms with their parameters."
        ),
        "inspect": Entry(
            "netbend.cli.inspect",
            "inspect",
            "Say what is in a checkpoint, or why it is refused. Nothing in it is executed.",
        ),
        "convert": Entry(
            "netbend.cli.convert",
            "convert",
            "Convert a checkpoint to .safetensors; nothing in it is executed.",
        ),
        "schema": Entry(
            "netbend.cli.schema",
            "schema",
            "Print the JSON schema of recipes; editors check and complete YAML with it.",
        ),
        "cluster": Entry(
            "netbend.cli.cluster",
            "app",
            "Find the sets of features that belong together: `netbend cluster faces` is short for "
            "`netbend cluster make faces`.",
        ),
        "models": Entry("netbend.cli.models", "app", "List the models that netbend knows; install more."),
        "train": Entry("netbend.cli.train", "app", "Train a model on your own material."),
    }


app = App(
    name=NAME,
    cls=Netbend,
    help="Put transformations into a trained generative network and see everything it makes change.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    return typer.main.get_command(app)


def main() -> None:
    """Run a command; an error that a user can act upon is one message and exit code 1, or 2 of options."""
    with orderly_exit():
        sys.exit(_run())


def _run() -> int:
    warnings.showwarning = lambda message, *_: complain(f"warning: {message}")
    sys.excepthook = _show_fault
    try:
        return _obey()
    except Refusal as refusal:
        complain(refusal)
        return refusal.code
    except KeyboardInterrupt:
        return 130
    except typer.Abort:
        complain("stopped")
        return INPUT
    except BrokenPipeError:
        # The reader, `head` for one, has seen enough; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # Of a path that the system does not even look up: too long, or in a folder of somebody else's.
        if error.filename is None:
            raise
        complain(f"{error.filename}: {error.strerror}; name another path")
        return INPUT


def _obey() -> int:
    """Do what the line says, or answer it where it only asks. Returns the exit code."""
    if COMPLETING in os.environ or ASKING.intersection(sys.argv[1:]):
        try:
            with declarations_only():
                return _run_line()
        except NeedsWork:  # it was the value of an option
            pass
    tune_process()  # torch is imported by the commands
    return _run_line()


def _run_line() -> int:
    try:
        return command().main(prog_name=NAME, standalone_mode=False) or 0
    except LINE_ERROR as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # type: ignore[attr-defined]
            return error.exit_code  # type: ignore[attr-defined]
        raise refusal_of_line(error) from error


def _show_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A fault of netbend's own, whose message may quote a file as well."""
    print(printable("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)


if __name__ == "__main__":
    main()
