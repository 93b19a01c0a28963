"""libmpg123, which libsndfile reads MP3 with, prints what it makes of damaged files; that is not shown."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_lock = threading.Lock()
_inside = 0  # blocks that are open, in all threads: there is one standard error for all of them
_kept = -1  # where it leads meanwhile


@contextmanager
def quietly() -> Iterator[None]:
    """Within the block nothing that a library prints by itself is shown, whatever thread it runs in."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _kept
    with _lock:
        _inside += 1
        if _inside == 1:
            with suppress(OSError):  # there may be no standard error
                kept = os.dup(2)
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 2)
                os.close(nowhere)
                _kept = kept


def _leave() -> None:
    global _inside, _kept
    with _lock:
        _inside -= 1
        if _inside == 0 and _kept >= 0:
            os.dup2(_kept, 2)
            os.close(_kept)
            _kept = -1
