"""What the shell offers for a word that is begun: models, recipes, layers, clusters, transforms, files.

Everything is found without loading torch: names in files are looked for as text, models by their headers.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from netbend.choices import FIGURES, MODELS

# Of a context and the word that is begun: all that could stand there.
Offer: TypeAlias = Callable[[Any, str], Iterator[str]]

MAX_ENTRIES = 2000  # of folders that are looked through
MAX_SEARCHED_BYTES = 1_000_000
PACKAGE = Path(__file__).parent.parent
CHECKPOINTS = (".safetensors", ".pkl", ".pt", ".pth", ".ckpt", ".xml")
RECIPES = (".yaml", ".yml")
LATENTS = (".npz", ".npy", ".safetensors", ".pt")
CLUSTERS = (".yaml", ".yml", ".json")
SOUNDS = (
    *(
        ".wav",
        ".flac",
        ".ogg",
        ".oga",
        ".opus",
        ".mp3",
        ".aif",
        ".aiff",
        ".m4a",
        ".aac",
        ".wma",
        ".mka",
        ".caf",
    ),
    *(".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".3gp"),
)
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".tif", ".tiff")
AXES = ("layer=", "transform=", "seed=", "draw=", "cluster=", "share=", "mix=", "model=")


def completing(command: Any) -> Any:
    """A command whose options and arguments, and those of commands in it, offer what could stand there."""
    offers = {**_OFFERS, **_OFFERS_OF.get(command.name, {})}
    for parameter in command.params:
        if parameter.name in offers:
            parameter.shell_complete = partial(_complete, offers[parameter.name])
    for below in getattr(command, "commands", {}).values():
        completing(below)
    return command


def _complete(offer: Offer, context: Any, incomplete: str) -> list[Any]:
    begun, comma, last = incomplete.rpartition(",") if offer in _LISTS else ("", "", incomplete)
    found = dict.fromkeys(word for word in offer(context, last) if word.startswith(last))
    item = _completion_item()
    return [item(f"{begun}{comma}{word}") for word in found]


def described(word: str, help: str) -> Any:
    """A word with what it means, for shells that show it."""
    return _completion_item()(word, help=help)


def _completion_item() -> Any:
    """The class of what is offered: newer typers bring their own click."""
    try:
        return import_module("typer._click.shell_completion").CompletionItem
    except ImportError:
        return import_module("click.shell_completion").CompletionItem


def _of(endings: tuple[str, ...]) -> Offer:
    """Files of these endings."""
    return lambda _, incomplete: _files(incomplete, endings)


def _files(incomplete: str, endings: tuple[str, ...]) -> Iterator[str]:
    """Files of some endings in the folder that is begun and in its folders, and those folders."""
    start = incomplete.rpartition("/")[0] + "/" if "/" in incomplete else ""
    for path in _entries(Path(os.path.expanduser(start or "."))):  # of an unknown user it stays as it is
        if path.is_dir():
            inside = [inner for inner in _entries(path) if inner.suffix.lower() in endings]
            yield from (f"{start}{path.name}/{inner.name}" for inner in inside)
            if not inside:
                yield f"{start}{path.name}/"
        elif path.suffix.lower() in endings:
            yield f"{start}{path.name}"


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, but for hidden files and for names that a shell would take for other words."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, MAX_ENTRIES)]
    except OSError:
        return []
    shown = [name for name in sorted(names) if name.isprintable() and not name.startswith(".")]
    return [folder / name for name in shown]


def _models(_context: Any, incomplete: str) -> Iterator[str]:
    yield from MODELS
    yield from _files(incomplete, CHECKPOINTS)


def _installable(_context: Any, _incomplete: str) -> Iterator[str]:
    yield from (name for name in MODELS if not (PACKAGE / "data" / name / "model.safetensors").is_file())


def _bundled(kind: str, endings: tuple[str, ...]) -> Offer:
    """What comes with netbend, as `faces/paper`, and files."""

    def offer(_context: Any, incomplete: str) -> Iterator[str]:
        for path in sorted((PACKAGE / "data").glob(f"*/{kind}-*")):
            yield f"{path.parent.name}/{path.stem.removeprefix(f'{kind}-')}"
        yield from _files(incomplete, endings)

    return offer


def _either(*offers: Offer) -> Offer:
    return lambda context, incomplete: (word for offer in offers for word in offer(context, incomplete))


def _words(*words: str) -> Offer:
    return lambda _context, _incomplete: iter(words)


def _transforms(_context: Any, _incomplete: str) -> Iterator[str]:
    """As they are declared; importing them would take torch."""
    for path in sorted((PACKAGE / "transforms").glob("*.py")):
        yield from re.findall(r'^@transform\(\s*"([\w-]+)"', path.read_text(encoding="utf-8"), re.M)


def _layers(context: Any, _incomplete: str) -> Iterator[str]:
    """The numbers of a model's layers, by the architecture in the header of its file."""
    kind, architecture = _architecture(_model_file(context))
    features = len(architecture.get("features", []))
    first, end = {
        "stylegan2": (0, 2 * features - 1),
        "mobilestylegan": (0, 2 * features - 1),
        "dcgan": (0, features),
        "spectrogram_vae": (1, features + 2),
    }.get(kind, (0, 0))
    yield from map(str, range(first, end))


