"""The forward of a module exchanged for some of those who run it, and put back when nobody needs that."""

from threading import Lock
from types import MethodType
from typing import Any, Self

from torch import nn

from netbend.bending.hooks import Hook
from netbend.errors import ModelError

_lock = Lock()


class ExchangedForward(Hook):
    """Called in place of a module's forward, for as long as any thread's block needs it; see `put_in`.

    own: what the module does by itself. wanted: what blocks have put in, of all threads.
    """

    def __init__(self, module: nn.Module):
        self.module = module
        self.own = module.forward
        self.wanted: list[Any] = []
        self._before = module.__dict__.get("forward")

    def __deepcopy__(self, _memo: object) -> Self:
        raise ModelError(
            "a network cannot be copied while its weights are bent or its maps are replayed; leave the block"
        )

    @classmethod
    def put_in(cls, module: nn.Module, wanted: Any) -> None:
        """Have a module call this, which knows of what is wanted."""
        with _lock:
            forward = module.__dict__.get("forward")
            if not isinstance(forward, cls):
                forward = cls(module)
                module.__dict__["forward"] = forward
            forward.wanted.append(wanted)

    @classmethod
    def take_out(cls, module: nn.Module, wanted: Any) -> None:
        """The way back."""
        with _lock:
            forward: Self = module.__dict__["forward"]
            forward.wanted.remove(wanted)
            if not forward.wanted:
                forward._put_back()

    def of_copy(self, copy: nn.Module) -> Self:
        """The same for a copy of the module."""
        made = object.__new__(type(self))
        made.__dict__.update({**self.__dict__, "own": MethodType(type(copy).forward, copy)})
        return made

    @property
    def is_over_another(self) -> bool:
        """Whether the module has a forward of its own, put there by a tool."""
        return self._before is not None

    def _put_back(self) -> None:
        if self._before is None:
            del self.module.forward
        else:
            self.module.forward = self._before
