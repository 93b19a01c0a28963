"""From a model and its clusters to an atlas on disk."""

from collections.abc import Sequence
from pathlib import Path

from netbend.atlas.build import Builder
from netbend.atlas.folder import INDEX, refuse_folder, whole_folder
from netbend.atlas.page import page
from netbend.atlas.samples import PictureSamples, Samples
from netbend.atlas.sound import played, sung
from netbend.bending import Layer, find_layer
from netbend.bending.selector import check_clusters, check_fit
from netbend.clustering.progress import Tell, silent
from netbend.errors import RecipeError, RenderError
from netbend.models.base import Model, SynthesisOptions
from netbend.models.capabilities import image_output
from netbend.models.output import AudioOutput
from netbend.recipe import Clusters

SEEDS = (0, 1, 2)


def make_atlas(
    model: Model,
    clusters: Clusters,
    out: Path,
    *,
    seeds: Sequence[int] = SEEDS,
    options: SynthesisOptions = SynthesisOptions(),
    layers: Sequence[int | str] = (),
    sounds: Sequence[Path] = (),
    overwrite: bool = False,
    tell: Tell = silent,
) -> Path:
    """Write a folder with a page that shows what each cluster is and does.

    Args:
        model: That the clusters were found in.
        clusters: To be shown.
        out: The folder; it is there whole or not at all.
        seeds: Of the samples that everything is shown on.
        options: Truncation, noise and the like of those samples.
        layers: Numbers or names; by default all that have clusters.
        sounds: Files to send through a sound model, instead of seeds.
        overwrite: Replace an atlas that is there.
        tell: Called with Reports.

    Returns:
        The path of its index.html.

    Raises:
        RecipeError: For clusters that do not fit the model.
        RenderError: For a folder that holds something else.
    """
    refuse_folder(out, overwrite=overwrite)
    chosen = layers_with_clusters(model, clusters, layers)
    samples = _samples(model, seeds, options, sounds)
    with whole_folder(out) as folder:
        atlas = Builder(samples, clusters, folder, tell).build(chosen)
        (folder / INDEX).write_text(page(atlas), encoding="utf-8")
    return out / INDEX


def layers_with_clusters(model: Model, clusters: Clusters, wanted: Sequence[int | str]) -> list[Layer]:
    """The layers asked for, or all with clusters, in the model's order. Raises RecipeError."""
    check_clusters(clusters, model.hash)
    check_fit(clusters, model.layers)
    for key, members in clusters.layers.items():
        for number, features in members.items():
            if not features:
                raise RecipeError(f"{clusters.file}: cluster {number} of layer {key} has no features")
    chosen = [find_layer(model.layers, layer, "--layers") for layer in wanted]
    for layer in chosen:
        if not clusters.layers.get(layer.key):
            known = ", ".join(str(key) for key in clusters.layers)
            raise RecipeError(f"{clusters.file}: no clusters for {layer}; it has some for {known}")
    found = [layer for layer in model.layers if clusters.layers.get(layer.key)]
    if not found:
        raise RecipeError(f"{clusters.file}: there are no clusters in it; `netbend cluster` makes some")
    return [layer for layer in found if layer in chosen or not wanted]


def _samples(
    model: Model, seeds: Sequence[int], options: SynthesisOptions, sounds: Sequence[Path]
) -> Samples:
    if isinstance(model.output, AudioOutput):
        return played(model, sounds) if sounds else sung(model, _checked(seeds), options)
    if sounds:
        raise RenderError(f"{model.name} makes {model.output.what}; sound files go through models of sound")
    image_output(model)
    return PictureSamples(model, _checked(seeds), options)


def _checked(seeds: Sequence[int]) -> Sequence[int]:
    if not seeds:
        raise RenderError("an atlas shows everything on samples: name at least one seed")
    return seeds
