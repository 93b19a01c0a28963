"""`netbend layers`: where a model can be bent."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from netbend.bending import Layer
from netbend.cli.output import Json, print_json, print_table
from netbend.models import catalog


def layers(
    model: Annotated[str, typer.Argument(help="Name or checkpoint file.")] = "faces",
    json: Json = False,
) -> None:
    """List a model's layers: number, name, resolution, features."""
    found = catalog.load_model(model, device="cpu").layers
    if json:
        print_json([_described(layer) for layer in found])
        return
    print_table(
        ["layer", "name", "resolution", "features"],
        (
            (
                "-" if layer.number is None else layer.number,
                layer.name,
                layer.resolution,
                layer.features,
            )
            for layer in found
        ),
    )


def _described(layer: Layer) -> dict[str, Any]:
    sizes = {"features": layer.features, "height": layer.height, "width": layer.width}
    return {**asdict(layer), **sizes}
