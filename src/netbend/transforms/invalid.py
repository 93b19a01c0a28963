"""What is wrong with values, in our words instead of pydantic's."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from netbend.transforms.base import Transform, parameters_of

# What pydantic calls its types.
_EXPECTED = {
    "dict_type": "keys and values",
    "list_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "finite_number": "a finite number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}


@dataclass(frozen=True)
class Complaint:
    """About one parameter; `parameter` is empty for what is wrong with all of them together.

    is_name: whether its name is wrong, and not its value.
    """

    parameter: str
    message: str
    is_name: bool = False


def complaints(error: ValidationError, cls: type[Transform]) -> list[Complaint]:
    """All that pydantic found wrong with the parameters of a transform."""
    names = list(cls.model_fields)
    unknown = {str(detail["loc"][0]) for detail in error.errors() if detail["type"] == "extra_forbidden"}
    misspelt = {nearest(word, names) for word in unknown}
    found = []
    for detail in error.errors():
        name = str(detail["loc"][0]) if detail["loc"] else ""
        if detail["type"] == "extra_forbidden":
            takes = ", ".join(names) or "none"
            message = f"{cls.name}: unknown parameter `{name:.80}`; it takes {takes}"
            found.append(Complaint(name, message, is_name=True))
        elif detail["type"] != "missing" or len(detail["loc"]) > 1:
            found.append(Complaint(name, f"{cls.name}: {name + ': ' if name else ''}{reason(detail)}"))
        elif name not in misspelt:
            about = next(parameter.summary for parameter in parameters_of(cls) if parameter.name == name)
            found.append(Complaint("", f"{cls.name}: the parameter `{name}` is missing: {about}"))
    return found


def reason(detail: Any) -> str:
    """One thing that is wrong, with what came instead. detail: of the errors of a ValidationError."""
    if detail["type"] == "value_error":
        return str(detail["msg"].removeprefix("Value error, "))
    expected = _EXPECTED.get(detail["type"])
    message = (
        f"expected {expected.format(**detail.get('ctx', {}))}"
        if expected
        else detail["msg"].replace("Input should be", "expected")
    )
    return f"{message}, not {detail['input']!r:.60}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a typo most likely meant."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)
