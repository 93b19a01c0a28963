"""`netbend cluster`: find the sets of features that belong together, name them, list them."""

from typing import Any

from netbend.cli.app import App, Group
from netbend.cli.cluster import files, make


class _MakesByDefault(Group):
    """`netbend cluster MODEL` is short for `netbend cluster make MODEL`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["make", *args]
        return super().parse_args(ctx, args)


app = App(
    cls=_MakesByDefault,
    no_args_is_help=True,
    help="Find the sets of features that belong together: `netbend cluster faces` is short for "
    "`netbend cluster make faces`.",
)
app.command("make")(make.make)
app.command("name")(files.name)
app.command("show")(files.show)
app.command("convert")(files.convert)
