"""What can be chosen by name: apart from all that carries it out, so that the command line loads fast."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from netbend.errors import OptionError

Choice = TypeVar("Choice", bound=StrEnum)


def choose(kind: type[Choice], value: object, name: str) -> Choice:
    """The member of a kind that is meant, by itself or by its text. Raises OptionError naming all members."""
    check_word(value, list(kind), name)
    return kind(str(value))


def check_word(value: object, words: Iterable[str], name: str) -> None:
    """Raise OptionError, naming all words, unless the value is one of them."""
    known = list(words)
    if value not in known:
        raise OptionError(f"{name} {value!r:.40}: expected {', '.join(known)}")


def choose_fields(made: object, **kinds: type[StrEnum]) -> None:
    """Make members of the text in fields of a frozen dataclass, at the end of its making."""
    for name, kind in kinds.items():
        object.__setattr__(made, name, choose(kind, getattr(made, name), name))


# Names of the models that netbend knows, in the order of the catalogue.
MODELS = ("faces", "music", "photo-faces", "painted-eyes")
FIGURES = ("transforms-by-layer",)  # of the paper, as `netbend grid` draws them


class Space(StrEnum):
    """Where a latent lives. Models without a mapping network know only z."""

    Z = "z"
    W = "w"
    W_PLUS = "w+"


class NoiseMode(StrEnum):
    """The per-layer noise: stored with the weights, drawn from each latent's seed, or none."""

    CONSTANT = "constant"
    RANDOM = "random"
    NONE = "none"


class Target(StrEnum):
    """What a bend is put on: what a layer puts out, or the kernels or the biases that it has."""

    ACTIVATIONS = "activations"
    WEIGHTS = "weights"
    BIASES = "biases"


class NonFinite(StrEnum):
    """What to do about NaN or infinity, of a bend or of the network itself.

    replace: NaN becomes 0, infinities the largest finite value of their sign in the maps.
    """

    ERROR = "error"
    WARN = "warn"
    REPLACE = "replace"


class Precision(StrEnum):
    """In what networks compute; bf16 is coarser, and faster on some processors: auto takes it there."""

    FLOAT32 = "float32"
    BF16 = "bf16"
    AUTO = "auto"


class Encoder(StrEnum):
    """What encodes films: software, with the same bytes everywhere, or the GPU, where it has an encoder."""

    SOFTWARE = "software"
    GPU = "gpu"


class Phase(StrEnum):
    """Where phases of sound come from: the source's own, or estimated from the magnitudes alone."""

    INPUT = "input"
    GRIFFIN_LIM = "griffin-lim"


class Stereo(StrEnum):
    """How channels of sound are bent: all by the same features; each by features drawn for it alone; or,
    by the same features, the middle and the sides instead of left and right."""

    LINKED = "linked"
    PER_CHANNEL = "per-channel"
    MID_SIDE = "mid-side"


class Preset(StrEnum):
    """How features are described for clustering: by the correlation of their maps, or as in the paper."""

    QUICK = "quick"
    PAPER = "paper"


class Perceptual(StrEnum):
    """What a projection compares besides pixels; auto: LPIPS where it is installed, else contrast."""

    AUTO = "auto"
    PIXEL = "pixel"
    CONTRAST = "contrast"
    LPIPS = "lpips"


class Optimizer(StrEnum):
    """What descends a projection's loss; auto: L-BFGS from an encoder for large pictures, else Adam."""

    AUTO = "auto"
    ADAM = "adam"
    LBFGS = "lbfgs"


class Start(StrEnum):
    """Where a projection begins; auto: what the model's encoder guesses if it has one, else the mean of w."""

    AUTO = "auto"
    MEAN = "mean"
    ENCODER = "encoder"


class FiveItems(StrEnum):
    """What recipes in the five-item form of the paper mean: what they mean to the paper's reference
    implementation, for which they were made, or what their words mean in our own form."""

    REFERENCE = "reference"
    OURS = "ours"


class FaceFinder(StrEnum):
    """What finds faces: netbend's own network, or dlib's landmarks, of the extra `align`."""

    NETBEND = "netbend"
    DLIB = "dlib"
