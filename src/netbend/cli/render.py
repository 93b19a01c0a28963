"""`netbend render`: pictures from a model, bent by a recipe."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netbend.choices import NoiseMode, NonFinite, Precision, Space
from netbend.cli.destination import places, refuse_unwritable
from netbend.cli.idle import refuse_idle_options
from netbend.cli.inputs import check_latents, check_recipe, read_recipe
from netbend.cli.loading import load_of_pictures
from netbend.cli.options import (
    ClusterFile,
    Cutoff,
    DrawSeed,
    FiveItemMeaning,
    InPrecision,
    Label,
    LatentSpace,
    ModelName,
    Noise,
    OnNonFinite,
    Overwrite,
    RecipeFile,
    Resume,
    Strength,
    Truncation,
    from_zero,
)
from netbend.cli.output import Device, Json, Quiet, print_json, progress_bar
from netbend.cli.stopping import kept_on_stop, refuse_unverifiable
from netbend.cli.terminal import complain
from netbend.cli.watch import Watch, watch_until_stopped
from netbend.errors import LatentError, ModelError, RecipeError, RenderError
from netbend.limits import MAX_FILM_SECONDS

if TYPE_CHECKING:
    from netbend.cli.watch import Load, Read
    from netbend.models.base import Model, Play
    from netbend.recipe import Recipe
    from netbend.render.job import Job

SEEDS = "0-7"
WATCHED_SEEDS = "0"


def render(
    context: typer.Context,
    recipe: RecipeFile = None,
    five_items: FiveItemMeaning = None,
    strength: Strength = None,
    model: ModelName = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            help="Seeds of the latents, such as 0-15,20; default: the recipe's latent, or 0-7 (0 to watch)."
        ),
    ] = None,
    latents: Annotated[
        Path | None,
        typer.Option(help="Latents from a .npz, .npy, .safetensors or .pt file instead of seeds."),
    ] = None,
    space: LatentSpace = None,
    truncation: Truncation = None,
    time: Annotated[
        float | None,
        typer.Option(
            help="Moment of a recipe that moves, in seconds; default: 0.", min=0, max=MAX_FILM_SECONDS
        ),
    ] = None,
    cutoff: Cutoff = None,
    noise: Noise = NoiseMode.CONSTANT,
    label: Label = None,
    style_seed: Annotated[
        int | None,
        typer.Option(help="Take styles from the latent of this seed (style mixing) ...", callback=from_zero),
    ] = None,
    style_layers: Annotated[str, typer.Option(help="... at these layers, such as 4-8.")] = "4-8",
    bend_seed: DrawSeed = None,
    clusters: ClusterFile = None,
    nonfinite: OnNonFinite = NonFinite.ERROR,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the pictures, or a .png file for one.")
    ] = Path("out"),
    sheet: Annotated[bool, typer.Option("--sheet", help="Also write a contact sheet.")] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Put the unbent picture beside the bent.")
    ] = False,
    from_picture: Annotated[
        Path | None, typer.Option("--from", help="Make a picture again from the record inside it.")
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", help="Stay, and render again whenever the recipe or a file that it names is saved."
        ),
    ] = False,
    metadata: Annotated[bool, typer.Option(help="Keep a record inside each picture.")] = True,
    resume: Resume = False,
    overwrite: Overwrite = False,
    precision: InPrecision = Precision.FLOAT32,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Render pictures, bent by a recipe.

    Each PNG keeps a record of recipe, model, seed and drawn features; `--from` makes it again.
    """
    refuse_idle_options(context, _IDLE_WITHOUT, _IDLE_BESIDE)
    refuse_unverifiable(resume, metadata)
    refuse_unwritable(out)
    if from_picture is not None:
        written = _render_again(from_picture, model, out, metadata, overwrite, device)
    else:
        from netbend.models.base import Play

        play = Play(truncation, cutoff, noise, label)
        styles = None if style_seed is None else (style_seed, _style_layers(style_layers))

        def make_job(read: "Read", load: "Load") -> "Job":
            job = _job(
                None if recipe is None else read(recipe),
                model,
                play,
                time,
                seeds,
                latents,
                space,
                bend_seed,
                clusters,
                nonfinite,
                compare,
                load,
                WATCHED_SEEDS if watch else SEEDS,
                not watch,
            )
            return job if styles is None else _with_styles(job, *styles)

        def read(path: Path) -> "Recipe":
            return read_recipe(path, five_items, strength)

        def load(name: str) -> "Model":
            return load_of_pictures(name, device, precision)

        if watch and recipe is not None:
            beside = [path for path in (clusters, latents) if path is not None]
            _watch(Watch(recipe, make_job, read, load, out, beside, metadata, overwrite), quiet)
            return
        job = make_job(read, load)
        stem = recipe.stem if recipe else job.model.name.rpartition("/")[2].partition(".")[0]
        written = _render_all(job, out, stem, sheet, metadata, overwrite, resume, quiet or json)
    if json:
        print_json({"files": [str(path) for path in written]})
    elif not quiet:
        print(f"{written[0]}" if len(written) == 1 else f"{len(written)} pictures in {out}")


# Options that mean nothing without another, or beside it.
_IDLE_WITHOUT = {
    "latents": ["space"],
    "style_seed": ["style_layers"],
    "recipe": ["five_items", "strength", "bend_seed", "clusters", "time", "watch"],
}
_IDLE_BESIDE = {
    "latents": ["seeds"],
    "watch": ["sheet", "json", "resume"],
    "from_picture": [
        *(
            "recipe",
            "five_items",
            "strength",
            "seeds",
            "latents",
            "space",
            "truncation",
            "cutoff",
            "noise",
            "label",
            "style_seed",
        ),
        *(
            "style_layers",
            "bend_seed",
            "clusters",
            "nonfinite",
            "sheet",
            "compare",
            "precision",
            "time",
            "resume",
            "watch",
        ),
    ],
}


