"""Models as commands load them."""

from typing import TYPE_CHECKING

from netbend.choices import Precision
from netbend.errors import ModelError

if TYPE_CHECKING:
    from netbend.models.base import Model


def load(name: str, device: str, precision: Precision) -> "Model":
    """A model on a device, in the precision asked for."""
    from netbend.models.catalog import load_model

    return load_model(name, device, bf16=in_bfloat16(precision, device))


def in_bfloat16(precision: Precision, device: str) -> bool:
    """Whether to compute in bfloat16 on a device; see `wants_bfloat16`."""
    from netbend.models.catalog import choose_device
    from netbend.models.precision import wants_bfloat16

    return wants_bfloat16(precision, choose_device(device))


def load_of_pictures(name: str, device: str, precision: Precision) -> "Model":
    """The same. Raises ModelError for models of sound."""
    from netbend.models.base import SoundModel

    model = load(name, device, precision)
    if isinstance(model, SoundModel):
        raise ModelError(f"{model.name} makes sound, not pictures: `netbend sound` plays it")
    return model
