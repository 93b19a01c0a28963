"""`netbend cluster MODEL`: find the sets of features that belong together."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from netbend.atomic import UNFINISHED, write_atomic
from netbend.choices import Preset
from netbend.cli.cluster.files import CLUSTER_FILES, DEFAULT_FILE, print_clusters, rows
from netbend.cli.destination import refuse_other_ending
from netbend.cli.idle import refuse_idle_options
from netbend.cli.inputs import check_latents
from netbend.cli.lists import parse_layers
from netbend.cli.options import LatentSpace, Overwrite, from_zero
from netbend.cli.output import Device, Json, Quiet, print_json, progress_bar
from netbend.cli.run_folder import check_folder, held_folder
from netbend.cli.usage import UsageError, is_given
from netbend.clustering import (
    Counts,
    Settings,
    check_networks,
    cluster_features,
    cluster_latents,
    default_settings,
    load_networks,
    networks_file,
    parse_counts,
)
from netbend.errors import ClusterError, NetbendError
from netbend.folder_lock import LOCK
from netbend.latents.file import load_latents_for
from netbend.latents.seeds import parse_seeds
from netbend.models import catalog
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.recipe import Clusters
from netbend.recipe.clusters import save_clusters
from netbend.render.files import refuse_existing

WORK = {".json", ".npy", ".pt", ".safetensors"}  # endings of unfinished work


def make(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Name or checkpoint file.")] = "faces",
    out: Annotated[Path, typer.Option("--out", "-o", help="Cluster file, YAML or .json.")] = DEFAULT_FILE,
    preset: Annotated[
        Preset,
        typer.Option(help="Preset: quick, correlation of maps, seconds; paper, metric networks, hours."),
    ] = Preset.QUICK,
    k: Annotated[
        str | None,
        typer.Option("--k", help="Clusters a layer: 5, auto, or 6,1:8,3:auto; default: those of the paper."),
    ] = None,
    layers: Annotated[
        str | None, typer.Option(help="Layers, such as 1-4,b32.conv0; default: all with 8 features or more.")
    ] = None,
    samples: Annotated[
        int, typer.Option(help="How many samples: pictures or sounds to look at.", min=1)
    ] = 1000,
    seed: Annotated[
        int, typer.Option(help="Seed of chance: samples, networks and k-means.", callback=from_zero)
    ] = 0,
    truncation: Annotated[
        float, typer.Option("--truncation", "-t", help="psi of the samples: 1 varied, 0 the mean.")
    ] = 1.0,
    seeds: Annotated[
        str | None, typer.Option(help="Seeds of the latents to cluster for, alone, such as 7 or 0-3.")
    ] = None,
    latents: Annotated[
        Path | None,
        typer.Option(help="Latents from a .npz, .npy, .safetensors or .pt file instead of seeds."),
    ] = None,
    space: LatentSpace = None,
    networks: Annotated[
        Path | None,
        typer.Option(
            help="Metric networks from the paper's preset, or faces/paper, photo-faces/paper; "
            "for --seeds or --latents."
        ),
    ] = None,
    epochs: Annotated[
        int, typer.Option(help="Passes over the samples, of the paper's metric networks.", min=1)
    ] = 100,
    test_samples: Annotated[int, typer.Option(help="Samples that only test the networks.", min=0)] = 100,
    learning_rate: Annotated[
        float, typer.Option(help="Learning rate of Adam, for the paper's metric networks.")
    ] = 1e-4,
    batch: Annotated[
        int | None,
        typer.Option(help="Batch size: maps in a training step; default: the paper's, by size.", min=2),
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder for unfinished work; default: OUT.unfinished.")
    ] = None,
    older: Annotated[bool, typer.Option("--older", help="Write the older dictionary form.")] = False,
    overwrite: Overwrite = False,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Group the features of each layer by how alike their activation maps are.

    Stop with Ctrl-C at any time; the same command goes on.
    """
    _refuse_idle(context, preset, of_latents=seeds is not None or latents is not None)
    refuse_other_ending(out, CLUSTER_FILES, "a cluster file")
    counts = Counts() if k is None else parse_counts(k)
    refuse_existing([out, networks_beside(out)] if preset is Preset.PAPER else [out], overwrite)
    chosen, numbers = parse_layers(layers), [] if seeds is None else parse_seeds(seeds)
    check_latents(latents)
    networks = None if networks is None else networks_file(networks)
    if networks is not None:
        check_networks(networks)
    options = SynthesisOptions(truncation)
    loaded = catalog.load_model(model, device)
    if numbers or latents is not None:
        source = loaded.latents(numbers) if latents is None else load_latents_for(loaded, latents, space)
        found = _of_latents(loaded, source, chosen, counts, networks, seed, options)
        save_clusters(found, out, older=older, overwrite=overwrite)
    else:
        settings = default_settings(
            loaded,
            chosen,
            preset=str(preset),
            samples=samples,
            seed=seed,
            truncation=truncation,
            epochs=epochs,
            test_samples=test_samples,
            learning_rate=learning_rate,
            batch=batch,
        )
        folder = work or out.with_name(out.name + ".unfinished")
        found = _of_samples(loaded, settings, counts, folder, out, quiet or json)
        save_clusters(found, out, older=older, overwrite=overwrite)
        _remove_work(folder)
    if json:
        print_json({"file": str(out), "clusters": rows(found)})
    elif not quiet:
        print_clusters(found)
        print(out)


