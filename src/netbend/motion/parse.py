"""Moving values as recipes write them, to curves and back."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from netbend.limits import MAX_KEYS, MAX_NUMBER, MAX_OCTAVES, MAX_SECONDS, MAX_SEED, MIN_SECONDS
from netbend.motion.curves import (
    EASINGS,
    MEASURES,
    SOUNDTRACK,
    WAVES,
    Curve,
    Follow,
    Key,
    Keys,
    Noise,
    Number,
    Ramp,
    Wave,
)

FORMS = (
    "{from: 0, to: 1, seconds: 5}, {keys: [[0, 0], [2, 1, ease-in-out]]}, {wave: sine, from: 0, to: 1, "
    "seconds: 4}, {noise: 7, from: 0, to: 1, seconds: 2} or {sound: file.wav, of: onset, from: 0, to: 1}"
)


def parse_number(data: object, folder: Path | None = None) -> Number:
    """Read a number or a moving value. folder: where the paths of sounds start.

    Raises ValueError saying what was expected.
    """
    if isinstance(data, Curve):
        return data
    if isinstance(data, Mapping):
        return _curve(data, folder)
    return _number(data, "a number")


def number_data(number: Number) -> object:
    """The form that `parse_number` reads."""
    match number:
        case Ramp(start, end, seconds, easing):
            data = {"from": start, "to": end, "seconds": seconds, "easing": easing}
            return _without(data, {"seconds": None, "easing": "linear"})
        case Keys(keys, loop):
            return _without({"keys": [_key_data(key) for key in keys], "loop": loop}, {"loop": None})
        case Wave(shape, start, end, seconds, phase):
            data = {"wave": shape, "from": start, "to": end, "seconds": seconds, "phase": phase}
            return _without(data, {"phase": 0.0})
        case Noise(seed, start, end, seconds, loop, octaves):
            return {"noise": seed, "from": start, "to": end, **noise_data(seconds, loop, octaves)}
        case Follow(sound, of, start, end, smooth):
            band = list(of) if isinstance(of, tuple) else of
            return {"sound": sound, "of": band, "from": start, "to": end, "smooth": smooth}
        case _:
            return number


def _curve(data: Mapping[Any, Any], folder: Path | None) -> Curve:
    for word, (parse, keys) in _FORMS.items():
        if word in data:
            unknown = [key for key in data if key not in keys]
            if unknown:
                raise ValueError(f"{word}: unknown key `{unknown[0]!s:.40}`; it takes {', '.join(keys)}")
            return parse(data, folder)
    raise ValueError(f"expected a number, or one that moves: {FORMS}")


def _ramp(data: Mapping[str, Any], _folder: Path | None) -> Ramp:
    start, end = _ends(data)
    seconds = None if "seconds" not in data else seconds_of(data)
    return Ramp(start, end, seconds, _one_of(data.get("easing", "linear"), EASINGS, "easing"))


def _keys(data: Mapping[str, Any], _folder: Path | None) -> Keys:
    items = data["keys"]
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_KEYS:
        raise ValueError("keys: expected a list of [seconds, value] or [seconds, value, easing]")
    keys = tuple(_key(item) for item in items)
    if any(later.time <= earlier.time for earlier, later in pairwise(keys)):
        raise ValueError("keys: expected times that ascend")
    loop = None if "loop" not in data else seconds_of(data, "loop")
    if loop is not None and loop < keys[-1].time:
        raise ValueError(f"loop: {loop:g} seconds end before the last key, at {keys[-1].time:g}")
    return Keys(keys, loop)


def _key(item: object) -> Key:
    if not isinstance(item, list) or len(item) not in (2, 3):
        raise ValueError(f"keys: expected [seconds, value] or [seconds, value, easing], not {item!r:.60}")
    time, value = _number(item[0], "keys: a time"), _number(item[1], "keys: a value")
    if time < 0:
        raise ValueError(f"keys: a time before 0, {time:g}")
    return Key(time, value, _one_of(item[2] if len(item) == 3 else "linear", EASINGS, "keys: easing"))


def _wave(data: Mapping[str, Any], _folder: Path | None) -> Wave:
    shape = _one_of(data["wave"], WAVES, "wave")
    phase = _number(data.get("phase", 0.0), "phase: a number")
    return Wave(shape, *_ends(data), seconds_of(data), phase)


def _noise(data: Mapping[str, Any], _folder: Path | None) -> Noise:
    return Noise(noise_seed(data["noise"]), *_ends(data), **noise_settings(data))


def noise_seed(data: object) -> int:
    """Raises ValueError unless it is a seed."""
    if isinstance(data, bool) or not isinstance(data, int) or not 0 <= data <= MAX_SEED:
        raise ValueError(f"noise: expected a seed, a whole number from 0, not {data!r:.40}")
    return data


def noise_settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """seconds, loop and octaves, where they are given."""
    settings = {key: seconds_of(data, key) for key in ("seconds", "loop") if key in data}
    octaves = data.get("octaves", 1)
    if isinstance(octaves, bool) or not isinstance(octaves, int) or not 1 <= octaves <= MAX_OCTAVES:
        raise ValueError(f"octaves: expected 1 to {MAX_OCTAVES}, not {octaves!r:.40}")
    return {**settings, "octaves": octaves}


def noise_data(seconds: float, loop: float | None, octaves: int) -> dict[str, Any]:
    """The form that `noise_settings` reads."""
    data = {"seconds": seconds, "loop": loop, "octaves": octaves}
    return _without(data, {"loop": None, "octaves": 1})


def _follow(data: Mapping[str, Any], folder: Path | None) -> Follow:
    sound = data["sound"]
    if not isinstance(sound, str):
        raise ValueError(f"sound: expected a sound file, or `{SOUNDTRACK}`, not {sound!r:.40}")
    smooth = _number(data.get("smooth", 0.1), "smooth: seconds")
    if smooth < 0:
        raise ValueError(f"smooth: expected seconds from 0, not {smooth:g}")
    follow = Follow(sound, _band(data.get("of", "level")), *_ends(data), smooth)
    return follow if sound == SOUNDTRACK else replace(follow, path=(folder or Path()) / sound)


def _band(of: object) -> str | tuple[float, float]:
    if isinstance(of, str):
        return _one_of(of, MEASURES, "of")
    if isinstance(of, list | tuple) and len(of) == 2:
        low, high = (_number(limit, "of: a band's limit in Hz") for limit in of)
        if 0 <= low < high:
            return low, high
    raise ValueError(
        f"of: expected {', '.join(MEASURES)}, or a band such as [200, 800] in Hz, not {of!r:.40}"
    )


def _ends(data: Mapping[str, Any]) -> tuple[float, float]:
    if "from" not in data or "to" not in data:
        raise ValueError("expected `from:` and `to:`, the values between which it moves")
    return _number(data["from"], "from: a number"), _number(data["to"], "to: a number")


def seconds_of(data: Mapping[str, Any], key: str = "seconds") -> float:
    """A length of time, from a thousandth of a second on. Raises ValueError if it is missing or none."""
    if key not in data:
        raise ValueError(f"`{key}:` is missing")
    value = data[key]
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not MIN_SECONDS <= value <= MAX_SECONDS:
        raise ValueError(f"{key}: expected {MIN_SECONDS:g} to {MAX_SECONDS:g} seconds, not {value!r:.40}")
    return float(value)


def _number(data: object, what: str) -> float:
    if isinstance(data, bool) or not isinstance(data, int | float) or not abs(data) <= MAX_NUMBER:
        raise ValueError(f"expected {what}, not {data!r:.60}")
    return float(data)


def _one_of(word: object, known: Any, what: str) -> str:
    if not isinstance(word, str) or word not in known:
        raise ValueError(f"{what}: expected {', '.join(known)}, not {word!r:.40}")
    return word


def _key_data(key: Key) -> list[object]:
    return [key.time, key.value] if key.easing == "linear" else [key.time, key.value, key.easing]


def _without(data: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in defaults or value != defaults[key]}


def number_schema(number: dict[str, Any]) -> dict[str, Any]:
    """JSON schema of a number that may move, from that of one that does not."""
    return {"anyOf": [number, *(_form_schema(word, keys) for word, (_, keys) in _FORMS.items())]}


def settings_schema(*keys: str) -> dict[str, Any]:
    """JSON schemas of some of the keys that moving values have."""
    return {key: _KEY_SCHEMAS[key] for key in keys}


def _form_schema(word: str, keys: tuple[str, ...]) -> dict[str, Any]:
    needed = ("from", "to", "seconds") if word == "wave" else ("from", "to")
    required = [word, *(key for key in needed if key in keys and key != word)]
    properties = settings_schema(*keys)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


_ANY_NUMBER = {"type": "number", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER}
_SECONDS = {"type": "number", "minimum": MIN_SECONDS, "maximum": MAX_SECONDS}
_EASING = {"enum": list(EASINGS)}
_KEY_SCHEMAS: dict[str, dict[str, Any]] = {
    "keys": {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_KEYS,
        "items": {
            "type": "array",
            "prefixItems": [{**_ANY_NUMBER, "minimum": 0}, _ANY_NUMBER, _EASING],
            "minItems": 2,
            "maxItems": 3,
        },
    },
    "loop": _SECONDS,
    "wave": {"enum": list(WAVES)},
    "from": _ANY_NUMBER,
    "to": _ANY_NUMBER,
    "seconds": _SECONDS,
    "phase": _ANY_NUMBER,
    "noise": {"type": "integer", "minimum": 0, "maximum": MAX_SEED},
    "octaves": {"type": "integer", "minimum": 1, "maximum": MAX_OCTAVES},
    "sound": {"type": "string"},
    "of": {
        "anyOf": [
            {"enum": list(MEASURES)},
            {"type": "array", "items": {**_ANY_NUMBER, "minimum": 0}, "minItems": 2, "maxItems": 2},
        ]
    },
    "smooth": {**_ANY_NUMBER, "minimum": 0},
    "easing": _EASING,
}
_FORMS: dict[str, tuple[Any, tuple[str, ...]]] = {  # in the order in which their words are looked for
    "keys": (_keys, ("keys", "loop")),
    "wave": (_wave, ("wave", "from", "to", "seconds", "phase")),
    "noise": (_noise, ("noise", "from", "to", "seconds", "loop", "octaves")),
    "sound": (_follow, ("sound", "of", "from", "to", "smooth")),
    "from": (_ramp, ("from", "to", "seconds", "easing")),
}
