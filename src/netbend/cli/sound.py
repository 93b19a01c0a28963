"""`netbend sound`: sound files through a model, or a model that sings by itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netbend.choices import FiveItems, NonFinite, Phase, Precision
from netbend.cli.destination import refuse_other_ending, refuse_unwritable
from netbend.cli.idle import is_given, refuse_idle_options
from netbend.cli.inputs import check_recipe, read_recipe
from netbend.cli.loading import load
from netbend.cli.options import ClusterFile, DrawSeed, FiveItemMeaning, InPrecision, OnNonFinite, Overwrite
from netbend.cli.output import Device, Json, Quiet, print_json
from netbend.cli.sound_results import bend_files, let_sing, refuse_other_formats
from netbend.errors import ModelError, RenderError
from netbend.limits import MAX_SONG_SECONDS

if TYPE_CHECKING:
    from netbend.models.base import SoundModel
    from netbend.render.sound import SoundJob

# Options that mean nothing without another, or beside it.
_WITHOUT = {
    "recipe": ["five_items", "seed", "variations", "clusters"],
    "seeds": ["walk"],
}
_BESIDE = {
    "seeds": ["sources", "phase", "mix", "detail", "gain", "spectrogram", "variations"],
    "sources": ["seconds", "truncation"],
}


def sound(
    context: typer.Context,
    sources: Annotated[list[Path] | None, typer.Argument(help="Sound files of any kind.")] = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", "-r", help="Recipe file; without one the model is unbent.")
    ] = None,
    five_items: FiveItemMeaning = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Name or checkpoint file; default: the recipe's, or music."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Sound file to write, or a folder for several.")
    ] = Path("out"),
    phase: Annotated[Phase, typer.Option(help="The source's phases, or phases made anew.")] = Phase.INPUT,
    iterations: Annotated[int, typer.Option(help="Of Griffin-Lim.", min=1, max=1000)] = 32,
    mix: Annotated[float, typer.Option(help="0 the source alone, 1 the bent sound alone.")] = 1.0,
    detail: Annotated[
        str,
        typer.Option(
            help="Put back what the network loses: tonal (the steady part: the source's tones, the bend's "
            "own rhythm), 0 (nothing, the paper's way) to 1 (all)."
        ),
    ] = "tonal",
    gain: Annotated[bool, typer.Option("--gain/--no-gain", help="Keep the source's loudness.")] = True,
    volume: Annotated[float, typer.Option(help="Make the result louder or softer, dB.")] = 0.0,
    limit: Annotated[
        bool, typer.Option("--limit/--no-limit", help="Keep true peaks below --ceiling (ITU-R BS.1770-4).")
    ] = True,
    ceiling: Annotated[float, typer.Option(help="Highest true peak, dBTP.")] = -1.0,
    seed: DrawSeed = None,
    variations: Annotated[
        int, typer.Option(help="Results, each with another draw of the random selections.", min=1, max=1000)
    ] = 1,
    clusters: ClusterFile = None,
    nonfinite: OnNonFinite = NonFinite.ERROR,
    spectrogram: Annotated[
        Path | None, typer.Option(help="PNG of source, reconstruction and results, the first 30 s.")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Let the model sing: seeds of latents, such as 0-7, instead of files."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="Length of each song; default: the recipe's, or 10.", min=0.1, max=MAX_SONG_SECONDS
        ),
    ] = None,
    walk: Annotated[float, typer.Option(help="Seconds from one latent to the next.", min=0.1)] = 4.0,
    truncation: Annotated[
        float | None,
        typer.Option(
            "--truncation", "-t", help="psi: 1 varied, 0 the mean sound; default: the recipe's, or 1."
        ),
    ] = None,
    overwrite: Overwrite = False,
    precision: InPrecision = Precision.FLOAT32,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Send sound through a model that a recipe bends; with --seeds the model sings by itself.

    The result has the length, sample rate, channels and loudness of the source. What moves in the recipe
    moves along it; what follows the `soundtrack` follows the source.
    """
    from netbend.latents.seeds import parse_seeds
    from netbend.models.base import Play

    refuse_idle_options(context, _WITHOUT, _BESIDE)
    if not sources and seeds is None and recipe is None:
        raise RenderError("name sound files to bend, or --seeds to let the model sing")
    if not sources:
        _refuse_without_sources(context)
    if not limit and is_given(context, "ceiling"):
        raise RenderError("--ceiling means nothing beside --no-limit")
    refuse_other_formats(out)
    refuse_unwritable(out)
    Play(truncation)  # refuses what is no truncation
    numbers = None if seeds is None else parse_seeds(seeds)
    if spectrogram is not None:
        _check_spectrogram(spectrogram, sources or [])
    lengths = _lengths(sources or [])
    settings = _Settings(
        recipe, five_items, model, clusters, seed, variations, device, precision, next(iter(lengths), None)
    )
    jobs = settings.jobs(phase, iterations, detail, mix, gain, volume, ceiling if limit else None, nonfinite)
    if sources:
        written = bend_files(lengths, jobs, out, recipe, spectrogram, overwrite, quiet or json)
    else:
        written = let_sing(numbers, jobs, out, recipe, seconds, walk, truncation, overwrite, quiet or json)
    if json:
        print_json({"files": [str(path) for path in written]})
    elif not quiet:
        print(*written, sep="\n")


