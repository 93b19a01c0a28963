"""`netbend sound`: sound files through a model, or a model that sings by itself."""

from pathlib import Path
from typing import Annotated

import typer

from netbend.choices import NonFinite, Phase, Precision, Stereo
from netbend.cli.clock import parse_clock
from netbend.cli.destination import refuse_other_ending, refuse_unwritable
from netbend.cli.idle import refuse_idle_options
from netbend.cli.options import (
    ClusterFile,
    FiveItemMeaning,
    InPrecision,
    OnNonFinite,
    Overwrite,
    SelectionSeed,
    Strength,
)
from netbend.cli.output import Device, Json, Quiet, print_json
from netbend.cli.pipes import PIPE, from_standard_input, to_standard_output
from netbend.cli.sound_jobs import Settings
from netbend.cli.sound_results import Asked, bend_files, let_sing, refuse_other_formats
from netbend.cli.sound_sources import find_sources
from netbend.cli.usage import UsageError, is_given, option
from netbend.errors import RenderError
from netbend.limits import MAX_SONG_SECONDS

# Options that mean nothing without another, or beside it.
_WITHOUT = {
    "recipe": ["five_items", "strength", "selection_seed", "count", "clusters"],
    "seeds": ["walk"],
}
_BESIDE = {
    "seeds": [
        *(
            "sources",
            "start",
            "end",
            "phase",
            "mix",
            "detail",
            "stereo",
            "keep_loudness",
            "spectrogram",
            "count",
        ),
    ],
    "sources": ["seconds", "truncation", "stereo_width"],
}


def sound(
    context: typer.Context,
    sources: Annotated[
        list[Path] | None,
        typer.Argument(help="Sound files, films, folders of them; - is standard input."),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", "-r", help="Recipe file; without one the model is unbent.")
    ] = None,
    strength: Strength = None,
    five_items: FiveItemMeaning = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Name or checkpoint file; default: the recipe's, or music."),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="Sound file to write, a folder for several, or - for WAV to standard output."
        ),
    ] = Path("out"),
    start: Annotated[
        float | None,
        typer.Option(parser=parse_clock, metavar="TIME", help="Where to begin: seconds, or such as 1:23.5."),
    ] = None,
    end: Annotated[
        float | None,
        typer.Option(parser=parse_clock, metavar="TIME", help="Where to end; default: the source's end."),
    ] = None,
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
    stereo: Annotated[
        Stereo,
        typer.Option(
            help="linked: all channels are bent by the same features; per-channel: each by its own draw, of "
            "the seeds from --selection-seed on; mid-side: middle and sides, by the same features."
        ),
    ] = Stereo.LINKED,
    keep_loudness: Annotated[bool, typer.Option(help="Keep the source's loudness.")] = True,
    volume: Annotated[float, typer.Option(help="Make the result louder or softer, dB.")] = 0.0,
    limit: Annotated[
        bool, typer.Option("--limit/--no-limit", help="Keep true peaks below --ceiling (ITU-R BS.1770-4).")
    ] = True,
    ceiling: Annotated[float, typer.Option(help="Highest true peak, dBTP.")] = -1.0,
    selection_seed: SelectionSeed = None,
    count: Annotated[
        int,
        typer.Option(
            help="How many results, each with another draw of the random selections.", min=1, max=1000
        ),
    ] = 1,
    clusters: ClusterFile = None,
    nonfinite: OnNonFinite = NonFinite.ERROR,
    spectrogram: Annotated[
        Path | None, typer.Option(help="PNG of source, reconstruction and results, the first 30 s.")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Seeds of the latents, such as 0-7: the model sings, without files."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="Length of each song; default: the recipe's, or 10.", min=0.1, max=MAX_SONG_SECONDS
        ),
    ] = None,
    walk: Annotated[float, typer.Option(help="Seconds from one latent to the next.", min=0.1)] = 4.0,
    stereo_width: Annotated[
        float, typer.Option(help="Stereo width of songs: 0 both channels alike, 1 far apart.", min=0, max=1)
    ] = 0.3,
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
    from netbend.models.base import SynthesisOptions
    from netbend.render.sound import Mixing
    from netbend.render.stream import Listening

    refuse_idle_options(context, _WITHOUT, _BESIDE)
    if not sources and seeds is None and recipe is None:
        raise UsageError("name sound files to bend, or --seeds to let the model sing")
    if not sources:
        _refuse_without_sources(context)
    if not limit and is_given(context, "ceiling"):
        raise UsageError("--ceiling means nothing beside --no-limit")
    _check_out(out, json)
    _check_part(start or 0.0, end)
    SynthesisOptions(truncation)  # refuses what is no truncation
    unbent = {
        "listening": Listening(phase, iterations, detail=_amount(detail), stereo=stereo),
        "mixing": Mixing(mix, keep_loudness, volume, ceiling if limit else None),
        "nonfinite": nonfinite,
    }
    numbers = None if seeds is None else parse_seeds(seeds)
    if spectrogram is not None:
        _check_spectrogram(spectrogram, sources or [])
    with from_standard_input(sources or []) as given, to_standard_output(out) as place:
        found = find_sources(given, place)
        first = found.sounds[0].path if found.sounds else None
        jobs = Settings(
            recipe, five_items, strength, model, clusters, selection_seed, count, device, precision, first
        ).jobs(unbent)
        asked = Asked(place, recipe, start or 0.0, end, spectrogram, overwrite, quiet or json, json)
        if sources:
            results = bend_files(found, jobs, asked)
        else:
            results = let_sing(numbers, jobs[""], asked, seconds, walk, truncation, stereo_width)
    if json:
        print_json(results.to_data())
    elif not quiet and out != PIPE:
        print(*(result.path for result in results.made), sep="\n")
    if results.left_out:
        raise RenderError(f"left out, as said above: {len(results.left_out)}; made: {len(results.made)}")


def _check_out(out: Path, json: bool) -> None:
    if out == PIPE and json:
        raise UsageError("--json means nothing beside --out -, which takes standard output; leave one out")
    if out != PIPE:
        refuse_other_formats(out)
        refuse_unwritable(out)


def _check_part(start: float, end: float | None) -> None:
    if end is not None and end <= start:
        raise UsageError(f"--start {start:g} and --end {end:g}: expected an end after the start, in seconds")


def _refuse_without_sources(context: typer.Context) -> None:
    """A model that sings by itself takes none of what is done to a source."""
    for name in _BESIDE["seeds"]:
        if is_given(context, name):
            raise UsageError(f"{option(name)} means nothing without sound files")


def _amount(detail: str) -> float | str:
    """A number if it is one; `Listening` refuses what it does not know."""
    try:
        return float(detail)
    except ValueError:
        return detail


def _check_spectrogram(picture: Path, sources: list[Path]) -> None:
    if len(sources) != 1 or sources[0].is_dir():
        raise UsageError("--spectrogram shows one source: name one file")
    refuse_other_ending(picture, [".png"], "a picture")
