"""Compiled functions on several processors: they let go of Python while they run."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from os import cpu_count, getpid


def run_together(parts: Sequence[Callable[[], None]]) -> None:
    """Run all at the same time, the first in this thread; back when all are done."""
    if not parts:
        return
    others = [_helpers(getpid()).submit(part) for part in parts[1:]]
    parts[0]()
    for other in others:
        other.result()


def share(count: int, threads: int, run: Callable[[int, int], None]) -> None:
    """Run from item to item, the first of `count` to the last, in as many parts as there are threads."""
    ends = [count * part // threads for part in range(threads + 1)]
    run_together([partial(run, *ends[part : part + 2]) for part in range(threads)])


@lru_cache(maxsize=1)
def _helpers(_process: int) -> ThreadPoolExecutor:
    """Threads that wait for work, started as they are needed; a forked process has its own."""
    return ThreadPoolExecutor(cpu_count())
