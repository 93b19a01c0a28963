"""What a block puts into a network, and what becomes of it where the network is copied, saved or mapped."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from netbend.bending.entered import is_entered
from netbend.errors import ModelError


class Hook:
    """What is put into a network, as those find it who copy the network.

    owner: the block that it belongs to. in_copy: whether the network that it is in is a copy made within the
    block, which stays bent for everyone.
    """

    owner: Any
    in_copy = False

    @property
    def acts(self) -> bool:
        """Whether it does anything for the thread that asks."""
        return self.in_copy or is_entered(self.owner)

    def __deepcopy__(self, _memo: object) -> "Hook":
        hook: Hook = object.__new__(type(self))  # not by copy(), which asks __reduce__
        hook.__dict__.update({**self.__dict__, "in_copy": True})
        return hook

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
        self.owner = getattr(look, "__self__", None)

    def __call__(self, network: nn.Module, inputs: Any, *rest: Any) -> Any:
        if not self.acts:  # for other threads, which may come by before torch knows that it takes `named`
            return None
        named, output = rest
        self.refuse_vmap(output)
        return self._look(network, inputs, named, output)


def is_idle(hook: object) -> bool:
    """Whether a hook of a module is one of ours that does nothing for the thread that asks."""
    return isinstance(hook, Hook) and not hook.acts
