"""`netbend vary`: many draws of a recipe, or many recipes by chance, on one latent."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from netbend.bending import Plan, resolve
from netbend.choices import FiveItems, NoiseMode, NonFinite, Precision
from netbend.cli.destination import place_of_sheet, refuse_file_name, refuse_unwritable
from netbend.cli.idle import refuse_idle_options
from netbend.cli.inputs import check_latents, check_recipe, read_recipe
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
    ModelName,
    Noise,
    OnNonFinite,
    Overwrite,
    Resume,
    Truncation,
    from_zero,
)
from netbend.cli.output import Device, Json, Quiet, progress_bar
from netbend.cli.stopping import refuse_unverifiable
from netbend.cli.usage import UsageError
from netbend.engine.bound import bind
from netbend.engine.request import RenderRequest, reference_of
from netbend.errors import ModelError, RecipeError
from netbend.models.base import Model, SynthesisOptions
from netbend.models.output import AudioOutput
from netbend.recipe import Clusters, Recipe, load_clusters
from netbend.render.files import refuse_existing
from netbend.variations.files import Outcome, Wanted
from netbend.variations.freeze import draws_features, freeze
from netbend.variations.lists import ends, numbers, words
from netbend.variations.surprise import Bounds, surprise
from netbend.variations.unlike import Accept, Unlike, anything

_WITHOUT = {**WITHOUT, "surprise": ["layers", "transforms", "bends", "share"]}
_BESIDE = {**BESIDE, "surprise": ["recipe", "five_items", "clusters"], "keep": ["count", "selection_seed"]}


def vary(
    context: typer.Context,
    recipe: Annotated[Path | None, typer.Argument(help="Recipe file with random selections.")] = None,
    five_items: FiveItemMeaning = None,
    model: ModelName = None,
    count: Annotated[int, typer.Option(help="How many results.", min=1, max=1000)] = 24,
    selection_seed: Annotated[
        int,
        typer.Option(
            help="Seed of the random selections, of the first result; the pictures show theirs.",
            callback=from_zero,
            max=2**62,
        ),
    ] = 0,
    keep: Annotated[
        str | None, typer.Option(help="Write only these, such as 3,17: as recipe and whole picture.")
    ] = None,
    surprise: Annotated[
        bool, typer.Option("--surprise", help="Recipes by chance instead; each is written.")
    ] = False,
    layers: Annotated[
        str | None, typer.Option(help="Layers, such as 2-6, of recipes by chance; default: all.")
    ] = None,
    transforms: Annotated[
        str | None, typer.Option(help="... with these transforms, such as rotate,scale.")
    ] = None,
    bends: Annotated[str, typer.Option(help="... with so many bends.")] = "1-3",
    share: Annotated[str, typer.Option(help="... on so much of a layer's features.")] = "0.25-0.8",
    seeds: OneSeed = None,
    latents: LatentFile = None,
    space: LatentSpace = None,
    truncation: Truncation = None,
    cutoff: Cutoff = None,
    noise: Noise = NoiseMode.CONSTANT,
    label: Label = None,
    clusters: ClusterFile = None,
    nonfinite: OnNonFinite = NonFinite.ERROR,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder, or a .png file for a sheet alone.")
    ] = Path("out"),
    metadata: Annotated[bool, typer.Option(help="Keep a record inside each picture.")] = True,
    resume: Resume = False,
    overwrite: Overwrite = False,
    precision: InPrecision = Precision.FLOAT32,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """See one latent under many draws of a recipe, or under recipes by chance.

    Writes a contact sheet with seeds; `--keep` writes those of them that you name as recipes whose features
    are fixed.
    """
    refuse_unverifiable(resume, metadata)
    besides = "recipes" if surprise or keep is not None else None
    if besides is not None:
        refuse_file_name(out, besides)
    refuse_unwritable(out)
    refuse_idle_options(context, _WITHOUT, _BESIDE)
    seed_shown = one_seed(seeds)
    options = SynthesisOptions(truncation, cutoff, noise, label, nonfinite)
    draws = list(range(selection_seed, selection_seed + count)) if keep is None else numbers(keep, "--keep")
    bounds = _bounds(layers, transforms, bends, share) if surprise else None
    base = None if surprise else _stochastic(recipe, five_items)
    given = None if clusters is None else load_clusters(clusters)
    name = model or (base.model if base else None) or "faces"
    check_latents(latents)
    check_recipe(
        base,
        clusters=given is None,
        latent=seeds is None and latents is None,
        truncation=truncation is None,
    )
    loaded = load(name, device, precision)
    pictures = makes_pictures(context, loaded)
    if not pictures and not surprise and keep is None:
        is_sound = isinstance(loaded.output, AudioOutput)
        plays = "`netbend sound --count` writes draws as sounds, and " if is_sound else ""
        raise ModelError(
            f"{loaded.name} makes {loaded.output.what}, of which there is no sheet: {plays}--keep 3 "
            f"writes one of them as a recipe"
        )
    request = RenderRequest(
        model=reference_of(loaded),
        recipe=base if pictures else None,
        latents=tuple(one_latent(loaded, seed_shown, latents, space)) if pictures else (),
        options=options,
        clusters=given,
    )
    bound = bind(request, loaded)
    shown = bound.still().unbent()
    stem = "surprise" if recipe is None else recipe.stem
    accept: Accept = anything
    if surprise and pictures:
        endings = (".yaml",) if keep is None else (".yaml", ".png")
        named = [f"{stem}-{draw:04d}{ending}" for draw in draws for ending in endings]
        named += [f"{stem}-variations.png"] if keep is None else []
        refuse_existing([] if resume else [out / file for file in named], overwrite)
        accept = Unlike(shown)
    outcomes, at_hand = [], AtHand(whole=keep is not None)
    with progress_bar(visible=accept is not anything and not (json or quiet)) as bar:
        for draw in bar.track(draws, description="Drawing"):
            drawn, plan = _drawn(loaded, base, bounds, given, draw, accept, bound.seconds)
            picture = at_hand.take(accept, drawn)
            drawn = replace(drawn, model=name)  # so that the recipe alone gives the picture again
            still = replace(shown, recipe=drawn, plan=plan)
            outcomes.append(Outcome(str(draw), f"{stem}-{draw:04d}", still, picture))
    name_of_sheet = f"{stem}-variations.png" if pictures and keep is None else None
    folder, sheet = place_of_sheet(out, name_of_sheet, besides)
    wanted = Wanted(
        folder,
        recipes=besides is not None,
        pictures=pictures and keep is not None,
        sheet=sheet,
        command=typed() if metadata else None,
        overwrite=overwrite,
        resume=resume,
    )
    write_and_say(outcomes, wanted, json, quiet)


def _stochastic(file: Path | None, five_items: FiveItems | None) -> Recipe:
    """A recipe in which something is left to the seed."""
    if file is None:
        raise UsageError("name a recipe to draw from, or say --surprise for recipes by chance")
    recipe = read_recipe(file, five_items)
    if not draws_features(recipe):
        raise RecipeError(
            f"{file}: nothing in it is random, so that all draws would be the same; give a bend "
            f"`features: {{random: 0.5}}`, or say --surprise instead of a recipe"
        )
    return recipe


def _bounds(layers: str | None, transforms: str | None, bends: str, share: str) -> Bounds:
    counts = ends(bends, "--bends")
    if not all(count.is_integer() for count in counts):
        raise UsageError(f"--bends {bends}: expected a whole number, or two such as 1-3")
    return Bounds(
        None if layers is None else words(layers, "--layers"),
        None if transforms is None else [str(name) for name in words(transforms, "--transforms")],
        (int(counts[0]), int(counts[1])),
        ends(share, "--share"),
    )


def _drawn(
    model: Model,
    base: Recipe | None,
    bounds: Bounds | None,
    clusters: Clusters | None,
    draw: int,
    accept: Accept,
    seconds: float,
) -> tuple[Recipe, Plan]:
    """One recipe, as it is written, and its plan."""
    if base is None:
        assert bounds is not None
        recipe = surprise(model, draw, bounds, accept=accept)
        return recipe, resolve(recipe, model)
    plan = resolve(base, model, seed=draw, clusters=clusters, seconds=seconds)
    name = f"{base.name}, draw {draw}" if base.name else f"Draw {draw}"
    return replace(freeze(replace(base, seed=draw), plan), name=name), plan
