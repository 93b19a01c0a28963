"""Files that come with netbend for its models, by names such as photo-faces/paper."""

import re
from importlib.resources import files
from pathlib import Path

DATA = Path(str(files("netbend.data")))


def bundled_file(name: Path | str, pattern: str) -> Path | None:
    """The file of a model that a name stands for; None if it stands for none.

    name: the model's and the file's, such as photo-faces/paper. pattern: such as clusters-{}.yaml.
    """
    name = name.as_posix() if isinstance(name, Path) else name
    if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", name):
        return None
    model, which = name.split("/")
    file = DATA / model / pattern.format(which)
    return file if file.is_file() else None