def _watch(watching: Watch, quiet: bool) -> None:
    watching.complain = complain
    if quiet:
        watching.say = lambda _: None
    else:
        print(f"watching {watching.recipe}; Ctrl-C ends")
    watch_until_stopped(watching)


def _job(
    recipe: "Recipe | None",
    model_name: str | None,
    play: "Play",
    time: float | None,
    seeds: str | None,
    latents_file: Path | None,
    space: Space | None,
    bend_seed: int | None,
    clusters_file: Path | None,
    nonfinite: NonFinite,
    compare: bool,
    load: "Load",
    usual_seeds: str,
    look_first: bool,
) -> "Job":
    """look_first: at files, before the model is loaded; of no use where it has been."""
    from netbend.bending import Plan, resolve
    from netbend.latents.file import load_latents_for
    from netbend.latents.path import latent_path
    from netbend.latents.seeds import parse_seeds
    from netbend.latents.truncation import truncation_psi
    from netbend.motion import value_at
    from netbend.recipe import load_clusters
    from netbend.recipe.moving import fitted_recipe, recipe_moves
    from netbend.render.job import Job

    if compare and recipe is None:
        raise RenderError("--compare puts bent beside unbent: name a recipe")
    if recipe is not None:
        latent = recipe.latent if seeds is None and latents_file is None else None
        psi = recipe.truncation if play.truncation is None else None
        recipe = fitted_recipe(replace(recipe, latent=latent, truncation=psi))
        if time is not None and not recipe_moves(recipe):
            named = "the recipe" if recipe.source is None else recipe.source.file
            raise RenderError(f"--time {time:g}: {named} does not move; leave it out")
    time = time or 0.0
    seed_list = parse_seeds(usual_seeds if seeds is None else seeds)
    clusters = None if clusters_file is None else load_clusters(clusters_file)
    name = model_name or (recipe.model if recipe else None) or "faces"
    if look_first:
        check_latents(latents_file)
        check_recipe(recipe, clusters=clusters is None)
    model = load(name)
    if latents_file is not None:
        chosen = load_latents_for(model, latents_file, space)
    elif seeds is None and recipe is not None and recipe.latent is not None:
        chosen = latent_path(recipe.latent, model, recipe.folder).at([time])
    else:
        chosen = model.latents(seed_list)
    play = replace(play, truncation=value_at(truncation_psi(play.truncation, recipe, model, chosen), time))
    if recipe is None:
        return Job(model, chosen, play, None, Plan(()), compare, nonfinite)
    plan = resolve(recipe, model, seed=bend_seed, clusters=clusters).at(time)
    return Job(model, chosen, play, recipe, plan, compare, nonfinite)


def _style_layers(layers: str) -> list[int]:
    from netbend.latents.seeds import parse_seeds

    try:
        return parse_seeds(layers)
    except LatentError as error:
        raise LatentError(f"--style-layers {layers}: expected layers such as 4-8") from error


def _with_styles(job: "Job", seed: int, layers: list[int]) -> "Job":
    mixed = job.model.mix_styles(job.latents, job.model.latents([seed]), layers, job.play)
    return replace(
        job, latents=mixed, play=replace(job.play, truncation=1.0, cutoff=None)
    )  # truncated already


def _render_all(
    job: "Job", out: Path, stem: str, sheet: bool, metadata: bool, overwrite: bool, resume: bool, silent: bool
) -> list[Path]:
    from netbend.render.job import check_recordable
    from netbend.render.write import PictureFiles

    names = [f"{stem}-seed{seed:04d}.png" for seed in job.latents.seeds]
    if len(set(names)) < len(names):
        raise RenderError("a seed comes twice; each makes one picture")
    check_recordable(job, sheet=sheet, metadata=metadata)
    sheets = [f"{stem}-sheet.png"] if sheet else []
    paths = places(out, [*names, *sheets], ", or ask for one picture, as with --seeds 3")
    files = PictureFiles(paths[: len(names)], paths[-1] if sheet else None, metadata, overwrite, resume)
    with kept_on_stop(files.made, len(names), out, resume=metadata), progress_bar(visible=not silent) as bar:
        files.write(job, lambda numbers: bar.track(numbers, description=f"Rendering {stem}"))
    return paths


def _render_again(
    picture_file: Path, model_name: str | None, out: Path, metadata: bool, overwrite: bool, device: str
) -> list[Path]:
    from netbend.atomic import write_atomic
    from netbend.models.catalog import load_model
    from netbend.pictures import thumbnail
    from netbend.render.files import refuse_existing
    from netbend.render.job import known_name, recorded_job
    from netbend.render.record import png_bytes, read_record

    record = read_record(picture_file)
    (path,) = places(out, [f"{picture_file.stem}.png"])
    refuse_existing([path], overwrite)
    try:
        model = load_model(model_name or known_name(record), device, bf16=record.bf16)
        job = recorded_job(record.of_one_picture(), model)
    except (ModelError, RecipeError, RenderError, LatentError) as error:
        raise RenderError(f"{picture_file}: cannot be made again: {error}") from error
    picture = job.sheet([thumbnail(made) for made in job.pictures()]) if record.sheet else job[0].picture()
    write_atomic(path, png_bytes(picture, record if metadata else None), RenderError, overwrite=overwrite)
    return [path]
