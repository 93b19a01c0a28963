"""How fast both networks learn at the beginning of a run that starts from a model."""

from typing import Any

LEARNT = 0.5  # loss of a discriminator that can tell the two apart; 1.39 is chance
ALONE_AT_LEAST, ALONE_AT_MOST = 100, 2000  # steps of a new discriminator on its own
FIRST_SHARE = 0.1  # of the generator's rate, beside a discriminator that is new
HEALTHY = 1.2  # loss below which the generator may learn faster, and above which slower
FASTER = 1.002  # of a step, by which its rate rises or falls
SMOOTHING = 0.05  # of a step, in the mean of the discriminator's loss


class Pace:
    """Shares of the learning rate for the generator and the discriminator, step by step.

    Rates rise from nothing while Adam gets to know the gradients: its first steps are as long as the
    rate allows, whichever way they go. A discriminator that is new beside a generator that is not
    learns alone until it can tell, and then the generator begins at a tenth of its rate: at all of it
    the discriminator falls back to chance and stays there. From then on the rate follows the game.
    """

    def __init__(self, warm_up: int = 0, new_discriminator: bool = False):
        """warm_up: steps in which rates rise."""
        self.warm_up = warm_up
        self.alone = self.easing = new_discriminator
        self.share = FIRST_SHARE if new_discriminator else 1.0
        self.steps = 0  # since both learn
        self.alone_for = 0
        self.loss = 2.0

    def rates(self) -> tuple[float, float]:
        """Of the generator and of the discriminator, 0 to 1."""
        if self.alone:
            return 0.0, 1.0
        rising = min(1.0, (self.steps + 1) / self.warm_up) if self.warm_up else 1.0
        return self.share * rising, 1.0 if self.easing else rising

    def step(self) -> None:
        """A step was made at these rates."""
        if self.alone:
            self.alone_for += 1
        else:
            self.steps += 1

    @property
    def settled(self) -> bool:
        """Whether losses are no longer looked at."""
        return not self.easing

    def see(self, loss: float, steps: int) -> None:
        """loss: the discriminator's, looked at so many steps after the last."""
        if not self.easing:
            return
        self.loss += (1 - (1 - SMOOTHING) ** steps) * (loss - self.loss)
        if self.alone:
            long_enough = self.alone_for >= ALONE_AT_LEAST and self.loss < LEARNT
            self.alone = not long_enough and self.alone_for < ALONE_AT_MOST
            return
        self.share *= FASTER ** (steps if self.loss < HEALTHY else -steps)
        self.share = max(self.share, FIRST_SHARE / 10)
        if self.share >= 1:
            self.share, self.easing = 1.0, False

    def state(self) -> dict[str, Any]:
        return dict(vars(self))

    def load_state(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
