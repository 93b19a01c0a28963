"""Binding: a request and a model become what is rendered. Every precedence is decided here, once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from netbend import __version__
from netbend.bending import Plan, find_layer, resolve
from netbend.choices import NonFinite, Precision
from netbend.engine.duration import length_of, soundtrack_of
from netbend.engine.latent_values import LatentValues, named_latents
from netbend.engine.request import RenderRequest, reference_of
from netbend.engine.selected import Selected, decode_masks
from netbend.engine.still import Still
from netbend.errors import LatentError, RenderError
from netbend.latents.path import LatentPath, latent_path, still_path
from netbend.models.base import Latents, Model
from netbend.models.capabilities import check_label
from netbend.motion import Number, value_at
from netbend.recipe import Clusters, Recipe, load_clusters
from netbend.recipe.animation import bind_recipe, bind_to_film, is_animated, looks_up_moving
from netbend.recipe.clusters import bundled_name, clusters_file
from netbend.recipe.paths import rebase_paths
from netbend.recipe.places import Latent, Seed


@dataclass(frozen=True)
class Bound:
    """A request for a model: nothing is left to decide but the time.

    Attributes:
        request: What was asked for.
        model: What is bent.
        recipe: Fitted to its length and sound; None leaves the model unbent.
        plan: What the recipe does to the model.
        paths: Where in latent space each picture is, over time.
        truncation: psi, which may move.
        seconds: The length to which it is fitted.
    """

    request: RenderRequest
    model: Model
    recipe: Recipe | None
    plan: Plan
    paths: tuple[LatentPath, ...]
    truncation: Number
    seconds: float

    def latents(self, time: float) -> Latents:
        """The latent of each picture at a time in seconds."""
        seeds = _seeds(self.request.latents)
        if len(seeds) > 1:  # at once: there may be a hundred thousand
            return self.model.latents(seeds)
        return _together([path.at([time]) for path in self.paths])

    def still(self, time: float | None = None) -> Still:
        """Everything at one time in seconds; None for that of the request."""
        request = self.request
        time = request.time if time is None else time
        options = replace(request.options, truncation_psi=value_at(self.truncation, time))
        plan = self.plan.at(time)
        return Still(
            self.model,
            self.latents(time),
            options,
            self.recipe,
            plan,
            request.compare,
            NonFinite(request.options.nonfinite),
        )

    @property
    def whole_recipe(self) -> Recipe:
        """The recipe, with its length and what the request says instead of it: what decides about a film."""
        recipe = self.recipe or Recipe(())
        said: dict[str, Any] = {"seconds": self.seconds, "truncation": self.request.options.truncation_psi}
        said["seed"] = self.request.selection_seed
        if self.request.latents and isinstance(self.request.latents[0], Latent):
            said["latent"] = self.request.latents[0]
        return replace(recipe, **{name: value for name, value in said.items() if value is not None})

    def complete_request(self) -> RenderRequest:
        """The request with all that was decided, as a film carries it: the same again from it alone, but for
        the sounds and films that something follows."""
        latents = self._complete_latents()
        recipe = self.request.recipe
        if recipe is not None:
            recipe = rebase_paths(replace(recipe, latent=None if latents else recipe.latent), Path())
        return self.request.but(
            version=__version__,
            model=reference_of(self.model),
            recipe=recipe,
            latents=latents,
            clusters=self._clusters_that_move(),
            selected=None if recipe is None else self._selected(),
            precision=Precision.BF16 if self.model.bf16 else Precision.FLOAT32,
            seconds=self.seconds,
        )

    def _clusters_that_move(self) -> str | None:
        """The cluster file that selections look up which move, and so are not in what was selected."""
        given = self.request.clusters
        if self.recipe is None or given is None or not looks_up_moving(self.recipe):
            return None
        return (bundled_name(given.file) or given.file) if isinstance(given, Clusters) else given

    def _complete_latents(self) -> tuple[Latent | LatentValues, ...]:
        """Those of the request, by their values where they come from files."""
        if _seeds(self.request.latents) or not all(path.still for path in self.paths):
            return self.request.latents
        return named_latents(self.model, self.latents(0.0))

    def _selected(self) -> tuple[Selected, ...]:
        assert self.recipe is not None
        return tuple(
            Selected.of(planned, moves=is_animated(bend.features))
            for planned, bend in zip(self.plan.bends, self.recipe.bends, strict=True)
        )


def bind(request: RenderRequest, model: Model) -> Bound:
    """Decide all that a request leaves open.

    What the request says itself goes before what its recipe says, and that before what is usual: latents,
    truncation, seed of the selections, clusters, length and soundtrack alike.

    Args:
        request: What is wanted.
        model: The model that it names.

    Raises:
        RenderError: For another model, and for a request that is damaged.
        RecipeError: At the recipe's line for what does not fit the model.
        LatentError: For latents or options that do not fit it.
        SoundError: For a soundtrack that cannot be read.
    """
    _check_model(request, model)
    bends = () if request.recipe is None else request.recipe.bends
    if request.selected is not None and len(request.selected) != len(bends):
        raise RenderError("the record does not hold the features of every bend")
    check_label(model, request.options.label)
    seconds = length_of(request)
    recipe = _fitted(request, seconds)
    plan = Plan(()) if recipe is None else _plan(request, recipe, model)
    paths = _paths(request, recipe, model, seconds)
    truncation = _truncation(request, recipe, model, paths)
    return Bound(request, model, recipe, plan, paths, truncation, seconds)


def _check_model(request: RenderRequest, model: Model) -> None:
    wanted = request.model
    if wanted.hash is not None and wanted.hash != model.hash:
        raise RenderError(
            f"the picture was made with {wanted.name!r:.80}, whose weights have the hash "
            f"{wanted.hash[:12]}; {model.name} has {model.hash[:12]}. Name the right file with --model"
        )


def _fitted(request: RenderRequest, seconds: float) -> Recipe | None:
    """The recipe at its length, without what the request says instead of it."""
    if request.recipe is None:
        return None
    said = replace(
        request.recipe,
        latent=None if request.latents else request.recipe.latent,
        truncation=request.recipe.truncation if request.options.truncation_psi is None else None,
    )
    soundtrack = None if request.soundtrack is None else Path(request.soundtrack)
    return bind_recipe(said, seconds, soundtrack)


def _plan(request: RenderRequest, recipe: Recipe, model: Model) -> Plan:
    clusters = request.clusters
    if isinstance(clusters, str):
        clusters = load_clusters(clusters_file(clusters))
    if request.selected is None:
        return resolve(recipe, model, seed=request.selection_seed, clusters=clusters)
    layers = [find_layer(model.layers, bend.layer, "the record's recipe") for bend in recipe.bends]
    masks = decode_masks(request.selected, [(layer.height, layer.width) for layer in layers])
    features = [each.features for each in request.selected]
    return resolve(
        recipe,
        model,
        seed=request.selection_seed,
        clusters=clusters,
        selected=list(zip(features, masks, strict=True)),
    )


def _paths(
    request: RenderRequest, recipe: Recipe | None, model: Model, seconds: float
) -> tuple[LatentPath, ...]:
    if request.latents:
        given = request.latents[:1] if _seeds(request.latents) else request.latents
        return tuple(_path(latent, model, seconds, soundtrack_of(request)) for latent in given)
    if recipe is None or recipe.latent is None:
        return (latent_path(Latent(Seed(0)), model),)
    return (latent_path(recipe.latent, model, recipe.folder),)


def _seeds(latents: Sequence[Latent | LatentValues]) -> list[int]:
    """Their seeds, if all are seeds and nothing else."""
    seeds = [
        latent.place.seed
        for latent in latents
        if isinstance(latent, Latent) and isinstance(latent.place, Seed) and not latent.moves
    ]
    return seeds if len(seeds) == len(latents) else []


def _path(latent: Latent | LatentValues, model: Model, seconds: float, soundtrack: Path | None) -> LatentPath:
    if isinstance(latent, Latent):
        try:
            return latent_path(bind_to_film(latent, seconds, soundtrack), model)
        except ValueError as error:
            raise LatentError(f"latent: {error}") from error
    values = latent.latents()
    model.check(values)
    return still_path(values)


def _truncation(
    request: RenderRequest, recipe: Recipe | None, model: Model, paths: Sequence[LatentPath]
) -> Number:
    if request.options.truncation_psi is not None:
        return request.options.truncation_psi
    if recipe is not None and recipe.truncation is not None:
        return recipe.truncation
    return model.default_psi(_together([path.at([0.0]) for path in paths]))


def _together(batches: Sequence[Latents]) -> Latents:
    """Latents of one picture each as one batch."""
    if len(batches) == 1:
        return batches[0]
    kinds = {(batch.space, batch.values.shape[1:], batch.noise_maps is None) for batch in batches}
    if len(kinds) > 1:
        raise LatentError(
            f"latents of different kinds in one request: {', '.join(sorted(str(kind[0]) for kind in kinds))}"
        )
    maps = [batch.noise_maps for batch in batches if batch.noise_maps is not None]
    return Latents(
        batches[0].space,
        torch.cat([batch.values for batch in batches]),
        tuple(seed for batch in batches for seed in batch.seeds),
        tuple(torch.cat(layer) for layer in zip(*maps, strict=True)) or None,
        all(batch.chosen for batch in batches),
    )
