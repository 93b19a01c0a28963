"""`netbend atlas MODEL`: a page that shows what every cluster is and does."""

from pathlib import Path
from typing import Annotated

import typer

from netbend.atlas import make_atlas
from netbend.atlas.folder import refuse_folder
from netbend.choices import Precision
from netbend.cli.destination import refuse_file_name, refuse_unwritable
from netbend.cli.idle import refuse_idle_options
from netbend.cli.inputs import check_sounds
from netbend.cli.lists import parse_layers
from netbend.cli.loading import load
from netbend.cli.options import InPrecision, Overwrite
from netbend.cli.output import Device, Json, Quiet, print_json, progress_bar
from netbend.clustering.progress import Report
from netbend.errors import RecipeError
from netbend.latents.seeds import parse_seeds
from netbend.models.base import Model, SynthesisOptions
from netbend.recipe import Clusters, load_clusters


def atlas(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Name or checkpoint file.")] = "faces",
    clusters: Annotated[
        Path | None, typer.Option("--clusters", "-c", help="Cluster file; default: those of the model.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the page.")] = Path("atlas"),
    seeds: Annotated[str, typer.Option(help="Seeds of the latents of the samples, such as 0-2.")] = "0-2",
    truncation: Annotated[
        float | None,
        typer.Option(
            "--truncation", "-t", help="psi of the samples: 1 varied, 0 the mean; default: 0.7, of sounds 1."
        ),
    ] = None,
    layers: Annotated[
        str | None, typer.Option(help="Layers, such as 1-4,b32.conv0; default: all with clusters.")
    ] = None,
    sound: Annotated[
        list[Path] | None,
        typer.Option(help="Sound file to bend instead of seeds' songs; can be given several times."),
    ] = None,
    overwrite: Overwrite = False,
    precision: InPrecision = Precision.FLOAT32,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show every cluster: its maps, and what ablating, multiplying and dilating it does.

    Writes a folder with index.html, which needs no network, and a PNG sheet for each layer.
    """
    refuse_idle_options(context, {}, {"sound": ["seeds", "truncation"]})
    refuse_file_name(out, "a page, pictures and sheets")
    refuse_folder(out, overwrite=overwrite)
    refuse_unwritable(out)
    seed_list = parse_seeds(seeds)
    options, chosen = SynthesisOptions(truncation), parse_layers(layers)
    given = None if clusters is None else load_clusters(clusters)
    check_sounds(sound or [])
    loaded = load(model, device, precision)
    found = given or _own_clusters(loaded)
    with progress_bar(visible=not (quiet or json)) as bar:

        def tell(report: Report) -> None:
            task = bar.task_ids[0] if bar.task_ids else bar.add_task(report.stage, total=report.total)
            bar.update(task, completed=report.done, description=f"{report.stage} {report.detail}")

        index = make_atlas(
            loaded,
            found,
            out,
            seeds=seed_list,
            options=options,
            layers=chosen,
            sounds=sound or [],
            overwrite=overwrite,
            tell=tell,
        )
    if json:
        print_json({"index": str(index)})
    elif not quiet:
        print(index)


def _own_clusters(model: Model) -> Clusters:
    clusters = model.clusters
    if clusters is None:
        raise RecipeError(
            f"{model.name} comes without clusters; `netbend cluster {model.name}` makes some, then name "
            f"them with --clusters"
        )
    return clusters
