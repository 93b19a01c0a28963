"""The one latent that a command shows its bends on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netbend.choices import Space
from netbend.cli.options import from_zero
from netbend.errors import LatentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netbend.engine.latent_values import LatentValues
    from netbend.models.base import Model
    from netbend.recipe.places import Latent

LatentSeed = Annotated[
    int | None,
    typer.Option(
        help="Seed of the latent that is bent; default: the recipe's latent, or 0.", callback=from_zero
    ),
]
LatentFile = Annotated[
    Path | None, typer.Option(help="The latent from a .npz, .npy, .safetensors or .pt file instead.")
]
WITHOUT = {"latents": ["space"]}
BESIDE = {"latents": ["latent_seed"]}


def one_latent(
    model: "Model", seed: int | None, file: Path | None, space: Space | None
) -> "Sequence[Latent | LatentValues]":
    """The latent that options name, as a request has it; empty for the recipe's, or seed 0.

    Raises LatentError if a file holds several."""
    from netbend.engine.latent_values import LatentValues
    from netbend.latents.file import load_latents_for
    from netbend.recipe.places import Latent, Seed

    if file is None:
        return () if seed is None else (Latent(Seed(seed)),)
    latents = load_latents_for(model, file, space)
    if len(latents) > 1:
        raise LatentError(
            f"latents {file}: holds {len(latents)}; keep the one that is meant in a file of its own"
        )
    return (LatentValues.of(latents),)
