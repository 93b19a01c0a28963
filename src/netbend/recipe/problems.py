"""All that is wrong with a file, each at its line, in one error."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from netbend.errors import RecipeError
from netbend.recipe.yamlfile import KeyPath, Source
from netbend.transforms import Transform, build_transform, get_transform, parameters_of


class Problems:
    """Collects messages and raises them together, in the order of the file."""

    def __init__(self, source: Source):
        self.source = source
        self.found: list[tuple[tuple[int, int], str]] = []

    def add(self, path: KeyPath, message: str, *, key: bool = False) -> None:
        where = self.source.at(path, key=key)
        line, _, column = where.removeprefix(self.source.file + ":").partition(":")
        self.found.append(((int(line), int(column)), f"{where}: {message}"))

    def add_invalid(self, error: ValidationError, form: type[BaseModel], at: KeyPath) -> None:
        """What pydantic found wrong in the data at a path."""
        for detail in error.errors():
            path = (*at, *(part for part in detail["loc"] if isinstance(part, str | int)))
            if detail["type"] == "extra_forbidden":
                known = [field.alias or name for name, field in form.model_fields.items()]
                self.add(path, f"unknown key `{detail['loc'][-1]}`; {_suggestion(str(detail['loc'][-1]), known)}", key=True)
            elif detail["type"] == "missing":
                self.add(at, f"`{detail['loc'][-1]}` is missing")
            else:
                self.add(path, f"{detail['loc'][0]}: {_reason(detail)}")

    def raise_if_any(self) -> None:
        if self.found:
            raise RecipeError("\n".join(message for _, message in sorted(self.found)))


Form = TypeVar("Form", bound=BaseModel)


def validated(form: type[Form], data: Any, at: KeyPath, problems: Problems) -> Form | None:
    """Data in a form, or None with the reasons noted."""
    if not isinstance(data, dict):
        problems.add(at, f"expected keys and values such as {next(iter(form.model_fields))}: ..., not {data!r:.60}")
        return None
    try:
        return form.model_validate(data)
    except ValidationError as error:
        problems.add_invalid(error, form, at)
        return None


def built_transform(name: str, params: Any, at: KeyPath, problems: Problems) -> Transform | None:
    """The transform of a bend at a path, or None with the reasons noted."""
    try:
        cls = get_transform(name)
    except RecipeError as error:
        problems.add((*at, "transform"), str(error))
        return None
    names = [parameter.name for parameter in parameters_of(cls)]
    try:
        return build_transform(name, params)
    except RecipeError as error:
        problems.add((*at, "params"), str(error))
    except ValidationError as error:
        for detail in error.errors():
            parameter = str(detail["loc"][0]) if detail["loc"] else ""
            problems.add(*_in_params(detail, parameter, params, names, cls, at))
    return None


def _in_params(
    detail: Any, parameter: str, params: Any, names: list[str], cls: type[Transform], at: KeyPath
) -> tuple[KeyPath, str]:
    """Where a transform's parameter is wrong, and how."""
    if detail["type"] == "extra_forbidden":
        takes = f"it takes {', '.join(names)}" if names else "it takes none"
        return (*at, "params", parameter), f"{cls.name}: unknown parameter `{parameter}`; {takes}"
    if detail["type"] == "missing":
        doc = next(p.summary for p in parameters_of(cls) if p.name == parameter)
        return (*at, "params"), f"{cls.name}: the parameter `{parameter}` is missing: {doc}"
    step = names.index(parameter) if isinstance(params, Sequence) and parameter in names else parameter
    path = (*at, "params", step) if parameter else (*at, "params")
    return path, f"{cls.name}: {parameter + ': ' if parameter else ''}{_reason(detail)}"


def _reason(detail: Any) -> str:
    """Pydantic's message in our words, with what came instead."""
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    if detail["type"] == "value_error":
        return str(message)
    return f"{message}, not {detail['input']!r:.60}"


def _suggestion(word: str, known: Iterable[str]) -> str:
    known = list(known)
    nearest = difflib.get_close_matches(word, known, n=1)
    return f"did you mean `{nearest[0]}`?" if nearest else f"there are {', '.join(known)}"
