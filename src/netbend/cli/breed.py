"""`netbend breed`: recipes from two parents."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from netbend.bending import resolve
from netbend.choices import NoiseMode, NonFinite, Precision
from netbend.cli.destination import refuse_file_name, refuse_unwritable
from netbend.cli.idle import refuse_idle_options
from netbend.cli.inputs import check_latents, check_recipe, read_recipes
from netbend.cli.latent import BESIDE, WITHOUT, LatentFile, OneSeed, one_latent, one_seed
from netbend.cli.loading import load
from netbend.cli.many import AtHand, makes_pictures, typed, write_and_say
from netbend.cli.options import (
    ClusterFile,
    Cutoff,
    FiveItemMeaning,
    InPrecision,
    Label,
    LatentSpace,
    Noise,
    OnNonFinite,
    Overwrite,
    Resume,
    Truncation,
    from_zero,
)
from netbend.cli.output import Device, Json, Quiet, progress_bar
from netbend.cli.stopping import refuse_unverifiable
from netbend.engine.bound import bind
from netbend.engine.request import RenderRequest, reference_of
from netbend.errors import RecipeError
from netbend.models.base import SynthesisOptions
from netbend.recipe import load_clusters
from netbend.render.files import refuse_existing
from netbend.variations.breed import breed as child_of
from netbend.variations.files import Outcome, Wanted
from netbend.variations.unlike import Unlike, anything


def breed(
    context: typer.Context,
    first: Annotated[Path, typer.Argument(help="Recipe file, one parent.")],
    second: Annotated[Path, typer.Argument(help="The other parent.")],
    five_items: FiveItemMeaning = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Name or checkpoint file; default: a parent's, or faces."),
    ] = None,
    count: Annotated[int, typer.Option(help="How many results: children.", min=1, max=1000)] = 16,
    seed: Annotated[
        int,
        typer.Option(
            help="Seed of chance, of the first child; the pictures show theirs.",
            callback=from_zero,
            max=2**62,
        ),
    ] = 1,
    mutation: Annotated[
        float, typer.Option(help="Chance of each kind of change to each bend.", min=0, max=1)
    ] = 0.2,
    seeds: OneSeed = None,
    latents: LatentFile = None,
    space: LatentSpace = None,
    truncation: Truncation = None,
    cutoff: Cutoff = None,
    noise: Noise = NoiseMode.CONSTANT,
    label: Label = None,
    clusters: ClusterFile = None,
    nonfinite: OnNonFinite = NonFinite.ERROR,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder.")] = Path("out/breed"),
    metadata: Annotated[
        bool, typer.Option(help="Keep a record inside the sheet: command and recipes.")
    ] = True,
    resume: Resume = False,
    overwrite: Overwrite = False,
    precision: InPrecision = Precision.FLOAT32,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Cross two recipes and change what comes of it by chance.

    Writes every child as a recipe, and a contact sheet: both parents, then the children with their
    seeds. Children can be bred again.
    """
    refuse_unverifiable(resume, metadata)
    refuse_file_name(out, "recipes and a sheet")
    refuse_unwritable(out)
    refuse_idle_options(context, WITHOUT, BESIDE)
    seed_shown = one_seed(seeds)
    options = SynthesisOptions(truncation, cutoff, noise, label, nonfinite)
    one, other = read_recipes(first, second, five_items=five_items)
    given = None if clusters is None else load_clusters(clusters)
    if model is None and one.model and other.model and one.model != other.model:
        raise RecipeError(
            f"{first} is for {one.model}, {second} for {other.model}: say for which with --model"
        )
    name = model or one.model or other.model or "faces"
    check_latents(latents)
    shown = seeds is None and latents is None
    check_recipe(one, clusters=given is None, latent=shown, truncation=truncation is None)
    check_recipe(other, clusters=given is None, latent=False, truncation=False)
    loaded = load(name, device, precision)
    pictures = makes_pictures(context, loaded)
    request = RenderRequest(
        model=reference_of(loaded),
        recipe=one if pictures else None,
        latents=tuple(one_latent(loaded, seed_shown, latents, space)) if pictures else (),
        options=options,
        clusters=given,
    )
    shown_on = bind(request, loaded).still().unbent()
    numbers = range(seed, seed + count)
    if pictures:
        named = [*(f"child-{number:04d}.yaml" for number in numbers), "children.png"]
        refuse_existing([] if resume else [out / file for file in named], overwrite)
    plans = [resolve(parent, loaded, clusters=given) for parent in (one, other)]
    unlike = Unlike(shown_on) if pictures else None
    outcomes, at_hand = [], AtHand()
    for file, parent, plan in zip((first, second), (one, other), plans, strict=True):
        if unlike is not None:
            unlike.remember(parent, given)
        still = replace(shown_on, recipe=parent, plan=plan)
        outcomes.append(Outcome(file.stem, None, still, at_hand.take(unlike, parent)))
    with progress_bar(visible=unlike is not None and not (json or quiet)) as bar:
        for number in bar.track(numbers, description="Breeding"):
            child = child_of(
                one, other, loaded, number, mutation=mutation, clusters=given, accept=unlike or anything
            )
            if unlike is not None:
                unlike.remember(child)
            picture = at_hand.take(unlike, child)
            child = replace(child, model=name)  # so that the recipe alone gives the picture again
            still = replace(shown_on, recipe=child, plan=resolve(child, loaded))
            outcomes.append(Outcome(str(number), f"child-{number:04d}", still, picture))
    wanted = Wanted(
        out,
        recipes=True,
        sheet="children.png" if pictures else None,
        command=typed() if metadata else None,
        overwrite=overwrite,
        resume=resume,
    )
    write_and_say(outcomes, wanted, json, quiet)
