"""`netbend train spectrogram-vae`: a model of your own sounds."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netbend.choices import Precision
from netbend.cli.destination import refuse_file_name, refuse_unwritable
from netbend.cli.loading import in_bfloat16
from netbend.cli.options import InPrecision, from_zero
from netbend.cli.output import Device, Quiet, progress_bar
from netbend.cli.run_folder import check_folder, held_folder
from netbend.cli.train.run import make_fabric, notes, training_bar
from netbend.cli.usage import UsageError
from netbend.errors import DataError
from netbend.models import catalog
from netbend.models.run_settings import RunSettings
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import FRAMES
from netbend.models.spectrogram_vae.training import loop
from netbend.models.spectrogram_vae.training.settings import PAPER_PRESET, Settings
from netbend.models.spectrogram_vae.training.sounds import Sounds, find_sounds, load_sounds, set_apart

if TYPE_CHECKING:
    from lightning_fabric import Fabric


LINES_PER_EPOCH = 10
LEARNING_RATE_FROM, WARM_UP_FROM = 0.0001, 500  # of a run that starts from a model


class Preset(StrEnum):
    """Where settings come from that are not given: found better, or of the paper."""

    BETTER = "better"
    PAPER = "paper"


def spectrogram_vae(
    data: Annotated[Path, typer.Argument(help="Folder of sounds of any rate and length.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the run; an unfinished run in it goes on.")
    ],
    validation: Annotated[
        Path | None, typer.Option(help="Folder of sounds to measure by; default: a twentieth of the files.")
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option("--from", metavar="MODEL", help="Begin from a model, by name or file."),
    ] = None,
    preset: Annotated[
        Preset, typer.Option(help="Preset: better settings, found here, or those of the paper.")
    ] = Preset.BETTER,
    width: Annotated[float | None, typer.Option(help="Width of the network; 1 is the paper's.")] = None,
    latent_dim: Annotated[int | None, typer.Option(help="Dimensions of the latent.")] = None,
    sample_rate: Annotated[int | None, typer.Option(help="Hz; sounds of other rates are converted.")] = None,
    epochs: Annotated[
        float | None, typer.Option(help="Passes over the sounds; fractions are possible.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Batch size: cuts in a step.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate of Adam; with --from by default 0.0001.")
    ] = None,
    warm_up: Annotated[
        int | None,
        typer.Option(help="Steps in which learning rates rise; 0 in the preset paper, else 500 with --from."),
    ] = None,
    beta1: Annotated[float | None, typer.Option(help="Of Adam, for the mean.")] = None,
    beta2: Annotated[float | None, typer.Option(help="Of Adam, for the square.")] = None,
    anneal: Annotated[bool | None, typer.Option(help="Let the learning rate fall along a cosine.")] = None,
    kl_weight: Annotated[
        float | None, typer.Option(help="Squared error (dB^2) that one nat in the latent costs.")
    ] = None,
    emphasis: Annotated[
        float | None, typer.Option(help="Weight of low frequencies in the error: 1 as the ear, 0 none.")
    ] = None,
    gain: Annotated[
        float | None, typer.Option(help="Make cuts louder or softer at random, by dB at most.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of chance: weights, cuts and latents.", callback=from_zero)
    ] = None,
    precision: InPrecision = Precision.FLOAT32,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Train a spectrogram VAE. Stop with Ctrl-C at any time; the same command goes on."""
    if start_from is not None:
        _refuse_shape(width=width, latent_dim=latent_dim, sample_rate=sample_rate)
        learning_rate = LEARNING_RATE_FROM if learning_rate is None else learning_rate
        warm_up = WARM_UP_FROM if warm_up is None else warm_up
    settings = _settings(
        preset,
        width=width,
        latent_dim=latent_dim,
        sample_rate=sample_rate,
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        warm_up=warm_up,
        beta1=beta1,
        beta2=beta2,
        anneal=anneal,
        kl_weight=kl_weight,
        emphasis=emphasis,
        gain=gain,
        bf16=in_bfloat16(precision, device),
        seed=seed,
    )
    start = None
    if start_from is not None:
        start = _load_start(start_from)
        settings = settings.starting_from(f"{start_from} {start.hash[:12]}", start.vae.architecture)
    refuse_file_name(out, "models, samples and a log")
    refuse_unwritable(out)
    check_folder(out, settings, may_change=("epochs",))
    fabric = make_fabric(device, 1)
    with held_folder(out):
        _train(data, validation, out, settings, fabric, start, quiet)
    if not quiet:
        print(out / "model.safetensors")


def _settings(preset: Preset, **given: Any) -> Settings:
    start = PAPER_PRESET if preset is Preset.PAPER else Settings()
    return replace(start, **{name: value for name, value in given.items() if value is not None})


def _refuse_shape(**given: float | None) -> None:
    for name, value in given.items():
        if value is not None:
            raise DataError(
                f"{RunSettings.option(name)} {value}: the model that --from names has its own; leave it out"
            )


def _load_start(source: str) -> SpectrogramModel:
    model = catalog.load_model(source, "cpu")
    if not isinstance(model, SpectrogramModel):
        raise UsageError(f"--from {source}: a model of another kind; expected a spectrogram VAE")
    return model


def _train(
    data: Path,
    validation: Path | None,
    out: Path,
    settings: Settings,
    fabric: "Fabric",
    start: SpectrogramModel | None,
    quiet: bool,
) -> None:
    report = notes(visible=not quiet and fabric.is_global_zero)
    learnt_from = find_sounds(data, out, report)
    if validation is None:
        learnt_from, measured_by = set_apart(learnt_from)
    else:
        measured_by = find_sounds(validation, out, report)
    settings.save(out / "settings.json")
    sounds = _load(learnt_from, settings, out / "sounds.raw", quiet)
    apart = _load(measured_by, settings, out / "sounds-apart.raw", quiet)
    trainer = loop.Trainer(sounds, apart, settings, out, fabric, None if start is None else start.vae)
    if (out / "checkpoint.pt").exists():
        trainer.resume()
    amount = "{task.completed:.2f}/{task.total:g} epochs  {task.fields[speed]:.1f} cuts/s"
    with training_bar(amount, visible=not quiet) as bar:
        task = bar.add_task("Training", total=settings.epochs, speed=0.0, losses="")
        printed = trainer.epoch

        def show(progress: loop.Progress) -> None:
            nonlocal printed
            losses = f"error {progress.error:.2f} dB  {progress.nats:.0f} nats"
            speed = progress.cuts_per_second
            bar.update(task, completed=progress.epoch, speed=speed, losses=losses)
            # A log file shows no bar before its end: give it a line now and then.
            written = not bar.disable and not bar.console.is_terminal
            if written and progress.epoch - printed >= 1 / LINES_PER_EPOCH:
                bar.print(f"{progress.epoch:.2f}/{settings.epochs:g} epochs  {speed:.1f} cuts/s  {losses}")
                printed = progress.epoch

        trainer.run(show)


def _load(files: list[Path], settings: Settings, cache: Path, quiet: bool) -> Sounds:
    shortest = settings.architecture().spectrum().samples_in(FRAMES)
    with progress_bar(visible=not quiet) as bar:
        task = bar.add_task("Decoding sounds", total=len(files))
        sounds = load_sounds(
            files, settings.sample_rate, shortest, cache, lambda count: bar.update(task, completed=count)
        )
        bar.update(task, completed=len(files))  # also where they had been decoded before
        return sounds
