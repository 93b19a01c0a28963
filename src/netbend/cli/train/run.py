"""What training commands share: the devices, the bar."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from netbend.cli.output import Description
from netbend.cli.terminal import own_stream
from netbend.errors import ModelError
from netbend.models.catalog import choose_device

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def make_fabric(device: str, devices: int) -> "Fabric":
    """Where to train. Raises ModelError if that is not at hand."""
    try:
        from lightning_fabric import Fabric
    except ModuleNotFoundError as error:
        raise ModelError("training needs lightning-fabric: pip install 'netbend[train]'") from error
    fabric = Fabric(accelerator=choose_device(device).type, devices=devices, strategy="auto")
    fabric.launch()
    return fabric


def notes(*, visible: bool) -> Callable[[str], None]:
    """Prints lines on standard error, such as what was left out of the training data."""

    def note(line: str) -> None:
        if visible:
            print(f"netbend: {line}", file=sys.stderr)

    return note


def training_bar(amount: str, *, visible: bool) -> Progress:
    """A bar on standard error; amount: how to show how far it is; its task has the field `losses`."""
    return Progress(
        Description(),
        BarColumn(),
        TextColumn(amount),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
        console=Console(file=own_stream(sys.stderr)),
        disable=not visible,
    )
