"""Options that several commands have, each said once."""

from pathlib import Path
from typing import Annotated

import typer

from netbend.choices import FiveItems, NoiseMode, NonFinite, Precision, Space


def from_zero(seed: int | None) -> int | None:
    """A seed of the command line. Raises BadParameter for a negative one."""
    if seed is not None and seed < 0:
        raise typer.BadParameter(f"{seed}: seeds start at 0")
    return seed


RecipeFile = Annotated[Path | None, typer.Argument(help="Recipe file; without one the model is unbent.")]
ModelName = Annotated[
    str | None,
    typer.Option("--model", "-m", help="Name or checkpoint file; default: the recipe's, or faces."),
]
FiveItemMeaning = Annotated[
    FiveItems | None,
    typer.Option(
        "--as",
        help="What the paper's five-item form means; default: what it does in its reference implementation.",
    ),
]
LatentSpace = Annotated[
    Space | None, typer.Option(help="Space of the latents in the file, if its keys do not say.")
]
Truncation = Annotated[
    float | None,
    typer.Option(
        "--truncation",
        "-t",
        help="psi: 1 varied, 0 the mean picture; default: the recipe's, or 0.7 (1 for w from files).",
    ),
]
Cutoff = Annotated[int | None, typer.Option(help="Truncate only the first so many styles.", min=0)]
Noise = Annotated[NoiseMode, typer.Option(help="Per-layer noise.")]
Label = Annotated[str | None, typer.Option(help="Class to ask for, of models that have any, such as blue.")]
SelectionSeed = Annotated[
    int | None, typer.Option(help="Seed of the random selections; default: the recipe's.", callback=from_zero)
]
ClusterFile = Annotated[
    Path | None,
    typer.Option(
        "--clusters",
        "-c",
        help="Cluster file, or faces/paper, photo-faces/paper, photo-faces/fine; default: the recipe's.",
    ),
]
Strength = Annotated[
    float | None,
    typer.Option(
        help="How far the recipe bends: 0 not at all, 1 as written (the default), beyond 1 further.", min=0
    ),
]
OnNonFinite = Annotated[NonFinite, typer.Option(help="What to do about NaN or infinity.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on after a stop: skip what is there and exactly what is asked for."),
]
InPrecision = Annotated[
    Precision,
    typer.Option("--precision", help="bf16: coarser, and faster where supported; auto: there alone."),
]
