"""Which blocks a thread has entered: bends are there for those who entered them, and for nobody else.

Hooks are put into a network that others may be running. So each asks, whenever it is called, whether its
block is one of the thread's own, or of the asyncio task's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_blocks: ContextVar[tuple[object, ...]] = ContextVar("blocks", default=())
_sample: ContextVar[int | None] = ContextVar("sample", default=None)


def enter(block: object) -> None:
    """From now on a block is this thread's own, within those that it has entered before."""
    _blocks.set((*_blocks.get(), block))


def leave(block: object) -> None:
    """The way back from `enter`."""
    _blocks.set(tuple(each for each in _blocks.get() if each is not block))


def is_entered(block: object) -> bool:
    """Whether this thread has entered a block and not left it."""
    return block in _blocks.get()


@contextmanager
def one_sample(place: int) -> Iterator[None]:
    """Within the block the network is run for one sample of a batch, at that place."""
    token = _sample.set(place)
    try:
        yield
    finally:
        _sample.reset(token)


def sample_that_runs() -> int | None:
    """The place in its batch of the sample that the network is run for; None for whole batches."""
    return _sample.get()