_OF_PAPER = ["epochs", "test_samples", "learning_rate", "batch"]
_OF_SAMPLES = ["samples", "preset", "work", *_OF_PAPER]


def _refuse_idle(context: typer.Context, preset: Preset, *, of_latents: bool) -> None:
    refuse_idle_options(
        context,
        without={"latents": ["space"]},
        beside={"seeds": _OF_SAMPLES, "latents": [*_OF_SAMPLES, "seeds"]},
    )
    if is_given(context, "networks") and not of_latents:
        raise UsageError("--networks means nothing without --seeds or --latents")
    idle = [name for name in _OF_PAPER if is_given(context, name)]
    if idle and preset is Preset.QUICK:
        raise UsageError(f"--{idle[0].replace('_', '-')} means nothing without --preset paper")


def _of_latents(
    model: Model,
    latents: Latents,
    layers: list[int | str],
    counts: Counts,
    networks: Path | None,
    seed: int,
    options: SynthesisOptions,
) -> Clusters:
    taught = None if networks is None else load_networks(networks, model)
    return cluster_latents(
        model,
        latents,
        layers=layers,
        counts=counts,
        networks=taught,
        options=options,
        seed=seed,
    )


def _of_samples(
    model: Model, settings: Settings, counts: Counts, folder: Path, out: Path, silent: bool
) -> Clusters:
    check_folder(folder, settings, called="--work")
    noted = folder / "settings.json"
    networks = networks_beside(out) if settings.preset == Preset.PAPER else None
    with held_folder(folder, ClusterError):
        write_atomic(noted, settings.content(), ClusterError, overwrite=True)
        try:
            with _Teller(visible=not silent) as tell:
                return cluster_features(
                    model, settings, counts=counts, work=folder, networks=networks, tell=tell
                )
        except KeyboardInterrupt:
            print(f"netbend: stopped; the same command goes on from {folder}", file=sys.stderr)
            raise typer.Exit(130) from None
        except NetbendError:
            if {path.name for path in folder.iterdir()} <= {noted.name, LOCK}:  # nothing was done
                noted.unlink()
            raise


def _remove_work(folder: Path) -> None:
    """Remove what is no longer needed, and nothing that somebody else has put there."""
    for path in folder.iterdir():
        if path.suffix in WORK or path.name.startswith(UNFINISHED):
            path.unlink()
    with suppress(OSError):
        folder.rmdir()


def networks_beside(out: Path) -> Path:
    """Where the metric networks of a cluster file are kept."""
    return out.with_name(out.stem + ".networks.safetensors")


class _Teller:
    """Shows reports as a bar for each stage."""

    def __init__(self, *, visible: bool):
        self.bar = progress_bar(visible=visible)
        self.tasks: dict[str, Any] = {}

    def __enter__(self) -> "_Teller":
        return self  # the bar starts with the first report, so that errors come without one

    def __exit__(self, *_: object) -> None:
        if self.tasks:
            self.bar.stop()

    def __call__(self, report: Any) -> None:
        self.bar.start()
        if report.stage not in self.tasks:
            self.tasks[report.stage] = self.bar.add_task(report.stage, total=report.total)
        detail = f"{report.stage}  {report.detail}".rstrip()
        self.bar.update(self.tasks[report.stage], completed=report.done, description=detail)
