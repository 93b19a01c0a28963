"""`netbend cluster`: find the sets of features that belong together, name them, list them."""

from typing import Any, ClassVar

from netbend.cli.app import App, Entry, LazyGroup


class _MakesByDefault(LazyGroup):
    """`netbend cluster MODEL` is short for `netbend cluster make MODEL`."""

    entries: ClassVar = {
        "make": Entry(
            "netbend.cli.cluster.make",
            "make",
            "Group the features of each layer by how alike their activation maps are.",
        ),
        "name": Entry(
            "netbend.cli.cluster.files",
            "name",
            "Name a cluster; recipes can then say `features: {cluster: eyes}`.",
        ),
        "show": Entry("netbend.cli.cluster.files", "show", "List clusters: layer, number, name, features."),
        "convert": Entry(
            "netbend.cli.cluster.files", "convert", "Turn a cluster file into the other form, or into JSON."
        ),
    }

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.entries and args[0] not in ctx.help_option_names:
            args = ["make", *args]
        return super().parse_args(ctx, args)


app = App(
    cls=_MakesByDefault,
    no_args_is_help=True,
    help="Find the sets of features that belong together: `netbend cluster faces` is short for "
    "`netbend cluster make faces`.",
)


@app.callback()
def cluster() -> None:
    pass
