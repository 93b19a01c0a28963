"""`netbend render`: pictures from a model, bent by a recipe."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from netbend.choices import NoiseMode, NonFinite, Precision, Space
from netbend.cli.destination import places, refuse_unwritable
from netbend.cli.from_file import render_again
from netbend.cli.idle import refuse_idle_options
from netbend.cli.inputs import check_latents, check_recipe, read_recipe
from netbend.cli.lists import parse_style_layers
from netbend.cli.loading import load_of_pictures
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
    RecipeFile,
    Resume,
    SelectionSeed,
    Strength,
    Truncation,
    from_zero,
)
from netbend.cli.output import Device, Json, Quiet, print_json, progress_bar
from netbend.cli.stopping import kept_on_stop, refuse_unverifiable
from netbend.cli.terminal import complain
from netbend.cli.usage import UsageError
from netbend.cli.watch import Load, Read, Watch, watch_until_stopped
from netbend.engine.bound import bind
from netbend.engine.embedded import check_recordable
from netbend.engine.latent_values import LatentValues
from netbend.engine.request import RenderRequest, reference_of
from netbend.engine.still import Still
from netbend.latents.file import load_latents_for
from netbend.latents.seeds import parse_seeds
from netbend.limits import MAX_FILM_SECONDS
from netbend.models.base import Model, SynthesisOptions
from netbend.models.capabilities import mix_styles
from netbend.recipe import Recipe, load_clusters
from netbend.recipe.animation import is_animated
from netbend.recipe.places import Latent, Seed
from netbend.render.write import PictureFiles

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
        typer.Option(help="Take styles from the latent of this seed (style mixing).", callback=from_zero),
    ] = None,
    style_layers: Annotated[
        str, typer.Option(help="At these layers: what --style-seed gives, such as 4-8.")
    ] = "4-8",
    selection_seed: SelectionSeed = None,
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
        Path | None,
        typer.Option("--from", help="Begin from a picture or film: make it again, or a moment of it."),
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
    without_recipe = _IDLE_WITHOUT["recipe"] + ["time"] * (from_picture is None)
    refuse_idle_options(context, {**_IDLE_WITHOUT, "recipe": without_recipe}, _IDLE_BESIDE)
    refuse_unverifiable(resume, metadata)
    refuse_unwritable(out)
    if from_picture is not None:
        written = render_again(from_picture, model, out, time, metadata, overwrite, device)
    else:
        asked = _Asked(
            recipe=recipe,
            model=model,
            options=SynthesisOptions(truncation, cutoff, noise, label, nonfinite),
            time=time,
            seeds=seeds,
            latents=latents,
            space=space,
            selection_seed=selection_seed,
            clusters=clusters,
            compare=compare,
            usual_seeds=WATCHED_SEEDS if watch else SEEDS,
            look_first=not watch,
        )
        styles = None if style_seed is None else (style_seed, parse_style_layers(style_layers))

        def decide(read: Read, load: Load) -> Still:
            still = asked.stills(read, load)
            return still if styles is None else _with_styles(still, *styles)

        def read(path: Path) -> Recipe:
            return read_recipe(path, five_items, strength)

        def load(name: str) -> Model:
            return load_of_pictures(name, device, precision)

        if watch and recipe is not None:
            beside = [path for path in (clusters, latents) if path is not None]
            _watch(Watch(recipe, decide, read, load, out, beside, metadata, overwrite), quiet)
            return
        still = decide(read, load)
        stem = recipe.stem if recipe else still.model.name.rpartition("/")[2].partition(".")[0]
        written = _render_all(still, out, stem, sheet, metadata, overwrite, resume, quiet or json)
    if json:
        print_json({"files": [str(path) for path in written]})
    elif not quiet:
        print(f"{written[0]}" if len(written) == 1 else f"{len(written)} pictures in {out}")


# Options that mean nothing without another, or beside it.
_IDLE_WITHOUT = {
    "latents": ["space"],
    "style_seed": ["style_layers"],
    "recipe": ["five_items", "strength", "selection_seed", "clusters", "watch"],
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
            "selection_seed",
            "clusters",
            "nonfinite",
            "sheet",
            "compare",
            "precision",
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


@dataclass(frozen=True)
class _Asked:
    """What the options ask for, before a model is loaded. usual_seeds: where nothing says any."""

    recipe: Path | None
    model: str | None
    options: SynthesisOptions
    time: float | None
    seeds: str | None
    latents: Path | None
    space: Space | None
    selection_seed: int | None
    clusters: Path | None
    compare: bool
    usual_seeds: str
    look_first: bool  # at files, before the model is loaded; of no use where it has been

    def stills(self, read: Read, load: Load) -> Still:
        """Read the recipe, load the model, and decide all."""
        recipe = None if self.recipe is None else read(self.recipe)
        if self.compare and recipe is None:
            raise UsageError("--compare puts bent beside unbent: name a recipe")
        own_latent = self.seeds is None and self.latents is None
        if recipe is not None:
            latent = recipe.latent if own_latent else None
            psi = recipe.truncation if self.options.truncation_psi is None else None
            recipe = replace(recipe, latent=latent, truncation=psi)
            if self.time is not None and not is_animated(recipe):
                raise UsageError(f"--time {self.time:g}: {self.recipe} does not move; leave it out")
        clusters = None if self.clusters is None else load_clusters(self.clusters)
        seeds = parse_seeds(self.usual_seeds if self.seeds is None else self.seeds)
        if self.look_first:
            check_latents(self.latents)
            check_recipe(recipe, clusters=clusters is None)
        model = load(self.model or (recipe.model if recipe else None) or "faces")
        request = RenderRequest(
            model=reference_of(model),
            recipe=recipe,
            latents=self._latents(model, recipe, seeds),
            options=self.options,
            selection_seed=self.selection_seed,
            clusters=clusters,
            time=self.time or 0.0,
            compare=self.compare,
        )
        return bind(request, model).still()

    def _latents(
        self, model: Model, recipe: Recipe | None, seeds: list[int]
    ) -> tuple[Latent | LatentValues, ...]:
        if self.latents is not None:
            found = load_latents_for(model, self.latents, self.space)
            return tuple(LatentValues.of(found[place]) for place in range(len(found)))
        if self.seeds is None and recipe is not None and recipe.latent is not None:
            return ()
        return tuple(Latent(Seed(seed)) for seed in seeds)


def _with_styles(still: Still, seed: int, layers: list[int]) -> Still:
    mixed = mix_styles(still.model, still.latents, still.model.latents([seed]), layers, still.options)
    return replace(
        still, latents=mixed, options=replace(still.options, truncation_psi=1.0, truncation_cutoff=None)
    )  # truncated already


def _render_all(
    still: Still,
    out: Path,
    stem: str,
    sheet: bool,
    metadata: bool,
    overwrite: bool,
    resume: bool,
    silent: bool,
) -> list[Path]:
    names = [f"{stem}-seed{seed:04d}.png" for seed in still.latents.seeds]
    if len(set(names)) < len(names):
        raise UsageError("a seed comes twice; each makes one picture")
    check_recordable(still, sheet=sheet, metadata=metadata)
    sheets = [f"{stem}-sheet.png"] if sheet else []
    paths = places(out, [*names, *sheets], ", or ask for one picture, as with --seeds 3")
    files = PictureFiles(paths[: len(names)], paths[-1] if sheet else None, metadata, overwrite, resume)
    with kept_on_stop(files.made, len(names), out, resume=metadata), progress_bar(visible=not silent) as bar:
        files.write(still, lambda numbers: bar.track(numbers, description=f"Rendering {stem}"))
    return paths
