"""`netbend train stylegan2`: a model of your own pictures."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netbend.choices import Precision
from netbend.cli.destination import refuse_file_name, refuse_unwritable
from netbend.cli.loading import in_bfloat16
from netbend.cli.options import InPrecision, from_zero
from netbend.cli.output import Device, Quiet
from netbend.cli.run_folder import check_folder, held_folder
from netbend.cli.train.run import make_fabric, notes, training_bar
from netbend.cli.usage import UsageError
from netbend.errors import DataError
from netbend.models.stylegan2.training import loop
from netbend.models.stylegan2.training.images import load_images
from netbend.models.stylegan2.training.settings import Settings
from netbend.models.stylegan2.training.start import Start, load_start

if TYPE_CHECKING:
    from lightning_fabric import Fabric


KIMG_PER_LINE = 10
FEWEST_PICTURES = 5
WARM_UP = 500  # steps, from a model on


def stylegan2(
    data: Annotated[Path, typer.Argument(help="Folder or zip of pictures.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the run; an unfinished run in it goes on.")
    ],
    size: Annotated[int, typer.Option(help="Height and width, a power of two.")] = 64,
    kimg: Annotated[float, typer.Option(help="Thousands of pictures to show in all.")] = 1000,
    batch: Annotated[int, typer.Option(help="Batch size: pictures in a step, over all devices.")] = 16,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="Begin from a model, by name or file, or from a run's folder; also from a smaller one.",
        ),
    ] = None,
    feature_base: Annotated[
        int,
        typer.Option(help="Features at resolution R: base / R ... With --from, of further resolutions."),
    ] = 16384,
    feature_max: Annotated[int, typer.Option(help="... but at most so many.")] = 512,
    latent_dim: Annotated[
        int | None, typer.Option(help="Dimensions of the latents z and w; default: 512.")
    ] = None,
    mapping_depth: Annotated[int | None, typer.Option(help="Layers between z and w; default: 8.")] = None,
    learning_rate: Annotated[float, typer.Option(help="Learning rate of both networks.")] = 0.0025,
    r1_gamma: Annotated[
        float | None, typer.Option(help="Weight of the gradient penalty; default: 0.0002 size^2 / batch.")
    ] = None,
    path_length_weight: Annotated[float, typer.Option(help="Path length penalty; the paper's is 2.")] = 0,
    style_mixing: Annotated[float, typer.Option(help="Probability of two latents in a picture.")] = 0.9,
    augment: Annotated[
        str, typer.Option(help="none, ada (adaptive: for sets below about 20,000) or a probability.")
    ] = "ada",
    mirror: Annotated[bool, typer.Option("--mirror", help="Also show pictures mirrored.")] = False,
    warm_up: Annotated[
        int | None,
        typer.Option(help="Steps in which learning rates rise; default: 0, with --from 500."),
    ] = None,
    snapshot_kimg: Annotated[float, typer.Option(help="Thousands of pictures between samples.")] = 25,
    save_seconds: Annotated[float, typer.Option(help="Seconds between checkpoints.")] = 300,
    seed: Annotated[
        int, typer.Option(help="Seed of chance: weights, order and latents.", callback=from_zero)
    ] = 0,
    precision: InPrecision = Precision.FLOAT32,
    device: Device = "auto",
    devices: Annotated[int, typer.Option(help="Number of GPUs (or CPU processes).")] = 1,
    quiet: Quiet = False,
) -> None:
    """Train StyleGAN2. Stop with Ctrl-C at any time; the same command goes on."""
    settings = Settings(
        size=size,
        feature_base=feature_base,
        feature_max=feature_max,
        z_dim=512 if latent_dim is None else latent_dim,
        w_dim=512 if latent_dim is None else latent_dim,
        mapping_depth=8 if mapping_depth is None else mapping_depth,
        kimg=kimg,
        batch=batch,
        learning_rate=learning_rate,
        r1_gamma=r1_gamma,
        path_length_weight=path_length_weight,
        style_mixing=style_mixing,
        augment=augment,
        mirror=mirror,
        bf16=in_bfloat16(precision, device),
        warm_up=(0 if start_from is None else WARM_UP) if warm_up is None else warm_up,
        snapshot_kimg=snapshot_kimg,
        save_seconds=save_seconds,
        seed=seed,
    )
    start = None
    if start_from is not None:
        _refuse_shape(latent_dim, mapping_depth)
        start = load_start(start_from)
        settings = settings.starting_from(start.name, start.generator.architecture)
    refuse_file_name(out, "models, samples and a log")
    refuse_unwritable(out)
    check_folder(out, settings, may_change=("kimg", "snapshot_kimg", "save_seconds"))
    fabric = make_fabric(device, devices)
    with held_folder(out) if fabric.is_global_zero else nullcontext():
        _train(data, out, settings, fabric, start, quiet)
    if fabric.is_global_zero and not quiet:
        print(out / "model.safetensors")


def _refuse_shape(latent_dim: int | None, mapping_depth: int | None) -> None:
    for option, value in (("--latent-dim", latent_dim), ("--mapping-depth", mapping_depth)):
        if value is not None:
            raise UsageError(f"{option} {value}: the model that --from names has its own; leave it out")


def _train(
    data: Path, out: Path, settings: Settings, fabric: "Fabric", start: Start | None, quiet: bool
) -> None:
    report = notes(visible=not quiet and fabric.is_global_zero)
    images = load_images(data, settings.size, report, run=out)
    if len(images) < FEWEST_PICTURES:
        raise DataError(
            f"{data}: {len(images)} pictures; nothing can be learnt from fewer than {FEWEST_PICTURES}"
        )
    settings.save(out / "settings.json")
    trainer = loop.Trainer(images, settings, out, fabric, start)
    if (out / "checkpoint.pt").exists():
        trainer.resume()
    amount = "{task.completed:.1f}/{task.total:.0f} kimg  {task.fields[speed]:.1f} images/s"
    bar = training_bar(amount, visible=not quiet and fabric.is_global_zero)
    with bar:
        task = bar.add_task("Training", total=settings.kimg, speed=0.0, losses="")
        printed = trainer.images_seen / 1000

        def show(progress: loop.Progress) -> None:
            nonlocal printed
            losses = "  ".join(f"{name[0].upper()} {value:.2f}" for name, value in progress.losses.items())
            speed = progress.images_per_second
            bar.update(task, completed=progress.kimg, speed=speed, losses=losses)
            # A log file shows no bar before its end: give it a line now and then.
            if not bar.disable and not bar.console.is_terminal and progress.kimg - printed >= KIMG_PER_LINE:
                bar.print(f"{progress.kimg:.0f}/{settings.kimg:.0f} kimg  {speed:.1f} images/s  {losses}")
                printed = progress.kimg

        trainer.run(show)