def _labels(context: Any, _incomplete: str) -> Iterator[str]:
    """The classes of a model, by the header of its file."""
    _, architecture = _architecture(_model_file(context))
    yield from (
        name for name in architecture.get("classes", []) if isinstance(name, str) and name.isprintable()
    )


def _clusters(context: Any, _incomplete: str) -> Iterator[str]:
    """The names of a model's clusters."""
    file = PACKAGE / "data" / _model_name(context) / "clusters.yaml"
    if file.is_file():
        text = file.read_text(encoding="utf-8")
        yield from sorted(set(re.findall(r"^ +name: *[\"']?([^\"'\n]+?)[\"']? *$", text, re.M)))


def _axes(context: Any, incomplete: str) -> Iterator[str]:
    yield from AXES
    for kind, offer in (("cluster", _clusters), ("transform", _transforms), ("layer", _layers)):
        yield from (f"{kind}={word}" for word in offer(context, incomplete))
    yield from (f"model={name}" for name in MODELS)


def _model_name(context: Any) -> str:
    """The model that is named in the line so far, or in a recipe there, or else `faces`."""
    arguments = dict(zip(_arguments(context), context.args, strict=False))  # they are not parsed yet
    named = arguments.get("model") or context.params.get("model")
    for name in ("recipe", "first", "second"):
        recipe = arguments.get(name) or context.params.get(name)
        if not named and recipe and Path(recipe).is_file():
            with Path(recipe).open(encoding="utf-8", errors="replace") as file:
                match = re.search(r"^model: *[\"']?([^\"'\s#]+)", file.read(MAX_SEARCHED_BYTES), re.M)
            named = match and match[1]
    return str(named or "faces")


def _arguments(context: Any) -> list[str]:
    """The names of a command's arguments, in order."""
    return [each.name for each in context.command.params if each.param_type_name == "argument"]


def _model_file(context: Any) -> Path:
    name = _model_name(context)
    if name not in MODELS:
        return Path(name)
    shipped = PACKAGE / "data" / name / "model.safetensors"
    if shipped.is_file():
        return shipped
    import platformdirs

    folder = os.environ.get("NETBEND_MODELS") or Path(platformdirs.user_cache_dir("netbend")) / "models"
    return Path(folder) / name / "model.safetensors"


def _architecture(path: Path) -> tuple[str, dict[str, list[Any]]]:
    """Kind of network and the lists in its architecture; of what is no file of ours, none."""
    try:
        if not path.is_file():
            return "", {}
        with path.open("rb") as file:
            length = min(int.from_bytes(file.read(8), "little"), MAX_SEARCHED_BYTES)
            header = json.loads(json.loads(file.read(length))["__metadata__"]["netbend"])
        lists = {name: part for name, part in header["architecture"].items() if isinstance(part, list)}
        return str(header["kind"]), lists
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "", {}


_LISTS: tuple[Offer, ...] = (_layers, _transforms)  # of which several stand in one word, with commas
_cluster_files = _bundled("clusters", CLUSTERS)
# By the name of an option or argument, whichever command it is of.
_OFFERS: dict[str, Offer] = {
    "model": _models,
    **dict.fromkeys(("recipe", "first", "second"), _of(RECIPES)),
    "latents": _of(LATENTS),
    "clusters": _cluster_files,
    **dict.fromkeys(("layers", "layer", "style_layers"), _layers),
    **dict.fromkeys(("transform", "transforms"), _transforms),
    **dict.fromkeys(("rows", "columns"), _axes),
    **dict.fromkeys(("sound", "sources"), _of(SOUNDS)),
    "images": _of(PICTURES),
    "from_picture": _of((".png",)),
    "checkpoint": _of(CHECKPOINTS),
    "label": _labels,
    "figure": _words(*FIGURES),
    "device": _words("auto", "cpu", "cuda", "mps"),
    "networks": _bundled("networks", (".safetensors",)),
    "start_from": _models,
    "augment": _words("none", "ada"),
}
# By the name of a command.
_OFFERS_OF: dict[str, dict[str, Offer]] = {
    "directions": {"of": _of((".npz", ".pkl"))},
    "install": {"name": _installable},
    "remove": {"name": _installable},
    "name": {"name": _clusters},
    "show": {"source": _either(_words(*MODELS), _cluster_files)},
    "convert": {"source": _of(CLUSTERS), "checkpoint": _of(CHECKPOINTS)},
}
