"""All that is wrong with a file, each at its line, in one error."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from netbend.errors import RecipeError
from netbend.limits import MAX_PROBLEM_TEXT, MAX_PROBLEMS
from netbend.motion import Curve, parse_number
from netbend.printable import shortened
from netbend.recipe.yamlfile import KeyPath, Source
from netbend.transforms import Transform, get_transform
from netbend.transforms.base import transform_of
from netbend.transforms.invalid import complaints, nearest, reason


class Problems:
    """Collects messages and raises them together, in the order of the file."""

    def __init__(self, source: Source):
        self.source = source
        self.found: list[tuple[tuple[int, int], str]] = []

    def add(self, path: KeyPath, message: str, *, key: bool = False) -> None:
        where = self.source.at(path, key=key)
        line, _, column = where.removeprefix(self.source.file + ":").partition(":")
        message = shortened(message, MAX_PROBLEM_TEXT)
        # What stands in no file has no lines: such problems stay in the order in which they are found.
        place = (int(line), int(column)) if column.isdecimal() else (0, len(self.found))
        self.found.append((place, f"{where}: {message}"))

    def add_invalid(self, error: ValidationError, form: type[BaseModel], at: KeyPath) -> None:
        """What pydantic found wrong in the data at a path."""
        known = [field.alias or name for name, field in form.model_fields.items()]
        unknown = {
            str(d["loc"][-1]): nearest(str(d["loc"][-1]), known) for d in _of_type(error, "extra_forbidden")
        }
        for detail in error.errors()[: MAX_PROBLEMS + 1]:
            path = (*at, *(part for part in detail["loc"] if isinstance(part, str | int)))
            word = str(detail["loc"][-1])
            if detail["type"] == "extra_forbidden":
                hint = (
                    f"did you mean `{unknown[word]}`?" if unknown[word] else f"there are {', '.join(known)}"
                )
                self.add(path, f"unknown key `{word:.80}`; {hint}", key=True)
            elif detail["type"] != "missing":
                self.add(path, f"{detail['loc'][0]}: {reason(detail)}")
            elif word not in unknown.values():  # else it is there, misspelt
                self.add(at, f"`{word}` is missing")

    def raise_if_any(self) -> None:
        if self.found:
            messages = [message for _, message in sorted(self.found)]
            more = [f"... and {len(messages) - MAX_PROBLEMS} more"] if len(messages) > MAX_PROBLEMS else []
            raise RecipeError("\n".join(messages[:MAX_PROBLEMS] + more))


Form = TypeVar("Form", bound=BaseModel)


def validated(form: type[Form], data: Any, at: KeyPath, problems: Problems) -> Form | None:
    """Data in a form, or None with the reasons noted."""
    if not isinstance(data, dict):
        problems.add(
            at, f"expected keys and values such as {next(iter(form.model_fields))}: ..., not {data!r:.60}"
        )
        return None
    try:
        return form.model_validate(data, context=problems.source.folder)
    except ValidationError as error:
        problems.add_invalid(error, form, at)
        return None


def built_transform(
    name: str, params: Any, at: KeyPath, problems: Problems
) -> tuple[Transform, dict[str, Curve]] | None:
    """The transform of a bend at a path and those of its parameters that move, or None with the
    reasons noted. Of those that move, the transform holds the least value."""
    try:
        cls = get_transform(name)
    except RecipeError as error:
        problems.add((*at, "transform"), str(error))
        return None
    if len(params) > len(cls.model_fields) + MAX_PROBLEMS:
        problems.add((*at, "params"), f"{cls.name}: {len(params)} parameters; it takes {_taken(cls)}")
        return None
    moving = _moving(cls, params, at, problems)
    try:
        if moving is not None:
            transform_of(name, _with_bound(cls, params, moving, 1))
            return transform_of(name, _with_bound(cls, params, moving, 0)), moving
    except RecipeError as error:
        problems.add((*at, "params"), str(error))
    except ValidationError as error:
        _add_parameters(error, cls, params, at, problems)
    return None


def _taken(cls: type[Transform]) -> str:
    return ", ".join(cls.model_fields) or "none"


def _moving(cls: type[Transform], params: Any, at: KeyPath, problems: Problems) -> dict[str, Curve] | None:
    """Those parameters that move, None if one of them is wrong."""
    moving: dict[str, Curve] = {}
    for step, name, value in _steps(cls, params):
        field = cls.model_fields.get(name)
        if isinstance(value, Mapping) and field is not None and _number_type(field.annotation) is not None:
            try:
                curve = parse_number(value, problems.source.folder)
            except ValueError as error:
                problems.add((*at, "params", step), f"{cls.name}: {name}: {error}")
                return None
            assert isinstance(curve, Curve)
            moving[name] = curve
    return moving


def _with_bound(cls: type[Transform], params: Any, moving: Mapping[str, Curve], end: int) -> Any:
    """Parameters with the least (0) or the greatest (1) value of those that move."""

    def value(name: str, given: Any) -> Any:
        if name not in moving:
            return given
        return in_type_of(cls, name, moving[name].bounds[end])

    if isinstance(params, Mapping):
        return {name: value(name, given) for name, given in params.items()}
    known = [value(name, given) for _, name, given in _steps(cls, params)]
    return [*known, *params[len(known) :]]


def _steps(cls: type[Transform], params: Any) -> list[tuple[str | int, str, Any]]:
    """Where each parameter stands in the file, its name, and what is given for it."""
    if isinstance(params, Mapping):
        return [(name, name, given) for name, given in params.items()]
    return [
        (step, name, given) for step, (name, given) in enumerate(zip(cls.model_fields, params, strict=False))
    ]


def in_type_of(cls: type[Transform], name: str, value: float) -> float | int:
    """A value as the parameter takes it: whole numbers rounded."""
    return round(value) if _number_type(cls.model_fields[name].annotation) is int else value


def _number_type(annotation: Any) -> type[int] | type[float] | None:
    """int or float, also where None is allowed; None for what is no number."""
    kinds = get_args(annotation) or (annotation,)
    return int if int in kinds else float if float in kinds else None


def _add_parameters(
    error: ValidationError, cls: type[Transform], params: Any, at: KeyPath, problems: Problems
) -> None:
    """Where the parameters of a transform are wrong, and how."""
    names = list(cls.model_fields)
    for complaint in complaints(error, cls):
        name = complaint.parameter
        step = names.index(name) if isinstance(params, Sequence) and name in names else name
        path = (*at, "params", step) if name else (*at, "params")
        problems.add(path, complaint.message, key=complaint.is_name)


def _of_type(error: ValidationError, kind: str) -> list[Any]:
    return [detail for detail in error.errors() if detail["type"] == kind][: MAX_PROBLEMS + 1]


def reason_of(error: ValidationError) -> str:
    """The first thing that is wrong, in our words."""
    return reason(error.errors()[0])
