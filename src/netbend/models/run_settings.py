"""What all training runs keep of what they were asked to do."""

import json
from dataclasses import MISSING, asdict, dataclass, fields
from math import inf
from pathlib import Path
from typing import ClassVar, Self

from netbend.atomic import write_atomic
from netbend.errors import DataError
from netbend.limits import MAX_SETTINGS_BYTES
from netbend.models.weights import shown
from netbend.regular_file import read_regular, refuse_special


@dataclass(frozen=True)
class RunSettings:
    """Settings of one kind of training, as a file in the folder of the run."""

    OPTIONS: ClassVar[dict[str, str]] = {}  # of settings with other names there

    def content(self) -> bytes:
        """As files hold them."""
        return (json.dumps(asdict(self), indent=2) + "\n").encode()

    def save(self, path: Path) -> None:
        write_atomic(path, self.content(), DataError, overwrite=True)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises DataError for the settings of another kind of run."""
        try:
            data = dict(json.loads(read_regular(path, DataError, MAX_SETTINGS_BYTES)))
            needed = {f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING}
            for name in sorted(needed - set(data)):
                raise ValueError(f"`{name}` is missing")
            for name in sorted(set(data) - {f.name for f in fields(cls)}):
                raise ValueError(f"`{name}` is not known")
            return cls(**data)
        except (TypeError, ValueError, RecursionError) as error:
            reason = shown(str(error))
            raise DataError(f"{path}: not the settings of such a training run ({reason})") from error

    def difference(self, other: Self) -> list[str]:
        """Names of the settings that differ."""
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]

    def check_above_zero(self, *names: str) -> None:
        """Raise DataError for a setting that is no number above 0, or not finite."""
        for name in names:
            if not 0 < getattr(self, name) < inf:
                self.refuse("expected a number above 0", name)

    def check_from_zero(self, *names: str) -> None:
        """Raise DataError for a setting below 0, or not finite."""
        for name in names:
            if not 0 <= getattr(self, name) < inf:
                self.refuse("expected 0 or more", name)

    def refuse(self, reason: str, *names: str) -> None:
        """Raise DataError about the options of these settings."""
        options = ", ".join(f"{self.option(name)} {getattr(self, name)}" for name in names)
        raise DataError(f"{options}: {reason}")

    @classmethod
    def option(cls, name: str) -> str:
        """What a setting is called on the command line, or what decides about it there."""
        return cls.OPTIONS.get(name, "--" + name.rstrip("_").replace("_", "-"))


def refuse_special_in(folder: Path) -> None:
    """Raise DataError for what is no file in the folder of a run, whose files are opened by name.

    Folders in it are no matter: samples lie in one.
    """
    for path in sorted(folder.iterdir()):
        if not path.is_dir():
            refuse_special(path, DataError)
