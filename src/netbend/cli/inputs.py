"""What commands read. What is needed after a model is loaded is looked at before: mistakes come at once."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from netbend.bending.mask import load_mask
from netbend.bending.selector import looks_up_clusters
from netbend.choices import FiveItems
from netbend.cli.usage import UsageError
from netbend.latents.arrays import read_file
from netbend.latents.direction_files import read_tree
from netbend.latents.encoded_film import check_film
from netbend.latents.file import check_arrays
from netbend.recipe import Recipe, load_clusters, load_recipe
from netbend.recipe.animation import bind_recipe, followed_sounds
from netbend.recipe.clusters import clusters_file
from netbend.recipe.places import Filmed, Journey, Latent, LatentFile
from netbend.sound.files import SoundReader

NOMINAL_SECONDS = 10.0  # what moves is the same mistake for every length


def read_recipe(file: Path, five_items: FiveItems | None, strength: float | None = None) -> Recipe:
    """A recipe from a file, at a strength.

    five_items: what was said with --as, None if nothing was. Raises NetbendError.
    """
    (recipe,) = read_recipes(file, five_items=five_items)
    return recipe if strength is None else recipe.at_strength(strength)


def read_recipes(*files: Path, five_items: FiveItems | None) -> list[Recipe]:
    """The same for several. Raises RenderError where --as was said and none of them is of five items."""
    recipes = [load_recipe(file, five_items or FiveItems.REFERENCE) for file in files]
    if five_items is not None and not any(recipe.is_of_five_items for recipe in recipes):
        raise UsageError(
            f"--as means nothing for {' and '.join(map(str, files))}, whose `bends:` have one meaning; leave "
            f"it out: it is for the paper's five-item form"
        )
    return recipes


def check_recipe(
    recipe: Recipe | None,
    *,
    clusters: bool = True,
    latent: bool = True,
    truncation: bool = True,
    soundtrack: Path | None = None,
    cluster_axis: bool = False,
) -> None:
    """Read the files that a recipe names: masks, clusters, latents, directions, films, sounds.

    clusters, latent, truncation: False where an option says it instead. soundtrack: instead of the recipe's.
    cluster_axis: whether clusters are looked up that no bend names.
    Raises NetbendError, at the recipe's line, as reading them later would.
    """
    if recipe is None:
        return
    said = replace(
        recipe,
        latent=recipe.latent if latent else None,
        truncation=recipe.truncation if truncation else None,
    )
    fitted = bind_recipe(said, recipe.seconds or NOMINAL_SECONDS, soundtrack)
    check_sounds(followed_sounds(fitted))
    folder = recipe.folder or Path()
    for position, bend in enumerate(recipe.bends):
        if bend.mask is not None:
            load_mask(folder / bend.mask, (1, 1), recipe.at("bends", position, "mask"))
    if clusters and recipe.clusters is not None and (cluster_axis or looks_up_clusters(recipe)):
        load_clusters(clusters_file(recipe.clusters, recipe.folder))
    if said.latent is not None:
        _check_latent(said.latent, folder)


def _check_latent(latent: Latent, folder: Path) -> None:
    check_latents(*(folder / point.file for point in _files(latent)))
    for file in dict.fromkeys(move.of for move in latent.moves if move.of is not None):
        check_directions(folder / file)
    if isinstance(latent.place, Filmed):
        check_film(folder / latent.place.film)


def _files(latent: Latent) -> Iterable[LatentFile]:
    points = latent.place.points if isinstance(latent.place, Journey) else [latent.place]
    return {point.file: point for point in points if isinstance(point, LatentFile)}.values()


def check_latents(*files: Path | None) -> None:
    """Raise LatentError for files without arrays; which are latents, the model decides. None is no file."""
    for file in files:
        if file is not None:
            check_arrays(file)


def check_directions(file: Path) -> None:
    """Raise LatentError for a file that holds no arrays; which are directions, the model decides."""
    read_tree(read_file(file, "directions"), file)


def check_sounds(files: Iterable[Path]) -> None:
    """Raise SoundError for files that are no sounds."""
    for file in files:
        with SoundReader(file):
            pass
