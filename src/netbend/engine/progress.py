"""How far a request is, told while it is carried out; who is told can stop it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from netbend.bending import Layer
from netbend.errors import Cancelled
from netbend.models.base import Model


@dataclass(frozen=True)
class ProgressEvent:
    """A step that is done. what: of which steps, "layer" or "frame". done, total: how many of them."""

    what: str
    done: int
    total: int


Progress: TypeAlias = Callable[[ProgressEvent], bool | None]
"""Called after every step. It cancels what goes on by returning False, and Cancelled is raised there."""


def tell(progress: Progress | None, what: str, done: int, total: int) -> None:
    """Tell of a step, if anybody wants to know. Raises Cancelled if that is an end of it."""
    if progress is not None and progress(ProgressEvent(what, done, total)) is False:
        raise Cancelled(f"cancelled after {what} {done} of {total}")


@contextmanager
def telling_layers(model: Model, progress: Progress | None) -> Iterator[None]:
    """Tell of every layer of a model that runs within the block, before the next one begins."""
    if progress is None:
        yield
        return
    layers: Sequence[Layer] = model.layers
    done = 0

    def begin(*_: Any) -> None:
        nonlocal done
        if done:
            tell(progress, "layer", done, len(layers))
        done += 1

    with ExitStack() as stack:
        for module in dict.fromkeys(layer.module for layer in layers):
            hook = model.network.get_submodule(module).register_forward_pre_hook(begin)
            stack.callback(hook.remove)
        yield
    tell(progress, "layer", len(layers), len(layers))
