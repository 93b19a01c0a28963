"""Recipes that move: fitted to a film, and what they are at a time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from netbend.errors import RecipeError, SoundError
from netbend.motion import SOUNDTRACK, Curve, Follow, Number, fitted, value_at
from netbend.motion.measure import measured
from netbend.recipe.places import fitted_latent, latent_is_still
from netbend.recipe.problems import in_type_of
from netbend.recipe.schema import Bend, Recipe
from netbend.recipe.selection import fitted_selection, numbers_of, selection_moves, still_selection

T = TypeVar("T")


def bend_moves(bend: Bend) -> bool:
    """Whether a bend is another at other times."""
    return bool(bend.moving) or isinstance(bend.mix, Curve) or selection_moves(bend.features)


def recipe_moves(recipe: Recipe) -> bool:
    """Whether a bend, the truncation or the latent is another at other times."""
    still = recipe.latent is None or latent_is_still(recipe.latent)
    return not still or isinstance(recipe.truncation, Curve) or any(map(bend_moves, recipe.bends))


def follows_soundtrack(recipe: Recipe) -> bool:
    """Whether anything in it follows what is called the soundtrack."""
    return any(number.sound == SOUNDTRACK for number in _following(recipe))


def followed_sounds(recipe: Recipe) -> list[Path]:
    """The sound files that something in a fitted recipe follows."""
    return sorted({number.path for number in _following(recipe) if number.path is not None})


def _following(recipe: Recipe) -> Iterator[Follow]:
    moves = [] if recipe.latent is None else [move.by for move in recipe.latent.moves]
    numbers = [recipe.truncation, *moves]
    for bend in recipe.bends:
        numbers += [bend.mix, *bend.moving.values(), *numbers_of(bend.features)]
    yield from (number for number in numbers if isinstance(number, Follow))


def still_bend(bend: Bend, time: float) -> Bend:
    """What a bend is at a time in seconds."""
    if not bend_moves(bend):
        return bend
    cls = type(bend.transform)
    values = {name: in_type_of(cls, name, curve.at(time)) for name, curve in bend.moving.items()}
    return replace(
        bend,
        transform=bend.transform.model_copy(update=values),
        features=still_selection(bend.features, time),
        mix=value_at(bend.mix, time),
        moving={},
    )


def fitted_recipe(recipe: Recipe, seconds: float | None = None, soundtrack: Path | None = None) -> Recipe:
    """The recipe for a film of that length and with that sound, or with those it names itself.

    Raises RecipeError at the recipe's line for what needs a length or a sound and has none, and for
    a sound of the recipe that cannot be read; for the sound given, RecipeError that names it alone.
    """
    seconds = recipe.seconds if seconds is None else seconds
    given_sound = soundtrack  # which stands nowhere in the recipe
    if soundtrack is None and recipe.soundtrack is not None:
        soundtrack = (recipe.folder or Path()) / recipe.soundtrack

    def fit(*at: str | int, to_fit: Callable[[], T]) -> T:
        try:
            return to_fit()
        except ValueError as error:
            raise RecipeError(f"{recipe.at(*at)}: {error}") from error

    def check_sound(followed: Number, *at: str | int) -> None:
        try:
            _measure_sound(followed)
        except SoundError as error:
            of_recipe = given_sound is None or getattr(followed, "path", None) != given_sound
            raise RecipeError(f"{recipe.at(*at)}: {error}" if of_recipe else str(error)) from error

    def number(given: Number, *at: str | int) -> Number:
        result = fit(*at, to_fit=lambda: fitted(given, seconds, soundtrack))
        check_sound(result, *at)
        return result

    def bend(given: Bend, *at: str | int) -> Bend:
        moving = {name: number(curve, *at, "params", name) for name, curve in given.moving.items()}
        features = fit(*at, "features", to_fit=lambda: fitted_selection(given.features, seconds, soundtrack))
        for moved in numbers_of(features):
            check_sound(moved, *at, "features")
        curves = {name: curve for name, curve in moving.items() if isinstance(curve, Curve)}
        return replace(given, features=features, mix=number(given.mix, *at, "mix"), moving=curves)

    bends = tuple(bend(given, "bends", index) for index, given in enumerate(recipe.bends))
    truncation = None if recipe.truncation is None else number(recipe.truncation, "truncation")
    latent = recipe.latent
    if latent is not None:
        unfitted = latent
        latent = fit("latent", to_fit=lambda: fitted_latent(unfitted, seconds, soundtrack))
    return replace(recipe, bends=bends, latent=latent, truncation=truncation, seconds=seconds)


def _measure_sound(number: Number) -> None:
    """Measure what is followed, so that nothing is found unreadable in the middle of a film."""
    if isinstance(number, Follow) and number.path is not None:
        measured(number.path, number.of, number.smooth)
