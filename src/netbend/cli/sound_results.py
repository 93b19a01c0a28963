"""What `netbend sound` writes: where each result goes, and the work that fills it."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netbend.cli.output import progress_bar
from netbend.cli.sound_sources import Source, Sources, leave_out
from netbend.cli.stopping import kept_on_stop
from netbend.cli.usage import UsageError
from netbend.errors import RenderError, SoundError

if TYPE_CHECKING:
    from netbend.render.sound import SoundJob

SONG_SECONDS = 10.0


@dataclass(frozen=True)
class Asked:
    """What is asked of results.

    out: a file, or a folder. recipe: the file by which results are named. start, end: seconds, of the part
    of each source that is bent. picture: of source, reconstruction and results. measured: whether they are.
    """

    out: Path
    recipe: Path | None = None
    start: float = 0.0
    end: float | None = None
    picture: Path | None = None
    overwrite: bool = False
    silent: bool = False
    measured: bool = False


@dataclass(frozen=True)
class Result:
    """A sound that was written. measures: see `SoundMeasures`; None unless asked for."""

    path: Path
    source: Path | None
    clipped: int
    measures: dict[str, Any] | None = None


@dataclass(frozen=True)
class Results:
    """What became of all sources. left_out: what was wrong with those of folders that are left out."""

    made: Sequence[Result]
    left_out: Sequence[str] = ()

    def to_data(self) -> dict[str, Any]:
        """For programs."""
        sounds = [
            {
                "file": str(result.path),
                "source": None if result.source is None else str(result.source),
                "clipped": result.clipped,
                **(result.measures or {}),
            }
            for result in self.made
        ]
        return {
            "files": [sound["file"] for sound in sounds],
            "sounds": sounds,
            "left_out": list(self.left_out),
        }


def bend_files(sources: Sources, jobs: "dict[str, SoundJob]", asked: Asked) -> Results:
    """Bend each source by each job.

    Of a folder, what cannot be read to its end is told of and left out, and the rest goes on.
    """
    from netbend.render.files import nothing_left_on_error, refuse_existing

    paths = _places(sources.sounds, jobs, asked)
    refuse_existing([*paths.values(), *([asked.picture] if asked.picture else [])], asked.overwrite)
    for (source, label), path in paths.items():
        jobs[label].check(source.path, path)
        _report_rate(path, source.sample_rate)
    results: list[Result] = []
    new: list[Path] = []
    left_out = list(sources.unread)
    stopping = kept_on_stop(new, len(paths), asked.out, resume=False, called="sounds")
    with nothing_left_on_error(new), stopping, progress_bar(visible=not asked.silent) as bar:
        done, seconds = 0.0, [_part(source, asked) for source, _ in paths]
        task = bar.add_task("Bending, seconds", total=sum(seconds))
        for (source, label), path in paths.items():
            is_new = not path.exists()

            def report(frames: int, rate: int = source.sample_rate) -> None:
                bar.advance(task, frames / rate)

            try:
                clipped = jobs[label].write(
                    source.path, path, report, overwrite=asked.overwrite, start=asked.start, end=asked.end
                )
            except SoundError as error:
                if source.place is None:
                    raise
                leave_out(error, left_out)
                continue
            finally:
                bar.update(task, completed=(done := done + _part(source, asked)))
            _report_clipped(path, clipped)
            new.extend([path] if is_new else [])
            measures = _measured(path, source, asked) if asked.measured else None
            results.append(Result(path, source.path, clipped, measures))
        if asked.picture is not None:
            _draw(asked.picture, jobs, results, asked)
    return Results(results, left_out)


def let_sing(
    seeds: list[int] | None,
    job: "SoundJob",
    asked: Asked,
    seconds: float | None,
    walk: float,
    truncation: float | None,
    width: float,
) -> Results:
    """A song for each seed, or one along the latents of the recipe."""
    from netbend.models.capabilities import audio_output
    from netbend.render.files import nothing_left_on_error, refuse_existing

    if seeds is None and (job.recipe is None or job.recipe.latent is None):
        raise RenderError(
            "name sound files to bend, or --seeds to let the model sing, or give the recipe a `latent:`"
        )
    numbers: Sequence[int | None] = [None] if seeds is None else seeds
    length = seconds or (job.recipe and job.recipe.seconds) or SONG_SECONDS
    stem = asked.recipe.stem if asked.recipe else Path(job.model.name).stem
    several = len(numbers) > 1
    paths = [
        _place(asked.out, Path(f"{stem}-seed{number or 0:04d}.wav"), several=several) for number in numbers
    ]
    refuse_existing(paths, asked.overwrite)
    for path in paths:
        _report_rate(path, audio_output(job.model).spectrum.sample_rate)
    results: list[Result] = []
    new: list[Path] = []
    stopping = kept_on_stop(new, len(paths), asked.out, resume=False, called="songs")
    with nothing_left_on_error(new), stopping, progress_bar(visible=not asked.silent) as bar:
        for path, number in bar.track(list(zip(paths, numbers, strict=True)), description="Singing"):
            is_new = not path.exists()
            clipped = job.write_song(
                number, path, length, walk, truncation, width=width, overwrite=asked.overwrite
            )
            _report_clipped(path, clipped)
            new.extend([path] if is_new else [])
            measures = _measured(path, None, asked) if asked.measured else None
            results.append(Result(path, None, clipped, measures))
    return Results(results)


def refuse_other_formats(out: Path) -> None:
    """Raise UsageError for the name of a file that is none of the sounds that are written."""
    from netbend.sound.formats import FORMATS

    suffix = out.suffix.lower()
    is_ending = any(map(str.isalpha, suffix))  # in `take.2` it is none
    if not out.is_dir() and is_ending and suffix not in FORMATS:
        raise UsageError(
            f"--out {out}: netbend does not write {suffix}; choose {', '.join(FORMATS)}, or make the folder "
            f"first if it is one"
        )


def _places(
    sounds: Sequence[Source], jobs: "dict[str, SoundJob]", asked: Asked
) -> dict[tuple[Source, str], Path]:
    """Where each result goes: to --out if that is a sound file, otherwise into it as a folder.

    What was found in a folder keeps its name and its folders there; what was itself named is called after
    source and recipe. Raises RenderError where two would be one, or one would be a source.
    """
    in_folder = any(source.place is not None for source in sounds)
    several = in_folder or len(sounds) * len(jobs) > 1
    paths = {
        (source, label): _place(asked.out, _named(source, label, asked.recipe), several=several)
        for source in sounds
        for label in jobs
    }
    taken: dict[Path, Source | None] = {}
    if asked.picture is not None:
        taken[asked.picture.resolve()] = None
    whole = {source.path.resolve() for source in sounds}
    for (source, _), path in paths.items():
        if path.resolve() in whole:
            raise RenderError(f"{path} is a source; name another --out")
        if path.resolve() in taken:
            other = taken[path.resolve()]
            raise RenderError(
                f"{path}: the result of {source.path} and {asked.picture if other is None else other.path} "
                f"would have this one name; make them one after the other"
            )
        taken[path.resolve()] = source
    return paths


def _named(source: Source, label: str, recipe: Path | None) -> Path:
    """The name of a result in a folder."""
    from netbend.sound.formats import FORMATS

    kept = source.path.suffix if source.path.suffix.lower() in FORMATS else ".wav"
    if source.place is not None:
        return source.place.with_name(f"{source.place.stem}{label}{kept}")
    ending = f"-{recipe.stem}{label}" if recipe else f"{label}-unbent"
    return Path(f"{source.path.stem}{ending}{kept}")


def _place(out: Path, name: Path, *, several: bool) -> Path:
    from netbend.sound.formats import FORMATS

    if out.is_dir() or out.suffix.lower() not in FORMATS:
        return out / name
    if several:
        raise RenderError(f"--out {out}: there are several results; name a folder")
    return out


def _part(source: Source, asked: Asked) -> float:
    """Seconds of a source that are bent."""
    end = source.seconds if asked.end is None else min(source.seconds, asked.end)
    return max(0.0, end - asked.start)


def _measured(path: Path, source: Source | None, asked: Asked) -> dict[str, Any]:
    from netbend.sound.excerpt import excerpt
    from netbend.sound.measures import measure_sound

    if source is None:
        return asdict(measure_sound(path))
    with excerpt(source.path, asked.start, asked.end) as part:
        return asdict(measure_sound(path, part))


def _draw(picture: Path, jobs: "dict[str, SoundJob]", results: Sequence[Result], asked: Asked) -> None:
    from netbend.atomic import write_atomic
    from netbend.engine.embedded import png_bytes
    from netbend.render.sound_picture import compared
    from netbend.sound.excerpt import excerpt

    labelled = [
        (label.lstrip("-") or "bent", result.path) for label, result in zip(jobs, results, strict=True)
    ]
    source = results[0].source
    assert source is not None
    with excerpt(source, asked.start, asked.end) as part:
        drawn = compared(next(iter(jobs.values())).model, part, labelled)
    write_atomic(picture, png_bytes(drawn, None), RenderError, overwrite=asked.overwrite)


def _report_rate(path: Path, sample_rate: int) -> None:
    from netbend.sound.formats import written_rate

    rate = written_rate(path, sample_rate)
    if rate != sample_rate:
        warnings.warn(
            f"{path}: {path.suffix.lower()} takes no {sample_rate} samples a second; it is written with "
            f"{rate}",
            stacklevel=2,
        )


def _report_clipped(path: Path, clipped: int) -> None:
    if clipped:
        warnings.warn(
            f"{path}: {clipped} samples were louder than full scale and are clipped; "
            f"without --no-limit, or with a lower --volume, such as -6, they are not",
            stacklevel=2,
        )
