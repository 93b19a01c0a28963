"""Models as commands load them."""

from netbend.choices import Precision
from netbend.errors import ModelError
from netbend.models import catalog
from netbend.models.base import Model
from netbend.models.catalog import choose_device
from netbend.models.output import AudioOutput, ImageOutput
from netbend.models.precision import wants_bfloat16


def load(name: str, device: str, precision: Precision) -> Model:
    """A model on a device, in the precision asked for."""
    return catalog.load_model(name, device, bf16=in_bfloat16(precision, device))


def in_bfloat16(precision: Precision, device: str) -> bool:
    """Whether to compute in bfloat16 on a device; see `wants_bfloat16`."""
    return wants_bfloat16(precision, choose_device(device))


def load_of_pictures(name: str, device: str, precision: Precision) -> Model:
    """The same. Raises ModelError for models of anything but pictures."""
    model = load(name, device, precision)
    if not isinstance(model.output, ImageOutput):
        raise ModelError(f"{model.name} makes {model.output.what}, not pictures: {played_by(model)}")
    return model


def played_by(model: Model) -> str:
    """Which commands play a model, as the end of a message."""
    match model.output:
        case AudioOutput():
            return "`netbend sound` plays it"
        case ImageOutput():
            return "`netbend render` and `netbend film` play it"
        case _:
            return "no command plays it, Python does: `netbend.bend`, docs/networks.md"
