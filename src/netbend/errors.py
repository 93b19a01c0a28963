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
└── NonFiniteError     a bend made NaN or infinity

Each message stands alone: what was expected, what came, where, and what to do about it.
"""


class NetbendError(Exception):
    """Base of all errors that a user can act upon; the command line prints them without a traceback."""


class RecipeError(NetbendError):
    pass


class CheckpointError(NetbendError):
    pass


class RefusedFile(CheckpointError):
    pass


class LatentError(NetbendError):
    pass


class ModelError(NetbendError):
    pass


class DataError(NetbendError):
    pass


class ClusterError(NetbendError):
    pass


class SoundError(NetbendError):
    pass


class RenderError(NetbendError):
    pass


class NonFiniteError(NetbendError):
    pass
