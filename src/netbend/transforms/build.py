"""Transforms by name and values, for Python; recipes say where in their file a mistake is."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from netbend.errors import RecipeError
from netbend.transforms.base import Transform, get_transform, transform_of
from netbend.transforms.invalid import complaints


def build_transform(name: str, params: Mapping[str, Any] | Sequence[Any] = ()) -> Transform:
    """Make a transform from named parameters, or from a list in the order of declaration.

    Args:
        name: Of the transform, or a name that older recipes use.
        params: Values by name, or in order.

    Raises:
        RecipeError: For an unknown name, and for parameters that it does not take.
    """
    if not isinstance(name, str):
        raise RecipeError(f"expected the name of a transform, not {name!r:.60}")
    named = isinstance(params, Mapping) and all(isinstance(key, str) for key in params)
    if not named and (isinstance(params, str | bytes) or not isinstance(params, Sequence)):
        raise RecipeError(f"{name}: expected parameters by name, or a list of them, not {params!r:.60}")
    try:
        return transform_of(name, params)
    except ValidationError as error:
        found = complaints(error, get_transform(name))
        raise RecipeError("; ".join(complaint.message for complaint in found)) from None
