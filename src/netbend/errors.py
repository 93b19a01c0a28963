"""Everything netbend raises on purpose.

NetbendError
├── RecipeError        a recipe, cluster or mask file, or what it asks of this model, is wrong
├── CheckpointError    a file of weights cannot be used
│   └── RefusedFile    ... because reading on could run code or exhaust the machine
├── LatentError        a latent does not fit the model
├── ModelError         no such model, or not the kind that was asked for
├── DataError          training data cannot be used
├── ClusterError       features cannot be clustered
├── SoundError         a sound cannot be read or written
├── RenderError        a picture cannot be made or written
├── OptionError        a word that is none of those to choose from; a ValueError, too
├── Cancelled          who was told of the progress did not want more of it
└── NonFiniteError     a bend, or the network itself, made NaN or infinity

Each message stands alone: what was expected, what came, where, and what to do about it.
"""

import re
from collections.abc import Callable


class NetbendError(Exception):
    """Base of all errors that a user can act upon; the command line prints them without a traceback.

    Parameters are called by their names in Python. The command line says its own for them (`--out` for
    `out`), by `text`.

    Args:
        message: What came, what was expected, and where: what follows the name of the parameter.
        where: The parameter whose value is wrong, if it is one.
        source: The file that it stands in, or that is wrong itself, if it is one.
        hint: What to do about it; parameters stand in braces: `name another {out}`.
    """

    def __init__(
        self, message: str, *, where: str | None = None, source: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.where, self.source, self.hint = message, where, source, hint

    def __str__(self) -> str:
        return self.text()

    def text(self, named: Callable[[str], str] = "`{}`".format) -> str:
        """The whole message. named: how a parameter is written."""
        place = "" if self.source is None else f"{self.source}: "
        subject = "" if self.where is None else f"{named(self.where)} "
        hint = (
            "" if self.hint is None else "; " + re.sub(r"\{(\w+)\}", lambda name: named(name[1]), self.hint)
        )
        return f"{place}{subject}{self.message}{hint}"


class RecipeError(NetbendError):
    """A recipe, cluster or mask file, or what it asks of this model, is wrong."""


class CheckpointError(NetbendError):
    """A file of weights cannot be used."""


class RefusedFile(CheckpointError):
    """A file of weights is not read on: that could run code or exhaust the machine."""


class LatentError(NetbendError):
    """A latent, or how it is to be generated, does not fit the model."""


class ModelError(NetbendError):
    """There is no such model, or it is not of the kind that was asked for."""


class DataError(NetbendError):
    """Training data cannot be used."""


class ClusterError(NetbendError):
    """Features cannot be clustered."""


class SoundError(NetbendError):
    """A sound cannot be read or written."""


class RenderError(NetbendError):
    """A picture cannot be made or written."""


class OptionError(NetbendError, ValueError):
    """An option is none of the words that it can be."""


class NonFiniteError(NetbendError):
    """A bend made NaN or infinity."""


class Cancelled(NetbendError):
    """Who was told of the progress of something ended it."""
