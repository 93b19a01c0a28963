"""Pictures that are there already: skipped if they are the ones asked for, and never taken for others."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from netbend.engine.embedded import read_request
from netbend.engine.request import RenderRequest
from netbend.errors import RenderError
from netbend.render.files import refuse_existing


def already_made(wanted: Mapping[Path, RenderRequest]) -> set[Path]:
    """The files that hold the very pictures that are wanted: they decode, and their requests are the same."""
    return {path for path, request in wanted.items() if _is_file(path) and _difference(path, request) is None}


def refuse_others(wanted: Mapping[Path, RenderRequest], there: set[Path], *, overwrite: bool) -> None:
    """Raise RenderError for a file in the way that is not the picture wanted, unless asked to overwrite.

    Args:
        wanted: The pictures to make.
        there: Those that `already_made` found.
        overwrite: Whether to replace others.
    """
    for path in wanted if not overwrite else ():
        if path not in there and _is_file(path):
            reason = _difference(path, wanted[path])
            raise RenderError(
                f"{path}: is not the picture asked for ({reason}); name another --out, or say --overwrite "
                f"beside --resume to make it anew"
            )
    refuse_existing([path for path in wanted if path not in there], overwrite)


def same_data(one: Any, other: Any) -> bool:
    """Whether two requests of any kind say the same when they are read back."""
    return bool(json.loads(json.dumps(one)) == json.loads(json.dumps(other)))


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The names under which two requests do not say the same."""
    names = sorted(one.keys() | other.keys())
    return [name for name in names if not same_data(one.get(name), other.get(name))]


def _difference(path: Path, request: RenderRequest) -> str | None:
    """Why a file is not the picture that a request says, None if it is."""
    try:
        there = read_request(path)
    except RenderError as error:
        return str(error).removeprefix(f"{path}: ")
    changed = differing(_data(there), _data(request))
    if changed:
        return f"it was made with {listed(dict.fromkeys(map(in_words, changed)))}"
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            picture.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return f"it cannot be decoded: {error}"
    return None


# What a request says, as messages have it.
_WORDS = {
    "version": "another version of netbend",
    "model": "another model",
    "recipe": "another recipe",
    "latents": "another latent",
    "truncation_psi": "another truncation",
    "truncation_cutoff": "another cutoff",
    "noise": "other noise",
    "label": "another label",
    "selected": "other features or masks",
    "precision": "another precision",
    "nonfinite": "another rule for NaN and infinity",
    "compare": "another layout (--compare)",
    "sheet": "another layout (--sheet)",
}


def in_words(name: str) -> str:
    """What differs where requests have something else of that name."""
    return _WORDS.get(name, f"another {name}")


def listed(words: Iterable[str]) -> str:
    """One, two and three, as in a sentence."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _data(request: RenderRequest) -> dict[str, Any]:
    data = request.data()
    options = data.pop("options", {})
    return {**data, **options}


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
