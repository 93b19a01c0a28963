"""Recipes that move: whether they do, bound to the length and sound of a film, and at one time."""

from pathlib import Path
from typing import Any, TypeVar

from netbend.errors import RecipeError, SoundError
from netbend.motion import SOUNDTRACK, Curve, Follow, bind_number
from netbend.motion.measure import measured
from netbend.recipe.places import Filmed, Journey, Walk, bind_length
from netbend.recipe.problems import in_type_of
from netbend.recipe.schema import Bend, Recipe
from netbend.recipe.selection import Cluster, Drift
from netbend.recipe.visit import rebuilt, walk

T = TypeVar("T")


def is_animated(value: Any) -> bool:
    """Whether a recipe, bend, selection or latent is another at other times."""
    return any(
        isinstance(part, Curve | Journey | Walk | Filmed) or (isinstance(part, Drift) and part.time is None)
        for part in walk(value)
    )


def at_time(value: T, time: float) -> T:
    """What a bend, selection or number is at a time in seconds."""

    def change(_: str | int, part: Any) -> Any:
        return at_time(part, time)

    if isinstance(value, Curve):
        return value.at(time)  # type: ignore[return-value]
    match value:
        case Drift(time=None):
            return rebuilt(value, lambda key, part: time if key == "time" else at_time(part, time))
        case Bend(moving=moving, transform=transform) if moving:
            kind = type(transform)
            still = {name: in_type_of(kind, name, curve.at(time)) for name, curve in moving.items()}
            now = {"moving": {}, "transform": transform.model_copy(update=still)}
            return rebuilt(value, lambda key, part: now.get(str(key), at_time(part, time)))
    return rebuilt(value, change)


def bind_recipe(recipe: Recipe, seconds: float | None = None, soundtrack: Path | None = None) -> Recipe:
    """The recipe for a film of that length and with that sound, or with those it names itself.

    Raises RecipeError at the recipe's line for what needs a length or a sound and has none, and for
    a sound of the recipe that cannot be read; for the sound given, RecipeError that names it alone.
    """
    seconds = recipe.seconds if seconds is None else seconds
    given_sound = soundtrack  # which stands nowhere in the recipe
    if soundtrack is None and recipe.soundtrack is not None:
        soundtrack = (recipe.folder or Path()) / recipe.soundtrack

    def change(at: tuple[str | int, ...], part: Any) -> Any:
        try:
            bound = _bound(part, seconds, soundtrack)
            if isinstance(bound, Follow) and bound.path is not None:
                measured(bound.path, bound.of, bound.smooth)  # not in the middle of a film
        except ValueError as error:
            raise RecipeError(f"{recipe.at(*at)}: {error}") from error
        except SoundError as error:
            raise RecipeError(
                str(error)
                if given_sound is not None and getattr(part, "sound", None) == SOUNDTRACK
                else f"{recipe.at(*at)}: {error}"
            ) from error
        return rebuilt(bound, lambda key, inner: change(_place(at, part, key), inner))

    bound: Recipe = change((), recipe)
    return rebuilt(bound, lambda key, part: seconds if key == "seconds" else part)


def bind_to_film(value: T, seconds: float | None, soundtrack: Path | None) -> T:
    """A latent, selection or number with a length for what has none, and the sound for what follows one.

    Raises ValueError if one of them is needed and not given.
    """
    bound: T = _bound(value, seconds, soundtrack)
    return rebuilt(bound, lambda _, part: bind_to_film(part, seconds, soundtrack))


def _bound(part: Any, seconds: float | None, soundtrack: Path | None) -> Any:
    if isinstance(part, Journey | Walk):
        return bind_length(part, seconds)
    return bind_number(part, seconds, soundtrack) if isinstance(part, Curve) else part


def _place(at: tuple[str | int, ...], holder: Any, key: str | int) -> tuple[str | int, ...]:
    """Where a part stands in a recipe's file, as far as it has the same names as the recipe."""
    if isinstance(holder, Bend):
        return (*at, "params" if key == "moving" else key)
    return (*at, key) if isinstance(holder, Recipe | tuple | dict) else at


def followed_sounds(recipe: Recipe) -> list[Path]:
    """The sound files that something in a bound recipe follows."""
    return sorted({part.path for part in walk(recipe) if isinstance(part, Follow) and part.path is not None})


def follows_soundtrack(recipe: Recipe) -> bool:
    """Whether anything in it follows what is called the soundtrack."""
    return any(isinstance(part, Follow) and part.sound == SOUNDTRACK for part in walk(recipe))


def looks_up_moving(recipe: Recipe) -> bool:
    """Whether a selection that moves takes its features from clusters."""
    return any(
        is_animated(bend.features) and any(isinstance(part, Cluster) for part in walk(bend.features))
        for bend in recipe.bends
    )
