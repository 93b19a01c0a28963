"""What training commands share: the folder of a run, the devices, the bar."""

from pathlib import Path
from typing import TYPE_CHECKING

from netbend.errors import DataError, ModelError

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from rich.progress import Progress

    from netbend.models.run_settings import RunSettings


def check_folder(out: Path, settings: "RunSettings", may_change: tuple[str, ...]) -> None:
    """Refuse a folder with anything in it but this same run. may_change: settings that do not matter."""
    from netbend.models.run_settings import option

    try:
        if not out.exists() or not any(out.iterdir()):
            return
    except OSError as error:
        raise DataError(f"{out}: not a folder that can be written ({error.strerror})") from error
    if not (out / "settings.json").exists():
        raise DataError(f"{out}: not empty, and not a training run; name another --out")
    changed = type(settings).load(out / "settings.json").difference(settings)
    lasting = [name for name in changed if name not in may_change]
    if lasting:
        options = ", ".join(option(name) for name in lasting)
        raise DataError(
            f"{out}: holds a run with other settings ({options}); give the same, or another --out"
        )


def make_fabric(device: str, devices: int) -> "Fabric":
    """Where to train. Raises ModelError if that is not at hand."""
    try:
        from lightning_fabric import Fabric
    except ModuleNotFoundError as error:
        raise ModelError("training needs lightning-fabric: pip install 'netbend[train]'") from error
    from netbend.models.catalog import choose_device

    fabric = Fabric(accelerator=choose_device(device).type, devices=devices, strategy="auto")
    fabric.launch()
    return fabric


def training_bar(amount: str, *, visible: bool) -> "Progress":
    """A bar on standard error; amount: how to show how far it is; its task has the field `losses`."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(amount),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
        console=Console(stderr=True),
        disable=not visible,
    )
