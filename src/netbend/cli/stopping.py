"""Being told to stop: Ctrl-C, and SIGTERM and SIGHUP, which end a command as Ctrl-C does; going on."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from netbend.cli.usage import UsageError

STOPPING = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP


@contextmanager
def orderly_exit() -> Iterator[None]:
    """Turn signals to stop into KeyboardInterrupt, once; the exit code is then 128 and the signal's number.

    Signals that somebody has had ignored, as nohup does, stay ignored. For the main thread.
    """
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        if not received:  # more of them would interrupt the tidying up
            received.append(number)
            raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in STOPPING if hasattr(signal, name)]
    ours = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    except BaseException:
        if not received:
            raise
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
    if received:
        sys.exit(128 + received[0])


def refuse_unverifiable(resume: bool, metadata: bool) -> None:
    """Raise RenderError where pictures keep no record to know them by."""
    if resume and not metadata:
        raise UsageError(
            "--resume means nothing beside --no-metadata: pictures are known again by their records"
        )


@contextmanager
def kept_on_stop(
    made: Sequence[object], wanted: int, where: Path, *, resume: bool = True, called: str = "pictures"
) -> Iterator[None]:
    """On Ctrl-C say how many results are there and how to go on.

    made: grows in the block. resume: whether the command can go on. called: what is made.
    """
    try:
        yield
    except KeyboardInterrupt:
        if made:
            goes_on = "; the same command with --resume goes on" if resume else ""
            print(
                f"netbend: stopped; {len(made)} of {wanted} {called} are in {where}{goes_on}", file=sys.stderr
            )
        raise
