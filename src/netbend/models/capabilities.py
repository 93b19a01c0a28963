"""What only some models can do: a protocol for each, and what callers ask.

styles_of(model).to_w(latents)  # LatentError for a model without styles
audio_output(model).spectrum    # ModelError for a model of anything but sound
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from netbend.errors import LatentError, ModelError
from netbend.models.output import AudioOutput, ImageOutput, Output

if TYPE_CHECKING:
    from netbend.models.base import Latents, Model, SynthesisOptions


@runtime_checkable
class HasStyles(Protocol):
    """Maps z to w, one w for each layer (StyleGAN, arXiv 1812.04948)."""

    @property
    def style_count(self) -> int:
        """Number of w vectors in a w+ latent."""

    def to_w(self, latents: "Latents") -> "Latents":
        """z as w, untruncated, on the CPU; w and w+ as they are."""

    def mix_styles(
        self, latents: "Latents", other: "Latents", layers: Sequence[int], options: "SynthesisOptions"
    ) -> "Latents":
        """Take the styles of some layers from other latents."""


@runtime_checkable
class HasClasses(Protocol):
    """Can be asked for a class. The last numbers of its z are the weights of the classes, in order."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes; none where this one was trained without."""


@runtime_checkable
class HasEncoder(Protocol):
    """Can turn what it puts out into latents."""

    def encode(self, outputs: Tensor) -> "Latents":
        """The latents from which outputs `(N, ...)` are best generated."""


def styles_of(model: "Model") -> HasStyles:
    """The model as one with styles. Raises LatentError for others."""
    if not isinstance(model, HasStyles):
        raise LatentError(f"{model.name} has no w: its latents are z alone")
    return model


def style_count(model: "Model") -> int:
    """Number of w vectors in a w+ latent; 0 for models that know z alone."""
    return model.style_count if isinstance(model, HasStyles) else 0


def mix_styles(
    model: "Model", latents: "Latents", other: "Latents", layers: Sequence[int], options: "SynthesisOptions"
) -> "Latents":
    """Take the styles of some layers from other latents. Raises LatentError if the model has no styles."""
    if not isinstance(model, HasStyles):
        raise LatentError(f"{model.name} has no styles to mix")
    return model.mix_styles(latents, other, layers, options)


def classes_of(model: "Model") -> tuple[str, ...]:
    """The classes that can be asked for."""
    return model.labels if isinstance(model, HasClasses) else ()


def check_label(model: "Model", label: str | None) -> None:
    """Raise LatentError if there is no such class."""
    known = classes_of(model)
    if label is not None and label not in known:
        there = f"it has {', '.join(known)}" if known else "it has no classes"
        raise LatentError(f"label {label!r}: not a class of {model.name}; {there}")


def encoder_of(model: "Model") -> HasEncoder:
    """The model as one that encodes. Raises ModelError for others."""
    if not isinstance(model, HasEncoder):
        raise ModelError(f"{model.name} has no encoder, which turns {model.output.what} into latents")
    return model


Kind = TypeVar("Kind", bound=Output)


def _declared(model: "Model", wanted: type[Kind]) -> Kind:
    if not isinstance(model.output, wanted):
        raise ModelError(f"{model.name} makes {model.output.what}, not {wanted.what}")
    return model.output


def image_output(model: "Model") -> ImageOutput:
    """What a model of pictures puts out. Raises ModelError for others."""
    return _declared(model, ImageOutput)


def audio_output(model: "Model") -> AudioOutput:
    """What a model of sound puts out. Raises ModelError for others."""
    return _declared(model, AudioOutput)
