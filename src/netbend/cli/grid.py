"""`netbend grid`: one labelled picture of every value of one thing by every value of another."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from netbend.choices import NoiseMode, NonFinite, Precision
from netbend.cli.idle import refuse_idle_options
from netbend.cli.inputs import check_recipe, read_recipe
from netbend.cli.latent import OneSeed, one_seed
from netbend.cli.loading import load
from netbend.cli.many import typed
from netbend.cli.options import (
    ClusterFile,
    Cutoff,
    FiveItemMeaning,
    InPrecision,
    Label,
    ModelName,
    Noise,
    OnNonFinite,
    Overwrite,
    Resume,
    SelectionSeed,
    Truncation,
)
from netbend.cli.output import Device, Json, Quiet, print_json, progress_bar
from netbend.cli.stopping import kept_on_stop, refuse_unverifiable
from netbend.cli.usage import UsageError, is_given, option
from netbend.engine.request import ModelReference, RenderRequest
from netbend.models.base import SynthesisOptions
from netbend.recipe import Recipe, load_clusters
from netbend.recipe.places import Latent, Seed
from netbend.recipe.schema import EVERY_LAYER
from netbend.render.files import refuse_existing, refuse_unwritable
from netbend.variations.axes import Axis, parse_axis, transform_data
from netbend.variations.cells import unfinished_sheet
from netbend.variations.files import GridFile
from netbend.variations.grid import FIGURES, draft_of, plan_grid
from netbend.variations.lists import value

_BESIDE = {
    "recipe": ["transform", "layer"],
    "figure": ["rows", "columns", "recipe", "transform", "layer", "selection_seed", "clusters"],
}
# Options that say for the whole grid what an axis says for each cell, by the kind of axis.
_SAID_BY_AXES = {
    "seed": "seeds",
    "draw": "selection_seed",
    **{name: name for name in ("model", "layer", "transform")},
}


def grid(
    context: typer.Context,
    recipe: Annotated[Path | None, typer.Argument(help="Recipe file that the axes change.")] = None,
    rows: Annotated[str | None, typer.Option(help="Axis downwards, such as layer=1-8.")] = None,
    columns: Annotated[
        str | None, typer.Option(help="Axis to the right, such as angle=0..90/7 or seed=0-5.")
    ] = None,
    figure: Annotated[
        str | None, typer.Option(help="A figure of the paper instead: transforms-by-layer (figure 2).")
    ] = None,
    transform: Annotated[
        str | None, typer.Option(help="Without a recipe: what is bent with, such as 'rotate angle=45'.")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="... and where, number or name.")] = None,
    five_items: FiveItemMeaning = None,
    model: ModelName = None,
    seeds: OneSeed = None,
    selection_seed: SelectionSeed = None,
    truncation: Truncation = None,
    cutoff: Cutoff = None,
    noise: Noise = NoiseMode.CONSTANT,
    label: Label = None,
    clusters: ClusterFile = None,
    nonfinite: OnNonFinite = NonFinite.ERROR,
    height: Annotated[
        int | None, typer.Option(help="Height of each picture; default: at most 256.", min=16, max=2048)
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG file.")] = Path("out/grid.png"),
    metadata: Annotated[bool, typer.Option(help="Keep a record inside: the command and recipe.")] = True,
    resume: Resume = False,
    overwrite: Overwrite = False,
    precision: InPrecision = Precision.FLOAT32,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make one picture of every value of one thing by every value of another.

    Axes: layer=1-8, transform='rotate angle=45; erode r=2', any parameter (angle=0,15,30 or
    angle=0..90/7), seed=0-5, draw=0-3, cluster=eyes,mouth, share=0.2,1, mix=0..1/5, model=faces,painted-eyes.
    Where a recipe has several bends, 2.angle=... is of the second.
    """
    refuse_idle_options(context, {"recipe": ["five_items"]}, _BESIDE)
    base = None if recipe is None else read_recipe(recipe, five_items)
    seed = one_seed(seeds)
    down, across = _axes(rows, columns, figure, base)
    varied = {down.kind, across.kind}
    _refuse_varied(context, varied)
    request = RenderRequest(
        model=ModelReference(name=model or (base.model if base else None) or "faces"),
        latents=() if seed is None else (Latent(Seed(seed)),),
        options=SynthesisOptions(truncation, cutoff, noise, label, nonfinite),
        selection_seed=selection_seed,
    )
    draft = draft_of(down, across, request, base, _bend(transform, layer))
    if draft.recipe is None:
        _refuse_of_bends(context)
    refuse_unverifiable(resume, metadata)
    if out.suffix.lower() != ".png":
        raise UsageError(f"--out {out}: expected a file that ends in .png")
    if resume:
        refuse_unwritable(out.parent)
    else:
        refuse_existing([out], overwrite)
    if clusters is not None:
        draft = replace(draft, request=draft.request.but(clusters=load_clusters(clusters)))
    check_recipe(
        base,
        clusters=clusters is None,
        latent=seed is None and "seed" not in varied,
        truncation=truncation is None,
        cluster_axis="cluster" in varied,
    )
    planned = plan_grid(down, across, draft, partial(load, device=device, precision=precision), height)
    files = GridFile(out, typed() if metadata else None, overwrite, resume)
    with (
        kept_on_stop(files.made, len(planned.stills), unfinished_sheet(out)),
        progress_bar(visible=not (json or quiet)) as bar,
    ):
        about = {"recipe": draft.recipe, "models": planned.models}
        total = len(planned.stills)
        files.write(planned, about, lambda made: bar.track(made, total, description="Rendering"))
    if json:
        print_json({"files": [str(out)]})
    elif not quiet:
        print(out)


def _axes(
    rows: str | None, columns: str | None, figure: str | None, recipe: Recipe | None
) -> tuple[Axis, Axis]:
    if figure is not None:
        if figure not in FIGURES:
            raise UsageError(f"--figure {figure}: no such figure; there are {', '.join(FIGURES)}")
        rows, columns = FIGURES[figure]
    if recipe is not None and any(bend.layer == EVERY_LAYER for bend in recipe.bends):
        rows, columns = rows or "layer=all", columns or "seed=0-3"
    if rows is None or columns is None:
        raise UsageError("say both --rows and --columns, such as --rows layer=1-8, or a --figure")
    return parse_axis(rows, "--rows"), parse_axis(columns, "--columns")


def _refuse_varied(context: typer.Context, kinds: set[str]) -> None:
    """An option says nothing where an axis says it for every cell."""
    for kind, name in _SAID_BY_AXES.items():
        if kind in kinds and is_given(context, name):
            raise UsageError(f"{option(name)} means nothing beside the axis {kind}; leave one out")


def _refuse_of_bends(context: typer.Context) -> None:
    for name in ("selection_seed", "clusters"):
        if is_given(context, name):
            raise UsageError(
                f"{option(name)} means nothing without a bend; name a recipe, or a transform and layer"
            )


def _bend(transform: str | None, layer: str | None) -> dict[str, Any]:
    """One bend, as far as the options say it."""
    bend: dict[str, Any] = {} if transform is None else transform_data(transform, "--transform")
    if layer is not None:
        address = value(layer)
        bend["layer"] = address if isinstance(address, int) else layer
    return bend
