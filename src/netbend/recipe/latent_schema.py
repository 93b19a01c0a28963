"""JSON schema of latents in recipes, and the limits of their numbers."""

from typing import Any

from netbend.limits import MAX_LATENT_SEED, MAX_WALK_LENGTH
from netbend.motion import number_schema
from netbend.motion.curves import EASINGS
from netbend.motion.parse import settings_schema

SMOOTHNESS = (0.5, 50.0)
SPACES = ("z", "w", "w+")


def latent_schema() -> dict[str, Any]:
    """JSON schema of what `parse_latent` reads."""
    moves = {"directions": {"type": "array", "items": {"anyOf": _moves({})}}}
    still = [{**place, **moves} for place in _POINTS]
    moving = [{**place, **moves} for place in (_JOURNEY, _WALK, _FILMED)]
    forms = [*map(_object, still), *map(_object, moving), _object(moves, "directions")]
    return {"anyOf": [*_SHORT, *forms, *(move for place in (*_POINTS, {}) for move in _moves(place))]}


def _moves(place: dict[str, Any]) -> list[dict[str, Any]]:
    """A move by a number or from one to another, written beside a place."""
    ramp = {"from": _NUMBER, "to": _NUMBER, **_SECONDS, "easing": _EASING}
    by = {"by": number_schema(_NUMBER)}
    needed = [*list(place)[:1], "direction"]
    return [
        _object({**place, **_DIRECTION, **by}, *needed, "by"),
        _object({**place, **_DIRECTION, **ramp}, *needed, "from", "to"),
    ]


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """Of these keys and no others; the first is needed if none are named."""
    needed = list(required) or list(properties)[:1]
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


def _one_or_more(item: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


_NUMBER = {"type": "number"}
_SECONDS = settings_schema("seconds")
_EASING = {"enum": list(EASINGS)}
_SEED = {"type": "integer", "minimum": 0, "maximum": MAX_LATENT_SEED}
_WHOLE = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9, -]+$"}]}
_SHORT = [_SEED, {"type": "string", "description": "`mean`, a seed, or a file of latents"}]
_DIRECTION = {
    "direction": {"type": "integer", "minimum": 0, "description": "see `netbend directions`"},
    "layers": {**_one_or_more(_WHOLE), "description": "styles that move"},
    "of": {"type": "string", "description": "file of directions; default: the model's own"},
}
_POINTS: list[dict[str, Any]] = [
    {"seed": _SEED},
    {
        "file": {"type": "string"},
        "number": {"type": "integer", "minimum": 0, "description": "which of its latents"},
        "space": {"enum": list(SPACES)},
    },
    {"mean": {"anyOf": [{"const": "all"}, _one_or_more(_WHOLE)]}},
]
_JOURNEY = {
    "through": _one_or_more({"anyOf": [*_SHORT, *(_object(point) for point in _POINTS)]}),
    "seconds": {**_SECONDS["seconds"], "description": "of each leg; default: they share the film"},
    "loop": {"type": "boolean", "description": "back to the first point, without end"},
    "smooth": {"type": "boolean", "description": "a spline through the points"},
    "easing": {**_EASING, "description": "of each leg"},
    "space": {"enum": ["z", "w"]},
}
_WALK = {
    "walk": {**_SEED, "description": "seed of a closed curve"},
    "seconds": {**_SECONDS["seconds"], "description": "until it closes; default: the film"},
    "length": {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_WALK_LENGTH},
    "smoothness": {"type": "number", "minimum": SMOOTHNESS[0], "maximum": SMOOTHNESS[1]},
}
_FILMED = {"film": {"type": "string", "description": "another film; its frames are encoded"}}
