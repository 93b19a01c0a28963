"""A network on its way down: what every training script here keeps books of."""

import json
import time
from math import cos, pi
from pathlib import Path

import torch
from torch import Tensor, nn

WARM_UP = 50  # steps
LAST_RATE = 0.01  # of the learning rate
AVERAGED = 0.98  # of what is shown, kept from step to step


class Descent:
    """AdamW for a number of seconds, its rate falling along a cosine, and what came of it.

        descent = Descent(network, 1e-3, seconds=600, checkpoint=Path("network.checkpoint.pt"))
        while descent.goes_on():
            descent.step(loss, {"loss": loss})
            if descent.due(20):
                print(descent.told())
                descent.keep()

    With a checkpoint the same command goes on from there. Steps whose gradients are not finite are left out.
    """

    def __init__(
        self,
        network: nn.Module,
        rate: float,
        seconds: float,
        checkpoint: Path | None = None,
        weight_decay: float = 0.02,
    ):
        self.network, self.rate, self.seconds, self.checkpoint = network, rate, seconds, checkpoint
        self.steps, self.spent = 0, 0.0
        fused = next(network.parameters()).is_cuda
        self.optimizer = torch.optim.AdamW(
            network.parameters(), rate, betas=(0.9, 0.99), weight_decay=weight_decay, fused=fused
        )
        self._average: dict[str, Tensor] = {}
        if checkpoint is not None and checkpoint.exists():
            state = torch.load(checkpoint, weights_only=True)
            network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.steps, self.spent = state["steps"], state["spent"]
        self._last = self._shown = time.monotonic()

    def goes_on(self) -> bool:
        """Whether there is time left."""
        now = time.monotonic()
        self.spent += now - self._last
        self._last = now
        return self.spent < self.seconds

    def step(self, loss: Tensor, shown: dict[str, Tensor]) -> None:
        """One step down a loss. shown: what to tell of it, averaged over steps."""
        passed = min(1.0, self.spent / max(self.seconds, 1e-9))
        rising = min(1.0, (self.steps + 1) / WARM_UP)
        falling = LAST_RATE + (1 - LAST_RATE) * (1 + cos(pi * passed)) / 2
        self.optimizer.param_groups[0]["lr"] = self.rate * rising * falling
        self.optimizer.zero_grad()
        loss.backward()
        if torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0).isfinite():
            self.optimizer.step()
        self.steps += 1
        for name, value in shown.items():
            before = self._average.get(name, value.detach())
            self._average[name] = AVERAGED * before + (1 - AVERAGED) * value.detach()

    def due(self, every: float) -> bool:
        """Whether it is so many seconds since it last was."""
        now = time.monotonic()
        if now - self._shown < every:
            return False
        self._shown = now
        return True

    def told(self, **more: object) -> str:
        """How far it is, as a line of JSON."""
        averages = {name: round(value.item(), 4) for name, value in self._average.items()}
        return json.dumps({"step": self.steps, "seconds": round(self.spent), **averages, **more})

    def keep(self) -> None:
        """Write the checkpoint, whole or not at all."""
        if self.checkpoint is not None:
            unfinished = self.checkpoint.with_suffix(".unfinished")
            state = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
            torch.save({**state, "steps": self.steps, "spent": self.spent}, unfinished)
            unfinished.replace(self.checkpoint)
