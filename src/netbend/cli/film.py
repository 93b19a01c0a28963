"""`netbend film`: a recipe over time, as a film."""

import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer
from PIL.Image import Image

from netbend.atomic import write_atomic
from netbend.choices import Encoder, NoiseMode, NonFinite, Precision, Space
from netbend.cli.from_file import request_of_film
from netbend.cli.idle import refuse_idle_options
from netbend.cli.inputs import check_latents, check_recipe, check_sounds, read_recipe
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
    RecipeFile,
    SelectionSeed,
    Strength,
    Truncation,
)
from netbend.cli.output import Device, Json, Quiet, print_json, progress_bar
from netbend.cli.usage import UsageError, is_given
from netbend.engine.bound import Bound, bind
from netbend.engine.embedded import png_bytes
from netbend.engine.frames import Film
from netbend.engine.request import RenderRequest, reference_of
from netbend.errors import RenderError
from netbend.film.folder import GOES_ON, refuse_out, unfinished
from netbend.film.formats import QUALITY, Encoding, check_out, format_of
from netbend.film.make import encoding_of, write_or_keep
from netbend.film.write import at_height
from netbend.latents.file import load_latents_for
from netbend.latents.seeds import parse_seeds
from netbend.limits import MAX_FILM_SECONDS
from netbend.models.base import Model, SynthesisOptions
from netbend.pictures import contact_sheet
from netbend.recipe import Recipe, load_clusters
from netbend.recipe.animation import follows_soundtrack
from netbend.recipe.places import Journey, Latent, LatentFile, Point, Seed
from netbend.render.files import refuse_existing

TALLEST = 4320  # rows, of 8K; encoders need gigabytes for more

_WITHOUT = {"recipe": ["five_items", "strength", "selection_seed", "clusters"], "latents": ["space"]}
_BESIDE = {
    "latents": ["seeds"],
    "frame": ["quality", "encoder", "stills"],
    "stills": ["quality", "encoder"],
    "from_film": [
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
        ),
        *("selection_seed", "clusters", "nonfinite", "compare", "precision"),
    ],
}


