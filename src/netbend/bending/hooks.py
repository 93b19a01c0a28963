"""What a block puts into a network, and what becomes of it where the network is copied, saved or mapped."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from netbend.errors import ModelError


class Hook:
    """What is put into a network, as those find it who copy the network."""

    def __deepcopy__(self, _memo: object) -> "Hook":
        return self

    def __reduce__(self) -> Any:
        raise ModelError("a bent network cannot be pickled; leave the block, or take `copy.deepcopy` of it")

    @property
    def __name__(self) -> str:  # torch.jit.script asks for it before it tries to compile the hook
        raise ModelError("a bent network cannot be scripted: TorchScript knows no bends; trace or export it")

    @staticmethod
    def refuse_vmap(output: Any) -> None:
        """Raise ModelError where numbers cannot be looked at."""
        if isinstance(output, Tensor) and torch._C._functorch.is_batchedtensor(output):
            raise ModelError("torch.vmap cannot go through a bent network; give the network a batch instead")


class NetworkHook(Hook):
    """Called when the network is done."""

    def __init__(self, look: Callable[[nn.Module, Any, dict[str, Any], Any], Any]):
        self._look = look

    @property
    def bend(self) -> Any:
        """Whose it is."""
        return getattr(self._look, "__self__", None)

    def __call__(self, network: nn.Module, inputs: Any, named: dict[str, Any], output: Any) -> Any:
        self.refuse_vmap(output)
        return self._look(network, inputs, named, output)
