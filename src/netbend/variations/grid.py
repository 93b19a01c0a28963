"""Grids: pictures for every value of one thing by every value of another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from netbend.bending import find_layer
from netbend.choices import NonFinite
from netbend.engine.bound import bind
from netbend.engine.request import RenderRequest, reference_of
from netbend.engine.still import Still
from netbend.errors import ModelError, RecipeError, RenderError
from netbend.limits import MAX_SHEET_PIXELS
from netbend.models.base import Model, SynthesisOptions
from netbend.models.catalog import load_model
from netbend.models.output import ImageOutput
from netbend.pictures import SHEET_HEIGHT, thumbnail
from netbend.recipe import (
    Clusters,
    Recipe,
    RecipeLike,
    given_clusters,
    given_recipe,
    load_clusters,
    recipe_to_data,
)
from netbend.recipe.clusters import clusters_file
from netbend.recipe.legacy import UNBENT_LAYER
from netbend.recipe.places import Latent, Seed
from netbend.recipe.schema import EVERY_LAYER
from netbend.variations.axes import ALL, Axis, Draft, parse_axis
from netbend.variations.cells import Cells, Track, shown_pictures
from netbend.variations.freeze import draws_features
from netbend.variations.labels import labelled

# Rows and columns of the figure of the paper, with the parameters that its caption names.
FIGURES = {
    "transforms-by-layer": (
        "transform=rotate angle=45; scale kx=0.6; threshold t=0.5; dilate r=2",
        "layer=all",
    ),
}
_CELL = "<cell>"

Load = Callable[[str], Model]


@dataclass(frozen=True)
class Grid:
    """The pictures to make, by rows, with their labels; the corner is unbent, if the cells share one,
    and the caption says what it is."""

    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[Still]]
    size: int | None = None
    corner: Still | None = None
    caption: str = ""

    @property
    def models(self) -> list[tuple[str, str]]:
        """Name and hash of every model in it."""
        return sorted({(still.model.name, still.model.hash) for row in self.cells for still in row})

    @property
    def stills(self) -> list[Still]:
        """All its pictures, row by row, after the one in the corner."""
        return [*([self.corner] if self.corner else []), *(still for row in self.cells for still in row)]

    def picture(self, track: Track = iter, cells: Cells | None = None) -> Image.Image:
        """Make all pictures and put them together.

        track: passes them on, for a progress bar. cells: those that are there already; the others are kept
        there.
        """
        shown = shown_pictures(self.stills, self._shown, cells, track)
        height = max(picture.height for picture in shown)
        shown = [_of_height(picture, height) for picture in shown]
        corner = shown.pop(0) if self.corner else None
        width = len(self.columns)
        rows = [shown[start : start + width] for start in range(0, len(shown), width)]
        return labelled(rows, self.rows, self.columns, corner, self.caption)

    def _shown(self, picture: Image.Image) -> Image.Image:
        return thumbnail(picture) if self.size is None else _of_height(picture, self.size)


def make_grid(
    rows: str,
    columns: str,
    model: Model,
    recipe: RecipeLike | None = None,
    *,
    seed: int | None = None,
    truncation: float | None = None,
    options: SynthesisOptions = SynthesisOptions(),
    clusters: Clusters | None = None,
    nonfinite: NonFinite = NonFinite.ERROR,
    size: int | None = None,
) -> Image.Image:
    """One labelled picture of every value of one thing by every value of another, as figure 2 is.

        make_grid("transform=rotate angle=45; erode r=2", "layer=1-7", faces).save("grid.png")

    Args:
        rows: An axis as `netbend grid` takes it.
        columns: Another one.
        model: Unless an axis names models.
        recipe: What the axes change; without one, a single bend.
        seed: Of the latent; None for the recipe's, or 0.
        truncation: psi; None for that of `options`, the recipe's, or what is usual.
        options: How all are generated besides: cutoff, noise, label.
        clusters: Instead of the recipe's, or the model's own.
        nonfinite: What to do about NaN or infinity.
        size: Height of a cell in pixels; None for thumbnails.

    Raises:
        NetbendError: For axes that are none or do not go together.
    """
    recipe = None if recipe is None else given_recipe(recipe)
    down, across = parse_axis(rows, "rows"), parse_axis(columns, "columns")
    psi = options.truncation_psi if truncation is None else truncation
    request = RenderRequest(
        model=reference_of(model),
        latents=() if seed is None else (Latent(Seed(seed)),),
        options=replace(options, truncation_psi=psi, nonfinite=nonfinite),
        clusters=clusters,
    )

    def load(name: str) -> Model:
        return model if name == model.name else load_model(name)

    return plan_grid(down, across, draft_of(down, across, request, recipe), load, size).picture()


def draft_of(
    rows: Axis,
    columns: Axis,
    request: RenderRequest,
    recipe: Recipe | None,
    bend: Mapping[str, Any] | None = None,
) -> Draft:
    """What axes start from: a recipe; without one, a bend, as far as it is said; else the unbent model."""
    if recipe is not None:
        return Draft(request, recipe_to_data(recipe), recipe.folder)
    bends = bool(bend) or rows.of_bend or columns.of_bend
    return Draft(request, {"bends": [dict(bend or {})]} if bends else None)


def _of_height(picture: Image.Image, height: int) -> Image.Image:
    width = max(1, round(picture.width * height / picture.height))
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def plan_grid(rows: Axis, columns: Axis, base: Draft, load: Load, size: int | None = None) -> Grid:
    """Decide all cells of a grid; nothing is rendered.

    Unbent pictures come first: a row or column of them where seeds or models are an axis, else one
    in the corner.

    Args:
        rows: The axis downwards.
        columns: The axis to the right.
        base: What the axes change.
        load: Gives a model by name; each is asked for once.
        size: Height of a cell in pixels; None for thumbnails.

    Raises:
        NetbendError: For axes that do not go together, and for a cell that does not fit its model, naming it.
    """
    _check_pair(rows, columns)
    names = [name for axis in (rows, columns) if axis.kind == "model" for name in axis.values]
    models = {name: _pictures_of(load(name)) for name in names or [base.request.model.name]}
    pairs = ((rows, columns), (columns, rows))
    rows, columns = (_expanded(axis, other, base, models) for axis, other in pairs)
    _check_size(len(rows.values), len(columns.values), size or SHEET_HEIGHT)
    cells = [
        [_cell(rows, row, columns, column, base, models) for column in columns.values] for row in rows.values
    ]
    _check_draws(rows, columns, cells)
    return _with_unbent(rows, columns, cells, base, size)


def _check_draws(rows: Axis, columns: Axis, cells: list[list[Still]]) -> None:
    recipes = [still.recipe for row in cells for still in row if still.recipe is not None]
    for axis in (rows, columns):
        if axis.kind == "draw" and not any(draws_features(recipe) for recipe in recipes):
            raise RenderError(
                f"{axis.text}: nothing in the recipe is random, so that all draws would be the same; give a "
                f"bend `features: {{random: 0.5}}`, or make share the other axis"
            )


def _check_pair(rows: Axis, columns: Axis) -> None:
    same_bend = rows.bend == columns.bend or None in (rows.bend, columns.bend)
    if rows.kind == columns.kind and same_bend:
        raise RenderError(f"rows and columns are both {rows.kind}; choose two things")
    if {rows.kind, columns.kind} == {"cluster", "share"} and same_bend:
        raise RenderError("cluster and share both say which features are bent; choose one of them")


def _check_size(rows: int, columns: int, side: int) -> None:
    if rows * columns * side**2 > MAX_SHEET_PIXELS:
        raise RenderError(
            f"{rows} x {columns} pictures of {side} pixels are more than fit one picture; narrow an axis, or "
            f"say a smaller --height"
        )


def _pictures_of(model: Model) -> Model:
    if not isinstance(model.output, ImageOutput):
        raise ModelError(f"{model.name} makes {model.output.what}, not pictures, of which a grid consists")
    return model


def _expanded(axis: Axis, other: Axis, base: Draft, models: dict[str, Model]) -> Axis:
    """ALL as the layers or clusters that there are."""
    if list(axis.values) != [ALL] or axis.kind not in ("layer", "cluster"):
        return axis
    if other.kind == "model" or (axis.kind == "cluster" and other.kind == "layer"):
        raise RenderError(f"{axis.text}: {other.kind}s differ in them; name those that all have, as 0-3")
    (model,) = models.values()
    if axis.kind == "layer":
        numbers = [layer.number for layer in model.layers if layer.number is not None]
        if base.recipe is not None and base.bends[axis.index(base)].get("layer") == EVERY_LAYER:
            numbers = [number for number in numbers if number != UNBENT_LAYER]
        return replace(axis, values=numbers)
    return _all_clusters(axis, base, model)


def _all_clusters(axis: Axis, base: Draft, model: Model) -> Axis:
    wanted = base.bends[axis.index(base)].get("layer")
    if wanted is None:
        raise RenderError(f"{axis.text}: of which layer? Say --layer 3")
    layer = find_layer(model.layers, wanted, axis.text)
    clusters = given_clusters(base.request.clusters) or model.clusters
    named = (base.recipe or {}).get("clusters")
    if base.request.clusters is None and named:
        clusters = load_clusters(clusters_file(named, base.folder))
    members = {} if clusters is None else clusters.layers.get(layer.key, {})
    if clusters is None or not members:
        raise RenderError(
            f"{axis.text}: {layer} of {model.name} has no clusters; `netbend cluster` finds some"
        )
    return replace(axis, values=list(members), names=clusters.names.get(layer.key, {}))


def _cell(rows: Axis, row: Any, columns: Axis, column: Any, base: Draft, models: dict[str, Model]) -> Still:
    # A transform brings parameters of its own, which the other axis may then change.
    changes = sorted([(rows, row), (columns, column)], key=lambda change: change[0].kind != "transform")
    draft = base
    for axis, value in changes:
        draft = axis.apply(draft, value)
    try:
        return bind(draft.finished(_CELL), models[draft.request.model.name]).still()
    except RecipeError as error:
        where = f"{rows.label(row)}, {columns.label(column)}"
        raise RecipeError(f"{where}: {str(error).replace(f'{_CELL}:1:1: ', '')}") from error


def _with_unbent(rows: Axis, columns: Axis, cells: list[list[Still]], base: Draft, size: int | None) -> Grid:
    across, down = ([axis.label(value) for value in axis.values] for axis in (columns, rows))
    other_across, other_down = (axis.kind in ("seed", "model") for axis in (columns, rows))
    nothing_bent = all(still.recipe is None for row in cells for still in row)
    if nothing_bent or (other_across and other_down):
        return Grid(down, across, cells, size)
    if other_across:
        return Grid(["unbent", *down], across, [[still.unbent() for still in cells[0]], *cells], size)
    if other_down:
        return Grid(down, ["unbent", *across], [[row[0].unbent(), *row] for row in cells], size)
    corner = cells[0][0].unbent()
    of_recipe = not base.request.latents and (base.recipe or {}).get("latent")
    latent = "the recipe's latent" if of_recipe else f"seed {corner.latents.seeds[0]}"
    caption = f"unbent: {corner.model.name}, {latent}, truncation {corner.options.truncation_psi:g}"
    return Grid(down, across, cells, size, corner, caption)
