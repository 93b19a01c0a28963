"""Latents as recipes write them: to places and moves, and back."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netbend.limits import (
    MAX_DEVIATIONS,
    MAX_DIRECTIONS,
    MAX_LATENT_POINTS,
    MAX_LATENT_SEED,
    MAX_NUMBER,
    MAX_WALK_LENGTH,
)
from netbend.motion import bounds_of, number_data, parse_number
from netbend.motion.curves import EASINGS
from netbend.motion.parse import seconds_of
from netbend.ranges import is_range, ranges_in
from netbend.recipe.latent_schema import (
    SMOOTHNESS,
    SPACES,
)
from netbend.recipe.places import Filmed, Journey, Latent, LatentFile, Mean, Move, Place, Point, Seed, Walk

FORMS = (
    "a seed such as 3, a file of latents, `mean`, {seed: 3}, {file: me.npz, number: 0}, {mean: 0-7}, "
    "{through: [3, 17, mean], seconds: 4}, {walk: 7, seconds: 20} or {film: one.mp4}, with or "
    "without directions"
)


def parse_latent(data: object, folder: Path | None = None) -> Latent:
    """Read a place in latent space and the moves away from it.

    Args:
        data: What stands under `latent:` in a recipe: a number, a word, a path or a mapping.
        folder: Where the paths of sounds start.

    Raises:
        ValueError: Saying what was expected.
    """
    if isinstance(data, Latent):
        return data
    if isinstance(data, int | str):
        points = _points(data)
        if len(points) > 1:
            raise ValueError(f"{data!r:.60} is several latents{_SEVERAL}")
        return Latent(points[0])
    if not isinstance(data, Mapping):
        raise ValueError(f"expected {FORMS}, not {data!r:.60}")
    word = _word(data)
    if word is None and not {"direction", "directions"} & set(data):
        raise ValueError(f"expected {FORMS}{_SEVERAL if 'seeds' in data else ''}")
    parse, keys = _PLACES[word] if word else (lambda _: Mean(), ())
    rest = {key: value for key, value in data.items() if key not in keys}
    return Latent(parse(data), _moves(rest, word, folder))


def latent_data(latent: Latent) -> object:
    """The form that `parse_latent` reads."""
    data = _place_data(latent.place)
    if latent.moves:
        data["directions"] = [_move_data(move) for move in latent.moves]
    return data


_SEVERAL = "; `mean: 0-7` is the mean of several seeds, `through: 0-7` goes from one to the next"


def _word(data: Mapping[Any, Any]) -> str | None:
    return next((word for word in _PLACES if word in data), None)


def _point(data: Mapping[Any, Any]) -> Point:
    word = _word(data)
    if word not in ("seed", "file", "mean"):
        raise ValueError("through: expected {seed: 3}, {file: me.npz, number: 0} or {mean: 0-7} as a point")
    parse, keys = _PLACES[word]
    _refuse_others(data, keys, word)
    point: Point = parse(data)
    return point


def _points(data: object) -> list[Point]:
    """One or several: a seed, a range of seeds, `mean`, a path, or what `_point` reads."""
    if isinstance(data, Mapping):
        return [_point(data)]
    if data == "mean":
        return [Mean()]
    if isinstance(data, str) and not is_range(data.partition(",")[0]):
        return [_file({"file": data})]
    return [Seed(seed) for seed in _numbers(data, "seeds", MAX_LATENT_SEED)]


def _seed(data: Mapping[str, Any]) -> Seed:
    seed = data["seed"]
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_LATENT_SEED:
        raise ValueError(f"seed: seeds start at 0; expected 0 to {MAX_LATENT_SEED}, not {seed!r:.40}")
    return Seed(seed)


def _file(data: Mapping[str, Any]) -> LatentFile:
    file, number = data["file"], data.get("number", 0)
    if not isinstance(file, str) or not file:
        raise ValueError(f"file: expected a file of latents, not {file!r:.40}")
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ValueError(f"number: expected which latent of the file, from 0, not {number!r:.40}")
    return LatentFile(file, number, _one_of(data, "space", SPACES))


def _mean(data: Mapping[str, Any]) -> Mean:
    of = data["mean"]
    return Mean() if of == "all" else Mean(tuple(_numbers(of, "mean: `all` or seeds", MAX_LATENT_SEED)))


def _journey(data: Mapping[str, Any]) -> Journey:
    through = data["through"]
    points = [point for entry in _listed(through) for point in _points(entry)]
    if not 2 <= len(points) <= MAX_LATENT_POINTS:
        raise ValueError(f"through: expected 2 to {MAX_LATENT_POINTS} points, such as [3, 17, me.npz, mean]")
    smooth = _yes(data, "smooth")
    if smooth and "easing" in data:
        raise ValueError("easing: slows down at every point, which `smooth: true` does not; leave one out")
    return Journey(
        points=tuple(points),
        seconds=_seconds(data),
        loop=_yes(data, "loop"),
        smooth=smooth,
        easing=_one_of(data, "easing", EASINGS) or "linear",
        space=_one_of(data, "space", ("z", "w")),
    )


def _walk(data: Mapping[str, Any]) -> Walk:
    seed = _seed({"seed": data["walk"]}).seed
    length = _above_zero(data, "length") or Walk.length
    smoothness = _above_zero(data, "smoothness") or Walk.smoothness
    if length > MAX_WALK_LENGTH:
        raise ValueError(f"length: expected at most {MAX_WALK_LENGTH:g}, not {length:g}")
    if not SMOOTHNESS[0] <= smoothness <= SMOOTHNESS[1]:
        raise ValueError(f"smoothness: expected {SMOOTHNESS[0]:g} to {SMOOTHNESS[1]:g}, not {smoothness:g}")
    return Walk(seed, _seconds(data), length, smoothness)


def _filmed(data: Mapping[str, Any]) -> Filmed:
    film = data["film"]
    if not isinstance(film, str) or not film:
        raise ValueError(f"film: expected a film such as one.mp4, not {film!r:.40}")
    return Filmed(film)


def _moves(data: Mapping[str, Any], word: str | None, folder: Path | None) -> tuple[Move, ...]:
    if "direction" in data and word in ("through", "walk", "film"):
        raise ValueError(f"direction: beside {word}, moves are a list: directions: [{{direction: 3, by: 2}}]")
    if "direction" in data:
        return (_move(data, folder),)
    keys = _PLACES[word][1] if word else ()
    _refuse_others(data, ("directions",), word or "directions", known=keys)
    if "directions" not in data:
        return ()
    items = data["directions"]
    if not isinstance(items, list) or not items:
        raise ValueError("directions: expected a list such as [{direction: 3, from: -2, to: 2}]")
    return tuple(_move(item, folder) for item in items)


def _move(data: object, folder: Path | None) -> Move:
    if not isinstance(data, Mapping) or "direction" not in data:
        raise ValueError(f"directions: expected items such as {{direction: 3, by: 1.5}}, not {data!r:.60}")
    _refuse_others(data, ("direction", "of", "layers", "by", *_RAMP), "direction")
    direction, of = data["direction"], data.get("of")
    known = not isinstance(direction, bool) and isinstance(direction, int)
    if not known or not 0 <= direction < MAX_DIRECTIONS:
        raise ValueError(f"direction: expected its number, from 0, not {direction!r:.40}")
    if of is not None and (not isinstance(of, str) or not of):
        raise ValueError(f"of: expected a file that `netbend directions` wrote, not {of!r:.40}")
    ramp = {key: data[key] for key in _RAMP if key in data}
    if ("by" in data) == bool(ramp):
        raise ValueError(f"direction {direction}: expected either `by: 1.5`, or `from: -2` and `to: 2`")
    by = parse_number(data.get("by", ramp), folder)
    if max(abs(bound) for bound in bounds_of(by)) > MAX_DEVIATIONS:
        raise ValueError(f"direction {direction}: expected at most {MAX_DEVIATIONS:g} standard deviations")
    layers = None
    if "layers" in data:
        layers = tuple(dict.fromkeys(_numbers(data["layers"], "layers", MAX_DIRECTIONS)))
    return Move(direction, by, layers, of)


_RAMP = ("from", "to", "seconds", "easing")
_PLACES: dict[str, tuple[Callable[[Mapping[str, Any]], Any], tuple[str, ...]]] = {
    "through": (_journey, ("through", "seconds", "loop", "smooth", "easing", "space")),
    "walk": (_walk, ("walk", "seconds", "length", "smoothness")),
    "seed": (_seed, ("seed",)),
    "file": (_file, ("file", "number", "space")),
    "mean": (_mean, ("mean",)),
    "film": (_filmed, ("film",)),
}


def _refuse_others(
    data: Mapping[Any, Any], keys: tuple[str, ...], word: str, known: tuple[str, ...] = ()
) -> None:
    for key in data:
        if key not in keys:
            raise ValueError(f"{word}: unknown key `{key!s:.40}`; it takes {', '.join([*known, *keys])}")


def _listed(data: object) -> list[object]:
    return list(data) if isinstance(data, list | tuple) else [data]


def _numbers(data: object, what: str, largest: int) -> list[int]:
    """Whole numbers from `3`, `0-7,12` or a list of such."""
    try:
        return ranges_in(data, most=MAX_LATENT_POINTS, largest=largest)
    except ValueError as error:
        raise ValueError(f"{what} {error}") from error


def _seconds(data: Mapping[str, Any]) -> float | None:
    return seconds_of(data) if "seconds" in data else None


def _above_zero(data: Mapping[str, Any], key: str) -> float | None:
    value = data.get(key)
    if key not in data:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_NUMBER:
        raise ValueError(f"{key}: expected a number above 0, not {value!r:.40}")
    return float(value)


def _yes(data: Mapping[str, Any], key: str) -> bool:
    value = data.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"{key}: expected true or false, not {value!r:.40}")
    return value


def _one_of(data: Mapping[str, Any], key: str, words: Any) -> str | None:
    word = data.get(key)
    if key in data and (not isinstance(word, str) or word not in words):
        raise ValueError(f"{key}: expected {', '.join(words)}, not {word!r:.40}")
    return word


def _place_data(place: Place) -> dict[str, Any]:
    match place:
        case Seed(seed):
            return {"seed": seed}
        case LatentFile(file, number, space):
            return _given({"file": file, "number": number or None, "space": space})
        case Mean(seeds):
            return {"mean": list(seeds) or "all"}
        case Filmed(film):
            return {"film": film}
        case Walk(seed, seconds, length, smoothness):
            return _given({"walk": seed, "seconds": seconds, "length": length, "smoothness": smoothness})
        case Journey(points, seconds, loop, smooth, easing, space):
            through = [point.seed if isinstance(point, Seed) else _place_data(point) for point in points]
            shape = {"loop": loop or None, "smooth": smooth or None}
            how = {"easing": None if easing == "linear" else easing, "space": space}
            return _given({"through": through, "seconds": seconds, **shape, **how})


def _move_data(move: Move) -> dict[str, Any]:
    layers = None if move.layers is None else list(move.layers)
    data = {"direction": move.direction, "of": move.of, "layers": layers, "by": number_data(move.by)}
    return _given(data)


def _given(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value is not None}
