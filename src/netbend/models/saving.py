"""States of training in files, whole or not at all."""

from pathlib import Path
from typing import Any, BinaryIO

import torch

from netbend.atomic import atomic_write
from netbend.errors import NetbendError


def write_state(path: Path, state: dict[str, Any], kind: type[NetbendError]) -> None:
    """Write a state over the one before it. Raises `kind` for what the system refuses."""
    with atomic_write(path, kind, overwrite=True) as unfinished, unfinished.open("wb") as file:
        noting = _Noting(file)
        try:
            torch.save(state, noting)  # type: ignore[arg-type]
        except RuntimeError:  # torch does not say what the system did
            if noting.error is not None:
                raise noting.error from None
            raise


class _Noting:
    """A file that remembers its first error."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = self.error or error
            raise

    def flush(self) -> None:
        self._file.flush()
