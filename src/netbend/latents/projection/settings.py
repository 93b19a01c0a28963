"""How to look for a latent."""

from dataclasses import dataclass

from netbend.choices import Optimizer, Perceptual, Space, Start, choose_fields
from netbend.errors import LatentError

MAX_QUICK_SIZE = 256  # side of pictures up to which a step takes some hundredths of a second
STEPS, FEW_STEPS = 200, 40  # of Adam and of L-BFGS; docs/projecting.md measures both
MAX_LEARNING_RATE = 1e30  # beyond, Adam cannot even write it down in float32


@dataclass(frozen=True)
class Settings:
    """What a projection follows from, besides model and pictures.

    space: w, one vector, or w+, one a layer. optimizer: auto is L-BFGS for pictures of more than 256 pixels
    where an encoder begins, else Adam. steps: at most; None is 40 of L-BFGS, 200 of Adam. perceptual,
    start: see there. noise_maps: whether the noise of each layer is looked for too. closeness: weight of
    how far the vectors of w+ lie apart; more keeps the result nearer to w, and easier to bend.
    learning_rate: of Adam, in deviations of w. patience: steps without a gain of 1 in 100 before it ends
    early, 0 for never. seed: of the random steps aside.
    Raises LatentError for numbers that mean nothing.
    """

    space: Space = Space.W_PLUS
    optimizer: Optimizer = Optimizer.AUTO
    steps: int | None = None
    perceptual: Perceptual = Perceptual.AUTO
    start: Start = Start.AUTO
    noise_maps: bool = False
    closeness: float = 0.01
    learning_rate: float = 0.1
    patience: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        choose_fields(self, space=Space, optimizer=Optimizer, perceptual=Perceptual, start=Start)
        if self.space not in (Space.W, Space.W_PLUS):
            raise LatentError(f"space {self.space}: pictures are projected into w or w+")
        for name in ("steps", "learning_rate"):
            if getattr(self, name) is not None and not 0 < getattr(self, name) < float("inf"):
                raise LatentError(f"{name.replace('_', ' ')} {getattr(self, name)}: expected more than 0")
        if self.learning_rate > MAX_LEARNING_RATE:
            raise LatentError(f"learning rate {self.learning_rate}: expected at most {MAX_LEARNING_RATE:g}")
        for name in ("closeness", "patience", "seed"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise LatentError(f"{name} {getattr(self, name)}: expected 0 or more")
