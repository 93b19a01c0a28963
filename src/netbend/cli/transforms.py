"""`netbend transforms`: what a bend can do."""

from dataclasses import asdict

from netbend.cli.output import Json, print_json, print_table
from netbend.transforms import all_transforms, parameters_of


def transforms(json: Json = False) -> None:
    """List all transforms with their parameters."""
    found = all_transforms()
    if json:
        print_json(
            {
                name: {
                    "doc": _summary(cls.__doc__),
                    "older_names": list(cls.older_names),
                    "axes": cls.axes,
                    "parameters": [asdict(parameter) for parameter in parameters_of(cls)],
                }
                for name, cls in found.items()
            }
        )
        return
    rows = []
    for name, cls in found.items():
        parameters = parameters_of(cls)
        rows.append((name, "", _summary(cls.__doc__)))
        rows.extend(("", parameter.name, parameter.summary) for parameter in parameters)
    print_table(["transform", "parameter", "what it does"], rows)


def _summary(doc: str | None) -> str:
    """The first sentence of a docstring."""
    return " ".join((doc or "").partition("\n\n")[0].split())