def _refuse_without_sources(context: typer.Context) -> None:
    """A model that sings by itself takes none of what is done to a source."""
    for name in _BESIDE["seeds"]:
        if is_given(context, name):
            raise RenderError(f"--{name} means nothing without sound files")


@dataclass(frozen=True)
class _Settings:
    """What decides about model and plans. source: a sound to bend, None to let the model sing."""

    recipe: Path | None
    five_items: FiveItems | None
    model: str | None
    clusters: Path | None
    seed: int | None
    variations: int
    device: str
    precision: Precision
    source: Path | None

    def jobs(
        self,
        phase: Phase,
        iterations: int,
        detail: str,
        mix: float,
        gain: bool,
        volume: float,
        ceiling: float | None,
        nonfinite: NonFinite,
    ) -> "dict[str, SoundJob]":
        """One job for each variation, by what its files have in their names."""
        from netbend.recipe import load_clusters
        from netbend.render.sound import Mixing, SoundJob
        from netbend.render.stream import Listening

        mixing = Mixing(mix, gain, volume, ceiling)
        recipe = None if self.recipe is None else read_recipe(self.recipe, self.five_items)
        clusters = None if self.clusters is None else load_clusters(self.clusters)
        check_recipe(
            recipe,
            clusters=clusters is None,
            latent=self.source is None,
            truncation=self.source is None,
            soundtrack=None if recipe is None or recipe.soundtrack else self.source,
        )
        model = self._load(self.model or (recipe.model if recipe else None) or "music")
        listening = Listening(phase, iterations, detail=_amount(detail))
        job = SoundJob(model, listening=listening, mixing=mixing, nonfinite=nonfinite)
        if recipe is None:
            return {"": job}
        first = recipe.seed if self.seed is None else self.seed
        if self.variations == 1:
            return {"": job.bent(recipe, first, clusters)}
        draws = range(first, first + self.variations)
        return {f"-seed{draw:04d}": job.bent(recipe, draw, clusters) for draw in draws}

    def _load(self, name: str) -> "SoundModel":
        from netbend.models.base import SoundModel

        model = load(name, self.device, self.precision)
        if not isinstance(model, SoundModel):
            raise ModelError(f"{model.name} makes pictures, not sound: `netbend render` plays it")
        return model


def _amount(detail: str) -> float | str:
    """A number if it is one; `Listening` refuses what it does not know."""
    try:
        return float(detail)
    except ValueError:
        return detail


def _check_spectrogram(picture: Path, sources: list[Path]) -> None:
    if len(sources) > 1:
        raise RenderError("--spectrogram shows one source: name one file")
    refuse_other_ending(picture, [".png"], "a picture")


def _lengths(sources: list[Path]) -> dict[Path, int]:
    """Frames of each file. Raises SoundError for one that cannot be read, before any is bent."""
    from netbend.sound.files import SoundReader

    lengths = {}
    for source in sources:
        if source in lengths:
            raise RenderError(f"{source} comes twice")
        with SoundReader(source) as reader:
            lengths[source] = reader.frames
    return lengths
