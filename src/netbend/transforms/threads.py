"""Compiled functions on several processors: they let go of Python while they run."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from os import cpu_count, getpid


def run_together(parts: Sequence[Callable[[], None]]) -> None:
    """Run all at the same time, the first in this thread; back when all are done."""
    if not parts:
        return
    others = [_helpers(getpid()).submit(part) for part in parts[1:]]
    parts[0]()
    for other in others:
        other.result()


@lru_cache(maxsize=1)
def _helpers(_process: int) -> ThreadPoolExecutor:
    """Threads that wait for work, started as they are needed; a forked process has its own."""
    return ThreadPoolExecutor(cpu_count())
