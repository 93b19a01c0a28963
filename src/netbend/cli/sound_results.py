"""What `netbend sound` writes: where each result goes, and the work that fills it."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netbend.cli.destination import ENDINGS
from netbend.cli.output import progress_bar
from netbend.cli.stopping import kept_on_stop
from netbend.errors import RenderError

if TYPE_CHECKING:
    from netbend.render.sound import SoundJob

NO_FORMATS = {".m4a", ".aac", ".mp4", ".wma", ".w64", ".rf64", ".caf", ".au", ".wave", ".mka", ".webm"}
SONG_SECONDS = 10.0


def bend_files(
    lengths: dict[Path, int],
    jobs: "dict[str, SoundJob]",
    out: Path,
    recipe: Path | None,
    picture: Path | None,
    overwrite: bool,
    silent: bool,
) -> list[Path]:
    from netbend.atomic import write_atomic
    from netbend.render.files import nothing_left_on_error, refuse_existing
    from netbend.render.record import png_bytes
    from netbend.render.sound_picture import compared

    sources = list(lengths)
    endings = [f"-{recipe.stem}{label}" if recipe else f"{label}-unbent" for label in jobs]
    several = len(sources) * len(jobs) > 1
    paths = [_result(out, source, ending, several) for source in sources for ending in endings]
    written = paths if picture is None else [*paths, picture]
    if len({path.resolve() for path in written}) < len(written):
        raise RenderError("two of the results would have one name; make them one after the other")
    for path in written:
        if path.resolve() in {source.resolve() for source in sources}:
            raise RenderError(f"{path} is a source; name another --out")
    refuse_existing(written, overwrite)
    work = [(source, job) for source in sources for job in jobs.values()]
    for path, (source, job) in zip(paths, work, strict=True):
        job.check(source, path)
        _report_rate(path, source)
    new: list[Path] = []
    stopping = kept_on_stop(new, len(work), out, resume=False, called="sounds")
    with nothing_left_on_error(new), stopping, progress_bar(visible=not silent) as bar:
        task = bar.add_task("Bending", total=sum(lengths.values()) * len(jobs))
        for path, (source, job) in zip(paths, work, strict=True):
            is_new = not path.exists()
            _report_clipped(
                path, job.write(source, path, lambda count: bar.advance(task, count), overwrite=overwrite)
            )
            new.extend([path] if is_new else [])
        if picture is not None:
            labelled = [(label.lstrip("-") or "bent", path) for label, path in zip(jobs, paths, strict=True)]
            drawn = compared(next(iter(jobs.values())).model, sources[0], labelled)
            write_atomic(picture, png_bytes(drawn, None), RenderError, overwrite=overwrite)
    return written


def let_sing(
    seeds: list[int] | None,
    jobs: "dict[str, SoundJob]",
    out: Path,
    recipe: Path | None,
    seconds: float | None,
    walk: float,
    truncation: float | None,
    overwrite: bool,
    silent: bool,
) -> list[Path]:
    from netbend.render.files import nothing_left_on_error, refuse_existing

    (job,) = jobs.values()
    if seeds is None and (job.recipe is None or job.recipe.latent is None):
        raise RenderError(
            "name sound files to bend, or --seeds to let the model sing, or give the recipe a `latent:`"
        )
    numbers: Sequence[int | None] = [None] if seeds is None else seeds
    length = seconds or (job.recipe and job.recipe.seconds) or SONG_SECONDS
    stem = recipe.stem if recipe else Path(job.model.name).stem
    several = len(numbers) > 1
    paths = [_result(out, Path(f"{stem}.wav"), f"-seed{number or 0:04d}", several) for number in numbers]
    refuse_existing(paths, overwrite)
    new: list[Path] = []
    stopping = kept_on_stop(new, len(paths), out, resume=False, called="songs")
    with nothing_left_on_error(new), stopping, progress_bar(visible=not silent) as bar:
        for path, number in bar.track(list(zip(paths, numbers, strict=True)), description="Singing"):
            is_new = not path.exists()
            _report_clipped(path, job.write_song(number, path, length, walk, truncation, overwrite=overwrite))
            new.extend([path] if is_new else [])
    return paths


def refuse_other_formats(out: Path) -> None:
    """Raise RenderError for the name of a file that is none of the sounds that are written."""
    from netbend.sound.formats import FORMATS

    suffix = out.suffix.lower()
    if not out.is_dir() and suffix not in FORMATS and (suffix in NO_FORMATS or suffix in ENDINGS):
        raise RenderError(f"--out {out}: netbend does not write {suffix}; choose {', '.join(FORMATS)}")


def _result(out: Path, source: Path, ending: str, several: bool) -> Path:
    """Where a result goes: to --out if that is a sound file, otherwise into it as a folder."""
    from netbend.sound.formats import FORMATS

    suffix = out.suffix.lower()
    if out.is_dir():
        suffix = ""
    if suffix in FORMATS and not several:
        return out
    if suffix in FORMATS:
        raise RenderError(f"--out {out}: there are several results; name a folder")
    kept = source.suffix if source.suffix.lower() in FORMATS else ".wav"
    return out / f"{source.stem}{ending}{kept}"


def _report_rate(path: Path, source: Path) -> None:
    from netbend.sound.files import SoundReader
    from netbend.sound.formats import written_rate

    with SoundReader(source) as reader:
        rate = written_rate(path, reader.sample_rate)
        if rate != reader.sample_rate:
            warnings.warn(
                f"{path}: {path.suffix.lower()} takes no {reader.sample_rate} samples a second; it is "
                f"written with {rate}",
                stacklevel=2,
            )


def _report_clipped(path: Path, clipped: int) -> None:
    if clipped:
        warnings.warn(
            f"{path}: {clipped} samples were louder than full scale and are clipped; "
            f"without --no-limit, or with a lower --volume, such as -6, they are not",
            stacklevel=2,
        )
