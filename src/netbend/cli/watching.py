"""Files that are looked at again and again, for `--watch`."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

Stamp: TypeAlias = tuple[int, int, int, int] | None


def stamp(path: Path) -> Stamp:
    """What tells a file from itself after a change; None while there is none of that name."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    # The inode for editors that save a new file and rename it; the second time for those that set the first.
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class WatchedFiles:
    """Notices that files were changed, replaced, deleted, or are there again.

        files = WatchedFiles([recipe])
        while not files.changed():
            time.sleep(0.03)

    A change is told of when the files looked alike twice, so that what is written bit by bit is left alone
    for as long as something is added at each look.
    """

    def __init__(self, paths: Iterable[Path]):
        self._known: dict[Path, Stamp] = {}
        self._last: dict[Path, Stamp] = {}
        self.watch(paths)

    @property
    def paths(self) -> set[Path]:
        return set(self._known)

    def watch(self, paths: Iterable[Path]) -> None:
        """Watch these from now on, and no others. To be called before they are read."""
        wanted = dict.fromkeys(paths)
        now = {path: self._known[path] if path in self._known else stamp(path) for path in wanted}
        self._known, self._last = now, {path: self._last.get(path, seen) for path, seen in now.items()}

    def changed(self) -> bool:
        """Look once. True if there is a change since the last True, and it is over."""
        now = {path: stamp(path) for path in self._known}
        settled, self._last = now == self._last, now
        if not settled or now == self._known:
            return False
        self._known = now
        return True
