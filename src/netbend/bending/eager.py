"""Networks that torch.compile has compiled, run as they were written: what is compiled calls no hooks."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

_lock = Lock()
_inside = 0  # blocks that are open, in all threads: torch has one stance for all of them
_stance = ExitStack()


@contextmanager
def eagerly() -> Iterator[None]:
    """Within the block nothing compiled by torch.compile is used, whoever compiled it; all hooks are called.

    Costs nothing where nothing was compiled.
    """
    if "torch._dynamo" not in sys.modules:
        yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    from torch.compiler import set_stance

    global _inside
    with _lock:
        if _inside == 0:
            _stance.enter_context(set_stance("force_eager"))
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if _inside == 0:
            _stance.close()
