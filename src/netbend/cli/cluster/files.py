"""Cluster files: listed, named, converted."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from netbend.bending.selector import check_fit
from netbend.cli.destination import refuse_other_ending
from netbend.cli.options import Overwrite
from netbend.cli.output import Json, Quiet, print_json, print_table
from netbend.digits import whole_number
from netbend.errors import RecipeError
from netbend.models import catalog
from netbend.models.catalog import CATALOGUE
from netbend.recipe import Clusters
from netbend.recipe.clusters import checked_name, load_clusters, rename_cluster, save_clusters
from netbend.render.files import refuse_existing

DEFAULT_FILE = Path("clusters.yaml")
CLUSTER_FILES = (".yaml", ".yml", ".json")
ClusterFile = Annotated[Path, typer.Option("--clusters", "-c", help="Cluster file.")]


def show(
    source: Annotated[
        str, typer.Argument(help="Cluster file, or a model that comes with clusters, such as faces.")
    ] = str(DEFAULT_FILE),
    json: Json = False,
) -> None:
    """List clusters: layer, number, name, features."""
    clusters = _clusters_of(source)
    if json:
        print_json(rows(clusters))
    else:
        print_clusters(clusters)


def name(
    layer: Annotated[str, typer.Argument(help="Layer, by number or name.")],
    cluster: Annotated[int, typer.Argument(help="The cluster's number.")],
    name: Annotated[str | None, typer.Argument(help="What to call it, such as eyes.")] = None,
    clusters: ClusterFile = DEFAULT_FILE,
    remove: Annotated[bool, typer.Option("--remove", help="Take its name away.")] = False,
    quiet: Quiet = False,
) -> None:
    """Name a cluster; recipes can then say `features: {cluster: eyes}`."""
    if (name is None) is not remove:
        raise RecipeError("give a name such as eyes, or --remove")
    try:
        wanted = None if name is None else checked_name(name)
    except ValueError as error:
        raise RecipeError(f"name: {error}") from error
    number = whole_number(layer)
    before = rename_cluster(clusters, layer if number is None else number, cluster, wanted)
    if not quiet:
        was = f" (was {before})" if before else ""
        print(f"{clusters}: layer {layer}, cluster {cluster}: {wanted or 'no name'}{was}")


def convert(
    source: Annotated[Path, typer.Argument(help="Cluster file of either form.")],
    target: Annotated[Path, typer.Argument(help="File to write, YAML or .json.")],
    older: Annotated[
        bool,
        typer.Option("--older", help="Write the older dictionary form, without names and the model's hash."),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="Name or checkpoint file: the model to note in the file; checked to fit."
        ),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Turn a cluster file into the other form, or into JSON."""
    refuse_other_ending(target, CLUSTER_FILES, "a cluster file")
    refuse_existing([target], overwrite)
    clusters = load_clusters(source)
    found = clusters if model is None else _of_model(clusters, model)
    save_clusters(found, target, older=older, overwrite=overwrite)
    if not quiet:
        print(target)


def rows(clusters: Clusters) -> list[dict[str, object]]:
    """One for each cluster: layer, number, name, features."""
    return [
        {
            "layer": layer,
            "cluster": number,
            "name": clusters.names.get(layer, {}).get(number),
            "features": list(features),
        }
        for layer, members in clusters.layers.items()
        for number, features in members.items()
    ]


def print_clusters(clusters: Clusters) -> None:
    """A line for each layer: how many features each cluster has, and its name."""
    print_table(
        ["layer", "features", "clusters"],
        (
            (layer, sum(len(features) for features in members.values()), _sizes(clusters, layer))
            for layer, members in clusters.layers.items()
        ),
    )


def _sizes(clusters: Clusters, layer: int | str) -> str:
    names = clusters.names.get(layer, {})
    return "  ".join(
        f"{number}:{len(features)}" + (f" {names[number]}" if number in names else "")
        for number, features in clusters.layers[layer].items()
    )


def _clusters_of(source: str) -> Clusters:
    if source not in CATALOGUE or Path(source).exists():
        return load_clusters(source)
    clusters = catalog.load_model(source, "cpu").clusters
    if clusters is None:
        raise RecipeError(f"{source}: comes without clusters; `netbend cluster {source}` makes some")
    return clusters


def _of_model(clusters: Clusters, model: str) -> Clusters:
    loaded = catalog.load_model(model, "cpu")
    check_fit(clusters, loaded.layers)
    return replace(clusters, model=loaded.name, model_hash=loaded.hash)
