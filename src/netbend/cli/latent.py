"""The one latent that a command shows its bends on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from netbend.choices import Space
from netbend.cli.usage import UsageError
from netbend.engine.latent_values import LatentValues
from netbend.errors import LatentError
from netbend.latents.file import load_latents_for
from netbend.latents.seeds import parse_seeds
from netbend.models.base import Model
from netbend.recipe.places import Latent, Seed

OneSeed = Annotated[
    str | None,
    typer.Option(
        "--seeds", help="Seeds of the latents: the one that is bent; default: the recipe's latent, or 0."
    ),
]
LatentFile = Annotated[
    Path | None,
    typer.Option(help="Latents from a .npz, .npy, .safetensors or .pt file instead of seeds: one."),
]
WITHOUT = {"latents": ["space"]}
BESIDE = {"latents": ["seeds"]}


def one_seed(seeds: str | None) -> int | None:
    """The seed of --seeds, of which a command shows one. Raises LatentError for several."""
    if seeds is None:
        return None
    seed, *more = parse_seeds(seeds)
    if more:
        raise UsageError(f"--seeds {seeds:.80}: all is shown on one latent; name one seed, such as {seed}")
    return seed


def one_latent(
    model: Model, seed: int | None, file: Path | None, space: Space | None
) -> Sequence[Latent | LatentValues]:
    """The latent that options name, as a request has it; empty for the recipe's, or seed 0.

    Raises LatentError if a file holds several."""
    if file is None:
        return () if seed is None else (Latent(Seed(seed)),)
    latents = load_latents_for(model, file, space)
    if len(latents) > 1:
        raise LatentError(
            f"latents {file}: holds {len(latents)}; keep the one that is meant in a file of its own"
        )
    return (LatentValues.of(latents),)