def film(
    context: typer.Context,
    recipe: RecipeFile = None,
    five_items: FiveItemMeaning = None,
    strength: Strength = None,
    model: ModelName = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="film.mp4, .webm, .mkv (lossless), .gif, or a folder of PNG.")
    ] = Path("out/film.mp4"),
    seconds: Annotated[
        float | None,
        typer.Option(
            help="Length; default: the recipe's, its sound's, its latents', or 10.",
            min=0.01,
            max=MAX_FILM_SECONDS,
        ),
    ] = None,
    fps: Annotated[float, typer.Option(help="Frames a second.", min=1, max=240)] = 30,
    sound: Annotated[
        Path | None, typer.Option(help="Sound file: put beneath the film, and what `soundtrack` follows.")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            help="Seeds of the latents, one or several in a loop: 3, or 0-5; default: the recipe's."
        ),
    ] = None,
    latents: Annotated[
        Path | None,
        typer.Option(help="Latents from a .npz, .npy, .safetensors or .pt file instead of seeds."),
    ] = None,
    space: LatentSpace = None,
    truncation: Truncation = None,
    cutoff: Cutoff = None,
    noise: Noise = NoiseMode.CONSTANT,
    label: Label = None,
    selection_seed: SelectionSeed = None,
    clusters: ClusterFile = None,
    nonfinite: OnNonFinite = NonFinite.ERROR,
    compare: Annotated[
        bool, typer.Option("--compare", help="Put the unbent picture beside the bent.")
    ] = False,
    height: Annotated[
        int | None,
        typer.Option(
            help="Height of the frames; default: the model's, small ones enlarged.", min=16, max=TALLEST
        ),
    ] = None,
    quality: Annotated[
        int, typer.Option(help="CRF of .mp4 and .webm: 0 best, 18 looks like it, 30 small.", min=0, max=51)
    ] = QUALITY,
    encoder: Annotated[
        Encoder, typer.Option(help="gpu: NVIDIA's encoder, for .mp4; faster, other bytes on other machines.")
    ] = Encoder.SOFTWARE,
    frame: Annotated[
        int | None, typer.Option(help="Only this frame, as a PNG: the pixels it has in the film.", min=0)
    ] = None,
    stills: Annotated[
        int | None, typer.Option(help="Only so many frames, evenly over the film, on a sheet.", min=2, max=64)
    ] = None,
    from_film: Annotated[
        Path | None,
        typer.Option("--from", help="Begin from a film or picture: make it again; --sound is named anew."),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace files that are there, unfinished films included."),
    ] = False,
    precision: InPrecision = Precision.FLOAT32,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Render a film: whatever moves in the recipe - bends, latent, truncation - moves.

    A film that was cut off leaves what it had in OUT.unfinished; the same command goes on from there.
    """
    refuse_idle_options(context, _WITHOUT, _BESIDE)
    options = SynthesisOptions(truncation, cutoff, noise, label, nonfinite)
    is_picture = frame is not None or stills is not None
    if is_picture:
        _check_picture(out, overwrite)
    else:
        Encoding(encoder=encoder).format(out)
        _check_film(out, fps, height, is_given(context, "quality"), overwrite)
    if from_film is not None:
        request, loaded = request_of_film(from_film, model, device)
        changes: dict[str, object] = {"seconds": seconds, "soundtrack": sound and str(sound)}
        changes["fps"] = fps if is_given(context, "fps") else request.fps or fps
        request = request.but(**{name: value for name, value in changes.items() if value is not None})
        check_sounds([] if sound is None else [sound])
        if not is_picture:
            check_out(out, request.fps or fps, height)
    else:
        said = Recipe(()) if recipe is None else read_recipe(recipe, five_items, strength)
        given = None if clusters is None else load_clusters(clusters)
        check_latents(latents)
        check_recipe(
            said,
            clusters=given is None,
            latent=seeds is None and latents is None,
            truncation=truncation is None,
            soundtrack=sound,
        )
        check_sounds(_beneath(said, sound))
        if sound is not None and not is_picture and not follows_soundtrack(said):
            _refuse_silent(out, sound)
        loaded = load_of_pictures(model or said.model or "faces", device, precision)
        latent = _latent(loaded, seeds, latents, space)
        request = RenderRequest(
            model=reference_of(loaded),
            recipe=said,
            latents=() if latent is None else (latent,),
            options=options,
            selection_seed=selection_seed,
            clusters=given,
            seconds=seconds,
            fps=fps,
            soundtrack=None if sound is None else str(sound),
            compare=compare,
        )
    bound = bind(request, loaded)
    made = Film.of(bound)
    if frame is not None:
        _write_picture(_frame(made, frame, height), out, overwrite)
    elif stills is not None:
        _write_picture(_stills(made, stills, height), out, overwrite)
    else:
        if made.still and len(made) > 1:
            warnings.warn("nothing moves: every frame is the same picture", stacklevel=2)
        encoding = encoding_of(bound, made, out, height, quality, encoder)
        _write_film(bound, made, out, encoding, overwrite, quiet or json)
    if json:
        print_json({"files": [str(out)], "frames": len(made), "seconds": made.seconds})
    elif not quiet:
        print(out)


def _check_film(out: Path, fps: float, height: int | None, quality_given: bool, overwrite: bool) -> None:
    """Refuse before the work what cannot be written. Raises RenderError."""
    check_out(out, fps, height)
    refuse_out(out, overwrite=overwrite)
    format = format_of(out)
    if quality_given and (format is None or not format.is_yuv):
        raise UsageError(f"--quality means nothing for {out.suffix or 'PNG'} films: they have but one")


def _check_picture(out: Path, overwrite: bool) -> None:
    if out.suffix.lower() != ".png":
        raise UsageError(f"--out {out}: a picture is a PNG file; name one that ends in .png")
    refuse_existing([out], overwrite)


def _beneath(recipe: Recipe, sound: Path | None) -> list[Path]:
    """The sound that goes with a film."""
    if sound is None and recipe.soundtrack is not None:
        sound = (recipe.folder or Path()) / recipe.soundtrack
    return [] if sound is None else [sound]


def _latent(model: Model, seeds: str | None, file: Path | None, space: Space | None) -> Latent | None:
    """One latent, or a journey through several that closes."""
    points: list[Point] = []
    if seeds is not None:
        points = [Seed(seed) for seed in parse_seeds(seeds)]
    elif file is not None:
        found = load_latents_for(model, file, space)
        points = [LatentFile(str(file.resolve()), number, found.space) for number in range(len(found))]
    if not points:
        return None
    return Latent(points[0]) if len(points) == 1 else Latent(Journey(tuple(points), loop=True, smooth=True))


def _refuse_silent(out: Path, sound: Path) -> None:
    format = format_of(out)
    if format is None or format.audio is None:
        raise RenderError(
            f"{out}: has no sound, and nothing in the recipe follows {sound}; leave out --sound"
        )


def _frame(film: Film, number: int, height: int | None) -> Image:
    return at_height(film.frame(number), height)


def _stills(film: Film, count: int, height: int | None) -> Image:
    """Frames with the seconds at which they come."""
    numbers = [len(film) * place // count for place in range(count)]
    pictures = [at_height(film.frame(number), height) for number in numbers]
    return contact_sheet(pictures, [f"{film.time(number):.2f} s" for number in numbers])


def _write_picture(picture: Image, out: Path, overwrite: bool) -> None:
    write_atomic(out, png_bytes(picture, None), RenderError, overwrite=overwrite)


def _write_film(
    bound: Bound,
    film: Film,
    out: Path,
    encoding: Encoding,
    overwrite: bool,
    silent: bool,
) -> None:
    with progress_bar(visible=not silent) as bar:
        task = bar.add_task("Filming", total=len(film), visible=False)
        try:
            write_or_keep(
                bound,
                film,
                out,
                encoding,
                lambda count: bar.update(task, advance=count, visible=True),
                overwrite=overwrite,
                begin_anew=overwrite,
            )
        except KeyboardInterrupt:
            if unfinished(out).exists():
                print(f"netbend: stopped; {GOES_ON.format(unfinished(out))}", file=sys.stderr)
            raise
